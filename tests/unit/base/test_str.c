/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void texts_compare_as_bytes(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("aa")) < 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
}

static void finding_and_trimming(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("a=b"), '='), 1);
    assert_int_equal(str_find(STR("ab"), '='), 2);
    assert_true(str_is(str_trim(STR(" \t a b\r\n")), "a b"));
    assert_int_equal(str_trim(STR("  ")).n, 0);
}

static void a_copy_that_does_not_fit_is_cut_and_said(void **state)
{
    (void)state;
    char text[4];

    assert_true(str_copy(STR("abc"), text, sizeof text));
    assert_string_equal(text, "abc");
    assert_false(str_copy(STR("abcd"), text, sizeof text));
    assert_string_equal(text, "abc");
}

static void whole_numbers_only(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;

    assert_true(str_to_u64(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR(""), &u));
    assert_false(str_to_u64(STR("-1"), &u));
    assert_false(str_to_u64(STR("1 "), &u));
    assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(str_to_i64(STR("-9223372036854775809"), &i));
    assert_true(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_false(str_to_i64(STR("9223372036854775808"), &i));
    assert_false(str_to_i64(STR("-"), &i));
    assert_true(str_to_hex64(STR("fFfF"), &u) && u == 0xffff);
    assert_false(str_to_hex64(STR("0x1"), &u));
    assert_false(str_to_hex64(STR("12345678901234567"), &u));
}

static void a_port_is_1_to_65535(void **state)
{
    uint16_t port = 7;

    (void)state;
    assert_false(str_to_port(STR("0"), &port));
    assert_false(str_to_port(STR("65536"), &port));
    assert_false(str_to_port(STR(""), &port));
    assert_int_equal(port, 7);
    assert_true(str_to_port(STR("1"), &port));
    assert_int_equal(port, 1);
    assert_true(str_to_port(STR("65535"), &port));
    assert_int_equal(port, 65535);
}

static void hex_has_exactly_the_digits_asked_for(void **state)
{
    char text[9] = "........";

    (void)state;
    str_put_hex(text, 0xA1B2, 6);
    assert_string_equal(text, "00a1b2..");
    str_put_hex(text, 0xA1B2, 2);
    assert_string_equal(text, "b2a1b2..");
    assert_int_equal(str_hex_digit('F'), 15);
    assert_int_equal(str_hex_digit('a'), 10);
    assert_int_equal(str_hex_digit('g'), -1);
}

static void percent_signs_are_decoded_or_refused(void **state)
{
    char to[16];

    (void)state;
    assert_true(str_percent_decode(STR("a%2Fb%40%7e"), to));
    assert_string_equal(to, "a/b@~");
    assert_true(str_percent_decode(STR(""), to));
    assert_string_equal(to, "");
    assert_false(str_percent_decode(STR("a%2"), to));
    assert_false(str_percent_decode(STR("a%"), to));
    assert_false(str_percent_decode(STR("%g1"), to));
    assert_false(str_percent_decode(STR("a%00b"), to));
    assert_false(str_percent_decode(str_make("a\0b", 3), to));
}

static void utf8_is_checked_strictly(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_false(str_is_utf8(STR("\xc0\xaf")));         /* over-long */
    assert_false(str_is_utf8(STR("\xe0\x80\xaf")));     /* over-long */
    assert_false(str_is_utf8(STR("\xed\xa0\x80")));     /* surrogate */
    assert_false(str_is_utf8(STR("\xf4\x90\x80\x80"))); /* above U+10FFFF */
    assert_false(str_is_utf8(STR("\xe2\x82")));
    assert_false(str_is_utf8(STR("\x80")));
}

static void the_distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("cassandra"), STR("cassandra")), 0);
    assert_int_equal(str_distance(STR("cassandra"), STR("casandra")), 1);
    assert_int_equal(str_distance(STR("redis"), STR("rdeis")), 1);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
}

static void the_hash_is_the_same_for_ever(void **state)
{
    (void)state;
    assert_true(str_hash(STR("a")) == str_hash(str_make("ab", 1)));
    assert_true(str_hash(STR("a")) != str_hash(STR("b")));
    assert_true(str_hash(STR("")) != str_hash(str_make("\0", 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_compare_as_bytes),
        cmocka_unit_test(finding_and_trimming),
        cmocka_unit_test(a_copy_that_does_not_fit_is_cut_and_said),
        cmocka_unit_test(whole_numbers_only),
        cmocka_unit_test(a_port_is_1_to_65535),
        cmocka_unit_test(hex_has_exactly_the_digits_asked_for),
        cmocka_unit_test(percent_signs_are_decoded_or_refused),
        cmocka_unit_test(utf8_is_checked_strictly),
        cmocka_unit_test(the_distance_counts_edits),
        cmocka_unit_test(the_hash_is_the_same_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
