/* SPDX-License-Identifier: Apache-2.0 */
#include "cassandra_fixture.h"
#include "sink/cassandra_ddl.h"

static void expect_name(const char *name, const char *cql)
{
    struct buf b;

    buf_init(&b, MIB);
    sink_cassandra_ddl_name(str_from(name), &b);
    assert_string_equal(buf_cstr(&b), cql);
    buf_done(&b);
}

static void plain_names_stay_plain(void **state)
{
    (void)state;
    expect_name("event_ts", "event_ts");
    expect_name("a1", "a1");
}

static void other_names_are_quoted(void **state)
{
    (void)state;
    expect_name("Event", "\"Event\"");
    expect_name("select", "\"select\"");
    expect_name("table", "\"table\"");
    expect_name("1a", "\"1a\"");
    expect_name("_a", "\"_a\"");
    expect_name("a b", "\"a b\"");
    expect_name("we\"ird", "\"we\"\"ird\"");
    expect_name("", "\"\"");
}

static void the_seeds_table_comes_out_as_it_was_written(void **state)
{
    struct fixture f;
    struct buf b;
    static const struct str columns[] = { STR("id"), STR("content_id"), STR("event_ts"),
                                          STR("device") };

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "id", PG_INT8);
    (void)fixture_source(&f, "content_id", PG_UUID);
    (void)fixture_source(&f, "event_ts", PG_TIMESTAMPTZ);
    (void)fixture_source(&f, "device", PG_TEXT);
    (void)fixture_source(&f, "raw_payload", PG_JSONB);
    buf_init(&b, MIB);
    sink_cassandra_ddl_create(&f.rel, "engagement", "engagement_events", columns, 4, &b);
    assert_string_equal(buf_cstr(&b), "CREATE TABLE IF NOT EXISTS engagement.engagement_events (\n"
                                      "    id bigint,\n"
                                      "    content_id uuid,\n"
                                      "    event_ts timestamp,\n"
                                      "    device text,\n"
                                      "    PRIMARY KEY (id)\n"
                                      ");\n");
    buf_done(&b);
    arena_done(&f.a);
}

static void a_composite_key_is_one_partition_key(void **state)
{
    struct fixture f;
    struct buf b;

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "a", PG_INT4);
    (void)fixture_source(&f, "tags", 1009);
    fixture_key(&f, "Order", PG_TEXT);
    buf_init(&b, MIB);
    sink_cassandra_ddl_create(&f.rel, "ks", "t", NULL, 0, &b);
    assert_string_equal(buf_cstr(&b), "CREATE TABLE IF NOT EXISTS ks.t (\n"
                                      "    a int,\n"
                                      "    tags frozen<list<text>>,\n"
                                      "    \"Order\" text,\n"
                                      "    PRIMARY KEY ((a, \"Order\"))\n"
                                      ");\n");
    buf_done(&b);
    arena_done(&f.a);
}

static void the_key_is_part_of_the_table_whether_named_or_not(void **state)
{
    struct fixture f;
    struct buf b;
    static const struct str columns[] = { STR("note") };

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "id", PG_INT8);
    (void)fixture_source(&f, "note", PG_TEXT);
    buf_init(&b, MIB);
    sink_cassandra_ddl_create(&f.rel, "ks", "t", columns, 1, &b);
    assert_non_null(strstr(buf_cstr(&b), "    id bigint,\n    note text,\n"));
    buf_done(&b);
    arena_done(&f.a);
}

static void a_table_without_any_key_says_so(void **state)
{
    struct fixture f;
    struct buf b;

    (void)state;
    fixture_init(&f);
    (void)fixture_source(&f, "note", PG_TEXT);
    buf_init(&b, MIB);
    sink_cassandra_ddl_create(&f.rel, "ks", "t", NULL, 0, &b);
    assert_non_null(strstr(buf_cstr(&b), "the source table has no key"));
    buf_done(&b);
    arena_done(&f.a);
}

static void a_keyspace_is_made_with_one_replica(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    sink_cassandra_ddl_keyspace("Ks", &b);
    assert_non_null(strstr(buf_cstr(&b), "CREATE KEYSPACE IF NOT EXISTS \"Ks\" WITH replication"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_stay_plain),
        cmocka_unit_test(other_names_are_quoted),
        cmocka_unit_test(the_seeds_table_comes_out_as_it_was_written),
        cmocka_unit_test(a_composite_key_is_one_partition_key),
        cmocka_unit_test(the_key_is_part_of_the_table_whether_named_or_not),
        cmocka_unit_test(a_table_without_any_key_says_so),
        cmocka_unit_test(a_keyspace_is_made_with_one_replica),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
