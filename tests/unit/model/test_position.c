/* SPDX-License-Identifier: Apache-2.0 */
#include "model/position.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void epoch_comes_before_lsn_before_ordinal(void **state)
{
    (void)state;
    static const struct position rising[] = {
        { 0, 0, { 0 } }, { 0, 1, { 0 } }, { 0, 0, { 5 } },          { 0, 9, { 5 } },
        { 0, 0, { 6 } }, { 1, 0, { 0 } }, { 1, 0, { UINT64_MAX } },
    };

    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        for (size_t k = 0; k < sizeof rising / sizeof rising[0]; k++)
            assert_int_equal(position_cmp(rising[i], rising[k]), (i > k) - (i < k));
    }
}

static void text_comes_back(void **state)
{
    (void)state;
    struct position pos = { 1, 3, { 0x16B3748 } };
    struct position top = { UINT32_MAX, UINT32_MAX, { UINT64_MAX } };
    struct position again;
    char text[POSITION_TEXT];

    assert_string_equal(position_format(pos, text), "1/0/16B3748/3");
    assert_true(position_parse(str_from(text), &again));
    assert_int_equal(position_cmp(pos, again), 0);
    assert_true(position_parse(str_from(position_format(top, text)), &again));
    assert_int_equal(position_cmp(top, again), 0);
}

static void what_is_no_position_does_not_parse(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "1",
                                         "1/2",
                                         "0/16B3748",
                                         "1/0/16B3748/",
                                         "/0/1/2",
                                         "1/0/1/2/3",
                                         "4294967296/0/1/1",
                                         "1/0/1/4294967296",
                                         "-1/0/1/1",
                                         "1//1" };
    struct position pos;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(position_parse(str_from(wrong[i]), &pos));
}

static void only_all_zero_is_the_start(void **state)
{
    (void)state;
    assert_true(position_is_start((struct position){ 0 }));
    assert_false(position_is_start((struct position){ 1, 0, { 0 } }));
    assert_false(position_is_start((struct position){ 0, 1, { 0 } }));
    assert_false(position_is_start((struct position){ 0, 0, { 1 } }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epoch_comes_before_lsn_before_ordinal),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(what_is_no_position_does_not_parse),
        cmocka_unit_test(only_all_zero_is_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
