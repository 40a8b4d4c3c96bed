/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "model/pgtype.h"
#include "process/rowjson.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 16 * MIB);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static const char *value_of(uint32_t type, uint32_t element, struct str text)
{
    const struct column col = { .name = STR("c"), .type_oid = type, .element_oid = element };

    buf_clear(&out);
    rowjson_value(&col, (struct value){ VALUE_TEXT, text }, &out);
    assert_true(buf_ok(&out));
    assert_true(json_is_valid(buf_view(&out)));
    return buf_cstr(&out);
}

static void expect(uint32_t type, const char *text, const char *json)
{
    assert_string_equal(value_of(type, 0, str_from(text)), json);
}

static void expect_array(uint32_t element, const char *text, const char *json)
{
    assert_string_equal(value_of(element + 100000, element, str_from(text)), json);
}

static void booleans_are_true_and_false(void **state)
{
    (void)state;
    expect(PG_BOOL, "t", "true");
    expect(PG_BOOL, "f", "false");
}

static void a_text_that_nobody_declared_is_a_string(void **state)
{
    (void)state;
    expect(PG_UNKNOWN, "2024", "\"2024\"");
    expect(PG_UNKNOWN, "2024-02-29T10:34:56Z", "\"2024-02-29T10:34:56Z\"");
}

static void numbers_keep_all_their_digits(void **state)
{
    (void)state;
    expect(PG_INT8, "-9223372036854775808", "-9223372036854775808");
    expect(PG_INT2, "0", "0");
    expect(PG_OID, "4294967295", "4294967295");
    expect(PG_NUMERIC, "12345678901234567890.123456789012345678900",
           "12345678901234567890.123456789012345678900");
    expect(PG_FLOAT8, "1e+300", "1e+300");
    expect(PG_FLOAT4, "0.1", "0.1");
}

static void what_json_has_no_number_for_is_a_string(void **state)
{
    (void)state;
    expect(PG_NUMERIC, "NaN", "\"NaN\"");
    expect(PG_FLOAT8, "Infinity", "\"Infinity\"");
    expect(PG_FLOAT4, "-Infinity", "\"-Infinity\"");
    expect(PG_INT4, "007", "\"007\"");
}

static void documents_are_nested_as_they_are(void **state)
{
    (void)state;
    expect(PG_JSONB, "{\"a\": [1, 2.50, null]}", "{\"a\": [1, 2.50, null]}");
    expect(PG_JSON, "\"text\"", "\"text\"");
}

static void a_document_over_several_lines_becomes_one(void **state)
{
    (void)state;
    expect(PG_JSON, "{\r\n \"a\" :\n1}", "{   \"a\" : 1}");
}

static void what_is_no_document_is_a_string(void **state)
{
    (void)state;
    expect(PG_JSONB, "{\"a\":", "\"{\\\"a\\\":\"");
}

static void a_document_nested_too_deep_to_stand_in_another_is_a_string(void **state)
{
    char text[2 * LIMIT_JSON_DEPTH + 1];
    size_t depth = LIMIT_JSON_DEPTH - 5;

    (void)state;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_int_equal(value_of(PG_JSON, 0, str_make(text, 2 * depth))[0], '"');
    depth = 100;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_int_equal(value_of(PG_JSON, 0, str_make(text, 2 * depth))[0], '[');
}

static void bytes_are_base64(void **state)
{
    (void)state;
    expect(PG_BYTEA, "\\x", "\"\"");
    expect(PG_BYTEA, "\\x66", "\"Zg==\"");
    expect(PG_BYTEA, "\\x666f", "\"Zm8=\"");
    expect(PG_BYTEA, "\\x666f6f", "\"Zm9v\"");
    expect(PG_BYTEA, "\\x666f6f626172ff00", "\"Zm9vYmFy/wA=\"");
}

static void bytes_in_another_form_stay_text(void **state)
{
    (void)state;
    expect(PG_BYTEA, "\\x6", "\"\\\\x6\"");
    expect(PG_BYTEA, "\\x6g", "\"\\\\x6g\"");
    expect(PG_BYTEA, "abc\\000", "\"abc\\\\000\"");
    expect(PG_BYTEA, "", "\"\"");
}

static void timestamps_are_iso_8601(void **state)
{
    (void)state;
    expect(PG_TIMESTAMPTZ, "2026-11-22 10:23:27.123456+00", "\"2026-11-22T10:23:27.123456Z\"");
    expect(PG_TIMESTAMPTZ, "2026-11-22 10:23:27+00", "\"2026-11-22T10:23:27Z\"");
    expect(PG_TIMESTAMP, "2026-11-22 10:23:27.5", "\"2026-11-22T10:23:27.5\"");
    expect(PG_TIMESTAMP, "294276-12-31 23:59:59.999999", "\"294276-12-31T23:59:59.999999\"");
}

static void infinity_bc_and_other_zones_stay_as_postgresql_writes_them(void **state)
{
    (void)state;
    expect(PG_TIMESTAMPTZ, "infinity", "\"infinity\"");
    expect(PG_TIMESTAMPTZ, "-infinity", "\"-infinity\"");
    expect(PG_TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", "\"0044-03-15 12:00:00+00 BC\"");
    expect(PG_TIMESTAMP, "0044-03-15 12:00:00 BC", "\"0044-03-15 12:00:00 BC\"");
    expect(PG_TIMESTAMPTZ, "2026-11-22 10:23:27+05:30", "\"2026-11-22 10:23:27+05:30\"");
}

static void a_timestamp_with_quotes_in_it_cannot_break_out(void **state)
{
    (void)state;
    expect(PG_TIMESTAMP, "2026-\",\" 10:23:27", "\"2026-\\\",\\\" 10:23:27\"");
}

static void other_types_are_exact_text(void **state)
{
    (void)state;
    expect(PG_UUID, "5f0c1c5e-0000-4000-8000-000000000001",
           "\"5f0c1c5e-0000-4000-8000-000000000001\"");
    expect(PG_DATE, "2026-11-22", "\"2026-11-22\"");
    expect(PG_TEXT, "a\"b\\c\n\x01", "\"a\\\"b\\\\c\\n\\u0001\"");
    expect(PG_MONEY, "$1,000.00", "\"$1,000.00\"");
}

static void arrays_are_nested(void **state)
{
    (void)state;
    expect_array(PG_INT4, "{}", "[]");
    expect_array(PG_INT4, "{1,NULL,3}", "[1,null,3]");
    expect_array(PG_INT4, "{{1,2},{3,4}}", "[[1,2],[3,4]]");
    expect_array(PG_INT4, "[0:1]={5,6}", "[5,6]");
    expect_array(PG_BOOL, "{t,f}", "[true,false]");
    expect_array(PG_NUMERIC, "{1.50,NaN}", "[1.50,\"NaN\"]");
    expect_array(PG_TIMESTAMPTZ, "{\"2026-11-22 10:23:27+00\"}", "[\"2026-11-22T10:23:27Z\"]");
}

static void array_items_lose_their_quoting_and_nothing_else(void **state)
{
    (void)state;
    expect_array(PG_TEXT, "{a,\"b,c\",\"NULL\",\"\"}", "[\"a\",\"b,c\",\"NULL\",\"\"]");
    expect_array(PG_TEXT, "{\"q\\\"q\",\"b\\\\s\"}", "[\"q\\\"q\",\"b\\\\s\"]");
    expect_array(PG_TEXT, "{\"\\\\\xC3\xA4\"}", "[\"\\\\\xC3\xA4\"]");
    expect_array(PG_JSONB, "{\"{\\\"a\\\": 1}\",NULL}", "[{\"a\": 1},null]");
    expect_array(PG_BYTEA, "{\"\\\\x666f\",\"\\\\x\"}", "[\"Zm8=\",\"\"]");
}

static void a_broken_array_is_a_string(void **state)
{
    static const char *const broken[] = { "{",    "{1", "{1,",  "{1,}",   "{,1}",
                                          "{1}x", "1",  "{\"a", "{\"a\\", "{{1}",
                                          "{}{}", "}",  "{1}}", "[0:1]",  "{{{{{{{1}}}}}}}" };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(value_of(1007, PG_INT4, str_from(broken[i]))[0], '"');
}

static void bytes_that_are_not_text_still_give_valid_json(void **state)
{
    (void)state;
    (void)value_of(PG_TEXT, 0, STR("\xff\xfe\0x"));
    (void)value_of(PG_JSON, 0, STR("\"\xff\""));
    (void)value_of(1009, PG_TEXT, STR("{\"\\\xff\"}"));
}

/* ---- rows and changes --------------------------------------------------------------------------- */

static const struct column columns[] = {
    { .name = STR("id"), .type_oid = PG_INT8, .identity = true, .primary_key = true },
    { .name = STR("na\"me"), .type_oid = PG_TEXT },
    { .name = STR("big"), .type_oid = PG_TEXT },
};

static const struct relation rel = { .version = 1,
                                     .schema = STR("public"),
                                     .table = STR("events"),
                                     .column_count = 3,
                                     .columns = columns };

static void a_row_is_a_flat_object(void **state)
{
    const struct value row[] = { { VALUE_TEXT, STR("7") },
                                 { VALUE_NULL, STR_NONE },
                                 { VALUE_TEXT, STR("x") } };

    (void)state;
    rowjson_object(&rel, row, false, &out);
    assert_string_equal(buf_cstr(&out), "{\"id\":7,\"na\\\"me\":null,\"big\":\"x\"}");
}

static void unchanged_columns_are_left_out(void **state)
{
    const struct value row[] = { { VALUE_UNCHANGED, STR_NONE },
                                 { VALUE_TEXT, STR("n") },
                                 { VALUE_UNCHANGED, STR_NONE } };

    (void)state;
    rowjson_object(&rel, row, false, &out);
    assert_string_equal(buf_cstr(&out), "{\"na\\\"me\":\"n\"}");
}

static void of_a_known_key_only_the_key_is_written(void **state)
{
    const struct value row[] = { { VALUE_TEXT, STR("7") },
                                 { VALUE_NULL, STR_NONE },
                                 { VALUE_NULL, STR_NONE } };
    const struct relation none = { .version = 2 };

    (void)state;
    rowjson_object(&rel, row, true, &out);
    assert_string_equal(buf_cstr(&out), "{\"id\":7}");
    buf_clear(&out);
    rowjson_object(&none, row, true, &out);
    assert_string_equal(buf_cstr(&out), "{}");
}

static void a_change_is_one_line_with_all_that_is_known(void **state)
{
    const struct value before[] = { { VALUE_TEXT, STR("7") },
                                    { VALUE_NULL, STR_NONE },
                                    { VALUE_NULL, STR_NONE } };
    const struct value after[] = { { VALUE_TEXT, STR("7") },
                                   { VALUE_TEXT, STR("a\nb") },
                                   { VALUE_UNCHANGED, STR_NONE } };
    const struct change c = { .pos = { 1, 3, { 0x16B3748 } },
                              .wts = 1000001,
                              .commit_time_us = 1000000,
                              .xid = 9,
                              .op = CHANGE_UPDATE,
                              .rel = &rel,
                              .before_kind = CHANGE_BEFORE_KEY,
                              .before = before,
                              .after = after };

    (void)state;
    rowjson_change(&c, &out);
    assert_true(json_is_valid(buf_view(&out)));
    assert_string_equal(
        buf_cstr(&out),
        "{\"position\":\"1/0/16B3748/3\",\"op\":\"update\",\"schema\":\"public\",\"table\":\"events\","
        "\"commit_time\":\"1970-01-01T00:00:01.000000Z\",\"xid\":9,\"wts\":1000001,"
        "\"before\":{\"id\":7},\"after\":{\"id\":7,\"na\\\"me\":\"a\\nb\"},\"unchanged\":[\"big\"]}");
}

static void a_truncate_has_neither_row(void **state)
{
    const struct change c = { .op = CHANGE_TRUNCATE, .rel = &rel };

    (void)state;
    rowjson_change(&c, &out);
    assert_true(json_is_valid(buf_view(&out)));
    assert_non_null(strstr(buf_cstr(&out), "\"before\":null,\"after\":null}"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(booleans_are_true_and_false),
        CASE(a_text_that_nobody_declared_is_a_string),
        CASE(numbers_keep_all_their_digits),
        CASE(what_json_has_no_number_for_is_a_string),
        CASE(documents_are_nested_as_they_are),
        CASE(a_document_over_several_lines_becomes_one),
        CASE(what_is_no_document_is_a_string),
        CASE(a_document_nested_too_deep_to_stand_in_another_is_a_string),
        CASE(bytes_are_base64),
        CASE(bytes_in_another_form_stay_text),
        CASE(timestamps_are_iso_8601),
        CASE(infinity_bc_and_other_zones_stay_as_postgresql_writes_them),
        CASE(a_timestamp_with_quotes_in_it_cannot_break_out),
        CASE(other_types_are_exact_text),
        CASE(arrays_are_nested),
        CASE(array_items_lose_their_quoting_and_nothing_else),
        CASE(a_broken_array_is_a_string),
        CASE(bytes_that_are_not_text_still_give_valid_json),
        CASE(a_row_is_a_flat_object),
        CASE(unchanged_columns_are_left_out),
        CASE(of_a_known_key_only_the_key_is_written),
        CASE(a_change_is_one_line_with_all_that_is_known),
        CASE(a_truncate_has_neither_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
