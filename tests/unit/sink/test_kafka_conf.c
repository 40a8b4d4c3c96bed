/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_conf.h"

#include "base/limits.h"
#include "sink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct buf shown;

/* Loads a pipeline whose stream.kafka has these keys more. */
static struct config *load(const char *keys)
{
    struct config *config = NULL;
    struct error err;
    struct buf text;

    buf_init(&text, MIB);
    buf_clear(&shown);
    buf_putf(&text,
             "version: 1\nname: test\n"
             "source: {postgres: {url: postgres://u@localhost/db, tables: [public.t]}}\n"
             "stream:\n  kafka:\n    brokers: b:9092\n%s"
             "sinks: [{name: one, from: public.t, stdout: {}}]\n",
             keys);
    if (!config_load_text("test.yaml", buf_view(&text), sink_config_kinds(), &config, &shown, &err))
        config = NULL;
    buf_done(&text);
    return config;
}

static void properties_go_to_librdkafka(void **state)
{
    struct config *config = load("    properties: {sasl.mechanism: PLAIN, sasl.username: u}\n");
    struct kafka_settings settings;

    (void)state;
    if (config == NULL)
        fail_msg("%s", buf_cstr(&shown));
    sink_kafka_settings(&config->stream.kafka, &config->arena, &settings);
    assert_string_equal(settings.brokers, "b:9092");
    assert_int_equal(settings.property_count, 2);
    assert_string_equal(settings.properties[1].name, "sasl.username");
    assert_string_equal(settings.properties[1].value, "u");
    config_free(config);
}

static void a_wrong_property_is_a_fault_with_its_place(void **state)
{
    (void)state;
    assert_null(load("    properties:\n      sasl.pasword: hunter2\n      acks: 1\n"));
    assert_null(strstr(buf_cstr(&shown), "hunter2"));
    assert_non_null(strstr(buf_cstr(&shown), "error[E1001]: librdkafka has no property"
                                             " \"sasl.pasword\"\n  --> test.yaml:8:7\n"));
    assert_non_null(strstr(buf_cstr(&shown), "did you mean \"sasl.password\"?"));
    assert_non_null(strstr(buf_cstr(&shown), "property \"acks\" cannot be set here"));
}

static struct debezium_format format_of(const char *keys)
{
    struct buf text;
    struct config *config;
    struct debezium_format format;

    buf_init(&text, MIB);
    buf_putf(&text, "    format: {%s}\n", keys);
    config = load(buf_cstr(&text));
    if (config == NULL)
        fail_msg("%s", buf_cstr(&shown));
    sink_kafka_format(config, &config->arena, &format);
    config_free(config); /* only numbers are looked at */
    buf_done(&text);
    return format;
}

/* The configuration may not see the enums that its words stand for. */
static void each_word_means_what_debezium_means_by_it(void **state)
{
    static const struct {
        const char *keys;
        size_t offset;
        int value;
    } words[] = {
        { "compat: \"2.5\"", offsetof(struct debezium_format, compat), DEBEZIUM_2_5 },
        { "compat: \"3.3\"", offsetof(struct debezium_format, compat), DEBEZIUM_3_3 },
        { "decimal: precise", offsetof(struct debezium_format, decimal), DEBEZIUM_DECIMAL_PRECISE },
        { "decimal: double", offsetof(struct debezium_format, decimal), DEBEZIUM_DECIMAL_DOUBLE },
        { "decimal: string", offsetof(struct debezium_format, decimal), DEBEZIUM_DECIMAL_STRING },
        { "time: adaptive", offsetof(struct debezium_format, time), DEBEZIUM_TIME_ADAPTIVE },
        { "time: adaptive_time_microseconds", offsetof(struct debezium_format, time),
          DEBEZIUM_TIME_ADAPTIVE_MICROSECONDS },
        { "time: connect", offsetof(struct debezium_format, time), DEBEZIUM_TIME_CONNECT },
        { "compat: \"3.3\", time: isostring", offsetof(struct debezium_format, time),
          DEBEZIUM_TIME_ISOSTRING },
        { "compat: \"3.3\", time: microseconds", offsetof(struct debezium_format, time),
          DEBEZIUM_TIME_MICROSECONDS },
        { "compat: \"3.3\", time: nanoseconds", offsetof(struct debezium_format, time),
          DEBEZIUM_TIME_NANOSECONDS },
        { "binary: bytes", offsetof(struct debezium_format, binary), DEBEZIUM_BINARY_BYTES },
        { "binary: base64", offsetof(struct debezium_format, binary), DEBEZIUM_BINARY_BASE64 },
        { "binary: base64-url-safe", offsetof(struct debezium_format, binary),
          DEBEZIUM_BINARY_BASE64_URL_SAFE },
        { "binary: hex", offsetof(struct debezium_format, binary), DEBEZIUM_BINARY_HEX },
        { "hstore: map", offsetof(struct debezium_format, hstore), DEBEZIUM_HSTORE_MAP },
        { "interval: string", offsetof(struct debezium_format, interval),
          DEBEZIUM_INTERVAL_STRING },
        { "overflow: text", offsetof(struct debezium_format, overflow), DEBEZIUM_OVERFLOW_TEXT },
        { "deletes: drop", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_DROP_ALL },
        { "deletes: drop-with-tombstone", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_TOMBSTONE },
        { "deletes: rewrite", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_REWRITE },
        { "deletes: rewrite-with-tombstone", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_REWRITE_WITH_TOMBSTONE },
        { "deletes: delete-to-tombstone", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_TO_TOMBSTONE },
        { "deletes: none", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_NONE },
        { "deletes: tombstone", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_NONE_ONLY },
        { "compat: \"3.3\"", offsetof(struct debezium_format, unwrap.deletes),
          DEBEZIUM_DELETES_NONE_ONLY },
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct debezium_format format = format_of(words[i].keys);
        int value = *(const int *)(const void *)((const char *)&format + words[i].offset);

        if (value != words[i].value)
            fail_msg("%s is %d, not %d", words[i].keys, value, words[i].value);
    }
}

static void switches_go_to_the_format(void **state)
{
    struct debezium_format f =
        format_of("schemas: false, key_schemas: true, tombstones: false, transactions: true,"
                  " truncates: true, null_is_default: true, money_digits: 4, record: unwrapped");

    (void)state;
    assert_true(f.key_schemas && f.transactions && f.truncates && f.null_is_default && f.unwrap.on);
    assert_false(f.value_schemas || f.tombstones);
    assert_int_equal(f.money_digits, 4);
}

static void the_database_is_that_of_the_url(void **state)
{
    static const char *const urls[][2] = { { "postgres://u@h/db", "db" },
                                           { "postgres://u@h:1/my%20db?sslmode=disable", "my db" },
                                           { "postgres://user@h", "user" },
                                           { "postgres://user@h/?x=/y", "user" },
                                           { "postgres://h/db", "db" } };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct config *config = load("");
        struct debezium_format format;

        assert_non_null(config);
        config->source.url = urls[i][0];
        sink_kafka_format(config, &config->arena, &format);
        assert_string_equal(format.database, urls[i][1]);
        assert_string_equal(format.prefix, "test");
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_go_to_librdkafka),
        cmocka_unit_test(a_wrong_property_is_a_fault_with_its_place),
        cmocka_unit_test(each_word_means_what_debezium_means_by_it),
        cmocka_unit_test(switches_go_to_the_format),
        cmocka_unit_test(the_database_is_that_of_the_url),
    };
    int failed;

    buf_init(&shown, MIB);
    failed = cmocka_run_group_tests_name("sink_kafka_conf", tests, NULL, NULL);
    buf_done(&shown);
    return failed;
}
