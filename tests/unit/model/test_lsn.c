/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lsn.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void text_comes_back(void **state)
{
    (void)state;
    static const uint64_t values[] = { 0, 0x16B3748, 0x100000000, UINT64_MAX };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct lsn lsn = { values[i] };
        struct lsn again;
        char text[LSN_TEXT];

        assert_true(lsn_parse(str_from(lsn_format(lsn, text)), &again));
        assert_int_equal(lsn_cmp(lsn, again), 0);
    }
}

static void it_is_written_as_postgresql_does(void **state)
{
    (void)state;
    char text[LSN_TEXT];

    assert_string_equal(lsn_format((struct lsn){ 0x16B3748 }, text), "0/16B3748");
    assert_string_equal(lsn_format((struct lsn){ UINT64_MAX }, text), "FFFFFFFF/FFFFFFFF");
}

static void what_is_no_lsn_does_not_parse(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",      "/",           "1/",          "/1",  "1",
                                         "1/2/3", "123456789/0", "0/123456789", "g/0", " 0/0" };
    struct lsn lsn;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(lsn_parse(str_from(wrong[i]), &lsn));
}

static void order_is_unsigned(void **state)
{
    (void)state;
    struct lsn low = { 1 };
    struct lsn high = { UINT64_MAX };

    assert_true(lsn_cmp(low, high) < 0);
    assert_true(lsn_cmp(high, low) > 0);
    assert_true(lsn_max(low, high).v == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(it_is_written_as_postgresql_does),
        cmocka_unit_test(what_is_no_lsn_does_not_parse),
        cmocka_unit_test(order_is_unsigned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
