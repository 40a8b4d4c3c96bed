/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void check_string(struct str in, const char *expected)
{
    struct buf b;

    buf_init(&b, 1000);
    json_string(&b, in);
    assert_string_equal(buf_cstr(&b), expected);
    assert_true(json_is_valid(buf_view(&b)));
    buf_done(&b);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    check_string(STR("plain"), "\"plain\"");
    check_string(STR("a\"b\\c"), "\"a\\\"b\\\\c\"");
    check_string(STR("\b\f\n\r\t\x01\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    check_string(STR("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"),
                 "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
    check_string(str_make("a\0b", 3), "\"a\\u0000b\"");
    check_string(STR(""), "\"\"");
}

static void bytes_that_are_no_utf8_become_a_replacement(void **state)
{
    (void)state;
    check_string(STR("a\xff"
                     "b"),
                 "\"a\xef\xbf\xbd"
                 "b\"");
    check_string(STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_string(STR("\xc3"), "\"\xef\xbf\xbd\"");
}

static void keys_are_separated_by_commas(void **state)
{
    (void)state;
    struct buf b;
    bool first = true;

    buf_init(&b, 100);
    json_key(&b, &first, "a");
    buf_u8(&b, '1');
    json_key(&b, &first, "b");
    buf_u8(&b, '2');
    assert_string_equal(buf_cstr(&b), "\"a\":1,\"b\":2");
    buf_done(&b);
}

static void numbers_are_told_from_the_rest(void **state)
{
    (void)state;
    static const char *const yes[] = { "0", "-0", "1", "10.5", "1e5", "1E-5", "-1.25e+10" };
    static const char *const no[] = { "",  "01",  "+1", ".5",  "1.",      "1e",
                                      "-", "NaN", "1 ", "0x1", "Infinity" };

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(json_is_number(str_from(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(json_is_number(str_from(no[i])));
}

static void valid_texts_are_told_from_the_rest(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "null",           " [] ",    "{}",    "[1,2,[3]]", "{\"a\":{\"b\":[true,false]}}",
        "\"\\u00e9\\n\"", "[[],{}]", "-1.5e3"
    };
    static const char *const no[] = { "",      "[",           "[1,]",     "{\"a\"}", "{a:1}",
                                      "[1 2]", "nul",         "\"\\x\"",  "\"\n\"",  "{\"a\":1,}",
                                      "[]]",   "\"\\u12g4\"", "{\"a\":}", "\xff",    "1 1" };

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(json_is_valid(str_from(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(json_is_valid(str_from(no[i])));
}

static void depth_has_a_ceiling(void **state)
{
    (void)state;
    static char text[2 * LIMIT_JSON_DEPTH + 2];

    memset(text, '[', LIMIT_JSON_DEPTH);
    memset(text + LIMIT_JSON_DEPTH, ']', LIMIT_JSON_DEPTH);
    assert_true(json_is_valid(str_make(text, 2 * (size_t)LIMIT_JSON_DEPTH)));
    memset(text, '[', LIMIT_JSON_DEPTH + 1);
    memset(text + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    assert_false(json_is_valid(str_make(text, sizeof text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_no_utf8_become_a_replacement),
        cmocka_unit_test(keys_are_separated_by_commas),
        cmocka_unit_test(numbers_are_told_from_the_rest),
        cmocka_unit_test(valid_texts_are_told_from_the_rest),
        cmocka_unit_test(depth_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
