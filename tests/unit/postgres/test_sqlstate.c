/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/sqlstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *sqlstate, enum error_kind kind, enum error_code code)
{
    struct postgres_verdict v = postgres_sqlstate(sqlstate);

    assert_int_equal(v.kind, kind);
    assert_int_equal(v.code, code);
}

static void what_passes_is_tried_again(void **state)
{
    (void)state;
    is("08006", ERR_RETRY, E_PG_LOST);
    is("53300", ERR_RETRY, E_PG_BUSY);
    is("53100", ERR_RETRY, E_PG_BUSY);
    is("55006", ERR_RETRY, E_SLOT_ACTIVE);
    is("57P01", ERR_RETRY, E_PG_SHUTDOWN);
    is("57P02", ERR_RETRY, E_PG_SHUTDOWN);
    is("57P03", ERR_RETRY, E_PG_CONNECT);
    is("57014", ERR_RETRY, E_PG_TIMEOUT);
    is("40P01", ERR_RETRY, E_PG_BUSY);
    is("58030", ERR_RETRY, E_PG_BUSY);
}

static void what_does_not_pass_stops(void **state)
{
    (void)state;
    is("28P01", ERR_STOP, E_PG_AUTH);
    is("28000", ERR_STOP, E_PG_AUTH);
    is("3D000", ERR_STOP, E_PG_DATABASE);
    is("42501", ERR_STOP, E_PG_PERMISSION);
    is("42704", ERR_STOP, E_PG_QUERY);
    is("53400", ERR_STOP, E_SLOT_LIMIT);
    is("55000", ERR_STOP, E_PG_QUERY);
    is("57P04", ERR_STOP, E_PG_DATABASE);
    is("58P01", ERR_STOP, E_SLOT_LOST);
    is("XX000", ERR_STOP, E_PG_QUERY);
}

static void no_sqlstate_means_that_the_connection_broke(void **state)
{
    (void)state;
    is(NULL, ERR_RETRY, E_PG_LOST);
    is("", ERR_RETRY, E_PG_LOST);
    is("57", ERR_RETRY, E_PG_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_is_tried_again),
        cmocka_unit_test(what_does_not_pass_stops),
        cmocka_unit_test(no_sqlstate_means_that_the_connection_broke),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
