/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

enum {
    INT4_ARRAY = 1007,
    TEXT_ARRAY = 1009,
    FLOAT4_ARRAY = 1021,
    NUMERIC_ARRAY = 1231,
    TIMESTAMPTZ_ARRAY = 1185
};

static void lists_keep_order_and_repeats(void **state)
{
    (void)state;
    expect_bytes(INT4_ARRAY, "frozen<list<int>>", "{3,1,3}",
                 "00000003"
                 "0000000400000003"
                 "0000000400000001"
                 "0000000400000003");
}

static void sets_hold_each_element_once(void **state)
{
    (void)state;
    expect_bytes(INT4_ARRAY, "set<int>", "{3,1,3,2}",
                 "00000003"
                 "0000000400000001"
                 "0000000400000002"
                 "0000000400000003");
    expect_bytes(TEXT_ARRAY, "set<text>", "{b,\"\",a,b}",
                 "00000003"
                 "00000000"
                 "0000000161"
                 "0000000162");
}

static void an_empty_array_is_an_empty_collection(void **state)
{
    (void)state;
    expect_bytes(INT4_ARRAY, "frozen<list<int>>", "{}", "00000000");
    expect_bytes(INT4_ARRAY, "set<int>", "{}", "00000000");
    expect_bytes(INT4_ARRAY, "frozen<list<list<int>>>", "{}", "00000000");
}

static void quotes_and_escapes_are_undone(void **state)
{
    (void)state;
    expect_bytes(TEXT_ARRAY, "frozen<list<text>>", "{\"a,b\",\"c\\\"d\",\"e\\\\f\",\"{}\",\" \"}",
                 "00000005"
                 "00000003612c62"
                 "00000003632264"
                 "00000003655c66"
                 "000000027b7d"
                 "0000000120");
}

static void a_quoted_null_is_text_and_a_bare_one_is_refused(void **state)
{
    (void)state;
    expect_bytes(TEXT_ARRAY, "frozen<list<text>>", "{\"NULL\"}",
                 "00000001"
                 "000000044e554c4c");
    expect_refused(TEXT_ARRAY, "frozen<list<text>>", "{NULL,\"NULL\"}",
                   "a collection cannot hold NULL");
    expect_refused(INT4_ARRAY, "set<int>", "{1,NULL}", "a collection cannot hold NULL");
}

static void dimensions_follow_the_type(void **state)
{
    (void)state;
    expect_bytes(INT4_ARRAY, "frozen<list<frozen<list<int>>>>", "{{1,2},{3,4}}",
                 "00000002"
                 "00000014"
                 "00000002"
                 "0000000400000001"
                 "0000000400000002"
                 "00000014"
                 "00000002"
                 "0000000400000003"
                 "0000000400000004");
    expect_refused(INT4_ARRAY, "frozen<list<int>>", "{{1,2},{3,4}}", "more dimensions");
    expect_refused(INT4_ARRAY, "frozen<list<list<int>>>", "{1,2}", "fewer dimensions");
}

static void bounds_are_refused_not_dropped(void **state)
{
    (void)state;
    expect_refused(INT4_ARRAY, "frozen<list<int>>", "[0:1]={7,8}", "bounds do not start at 1");
}

static void elements_are_converted_like_columns(void **state)
{
    (void)state;
    expect_bytes(NUMERIC_ARRAY, "frozen<list<decimal>>", "{1.23}",
                 "00000001"
                 "00000005"
                 "000000027b");
    expect_refused(NUMERIC_ARRAY, "frozen<list<decimal>>", "{1,NaN}", "NaN and infinity");
    expect_refused(TIMESTAMPTZ_ARRAY, "set<timestamp>", "{\"\"}", "ISO form");
}

static void vectors_are_back_to_back_and_complete(void **state)
{
    (void)state;
    expect_bytes(FLOAT4_ARRAY, "vector<float, 3>", "{1,0.5,-2}",
                 "3f800000"
                 "3f000000"
                 "c0000000");
    expect_refused(FLOAT4_ARRAY, "vector<float, 3>", "{1,2}", "another number of elements");
    expect_refused(FLOAT4_ARRAY, "vector<float, 3>", "{1,2,3,4}", "another number of elements");
}

static void broken_literals_are_refused(void **state)
{
    static const char *const texts[] = {
        "",     "{",    "{1",   "{1,",    "{1,}",  "{,1}", "1}",
        "{1}}", "{1}x", "{\"1", "{\"1\\", "{1\"}", "{{1}", "{}{}"
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_refused(INT4_ARRAY, "frozen<list<int>>", texts[i], "it");
}

static void an_array_is_exact_text_in_a_text_column(void **state)
{
    (void)state;
    expect_bytes(INT4_ARRAY, "text", "[0:1]={7,8}", "5b303a315d3d7b372c387d");
}

static void an_enum_array_is_a_list_of_text(void **state)
{
    struct column col = {
        .name = STR("moods"), .type_oid = 70001, .element_oid = 70000, .type_kind = 'b'
    };
    struct error err;
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    assert_true(convert(&col, "set<text>", STR("{sad,ok}"), &out, &err));
    assert_true(str_eq(buf_view(&out), STR("\0\0\0\2"
                                           "\0\0\0\2ok"
                                           "\0\0\0\3sad")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_keep_order_and_repeats),
        cmocka_unit_test(sets_hold_each_element_once),
        cmocka_unit_test(an_empty_array_is_an_empty_collection),
        cmocka_unit_test(quotes_and_escapes_are_undone),
        cmocka_unit_test(a_quoted_null_is_text_and_a_bare_one_is_refused),
        cmocka_unit_test(dimensions_follow_the_type),
        cmocka_unit_test(bounds_are_refused_not_dropped),
        cmocka_unit_test(elements_are_converted_like_columns),
        cmocka_unit_test(vectors_are_back_to_back_and_complete),
        cmocka_unit_test(broken_literals_are_refused),
        cmocka_unit_test(an_array_is_exact_text_in_a_text_column),
        cmocka_unit_test(an_enum_array_is_a_list_of_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
