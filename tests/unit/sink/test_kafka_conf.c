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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_go_to_librdkafka),
        cmocka_unit_test(a_wrong_property_is_a_fault_with_its_place),
    };
    int failed;

    buf_init(&shown, MIB);
    failed = cmocka_run_group_tests_name("sink_kafka_conf", tests, NULL, NULL);
    buf_done(&shown);
    return failed;
}
