/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "sink/cassandra_conf.h"
#include "sink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct buf shown;

/* Loads a pipeline whose one Cassandra sink has these lines (each indented by six). */
static struct config *load(const char *lines)
{
    struct buf text;
    struct config *config = NULL;
    struct error err;

    buf_init(&text, MIB);
    buf_clear(&shown);
    buf_putf(&text,
             "version: 1\nname: test\nsource:\n  postgres:\n    url: postgres://u@localhost/db\n"
             "    slot: s\n    publication: p\n    tables: [public.t]\n"
             "sinks:\n  - name: c\n    from: public.t\n    cassandra:\n%s",
             lines);
    if (!config_load_text("test.yaml", buf_view(&text), sink_config_kinds(), &config, &shown, &err))
        config = NULL;
    buf_done(&text);
    return config;
}

#define BASE "      contact_points: [127.0.0.1]\n"
#define FULL BASE "      table: ks.t\n"

static void expect_fault(const char *lines, const char *words)
{
    struct config *config = load(lines);

    if (config != NULL)
        fail_msg("was taken: %s", lines);
    if (strstr(buf_cstr(&shown), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", buf_cstr(&shown), words);
}

static void the_least_configuration_has_its_defaults(void **state)
{
    struct config *config = load(FULL);
    const struct sink_cassandra_conf *c;
    struct cql_opts opts;

    (void)state;
    if (config == NULL)
        fail_msg("%s", buf_cstr(&shown));
    c = config->sinks[0].conf;
    opts = sink_cassandra_session_opts(c, -1, NULL);
    assert_string_equal(c->table.keyspace, "ks");
    assert_string_equal(c->table.name, "t");
    assert_int_equal(c->columns.count, 0);
    assert_int_equal(c->on_truncate, SINK_CASSANDRA_TRUNCATE_REFUSE);
    assert_int_equal(c->on_delete, SINK_CASSANDRA_DELETE_APPLY);
    assert_int_equal(opts.consistency, CQL_LOCAL_QUORUM);
    assert_int_equal(opts.port, 9042);
    assert_int_equal(opts.request_timeout_ms, 12000);
    assert_int_equal(opts.connect_timeout_ms, 5000);
    assert_int_equal(opts.in_flight_max, 512);
    assert_null(opts.tls);
    assert_true(c->tls.verify);
    config_free(config);
}

static void every_consistency_is_the_one_it_names(void **state)
{
    static const struct {
        const char *name;
        enum cql_consistency value;
    } all[] = { { "LOCAL_QUORUM", CQL_LOCAL_QUORUM },
                { "LOCAL_ONE", CQL_LOCAL_ONE },
                { "ONE", CQL_ONE },
                { "TWO", CQL_TWO },
                { "THREE", CQL_THREE },
                { "QUORUM", CQL_QUORUM },
                { "ALL", CQL_ALL },
                { "EACH_QUORUM", CQL_EACH_QUORUM } };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char lines[256];
        struct config *config;

        (void)snprintf(lines, sizeof lines, FULL "      consistency: %s\n", all[i].name);
        config = load(lines);
        assert_non_null(config);
        assert_int_equal(sink_cassandra_consistency(config->sinks[0].conf), all[i].value);
        config_free(config);
    }
    expect_fault(FULL "      consistency: ANY\n", "\"consistency\" cannot be \"ANY\"");
}

static void names_fold_as_in_cql_unless_quoted(void **state)
{
    struct config *config = load(BASE "      table: Engagement.\"Events.2\"\n");
    const struct sink_cassandra_conf *c;

    (void)state;
    assert_non_null(config);
    c = config->sinks[0].conf;
    assert_string_equal(c->table.keyspace, "engagement");
    assert_string_equal(c->table.name, "Events.2");
    config_free(config);
}

static void a_table_needs_keyspace_and_name(void **state)
{
    static const char *const bad[] = { "t", "a.b.c", ".t", "ks.", "\"ks.t", "[a, b]" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char lines[256];

        (void)snprintf(lines, sizeof lines, BASE "      table: '%s'\n", bad[i]);
        expect_fault(lines, "\"table\" names the keyspace and the table");
    }
    expect_fault(BASE, "table");
}

static void columns_are_a_list_or_a_map(void **state)
{
    struct config *list = load(FULL "      columns: [id, note]\n");
    struct config *map = load(FULL "      columns: {id: order_id, note: note}\n");
    const struct sink_cassandra_conf *c;

    (void)state;
    assert_non_null(list);
    assert_non_null(map);
    c = list->sinks[0].conf;
    assert_int_equal(c->columns.count, 2);
    assert_true(str_is(c->columns.items[1].source, "note"));
    assert_true(str_is(c->columns.items[1].target, "note"));
    c = map->sinks[0].conf;
    assert_true(str_is(c->columns.items[0].source, "id"));
    assert_true(str_is(c->columns.items[0].target, "order_id"));
    config_free(list);
    config_free(map);
}

static void faulty_columns_are_named(void **state)
{
    (void)state;
    expect_fault(FULL "      columns: []\n", "\"columns\" is a list of column names");
    expect_fault(FULL "      columns: id\n", "\"columns\" is a list of column names");
    expect_fault(FULL "      columns: [id, id]\n", "column \"id\" is written twice");
    expect_fault(FULL "      columns: {a: x, b: x}\n", "column \"x\" is written twice");
    expect_fault(FULL "      columns: [[id]]\n", "the name of a column is expected here");
}

static void contact_points_are_hosts_with_or_without_port(void **state)
{
    static const char *const bad[] = { "host:0", "host:99999", "host:x",      ":9042",
                                       "[::1",   "[::1]9042",  "http://host", "a b" };
    struct config *config = load("      contact_points: [node1, 'node2:9043', '::1', '[::1]:9042', "
                                 "'[fe80::1]']\n      table: ks.t\n");

    (void)state;
    if (config == NULL)
        fail_msg("%s", buf_cstr(&shown));
    config_free(config);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char lines[256];

        (void)snprintf(lines, sizeof lines, "      contact_points: ['%s']\n      table: ks.t\n",
                       bad[i]);
        expect_fault(lines, "is not a host or host:port");
    }
}

static void what_belongs_together_must_come_together(void **state)
{
    (void)state;
    expect_fault(FULL "      username: u\n", "\"password\" is missing");
    expect_fault(FULL "      tls: {enabled: true, cert: /c}\n",
                 "\"cert\" and \"key\" of \"tls\" go together");
    expect_fault(FULL "      tls: {ca: /c}\n", "is not switched on");
}

static void tls_reaches_the_session(void **state)
{
    struct config *config =
        load(FULL "      tls: {enabled: true, ca: /ca.pem, server_name: node}\n");
    struct cql_opts opts;

    (void)state;
    assert_non_null(config);
    opts = sink_cassandra_session_opts(config->sinks[0].conf, -1, NULL);
    assert_non_null(opts.tls);
    assert_string_equal(opts.tls->ca_file, "/ca.pem");
    assert_string_equal(opts.tls->server_name, "node");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_configuration_has_its_defaults),
        cmocka_unit_test(every_consistency_is_the_one_it_names),
        cmocka_unit_test(names_fold_as_in_cql_unless_quoted),
        cmocka_unit_test(a_table_needs_keyspace_and_name),
        cmocka_unit_test(columns_are_a_list_or_a_map),
        cmocka_unit_test(faulty_columns_are_named),
        cmocka_unit_test(contact_points_are_hosts_with_or_without_port),
        cmocka_unit_test(what_belongs_together_must_come_together),
        cmocka_unit_test(tls_reaches_the_session),
    };

    int failed;

    buf_init(&shown, MIB);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&shown);
    return failed;
}
