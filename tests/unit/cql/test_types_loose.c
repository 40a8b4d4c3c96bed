/* SPDX-License-Identifier: Apache-2.0 */
/* Values of which nobody said what they stand for. */
#include "convert.h"

static void a_text_is_read_as_what_the_target_is(void **state)
{
    (void)state;
    expect_bytes(PG_UNKNOWN, "text", "2024", "32303234");
    expect_bytes(PG_UNKNOWN, "int", "-1", "ffffffff");
    expect_bytes(PG_UNKNOWN, "bigint", "5", "0000000000000005");
    expect_bytes(PG_UNKNOWN, "decimal", "1.23", "000000027b");
    expect_bytes(PG_UNKNOWN, "double", "1.5", "3ff8000000000000");
    expect_bytes(PG_UNKNOWN, "float", "1.5", "3fc00000");
    expect_bytes(PG_UNKNOWN, "boolean", "true", "01");
    expect_bytes(PG_UNKNOWN, "boolean", "f", "00");
    expect_bytes(PG_UNKNOWN, "uuid", "00112233-4455-6677-8899-aabbccddeeff",
                 "00112233445566778899aabbccddeeff");
    expect_bytes(PG_UNKNOWN, "inet", "10.0.0.1", "0a000001");
    expect_bytes(PG_UNKNOWN, "blob", "aGk=", "6869");
    expect_bytes(PG_UNKNOWN, "blob", "aGkA", "686900");
    expect_bytes(PG_UNKNOWN, "blob", "aA==", "68");
    expect_bytes(PG_UNKNOWN, "blob", "", "");
    expect_bytes(PG_UNKNOWN, "blob", "\\x6869", "6869");
}

static void times_come_in_iso_form_as_well(void **state)
{
    (void)state;
    expect_bytes(PG_UNKNOWN, "timestamp", "1970-01-01T00:00:01.500999Z", "00000000000005dc");
    expect_bytes(PG_UNKNOWN, "timestamp", "1970-01-01 00:00:01.5+00", "00000000000005dc");
    expect_bytes(PG_UNKNOWN, "timestamp", "1970-01-01T02:00:00+02:00", "0000000000000000");
    expect_bytes(PG_UNKNOWN, "date", "1970-01-02", "80000001");
    expect_bytes(PG_UNKNOWN, "date", "1970-01-02Z", "80000001");
    expect_bytes(PG_UNKNOWN, "time", "00:00:01Z", "000000003b9aca00");
    expect_bytes(PG_UNKNOWN, "duration", "1 mon", "020000");
}

static void a_text_that_does_not_parse_is_refused(void **state)
{
    (void)state;
    expect_refused(PG_UNKNOWN, "timestamp", "1700000000000000", "column \"c\"");
    expect_refused(PG_UNKNOWN, "timestamp", "soon", "soon");
    expect_refused(PG_UNKNOWN, "timestamp", "", "form");
    expect_refused(PG_UNKNOWN, "date", "5", "form");
    expect_refused(PG_UNKNOWN, "int", "3000000000", "range");
    expect_refused(PG_UNKNOWN, "int", "x", "'x'");
    expect_refused(PG_UNKNOWN, "boolean", "yes", "neither true nor false");
    expect_refused(PG_UNKNOWN, "blob", "aGl=", "base64");
    expect_refused(PG_UNKNOWN, "blob", "a", "base64");
    expect_refused(PG_UNKNOWN, "blob", "a===", "base64");
    expect_refused(PG_UNKNOWN, "uuid", "abc", "not a uuid");
}

/* A column of a topic without schemas; hex NULL: refused. */
static void expect_guessed(uint32_t oid, const char *cql, const char *text, const char *hex)
{
    struct column col = convert_column(oid);
    struct error err = { .kind = ERR_NONE };
    struct buf out;
    struct buf got;
    bool ok;

    col.type_kind = 'p';
    buf_init(&out, MIB);
    buf_init(&got, MIB);
    ok = convert(&col, cql, str_from(text), &out, &err);
    if (ok != (hex != NULL))
        fail_msg("'%s' as %s: %s", text, cql, ok ? "was taken" : err.msg);
    for (size_t i = 0; ok && i < out.n; i++)
        buf_putf(&got, "%02x", (unsigned char)out.p[i]);
    if (ok)
        assert_string_equal(buf_cstr(&got), hex);
    buf_done(&got);
    buf_done(&out);
}

static void a_number_without_a_schema_counts_what_the_target_keeps(void **state)
{
    (void)state;
    expect_guessed(PG_INT8, "int", "7", "00000007");
    expect_guessed(PG_INT8, "int", "3000000000", NULL);
    expect_guessed(PG_INT8, "float", "2", "40000000");
    expect_guessed(PG_INT8, "timestamp", "1500999", "00000000000005dc");
    expect_guessed(PG_INT8, "timestamp", "-1", "ffffffffffffffff");
    expect_guessed(PG_INT8, "date", "-1", "7fffffff");
    expect_guessed(PG_INT8, "date", "3000000000", NULL);
    expect_guessed(PG_INT8, "time", "1000000", "000000003b9aca00");
    expect_guessed(PG_INT8, "time", "86400000000", NULL);
    expect_guessed(PG_INT8, "duration", "-1000000", "0000f0773593ff");
    expect_guessed(PG_NUMERIC, "double", "1.5", "3ff8000000000000");
    expect_guessed(PG_NUMERIC, "timestamp", "1.5", NULL);
    expect_guessed(PG_BOOL, "boolean", "t", "01");
}

static void arrays_come_as_json_as_well(void **state)
{
    (void)state;
    expect_guessed(PG_JSONB, "frozen<list<int>>", "[1, 2]",
                   "0000000200000004000000010000000400000002");
    expect_guessed(PG_JSONB, "frozen<list<text>>", "[\"a\\\"\\\\\", \"NULL\"]",
                   "000000020000000361225c000000044e554c4c");
    expect_guessed(PG_JSONB, "frozen<list<frozen<list<int>>>>", "[[1],[]]",
                   "000000020000000c0000000100000004000000010000000400000000");
    expect_guessed(PG_JSONB, "frozen<list<int>>", "[]", "00000000");
    expect_guessed(PG_JSONB, "frozen<list<int>>", "[null]", NULL);
    expect_guessed(PG_JSONB, "frozen<list<int>>", "[{}]", NULL);
    expect_guessed(PG_JSONB, "frozen<list<int>>", "[1", NULL);
    expect_guessed(PG_JSONB, "frozen<list<int>>", "{\"a\":1}", NULL);
    expect_guessed(PG_JSONB, "text", "{\"a\":1}", "7b2261223a317d");
    expect_bytes(PG_UNKNOWN, "frozen<list<int>>", "{1}", "000000010000000400000001");
}

static void counters_and_open_lists_stay_refused(void **state)
{
    struct column col = convert_column(PG_UNKNOWN);
    static const char *const refused[] = { "counter", "list<int>", "map<text, int>" };
    struct arena a;
    const char *why;

    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(cql_types_fit(&col, convert_type(&a, refused[i]), &why));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_as_what_the_target_is),
        cmocka_unit_test(times_come_in_iso_form_as_well),
        cmocka_unit_test(a_text_that_does_not_parse_is_refused),
        cmocka_unit_test(a_number_without_a_schema_counts_what_the_target_keeps),
        cmocka_unit_test(arrays_come_as_json_as_well),
        cmocka_unit_test(counters_and_open_lists_stay_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
