/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pgtype.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void built_in_types_have_their_sql_names(void **state)
{
    (void)state;
    assert_string_equal(pgtype_name(PG_INT8), "bigint");
    assert_string_equal(pgtype_name(PG_TIMESTAMPTZ), "timestamp with time zone");
    assert_string_equal(pgtype_name(PG_CHAR), "\"char\"");
    assert_null(pgtype_name(0));
    assert_null(pgtype_name(100000));
}

static void arrays_and_elements_name_each_other(void **state)
{
    (void)state;
    assert_int_equal(pgtype_element(1007), PG_INT4);
    assert_int_equal(pgtype_array(PG_INT4), 1007);
    assert_int_equal(pgtype_element(PG_INT4), 0);
    assert_int_equal(pgtype_array(1007), 0);
    assert_int_equal(pgtype_element(0), 0);
    assert_int_equal(pgtype_element(pgtype_array(PG_JSONB)), PG_JSONB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_types_have_their_sql_names),
        cmocka_unit_test(arrays_and_elements_name_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
