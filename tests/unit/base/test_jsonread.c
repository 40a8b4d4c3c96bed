/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonread.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct jsonread j;

static int set_up(void **state)
{
    (void)state;
    jsonread_init(&j, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    jsonread_done(&j);
    return 0;
}

static void tokens_stand_in_order_and_know_where_they_end(void **state)
{
    uint32_t value;

    (void)state;
    assert_true(jsonread_parse(&j, STR(" {\"a\" : [1, -2.50e+3,\"x\"], \"b\":{}, \"c\":null} ")));
    assert_int_equal(jsonread_at(&j, 0)->type, JSONREAD_OBJECT);
    assert_int_equal(jsonread_at(&j, 0)->count, 3);
    assert_int_equal(jsonread_end(&j, 0), j.count);
    assert_true(jsonread_member(&j, 0, STR("a"), &value));
    assert_int_equal(jsonread_at(&j, value)->count, 3);
    assert_true(str_is(jsonread_text(&j, value), "[1, -2.50e+3,\"x\"]"));
    assert_true(str_is(jsonread_text(&j, value + 2), "-2.50e+3"));
    assert_true(jsonread_at(&j, value + 2)->real);
    assert_false(jsonread_at(&j, value + 1)->real);
    assert_true(jsonread_member(&j, 0, STR("b"), &value));
    assert_int_equal(jsonread_first(&j, value), jsonread_end(&j, value));
    assert_false(jsonread_member(&j, 0, STR("x"), &value));
}

static void strings_stand_for_what_they_escape(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    assert_true(jsonread_parse(
        &j,
        STR("\"0123456789abcdef\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00 \xC3\xA9\"")));
    assert_true(jsonread_at(&j, 0)->escaped);
    jsonread_string(&j, 0, &b);
    assert_string_equal(buf_cstr(&b), "0123456789abcdef\"\\/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC"
                                      "\xF0\x9F\x98\x80 \xC3\xA9");
    assert_true(jsonread_is(&j, 0, buf_view(&b)));
    assert_false(jsonread_is(&j, 0, STR("0123456789abcdef")));
    buf_done(&b);
}

static void what_is_no_json_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        { "", 0 },
        { "  ", 2 },
        { "nul", 0 },
        { "+1", 0 },
        { "-", 0 },
        { "1.", 0 },
        { "1e", 0 },
        { "1e+", 0 },
        { "01", 1 },
        { ".5", 0 },
        { "\"a", 0 },
        { "\"\\x\"", 1 },
        { "\"\\u12\"", 1 },
        { "\"\\", 1 },
        { "\"\n\"", 1 },
        { "\"\xC0\x80\"", 1 },
        { "[1", 2 },
        { "[1,]", 3 },
        { "[,1]", 1 },
        { "{\"a\"}", 4 },
        { "{\"a\":}", 5 },
        { "{a:1}", 1 },
        { "{\"a\":1,}", 7 },
        { "[1}", 2 },
        { "1 2", 2 },
        { "NaN", 0 },
        { "\"\\udc00\"", 1 },
        { "\"\\ud800\\u0041\"", 1 },
        { "\"\\ud800", 1 },
        { "\"\\u0000\"", 1 },
        { "\xEF\xBB\xBF{}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (jsonread_parse(&j, str_from(cases[i].text)))
            fail_msg("%s is no JSON", cases[i].text);
        assert_non_null(j.fault);
        if (j.fault_at != cases[i].at)
            fail_msg("%s: byte %zu", cases[i].text, j.fault_at);
    }
}

static void depth_and_number_of_values_are_bounded(void **state)
{
    char text[4000];

    (void)state;
    memset(text, '[', LIMIT_JSON_DEPTH);
    memset(text + LIMIT_JSON_DEPTH, ']', LIMIT_JSON_DEPTH);
    assert_true(jsonread_parse(&j, str_make(text, 2 * (size_t)LIMIT_JSON_DEPTH)));
    memset(text, '[', LIMIT_JSON_DEPTH + 1);
    assert_false(jsonread_parse(&j, str_make(text, LIMIT_JSON_DEPTH + 1)));
    assert_string_equal(j.fault, "it is nested too deep");
    text[0] = '[';
    for (size_t i = 1; i < 2002; i += 2) {
        text[i] = '1';
        text[i + 1] = ',';
    }
    assert_false(jsonread_parse(&j, str_make(text, 2002)));
    assert_string_equal(j.fault, "it has too many values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_stand_in_order_and_know_where_they_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(strings_stand_for_what_they_escape, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_json_is_refused_where_it_breaks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(depth_and_number_of_values_are_bounded, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
