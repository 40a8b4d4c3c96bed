/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_translate.h"

#include "base/limits.h"
#include "sink/sink.h"
#include "unit/control/plugins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup_all(void **state)
{
    arena_init(&arena, MIB);
    return setup(state);
}

static int teardown_all(void **state)
{
    arena_done(&arena);
    return teardown(state);
}

static json_t *parse(const char *text)
{
    json_t *config = json_loads(text, 0, NULL);

    assert_non_null(config);
    return config;
}

/* The seed's properties. */
static const char seed[] =
    "{\"connector.class\":\"io.debezium.connector.postgresql.PostgresConnector\","
    "\"plugin.name\":\"pgoutput\",\"database.hostname\":\"localhost\",\"database.port\":\"5432\","
    "\"database.user\":\"mohammed\",\"database.password\":\"master\","
    "\"database.dbname\":\"engagement_db\",\"topic.prefix\":\"engagement_project\","
    "\"table.include.list\":\"public.engagement_events\",\"publication.name\":\"engagement_pub\","
    "\"slot.name\":\"cdc_slot\",\"database.sslmode\":\"disable\"}";

static struct config *load_source(const char *properties)
{
    static const char *const tables[] = { "public.engagement_events" };
    json_t *config = parse(properties);
    struct connect_source_text text = { config, "p", "data/p", tables, 1, NULL };
    struct config *conf = NULL;
    struct error err;
    struct buf b;
    struct buf report;

    buf_init(&b, MIB);
    buf_init(&report, MIB);
    connect_source_text(&text, &b);
    if (!config_load_text("x", buf_view(&b), sink_config_kinds(), &conf, &report, &err))
        fail_msg("%s\n%s", buf_cstr(&report), buf_cstr(&b));
    buf_done(&b);
    buf_done(&report);
    json_decref(config);
    return conf;
}

static void the_seeds_properties_are_a_pipeline(void **state)
{
    struct config *c = load_source(seed);

    (void)state;
    assert_string_equal(c->source.url,
                        "postgres://mohammed@localhost:5432/engagement_db?sslmode=disable");
    assert_string_equal(c->source.password, "master");
    assert_string_equal(c->source.slot, "cdc_slot");
    assert_string_equal(c->source.publication, "engagement_pub");
    assert_string_equal(c->source.tables.items[0], "public.engagement_events");
    assert_int_equal(c->source.snapshot, CONFIG_SNAPSHOT_INITIAL);
    assert_string_equal(c->stream.dir, "data/p");
    assert_int_equal(c->sink_count, 0);
    config_free(c);
}

static void values_are_taken_as_they_are(void **state)
{
    struct config *c = load_source(
        "{\"database.hostname\":\"::1\",\"database.user\":\"a/b@c\",\"database.dbname\":\"d?e\","
        "\"database.password\":\"${file:/etc/passwd} $${ \\\" ' \\n #\",\"snapshot.mode\":\"never\","
        "\"status.update.interval.ms\":\"5\",\"database.sslmode\":\"prefer\"}");

    (void)state;
    assert_string_equal(c->source.url, "postgres://a%2Fb%40c@[::1]:5432/d%3Fe");
    assert_string_equal(c->source.password, "${file:/etc/passwd} $${ \" ' \n #");
    assert_string_equal(c->source.slot, "debezium");
    assert_string_equal(c->source.publication, "dbz_publication");
    assert_int_equal(c->source.snapshot, CONFIG_SNAPSHOT_NEVER);
    assert_int_equal(c->source.status_interval_ms, 1000);
    config_free(c);
}

static void names_become_those_of_pipelines(void **state)
{
    char a[CONNECT_NAME_TEXT];
    char b[CONNECT_NAME_TEXT];

    (void)state;
    connect_safe_name("engagement-cdc", a);
    assert_string_equal(a, "engagement-cdc");
    connect_safe_name("Engagement CDC/1", a);
    connect_safe_name("engagement cdc/1", b);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "engagement_cdc_1_", 17);
    connect_safe_name("this-name-is-much-longer-than-a-pipeline-may-be-called-by-anyone", a);
    assert_true(strlen(a) < CONNECT_NAME_TEXT);
    connect_safe_name("", a);
    assert_true(a[0] != '\0');
}

static bool named(const char *list, size_t *count)
{
    const char *const *tables;
    json_t *config = json_pack("{s:s}", "table.include.list", list);
    bool ok = connect_tables_named(config, &arena, &tables, count);

    json_decref(config);
    return ok;
}

static void plain_tables_are_told_from_patterns(void **state)
{
    size_t count;

    (void)state;
    assert_true(named("public.a", &count));
    assert_int_equal(count, 1);
    assert_true(named(" public.a , public\\.b ,", &count));
    assert_int_equal(count, 2);
    assert_false(named("public.*", &count));
    assert_false(named("public.(a|b)", &count));
    assert_false(named("public.a\\d", &count));
    assert_false(named("nodot", &count));
    assert_false(named("", &count));
}

static void lists_become_one_expression(void **state)
{
    json_t *config =
        json_pack("{s:s, s:s}", "table.include.list", "a.b, c.d.*", "schema.exclude.list", "x");
    struct connect_filters f;

    (void)state;
    connect_filters_get(config, &arena, &f);
    assert_string_equal(f.table_include, "^(?:a.b|c.d.*)$");
    assert_string_equal(f.schema_exclude, "^(?:x)$");
    assert_null(f.table_exclude);
    json_decref(config);
}

static bool topics(const char *list, const char **ret_prefix, const char *const **ret_tables)
{
    json_t *config = json_pack("{s:s}", "topics", list);
    char text[256];
    size_t count;
    bool ok = connect_topics_get(config, &arena, ret_prefix, ret_tables, &count, text, sizeof text);

    json_decref(config);
    return ok;
}

static void topics_are_prefix_schema_and_table(void **state)
{
    const char *const *tables;
    const char *prefix;

    (void)state;
    assert_true(topics("my.own.prefix.public.t, my.own.prefix.public.u", &prefix, &tables));
    assert_string_equal(prefix, "my.own.prefix");
    assert_string_equal(tables[1], "public.u");
    assert_false(topics("public.t", &prefix, &tables));
    assert_false(topics("a.public.t,b.public.t", &prefix, &tables));
    assert_false(topics("..", &prefix, &tables));
}

/* The rendered faults of a sink's properties, or "". */
static const char *load_sink(const char *class_name, const char *properties, struct config **ret)
{
    static const char *const tables[] = { "public.t" };
    static struct buf report;
    json_t *config = parse(properties);
    struct error err;
    struct buf b;

    buf_done(&report);
    buf_init(&report, MIB);
    buf_init(&b, MIB);
    *ret = NULL;
    connect_sink_text(connect_plugin_find(&plugins, class_name), config, "s", tables, 1, &b);
    if (!config_load_text("x", buf_view(&b), sink_config_kinds(), ret, &report, &err))
        *ret = NULL;
    buf_done(&b);
    json_decref(config);
    return buf_cstr(&report);
}

static void dotted_properties_are_the_keys_of_the_sink(void **state)
{
    struct config *c;
    const char *report = load_sink(
        "RedisSink",
        "{\"name\":\"top\",\"connector.class\":\"RedisSink\",\"topics\":\"p.public.t\","
        "\"url\":\"redis://localhost:6379/0\",\"batch_rows\":\"7\",\"retry.max\":\"9s\","
        "\"value.converter\":\"x\",\"value.converter.schemas.enable\":\"false\","
        "\"commands.insert\":\"[\\\"ZINCRBY\\\", \\\"k\\\", \\\"1\\\", \\\"{{id}}\\\"]\"}",
        &c);

    (void)state;
    assert_string_equal(report, "");
    assert_int_equal(c->sink_count, 1);
    assert_string_equal(c->sinks[0].name, "s");
    assert_int_equal(c->sinks[0].batch_rows, 7);
    assert_int_equal(c->sinks[0].retry_max_ms, 9000);
    config_free(c);
    report = load_sink("CassandraSink",
                       "{\"contact_points\":\"a:1, b:2\",\"local_dc\":\"dc\",\"table\":\"k.t\","
                       "\"columns\":\"{\\\"a\\\": \\\"x\\\"}\"}",
                       &c);
    assert_string_equal(report, "");
    config_free(c);
    report = load_sink(
        "HttpSink", "{\"url\":\"http://localhost/x\",\"headers.X-One.Two\":\"${env:HOME}\"}", &c);
    assert_string_equal(report, "");
    config_free(c);
}

static void wrong_keys_of_a_sink_are_found_by_the_one_validator(void **state)
{
    struct config *c;

    (void)state;
    assert_non_null(strstr(load_sink("RedisSink", "{\"urll\":\"x\"}", &c), "unknown key \"urll\""));
    assert_null(c);
    assert_non_null(strstr(load_sink("HttpSink", "{\"url\":\"http://h/\",\"timeout\":\"5\"}", &c),
                           "has no unit"));
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seeds_properties_are_a_pipeline),
        cmocka_unit_test(values_are_taken_as_they_are),
        cmocka_unit_test(names_become_those_of_pipelines),
        cmocka_unit_test(plain_tables_are_told_from_patterns),
        cmocka_unit_test(lists_become_one_expression),
        cmocka_unit_test(topics_are_prefix_schema_and_table),
        cmocka_unit_test(dotted_properties_are_the_keys_of_the_sink),
        cmocka_unit_test(wrong_keys_of_a_sink_are_found_by_the_one_validator),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
