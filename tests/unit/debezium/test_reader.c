/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/debezium/reading.h"

#include "model/pgtype.h"

#define ROW_FIELDS                                                                                 \
    "\"type\":\"struct\",\"fields\":["                                                             \
    "{\"type\":\"int64\",\"optional\":false,\"default\":0,\"field\":\"id\"},"                      \
    "{\"type\":\"string\",\"optional\":false,\"field\":\"name\"},"                                 \
    "{\"type\":\"int32\",\"optional\":true,\"default\":42,\"field\":\"n\"}]"
#define VALUE_SCHEMA                                                                               \
    "{\"type\":\"struct\",\"fields\":["                                                            \
    "{" ROW_FIELDS ",\"optional\":true,\"name\":\"p.public.t.Value\",\"field\":\"before\"},"       \
    "{" ROW_FIELDS ",\"optional\":true,\"name\":\"p.public.t.Value\",\"field\":\"after\"},"        \
    "{\"type\":\"struct\",\"fields\":[],\"optional\":false,\"field\":\"source\"},"                 \
    "{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}],"                                  \
    "\"optional\":false,\"name\":\"p.public.t.Envelope\",\"version\":1}"
#define SOURCE                                                                                     \
    "\"source\":{\"version\":\"2.5.4.Final\",\"connector\":\"postgresql\",\"name\":\"p\","         \
    "\"ts_ms\":1559033904863,\"snapshot\":\"false\",\"db\":\"d\",\"schema\":\"public\","           \
    "\"table\":\"t\",\"txId\":555,\"lsn\":24023128,\"xmin\":null}"
#define VALUE(rows) "{\"schema\":" VALUE_SCHEMA ",\"payload\":{" rows "}}"
#define KEY(id)                                                                                    \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\",\"optional\":false,"         \
    "\"field\":\"id\"}],\"optional\":false,\"name\":\"p.public.t.Key\"},\"payload\":{\"id\":" id   \
    "}}"

static const char insert[] =
    VALUE("\"before\":null,\"after\":{\"id\":1,\"name\":\"a\",\"n\":null}," SOURCE
          ",\"op\":\"c\",\"ts_ms\":1559033904870,\"transaction\":null");
static const char delete[] =
    VALUE("\"before\":{\"id\":1,\"name\":\"\",\"n\":42},\"after\":null," SOURCE
          ",\"op\":\"d\",\"ts_ms\":1559033904870,\"transaction\":null");
static const char delete_full[] =
    VALUE("\"before\":{\"id\":1,\"name\":\"a\",\"n\":null},\"after\":null," SOURCE ",\"op\":\"d\"");

static void an_envelope_with_schemas_is_a_change(void **state)
{
    struct reading *t = *state;
    const struct relation *rel;

    reading_change(t, KEY("1"), insert);
    rel = t->c.rel;
    assert_int_equal(t->c.op, CHANGE_INSERT);
    assert_true(str_is(rel->schema, "public"));
    assert_true(str_is(rel->table, "t"));
    assert_int_equal(rel->column_count, 3);
    assert_int_equal(t->c.commit_time_us, 1559033904863000);
    assert_int_equal(t->c.xid, 555);
    assert_int_equal(t->c.lsn.v, 24023128);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_NONE);
    reading_expect(t, t->c.after, "id", "1");
    reading_expect(t, t->c.after, "name", "a");
    reading_expect(t, t->c.after, "n", NULL);
    assert_true(reading_column(t, "id")->primary_key);
    assert_true(reading_column(t, "id")->identity);
    assert_true(reading_column(t, "id")->not_null);
    assert_int_equal(reading_column(t, "id")->key_order, 1);
    assert_false(reading_column(t, "name")->primary_key);
    assert_int_equal(reading_column(t, "id")->type_oid, PG_INT8);
    reading_change(t, KEY("2"), insert);
    assert_ptr_equal(t->c.rel, rel);
}

static void ops_are_debeziums_letters(void **state)
{
    struct reading *t = *state;

    reading_change(t, KEY("1"),
                   VALUE("\"before\":null,\"after\":{\"id\":1,\"name\":\"a\",\"n\":1}," SOURCE
                         ",\"op\":\"r\""));
    assert_int_equal(t->c.op, CHANGE_SNAPSHOT);
    reading_change(t, KEY("1"),
                   VALUE("\"before\":null,\"after\":{\"id\":1,\"name\":\"a\",\"n\":1},"
                         "\"source\":{\"snapshot\":\"incremental\"},\"op\":\"r\""));
    assert_int_equal(t->c.flags, CHANGE_INCREMENTAL);
    reading_change(t, KEY("1"),
                   VALUE("\"before\":{\"id\":1,\"name\":\"\",\"n\":null},"
                         "\"after\":{\"id\":1,\"name\":\"a\",\"n\":1}," SOURCE ",\"op\":\"u\""));
    assert_int_equal(t->c.op, CHANGE_UPDATE);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_FULL);
    reading_change(t, NULL, VALUE("\"before\":null,\"after\":null," SOURCE ",\"op\":\"t\""));
    assert_int_equal(t->c.op, CHANGE_TRUNCATE);
    assert_null(t->c.after);
    assert_true(reading_column(t, "id")->primary_key);
    t->in.op_header = STR("u");
    reading_change(t, KEY("1"), insert);
    assert_int_equal(t->c.op, CHANGE_UPDATE);
}

static void a_delete_knows_its_key_and_the_rest_only_where_it_is_no_filling(void **state)
{
    struct reading *t = *state;

    reading_change(t, KEY("1"), delete);
    assert_int_equal(t->c.op, CHANGE_DELETE);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_KEY);
    assert_null(t->c.after);
    reading_expect(t, t->c.before, "id", "1");
    reading_expect(t, t->c.before, "name", NULL);
    reading_expect(t, t->c.before, "n", NULL);
    reading_change(t, KEY("1"), delete_full);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_FULL);
    reading_expect(t, t->c.before, "name", "a");
    t->in.before_header = STR("full");
    reading_change(t, KEY("1"), delete);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_FULL);
    reading_expect(t, t->c.before, "n", "42");
    t->in.before_header = STR("key");
    reading_change(t, KEY("1"), delete_full);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_KEY);
}

static void a_tombstone_behind_its_delete_is_nothing_and_any_other_deletes(void **state)
{
    struct reading *t = *state;

    assert_false(debezium_reader_is_ready(t->r));
    reading_rejects(t, KEY("1"), NULL, "no row of the table came before");
    reading_change(t, KEY("1"), insert);
    assert_true(debezium_reader_is_ready(t->r));
    reading_change(t, KEY("1"), NULL);
    assert_int_equal(t->c.op, CHANGE_DELETE);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_KEY);
    assert_int_equal(t->c.rel->column_count, 3);
    reading_expect(t, t->c.before, "id", "1");
    reading_nothing(t, KEY("1"), NULL);
    reading_change(t, KEY("2"), NULL);
    reading_change(t, KEY("1"), insert);
    reading_change(t, KEY("1"), delete);
    reading_nothing(t, KEY("1"), NULL);
    reading_change(t, KEY("1"), insert);
    reading_change(t, KEY("1"), "null");
    reading_nothing(t, NULL, NULL);
}

static void a_tombstone_is_of_the_table_of_the_rows_before_it(void **state)
{
    struct reading *t = *state;

    reading_change(
        t, "{\"id\":1}",
        "{\"after\":{\"id\":1,\"a\":2},\"source\":{\"schema\":\"Od d\",\"table\":\"x y\"},"
        "\"op\":\"c\"}");
    reading_change(t, "{\"id\":2}", NULL);
    assert_true(str_is(t->c.rel->schema, "Od d"));
    assert_true(str_is(t->c.rel->table, "x y"));
    assert_int_equal(t->c.rel->column_count, 2);
    reading_expect(t, t->c.before, "id", "2");
}

static void rows_without_schemas_take_their_types_from_the_values(void **state)
{
    struct reading *t = *state;

    reading_change(t, "{\"id\":1}",
                   "{\"before\":null,\"after\":{\"id\":1,\"s\":\"x\",\"f\":1.50,\"b\":true,"
                   "\"o\":{\"a\":[1]},\"z\":null,\"big\":99999999999999999999,\"e\":1e30}," SOURCE
                   ",\"op\":\"c\"}");
    assert_int_equal(reading_column(t, "id")->type_oid, PG_INT8);
    assert_int_equal(reading_column(t, "s")->type_oid, PG_UNKNOWN);
    assert_int_equal(reading_column(t, "f")->type_oid, PG_NUMERIC);
    assert_int_equal(reading_column(t, "b")->type_oid, PG_BOOL);
    assert_int_equal(reading_column(t, "o")->type_oid, PG_JSONB);
    assert_int_equal(reading_column(t, "z")->type_oid, PG_UNKNOWN);
    assert_int_equal(reading_column(t, "big")->type_oid, PG_NUMERIC);
    reading_expect(t, t->c.after, "f", "1.50");
    reading_expect(t, t->c.after, "b", "t");
    reading_expect(t, t->c.after, "o", "{\"a\":[1]}");
    reading_expect(t, t->c.after, "z", NULL);
    reading_expect(t, t->c.after, "big", "99999999999999999999");
    reading_expect(t, t->c.after, "e", "1000000000000000000000000000000");
    assert_true(reading_column(t, "id")->primary_key);
}

static void types_widen_and_do_not_go_back(void **state)
{
    struct reading *t = *state;
    const struct relation *rel;

    reading_change(t, NULL, "{\"a\":null,\"b\":1,\"c\":true}");
    reading_change(t, NULL, "{\"a\":7,\"b\":1.5,\"c\":\"x\"}");
    rel = t->c.rel;
    assert_int_equal(reading_column(t, "a")->type_oid, PG_INT8);
    assert_int_equal(reading_column(t, "b")->type_oid, PG_NUMERIC);
    assert_int_equal(reading_column(t, "c")->type_oid, PG_UNKNOWN);
    reading_change(t, NULL, "{\"a\":null,\"b\":1,\"c\":false}");
    assert_ptr_equal(t->c.rel, rel);
    reading_expect(t, t->c.after, "b", "1");
    reading_expect(t, t->c.after, "c", "f");
}

static void unwrapped_rows_say_their_op_in_fields_that_are_no_columns(void **state)
{
    struct reading *t = *state;

    reading_change(t, "{\"id\":1}",
                   "{\"id\":1,\"name\":\"a\",\"__op\":\"u\",\"__table\":\"x\",\"__lsn\":7,"
                   "\"__source_ts_ms\":1500,\"__deleted\":\"false\"}");
    assert_int_equal(t->c.op, CHANGE_UPDATE);
    assert_true(str_is(t->c.rel->table, "x"));
    assert_int_equal(t->c.rel->column_count, 2);
    assert_int_equal(t->c.lsn.v, 7);
    assert_int_equal(t->c.commit_time_us, 1500000);
    reading_change(t, "{\"id\":1}",
                   "{\"id\":1,\"name\":\"\",\"__op\":\"d\",\"__table\":\"x\",\"__lsn\":7,"
                   "\"__source_ts_ms\":1500,\"__deleted\":\"true\"}");
    assert_int_equal(t->c.op, CHANGE_DELETE);
    assert_int_equal(t->c.before_kind, CHANGE_BEFORE_KEY);
    reading_expect(t, t->c.before, "id", "1");
    reading_nothing(t, "{\"id\":1}", NULL);
    t->in.timestamp_ms = 12;
    reading_change(t, "{\"id\":1}", "{\"id\":1,\"name\":\"b\"}");
    assert_int_equal(t->c.op, CHANGE_INSERT);
    assert_true(str_is(t->c.rel->table, "t"));
    assert_int_equal(t->c.commit_time_us, 12000);
}

static void a_key_that_the_row_lacks_is_a_column_of_its_own(void **state)
{
    struct reading *t = *state;

    reading_change(t, "{\"id\":5,\"k\":\"x\"}", "{\"name\":\"a\",\"k\":\"x\"}");
    assert_int_equal(t->c.rel->column_count, 3);
    reading_expect(t, t->c.after, "id", "5");
    reading_expect(t, t->c.after, "k", "x");
    assert_int_equal(reading_column(t, "id")->key_order, 1);
    assert_int_equal(reading_column(t, "k")->key_order, 2);
}

static void unchanged_values_are_never_text(void **state)
{
    struct reading *t = *state;
    static const char row[] =
        "{\"id\":1,\"a\":\"__debezium_unavailable_value\",\"b\":\"X19kZWJleml1bV91bmF2YWlsYWJsZV92"
        "YWx1ZQ==\",\"c\":[\"__debezium_unavailable_value\"],\"d\":{\"__debezium_unavailable_value\":"
        "\"__debezium_unavailable_value\"},\"e\":[95,95,100,101,98,101,122,105,117,109,95,117,110,97,"
        "118,97,105,108,97,98,108,101,95,118,97,108,117,101],\"f\":\"__debezium_unavailable_value.\"}";

    reading_change(t, "{\"id\":1}", row);
    reading_expect(t, t->c.after, "a", "(unchanged)");
    reading_expect(t, t->c.after, "b", "(unchanged)");
    reading_expect(t, t->c.after, "c", "(unchanged)");
    reading_expect(t, t->c.after, "d", "(unchanged)");
    reading_expect(t, t->c.after, "e", "(unchanged)");
    reading_expect(t, t->c.after, "f", "__debezium_unavailable_value.");
    t->in.ours = true;
    t->in.unchanged_header = STR("b,c");
    reading_change(t, "{\"id\":1}", row);
    reading_expect(t, t->c.after, "a", "__debezium_unavailable_value");
    reading_expect(t, t->c.after, "b", "(unchanged)");
    reading_expect(t, t->c.after, "c", "(unchanged)");
    t->in.unchanged_header = STR("nope");
    reading_rejects(t, "{\"id\":1}", row, "no such column");
}

static void what_is_no_change_is_nothing(void **state)
{
    struct reading *t = *state;

    reading_nothing(t, "{\"serverName\":\"p\"}", "{\"ts_ms\":1559033904961}");
    reading_nothing(t, "{\"id\":\"571:1\"}",
                    "{\"status\":\"BEGIN\",\"id\":\"571:1\",\"event_count\":null,"
                    "\"data_collections\":null,\"ts_ms\":1}");
    reading_nothing(t, NULL,
                    "{\"schema\":{\"type\":\"struct\",\"fields\":[],\"name\":"
                    "\"io.debezium.connector.common.Heartbeat\"},\"payload\":{\"ts_ms\":1}}");
}

static void a_logical_message_has_a_prefix_and_a_content(void **state)
{
    struct reading *t = *state;

    reading_change(t, "{\"prefix\":\"foo\"}",
                   "{\"op\":\"m\",\"ts_ms\":1," SOURCE ",\"transaction\":null,"
                   "\"message\":{\"prefix\":\"foo\",\"content\":\"YmFy\"}}");
    assert_int_equal(t->c.op, CHANGE_MESSAGE);
    assert_int_equal(t->c.rel->schema.n, 0);
    reading_expect(t, t->c.after, "prefix", "foo");
    reading_expect(t, t->c.after, "content", "\\x626172");
    assert_int_equal(t->c.xid, 555);
}

static void headers_of_connect_say_what_fields_say(void **state)
{
    struct reading *t = *state;
    static const struct debezium_input_header headers[] = {
        { STR("__op"), STR("u") },
        { STR("__table"), STR("\"x\"") },
        { STR("__lsn"), STR("{\"schema\":{\"type\":\"int64\"},\"payload\":77}") },
        { STR("__source_ts_ms"), STR("1500") },
        { STR("op"), STR("d") },
    };

    t->in.headers = headers;
    t->in.header_count = sizeof headers / sizeof headers[0];
    reading_change(t, "{\"id\":1}", "{\"id\":1}");
    assert_int_equal(t->c.op, CHANGE_UPDATE);
    assert_true(str_is(t->c.rel->table, "x"));
    assert_int_equal(t->c.lsn.v, 77);
    assert_int_equal(t->c.commit_time_us, 1500000);
    reading_change(t, "{\"id\":1}", "{\"id\":1,\"__deleted\":\"true\"}");
    assert_int_equal(t->c.op, CHANGE_DELETE);
    reading_change(t, "{\"id\":1}", insert);
    assert_int_equal(t->c.op, CHANGE_INSERT);
}

static void malformed_records_are_refused_with_what_and_where(void **state)
{
    struct reading *t = *state;
    static const struct {
        const char *key;
        const char *value;
        const char *words;
    } cases[] = {
        { "{\"id\":1}", "", "ends too soon" },
        { "{\"id\":1}", "{\"id\":1", "(value, byte 7)" },
        { "{\"id\":1}", "{\"id\":1}x", "something stands behind" },
        { "{\"id\":1}", "{\"id\":01}", "(value, byte 7)" },
        { "{\"id\":1}", "{\"id\":\"\\ud800\"}", "surrogate" },
        { "{\"id\":1}", "{\"id\":\"\\u0000\"}", "U+0000" },
        { "{\"id\":1}", "{\"id\":\"\xff\"}", "UTF-8" },
        { "{\"id\":1}", "{\"id\":1,\"id\":2}", "one name" },
        { "{\"id\":1}", "{\"\":1}", "empty" },
        { "{\"id\":1}", "5", "no object" },
        { "{\"id\":1}", "[1]", "no object" },
        { "{\"id\":1}", "{\"before\":null,\"after\":{\"id\":1},\"source\":{}}",
          "op): it is missing" },
        { "{\"id\":1}", "{\"after\":{\"id\":1},\"source\":{},\"op\":\"x\"}", "none of c" },
        { "{\"id\":1}", "{\"after\":{\"id\":1},\"source\":{},\"op\":1}", "no string" },
        { "{\"id\":1}", "{\"after\":5,\"source\":{},\"op\":\"c\"}", "after): it is no object" },
        { "{\"id\":1}", "{\"after\":null,\"source\":{},\"op\":\"c\"}", "no columns" },
        { "{\"id\":1}", "{\"after\":{\"id\":1},\"source\":5,\"op\":\"c\"}", "source" },
        { "{\"id\":1}", "{\"after\":{\"id\":1},\"after\":{},\"op\":\"c\"}", "twice" },
        { "{\"id\":1", "{\"id\":1}", "key, byte" },
        { "5", "{\"id\":1}", "key): it is no object" },
        { NULL, "{\"before\":null,\"after\":null,\"source\":{},\"op\":\"d\"}", "no columns" },
        { "{\"id\":1}", "{\"id\":1e999999}", "range" },
        { KEY("1"), VALUE("\"after\":{\"id\":1,\"name\":null,\"n\":1},\"op\":\"c\""), "not allow" },
        { KEY("1"), VALUE("\"after\":{\"id\":1,\"n\":1},\"op\":\"c\""),
          "\"name\"): it is missing" },
        { KEY("1"), VALUE("\"after\":{\"id\":1,\"name\":\"\",\"q\":1},\"op\":\"c\""), "not know" },
        { KEY("1"), VALUE("\"after\":{\"id\":1,\"id\":1,\"name\":\"\"},\"op\":\"c\""), "twice" },
        { KEY("\"x\""), VALUE("\"after\":null,\"op\":\"d\""), "key, field \"id\"" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        reading_rejects(t, cases[i].key, cases[i].value, cases[i].words);
    reading_change(t, KEY("1"), insert); /* and the reader goes on */
}

static void depth_is_bounded_and_numbers_of_any_length_are_read(void **state)
{
    struct reading *t = *state;
    char *text = test_calloc(1, 200001);

    memset(text, '[', 10000);
    reading_rejects(t, NULL, text, "nested too deep");
    for (size_t i = 0; i < 5; i++)
        text[i] = "{\"a\":"[i];
    memset(text + 5, '9', 100000);
    memcpy(text + 100005, "}", 2);
    reading_change(t, NULL, text);
    assert_int_equal(t->c.after[0].text.n, 100000);
    memset(text + 5, '9', 199990);
    memcpy(text + 199995, "}", 2);
    reading_rejects(t, NULL, text, "range");
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, reading_set_up, reading_tear_down)
        CASE(an_envelope_with_schemas_is_a_change),
        CASE(ops_are_debeziums_letters),
        CASE(a_delete_knows_its_key_and_the_rest_only_where_it_is_no_filling),
        CASE(a_tombstone_behind_its_delete_is_nothing_and_any_other_deletes),
        CASE(a_tombstone_is_of_the_table_of_the_rows_before_it),
        CASE(rows_without_schemas_take_their_types_from_the_values),
        CASE(types_widen_and_do_not_go_back),
        CASE(unwrapped_rows_say_their_op_in_fields_that_are_no_columns),
        CASE(a_key_that_the_row_lacks_is_a_column_of_its_own),
        CASE(unchanged_values_are_never_text),
        CASE(what_is_no_change_is_nothing),
        CASE(a_logical_message_has_a_prefix_and_a_content),
        CASE(headers_of_connect_say_what_fields_say),
        CASE(malformed_records_are_refused_with_what_and_where),
        CASE(depth_is_bounded_and_numbers_of_any_length_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
