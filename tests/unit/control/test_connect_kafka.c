/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_kafka.h"

#include "base/limits.h"
#include "sink/sink.h"
#include "unit/control/plugins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CLASS "\"connector.class\":\"PostgresConnector\",\"topic.prefix\":\"app\""
#define JSON  "org.apache.kafka.connect.json.JsonConverter"
#define UNWRAP                                                                                     \
    ",\"transforms\":\"u\",\"transforms.u.type\":\"io.debezium.transforms.ExtractNewRecordState\""

static struct config *load(const char *text)
{
    struct config *c = NULL;
    struct error err;
    struct buf report;

    buf_init(&report, MIB);
    if (!config_load_text("x", str_from(text), sink_config_kinds(), &c, &report, &err))
        fail_msg("%s\n%s", buf_cstr(&report), text);
    buf_done(&report);
    return c;
}

/* The file of a connector with these properties, on a daemon with that stream.kafka. */
static struct config *source_on(const char *kafka, const char *properties)
{
    static const char *const tables[] = { "public.t" };
    char *daemon_text = NULL;
    struct config *daemon;
    struct connect_source_text text = {
        .name = "p", .dir = "d/p", .tables = tables, .table_count = 1
    };
    json_t *config = json_loads(properties, 0, NULL);
    json_t *base;
    struct config *c;
    struct buf b;

    assert_non_null(config);
    assert_true(asprintf(&daemon_text,
                         "{version: 1, name: w, stream: {kafka: {brokers: [k:9], %s}}}",
                         kafka) > 0);
    daemon = load(daemon_text);
    base = connect_kafka_base(daemon);
    text.config = config;
    text.kafka = base;
    buf_init(&b, MIB);
    connect_source_text(&text, &b);
    c = load(buf_cstr(&b));
    buf_done(&b);
    json_decref(base);
    json_decref(config);
    config_free(daemon);
    free(daemon_text);
    return c;
}

#define BASICS                                                                                     \
    CLASS ",\"database.hostname\":\"h\",\"database.user\":\"u\",\"database.dbname\":\"d\","        \
          "\"slot.name\":\"s\""

static void what_the_daemon_says_counts_for_each_connector(void **state)
{
    struct config *c = source_on(
        "dir: data, topic_prefix: other, state_topic: x, compression: zstd,"
        " properties: {sasl.password: 'a$${b}'}, format: {schemas: false, decimal: string}",
        "{" BASICS ",\"decimal.handling.mode\":\"DOUBLE\"}");

    (void)state;
    assert_int_equal(c->role, CONFIG_ROLE_CAPTURE);
    assert_string_equal(c->stream.kafka.brokers, "k:9");
    assert_string_equal(c->stream.kafka.topic_prefix, "app");
    assert_string_equal(c->stream.kafka.state_topic, "__multisink.s");
    assert_string_equal(c->stream.kafka.compression, "zstd");
    assert_string_equal(c->stream.kafka.properties[0].value, "a${b}");
    assert_string_equal(c->stream.dir, "d/p");
    assert_false(c->stream.kafka.format.schemas);
    assert_false(c->stream.kafka.format.key_schemas);
    assert_int_equal(c->stream.kafka.format.decimal, 1);
    assert_false(c->stream.kafka.format.unwrapped);
    config_free(c);
}

static void a_converter_that_is_named_replaces_the_daemons(void **state)
{
    struct config *c =
        source_on("format: {schemas: false}", "{" BASICS ",\"value.converter\":\"" JSON
                                              "\",\"key.converter.schemas.enable\":\"true\"}");

    (void)state;
    assert_true(c->stream.kafka.format.schemas);
    assert_false(c->stream.kafka.format.key_schemas); /* no key.converter beside it */
    config_free(c);
    c = source_on("linger: 1ms", "{" BASICS ",\"value.converter\":\"" JSON
                                 "\",\"value.converter.schemas.enable\":\"False\"}");
    assert_false(c->stream.kafka.format.schemas);
    assert_true(c->stream.kafka.format.key_schemas);
    config_free(c);
}

static void properties_of_records_are_keys_of_the_format(void **state)
{
    struct config *c = source_on(
        "linger: 1ms",
        "{" BASICS ",\"tombstones.on.delete\":\"false\",\"provide.transaction.metadata\":\"true\","
        "\"heartbeat.interval.ms\":\"1500\",\"skipped.operations\":\"none\","
        "\"heartbeat.action.query\":\"SELECT 1\",\"signal.data.collection\":\"public.s\","
        "\"unavailable.value.placeholder\":\"${env:X}\",\"topic.creation.default.partitions\":\"4\","
        "\"topic.creation.default.replication.factor\":\"2\"" UNWRAP
        ",\"transforms.u.add.fields\":\"op, table\",\"transforms.u.add.fields.prefix\":\"_\"}");
    const struct config_format *f = &c->stream.kafka.format;

    (void)state;
    assert_false(f->tombstones);
    assert_true(f->transactions);
    assert_true(f->truncates);
    assert_true(f->unwrapped);
    assert_int_equal(f->heartbeat_ms, 1500);
    assert_string_equal(f->placeholder, "${env:X}");
    assert_string_equal(f->add_fields.items[1], "table");
    assert_string_equal(f->fields_prefix, "_");
    assert_int_equal(c->stream.kafka.partitions, 4);
    assert_int_equal(c->stream.kafka.replication, 2);
    assert_string_equal(c->source.heartbeat_query, "SELECT 1");
    assert_int_equal(c->source.heartbeat_ms, 1500);
    assert_string_equal(c->source.signal_table, "public.s");
    config_free(c);
}

/* The places of the words in config/format.c. */
enum { DROP, TOMBSTONE, REWRITE, REWRITE_AND, DELETE_TO, NONE, NONE_WITHOUT };

static void the_older_pair_of_deletes_is_one_word(void **state)
{
    static const struct {
        const char *options;
        int deletes;
    } rows[] = {
        { "", DROP },
        { ",\"transforms.u.drop.tombstones\":\"true\"", DROP },
        { ",\"transforms.u.drop.tombstones\":\"false\"", TOMBSTONE },
        { ",\"transforms.u.delete.handling.mode\":\"rewrite\"", REWRITE },
        { ",\"transforms.u.delete.handling.mode\":\"Rewrite\","
          "\"transforms.u.drop.tombstones\":\"false\"",
          REWRITE_AND },
        { ",\"transforms.u.delete.handling.mode\":\"none\"", NONE_WITHOUT },
        { ",\"transforms.u.delete.handling.mode\":\"none\",\"transforms.u.drop.tombstones\":\"false\"",
          NONE },
        { ",\"transforms.u.delete.tombstone.handling.mode\":\"delete-to-tombstone\"", DELETE_TO },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        struct config *c;

        (void)snprintf(text, sizeof text, "{" BASICS UNWRAP "%s}", rows[i].options);
        c = source_on("linger: 1ms", text);
        assert_int_equal(c->stream.kafka.format.deletes, rows[i].deletes);
        config_free(c);
    }
}

static void a_sink_reads_its_topics_in_the_group_of_connect(void **state)
{
    json_t *base = json_pack("{s:s}", "brokers", "k:9");
    json_t *config = json_pack("{s:s, s:s, s:s}", "topics", "a.b.c, d", "url", "redis://h",
                               "commands.insert", "[\"PING\"]");
    struct config *c;
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    connect_sink_text_kafka(connect_plugin_find(&plugins, "redis"), config, "top", base, "d/top",
                            &b);
    c = load(buf_cstr(&b));
    assert_int_equal(c->role, CONFIG_ROLE_DELIVER);
    assert_string_equal(c->stream.kafka.group, "connect");
    assert_string_equal(c->sinks[0].topics.items[0], "a.b.c");
    assert_string_equal(c->sinks[0].topics.items[1], "d");
    assert_int_equal(c->sinks[0].from.count, 0);
    assert_string_equal(c->stream.dir, "d/top");
    config_free(c);
    buf_done(&b);
    json_decref(config);
    json_decref(base);
}

static void add_line(void *ctx, const struct connect_prop *prop, const char *text)
{
    buf_putf(ctx, "%s: %s\n", prop != NULL ? prop->name : "-", text);
}

static void what_kafka_cannot_be_given_is_named(void **state)
{
    static const char *const rows[][2] = {
        { "\"value.converter\":\"x.Avro\"", "value.converter: Invalid value x.Avro" },
        { "\"header.converter\":\"" JSON "\"", "header.converter: Invalid value" },
        { "\"key.converter.schemas.enable\":\"yes\"",
          "key.converter: The 'key.converter.schemas.enable'" },
        { "\"transforms\":\"u\",\"transforms.u.drop.fields.header.name\":\"x\"",
          "transforms: The 'transforms.u.drop.fields.header.name'" },
        { "\"transforms\":\"u,v\"", "transforms: The 'transforms'" },
        { "\"topic.creation.groups\":\"g\"", "topic.creation.groups: The 'topic.creation.groups'" },
        { "\"topic.transaction\":\"tx\"", "topic.prefix: The 'topic.transaction'" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        json_t *config;
        struct buf b;

        (void)snprintf(text, sizeof text, "{" CLASS ",%s}", rows[i][0]);
        config = json_loads(text, 0, NULL);
        buf_init(&b, KIB * 4);
        connect_kafka_check(connect_plugin_find(&plugins, "Postgres"), config, add_line, &b);
        if (strncmp(buf_cstr(&b), rows[i][1], strlen(rows[i][1])) != 0)
            fail_msg("%s: \"%s\"", rows[i][0], buf_cstr(&b));
        buf_done(&b);
        json_decref(config);
    }
}

static void what_is_taken_is_not_called_idle(void **state)
{
    json_t *config = json_loads("{\"transforms\":\"u\",\"key.converter\":\"x\"}", 0, NULL);

    (void)state;
    assert_true(connect_kafka_takes(config, "decimal.handling.mode"));
    assert_true(connect_kafka_takes(config, "transforms.u.add.fields"));
    assert_false(connect_kafka_takes(config, "transforms.up.add.fields"));
    assert_true(connect_kafka_takes(config, "key.converter.schemas.enable"));
    assert_false(connect_kafka_takes(config, "value.converter.schemas.enable"));
    assert_false(connect_kafka_takes(config, "max.batch.size"));
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_daemon_says_counts_for_each_connector),
        cmocka_unit_test(a_converter_that_is_named_replaces_the_daemons),
        cmocka_unit_test(properties_of_records_are_keys_of_the_format),
        cmocka_unit_test(the_older_pair_of_deletes_is_one_word),
        cmocka_unit_test(a_sink_reads_its_topics_in_the_group_of_connect),
        cmocka_unit_test(what_kafka_cannot_be_given_is_named),
        cmocka_unit_test(what_is_taken_is_not_called_idle),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
