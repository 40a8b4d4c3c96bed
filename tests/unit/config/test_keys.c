/* SPDX-License-Identifier: Apache-2.0 */
/* What a valid file becomes. What an invalid one becomes is in test_golden.c. */
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sample_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SOURCE                                                                                     \
    "version: 1\n"                                                                                 \
    "name: my-shop\n"                                                                              \
    "source:\n"                                                                                    \
    "  postgres:\n"                                                                                \
    "    url: postgres://cdc@db/shop\n"                                                            \
    "    tables: [public.orders, public.items]\n"

#define SINK "sinks: [{name: out, from: public.orders, stdout: }]\n"

static struct config *load(const char *text)
{
    struct config *c = NULL;
    struct error err;
    struct buf report;

    buf_init(&report, MIB);
    if (!config_load_text("test.yaml", str_from(text), &sample_kinds, &c, &report, &err))
        fail_msg("%s", buf_cstr(&report));
    buf_done(&report);
    return c;
}

static void defaults_are_those_of_the_table(void **state)
{
    struct config *c = load(SOURCE SINK);

    (void)state;
    assert_string_equal(c->name, "my-shop");
    assert_string_equal(c->stream.dir, "data");
    assert_int_equal(c->stream.keep_ms, 7 * 86400000LL);
    assert_int_equal(c->stream.max_size, 20 * GIB);
    assert_int_equal(c->stream.segment, 64 * MIB);
    assert_int_equal(c->stream.safety_window_ms, 3600000);
    assert_int_equal(c->stream.when_full, CONFIG_FULL_STOP_CAPTURE);
    assert_int_equal(c->source.snapshot, CONFIG_SNAPSHOT_INITIAL);
    assert_int_equal(c->source.status_interval_ms, 10000);
    assert_null(c->source.password);
    assert_int_equal(c->sinks[0].retry_initial_ms, 500);
    assert_int_equal(c->sinks[0].retry_max_ms, 30000);
    assert_int_equal(c->sinks[0].batch_rows, 1000);
    assert_false(c->sinks[0].pause);
    config_free(c);
}

static void slot_and_publication_are_named_after_the_pipeline(void **state)
{
    struct config *c = load(SOURCE SINK);

    (void)state;
    assert_string_equal(c->source.slot, "multisink_my_shop");
    assert_string_equal(c->source.publication, "multisink_my_shop");
    config_free(c);
}

static void a_password_is_taken_out_of_the_url(void **state)
{
    struct config *c = load("version: 1\n"
                            "name: shop\n"
                            "source: {postgres: {tables: [public.a], "
                            "url: 'postgresql://cdc:p%40ss@h1:1,h2/d?a=b&password=q&c=d'}}\n"
                            "sinks: [{name: out, from: public.a, stdout: }]\n");

    (void)state;
    assert_string_equal(c->source.url, "postgresql://cdc@h1:1,h2/d?a=b&c=d");
    assert_string_equal(c->source.password, "q");
    config_free(c);
    c = load("version: 1\n"
             "name: shop\n"
             "source: {postgres: {tables: [public.a], url: 'postgres://cdc:p%40:s@[::1]:5432'}}\n"
             "sinks: [{name: out, from: public.a, stdout: }]\n");
    assert_string_equal(c->source.url, "postgres://cdc@[::1]:5432");
    assert_string_equal(c->source.password, "p@:s");
    config_free(c);
}

static void the_password_key_counts_more_than_the_url(void **state)
{
    struct config *c = load("version: 1\n"
                            "name: shop\n"
                            "source: {postgres: {tables: [public.a], password: key, "
                            "url: 'postgres://cdc:url@h/d'}}\n"
                            "sinks: [{name: out, from: public.a, stdout: }]\n");

    (void)state;
    assert_string_equal(c->source.password, "key");
    config_free(c);
}

static void references_are_resolved_once(void **state)
{
    struct config *c;

    (void)state;
    (void)setenv("MULTISINK_TEST_A", "${env:MULTISINK_TEST_B}", 1);
    c = load(SOURCE "sinks: [{name: out, from: public.orders, redis: "
                    "{url: 'a-${env:MULTISINK_TEST_A}-$${x}-$5', password: x}}]\n");
    assert_string_equal(((const struct sample_redis *)c->sinks[0].conf)->url,
                        "a-${env:MULTISINK_TEST_B}-${x}-$5");
    config_free(c);
}

static void a_secret_file_loses_its_line_end(void **state)
{
    char path[] = "/tmp/multisink_secret_XXXXXX";
    int fd = mkstemp(path);
    char *text;
    struct config *c;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "se cret\n", 8), 8);
    assert_int_equal(close(fd), 0);
    text = mem_printf(SOURCE "sinks: [{name: out, from: public.orders, redis: "
                             "{url: u, password: '${file:%s}'}}]\n",
                      path);
    c = load(text);
    assert_string_equal(((const struct sample_redis *)c->sinks[0].conf)->password, "se cret");
    config_free(c);
    free(text);
    assert_int_equal(unlink(path), 0);
}

static void one_table_or_a_list_of_them(void **state)
{
    struct config *c =
        load(SOURCE "sinks:\n"
                    "  - {name: a, from: public.orders, stdout: {}}\n"
                    "  - {name: b, from: [public.orders, public.items], stdout: {}}\n");

    (void)state;
    assert_int_equal(c->sinks[0].from.count, 1);
    assert_int_equal(c->sinks[1].from.count, 2);
    assert_string_equal(c->sinks[1].from.items[1], "public.items");
    assert_int_equal(c->sinks[1].from.nodes[1]->line, 9);
    config_free(c);
}

static void a_key_of_a_sink_has_its_default(void **state)
{
    struct config *c = load(SOURCE "sinks: [{name: a, from: public.orders, redis: {url: u}}]\n");

    (void)state;
    assert_string_equal(c->sinks[0].type->name, "redis");
    assert_int_equal(((const struct sample_redis *)c->sinks[0].conf)->timeout_ms, 5000);
    config_free(c);
}

static void quotes_keep_a_text_a_text(void **state)
{
    struct config *c =
        load(SOURCE "sinks: [{name: a, from: public.orders, redis: {url: 'null'}}]\n");

    (void)state;
    assert_string_equal(((const struct sample_redis *)c->sinks[0].conf)->url, "null");
    config_free(c);
}

static void a_missing_file_is_named(void **state)
{
    struct config *c = NULL;
    struct error err;

    (void)state;
    assert_false(config_load("/nonexistent/p.yaml", &sample_kinds, &c, NULL, &err));
    assert_string_equal(err.code, "E0202");
    assert_non_null(strstr(err.msg, "/nonexistent/p.yaml"));
    assert_null(c);
}

static void a_file_above_the_limit_is_refused(void **state)
{
    char path[] = "/tmp/multisink_config_XXXXXX";
    int fd = mkstemp(path);
    struct config *c = NULL;
    struct error err;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)LIMIT_CONFIG_FILE + 1), 0);
    assert_int_equal(close(fd), 0);
    assert_false(config_load(path, &sample_kinds, &c, NULL, &err));
    assert_string_equal(err.code, "E0202");
    assert_int_equal(unlink(path), 0);
}

static void more_values_than_the_limit_are_refused(void **state)
{
    struct config *c = NULL;
    struct buf text, report;
    struct error err;

    (void)state;
    buf_init(&text, LIMIT_CONFIG_FILE);
    buf_init(&report, MIB);
    buf_text(&text, "a: [");
    for (size_t i = 0; i < LIMIT_CONFIG_NODES; i++)
        buf_text(&text, "1,");
    buf_text(&text, "]");
    assert_false(config_load_text("t", buf_view(&text), &sample_kinds, &c, &report, &err));
    assert_non_null(strstr(buf_cstr(&report), "E0210"));
    buf_done(&text);
    buf_done(&report);
}

static void a_secret_file_for_all_to_read_is_a_warning(void **state)
{
    char path[] = "/tmp/multisink_secret_XXXXXX";
    int fd = mkstemp(path);
    struct config *c = NULL;
    struct error err;
    struct buf report;
    char *text;

    (void)state;
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(close(fd), 0);
    text = mem_printf(SOURCE "sinks: [{name: out, from: public.orders, redis: "
                             "{url: u, password: '${file:%s}'}}]\n",
                      path);
    buf_init(&report, MIB);
    assert_true(config_load_text("t", str_from(text), &sample_kinds, &c, &report, &err));
    assert_non_null(strstr(buf_cstr(&report), "warning[E0219]"));
    config_free(c);
    buf_done(&report);
    free(text);
    assert_int_equal(unlink(path), 0);
}

static void only_near_names_are_suggested(void **state)
{
    static const char *const known[] = { "cassandra", "http", "redis", "stdout" };

    (void)state;
    assert_string_equal(config_nearest(STR("casandra"), known, 4), "cassandra");
    assert_string_equal(config_nearest(STR("htpp"), known, 4), "http");
    assert_null(config_nearest(STR("postgres"), known, 4));
    assert_null(config_nearest(STR("x"), known, 4));
    assert_null(config_nearest(STR(""), known, 4));
}

static void a_stream_in_kafka_has_its_defaults(void **state)
{
    struct config *c = load(SOURCE SINK "stream: {kafka: {brokers: [a:1, b:2], dir: d}}\n");
    const struct config_kafka *k = &c->stream.kafka;

    (void)state;
    assert_int_equal(c->stream.kind, CONFIG_STREAM_KAFKA);
    assert_string_equal(c->stream.dir, "d");
    assert_int_equal(c->stream.keep_ms, 0);
    assert_int_equal(c->stream.safety_window_ms, 60000);
    assert_string_equal(k->brokers, "a:1,b:2");
    assert_string_equal(k->topic_prefix, "my-shop");
    assert_string_equal(k->group, "multisink-my-shop");
    assert_string_equal(k->state_topic, "__multisink.multisink_my_shop");
    assert_string_equal(k->compression, "lz4");
    assert_int_equal(k->replication, -1);
    assert_int_equal(k->create_topics, CONFIG_TOPICS_AUTO);
    assert_true(k->format.schemas && k->format.key_schemas && k->format.tombstones);
    assert_false(k->format.unwrapped || k->format.null_is_default);
    assert_string_equal(k->format.placeholder, "__debezium_unavailable_value");
    assert_int_equal(k->format.money_digits, 2);
    config_free(c);
}

/* Each Debezium has its own. */
static void defaults_of_the_format_follow_from_other_keys(void **state)
{
    struct config *c = load(SOURCE SINK "stream: {kafka: {brokers: a, format: {compat: \"3.3\", "
                                        "schemas: false, record: unwrapped}}}\n");

    (void)state;
    assert_int_equal(c->stream.kafka.format.deletes, 6); /* tombstone */
    assert_false(c->stream.kafka.format.key_schemas);
    assert_true(c->stream.kafka.format.unwrapped);
    config_free(c);
}

static void properties_of_librdkafka_are_taken_as_they_are(void **state)
{
    struct config *c = load(SOURCE SINK "stream: {kafka: {brokers: a, properties: {retries: 3, "
                                        "sasl.password: \"${env:MULTISINK_TEST_KAFKA}\"}}}\n");
    const struct config_kafka *k = &c->stream.kafka;

    (void)state;
    assert_int_equal(k->property_count, 2);
    assert_string_equal(k->properties[0].name, "retries");
    assert_string_equal(k->properties[0].value, "3");
    assert_false(k->properties[0].secret);
    assert_string_equal(k->properties[1].value, "sesame");
    assert_true(k->properties[1].secret);
    config_free(c);
}

static void the_manual_has_every_key(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    config_write_manual(&sample_kinds, &b);
    assert_true(buf_ok(&b));
    assert_non_null(strstr(buf_cstr(&b), "| `retry.initial` | duration, 1ms to 1h | `500ms` |"));
    assert_non_null(strstr(buf_cstr(&b), "| `slot` |"));
    assert_non_null(strstr(buf_cstr(&b), "| `timeout` | duration, 1ms to 1m | `5s` |"));
    assert_non_null(strstr(buf_cstr(&b), "| `format.heartbeat` | duration, 0ms to 1d | `0s` |"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(slot_and_publication_are_named_after_the_pipeline),
        cmocka_unit_test(a_stream_in_kafka_has_its_defaults),
        cmocka_unit_test(defaults_of_the_format_follow_from_other_keys),
        cmocka_unit_test(properties_of_librdkafka_are_taken_as_they_are),
        cmocka_unit_test(a_password_is_taken_out_of_the_url),
        cmocka_unit_test(the_password_key_counts_more_than_the_url),
        cmocka_unit_test(references_are_resolved_once),
        cmocka_unit_test(a_secret_file_loses_its_line_end),
        cmocka_unit_test(one_table_or_a_list_of_them),
        cmocka_unit_test(a_key_of_a_sink_has_its_default),
        cmocka_unit_test(quotes_keep_a_text_a_text),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_file_above_the_limit_is_refused),
        cmocka_unit_test(more_values_than_the_limit_are_refused),
        cmocka_unit_test(a_secret_file_for_all_to_read_is_a_warning),
        cmocka_unit_test(only_near_names_are_suggested),
        cmocka_unit_test(the_manual_has_every_key),
    };

    (void)setenv("MULTISINK_TEST_KAFKA", "sesame", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
