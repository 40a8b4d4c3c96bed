/* SPDX-License-Identifier: Apache-2.0 */
/* Expected bytes: cassandra.cqltypes. */
#include "convert.h"

static void text_is_itself(void **state)
{
    (void)state;
    expect_bytes(PG_TEXT, "text", "", "");
    expect_bytes(PG_TEXT, "varchar", "a\001\xf0\x9f\x98\x80", "6101f09f9880");
    expect_bytes(PG_JSONB, "text", "{\"a\": 1e400}", "7b2261223a2031653430307d");
    expect_bytes(PG_INTERVAL, "text", "-1 mons +1 day", "2d31206d6f6e73202b3120646179");
    expect_bytes(PG_NUMERIC, "text", "NaN", "4e614e");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    expect_refused(PG_TEXT, "text", "a\xff", "not valid UTF-8");
}

static void ascii_takes_seven_bits(void **state)
{
    (void)state;
    expect_bytes(PG_TEXT, "ascii", "abc", "616263");
    expect_refused(PG_TEXT, "ascii", "\xc3\xa9", "7-bit ASCII");
}

static void booleans_are_one_byte(void **state)
{
    (void)state;
    expect_bytes(PG_BOOL, "boolean", "t", "01");
    expect_bytes(PG_BOOL, "boolean", "f", "00");
    expect_refused(PG_BOOL, "boolean", "true", "not t or f");
}

static void doubles_are_bit_exact(void **state)
{
    static const struct convert_case cases[] = {
        { "1e-310", "000012688b70e62b" },
        { "-0", "8000000000000000" },
        { "1.1", "3ff199999999999a" },
        { "NaN", "7ff8000000000000" },
        { "Infinity", "7ff0000000000000" },
        { "-Infinity", "fff0000000000000" },
        { "1.7976931348623157e+308", "7fefffffffffffff" },
        { "5e-324", "0000000000000001" },
        { "0.1", "3fb999999999999a" },
    };

    (void)state;
    EXPECT_ALL(PG_FLOAT8, "double", cases);
    expect_bytes(PG_INT4, "double", "-2147483648", "c1e0000000000000");
}

/* A real's text is the shortest that gives its 32 bits back: as a double it is that number, not 0.1. */
static void reals_widen_to_the_number_they_are(void **state)
{
    static const struct convert_case single[] = {
        { "0.1", "3dcccccd" }, { "3.4028235e+38", "7f7fffff" }, { "1e-45", "00000001" },
        { "-0", "80000000" },  { "NaN", "7fc00000" },           { "-Infinity", "ff800000" },
    };
    static const struct convert_case wide[] = {
        { "0.1", "3fb99999a0000000" },
        { "3.4028235e+38", "47efffffe0000000" },
        { "1e-45", "36a0000000000000" },
        { "NaN", "7ff8000000000000" },
    };

    (void)state;
    EXPECT_ALL(PG_FLOAT4, "float", single);
    EXPECT_ALL(PG_FLOAT4, "double", wide);
}

static void numbers_that_postgresql_does_not_write_are_refused(void **state)
{
    static const char *const texts[] = { "",   "0x10", "nan(1)", "inf",   "1e400", " 1",
                                         "1 ", "1e",   "--1",    "1.1.1", "e" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_refused(PG_FLOAT8, "double", texts[i], "not a number of double precision");
    expect_refused(PG_FLOAT4, "float", "1e39", "not a number of single precision");
}

static void bytea_is_its_bytes(void **state)
{
    (void)state;
    expect_bytes(PG_BYTEA, "blob", "\\x00ff", "00ff");
    expect_bytes(PG_BYTEA, "blob", "\\x", "");
    expect_refused(PG_BYTEA, "blob", "abc", "hex form");
    expect_refused(PG_BYTEA, "blob", "\\x0", "hex form");
    expect_refused(PG_BYTEA, "blob", "\\x0g", "hex form");
}

static void uuids_are_sixteen_bytes(void **state)
{
    (void)state;
    expect_bytes(PG_UUID, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                 "a0eebc999c0b4ef8bb6d6bb9bd380a11");
    expect_refused(PG_UUID, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "not a uuid");
    expect_refused(PG_UUID, "uuid", "a0eebc999c0b4ef8bb6d6bb9bd380a110000", "not a uuid");
    expect_refused(PG_UUID, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380axx", "not a uuid");
}

static void timeuuids_are_of_version_one(void **state)
{
    (void)state;
    expect_bytes(PG_UUID, "timeuuid", "50554d6e-29bb-11e5-b345-feff819cdc9f",
                 "50554d6e29bb11e5b345feff819cdc9f");
    expect_refused(PG_UUID, "timeuuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "version 1");
}

static void addresses_lose_no_mask(void **state)
{
    (void)state;
    expect_bytes(PG_INET, "inet", "192.168.0.1", "c0a80001");
    expect_bytes(PG_INET, "inet", "2001:db8::1", "20010db8000000000000000000000001");
    expect_bytes(PG_CIDR, "inet", "10.1.2.3/32", "0a010203");
    expect_bytes(PG_CIDR, "inet", "::1/128", "00000000000000000000000000000001");
    expect_refused(PG_INET, "inet", "10.1.2.3/8", "network mask");
    expect_refused(PG_CIDR, "inet", "2001:db8::/32", "network mask");
    expect_refused(PG_INET, "inet", "10.1.2", "not an address");
}

static void a_refusal_names_column_value_and_both_types(void **state)
{
    struct column col = { .name = STR("price"),
                          .type_oid = PG_NUMERIC,
                          .typmod = -1,
                          .type_kind = 'b',
                          .type_name = STR("numeric") };
    struct error err;
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    assert_false(convert(&col, "decimal", STR("NaN"), &out, &err));
    assert_string_equal(err.msg,
                        "cannot write column \"price\" (value 'NaN', numeric) as CQL decimal: "
                        "NaN and infinity have no form there");
    buf_done(&out);
}

static void a_long_value_is_cut_between_characters_in_the_message(void **state)
{
    char text[61];

    (void)state;
    /* 47 bytes and then letters of two bytes: the cut must not fall into one. */
    memset(text, '\n', 47);
    for (size_t i = 47; i < 60; i += 2) {
        text[i] = (char)0xc3;
        text[i + 1] = (char)0xa9;
    }
    text[60] = '\0';
    expect_refused(PG_TEXT, "ascii", text,
                   "(value '???????????????????????????????????????????????...', text)");
}

static void what_was_in_the_buffer_before_stays(void **state)
{
    struct column col = convert_column(INT32_C(1007));
    struct error err;
    struct arena a;
    struct buf out;

    (void)state;
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    buf_text(&out, "before");
    assert_false(cql_types_encode(&col, convert_type(&a, "set<int>"), STR("{1,2,x}"), &out, &err));
    assert_true(str_is(buf_view(&out), "before"));
    buf_done(&out);
    arena_done(&a);
}

static void a_value_above_the_ceiling_is_refused_and_the_buffer_is_usable(void **state)
{
    struct column col = convert_column(PG_TEXT);
    struct error err;
    struct arena a;
    struct buf out;

    (void)state;
    arena_init(&a, MIB);
    buf_init(&out, 4);
    assert_false(cql_types_encode(&col, convert_type(&a, "text"), STR("hello"), &out, &err));
    assert_non_null(strstr(err.msg, "it is too large"));
    assert_true(cql_types_encode(&col, convert_type(&a, "text"), STR("hell"), &out, &err));
    buf_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_itself),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(ascii_takes_seven_bits),
        cmocka_unit_test(booleans_are_one_byte),
        cmocka_unit_test(doubles_are_bit_exact),
        cmocka_unit_test(reals_widen_to_the_number_they_are),
        cmocka_unit_test(numbers_that_postgresql_does_not_write_are_refused),
        cmocka_unit_test(bytea_is_its_bytes),
        cmocka_unit_test(uuids_are_sixteen_bytes),
        cmocka_unit_test(timeuuids_are_of_version_one),
        cmocka_unit_test(addresses_lose_no_mask),
        cmocka_unit_test(a_refusal_names_column_value_and_both_types),
        cmocka_unit_test(a_long_value_is_cut_between_characters_in_the_message),
        cmocka_unit_test(what_was_in_the_buffer_before_stays),
        cmocka_unit_test(a_value_above_the_ceiling_is_refused_and_the_buffer_is_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
