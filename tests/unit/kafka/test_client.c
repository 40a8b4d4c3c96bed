/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "kafka/client_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool check(const char *name, const char *value, struct error *err)
{
    const struct kafka_property properties[] = { { "client.id", "me" }, { name, value } };
    const struct kafka_settings settings = { .brokers = "b",
                                             .properties = properties,
                                             .property_count = 2 };
    size_t at = 99;

    error_clear(err);
    if (kafka_settings_check(&settings, &at, err))
        return true;
    assert_int_equal(at, 1);
    assert_int_equal(err->kind, ERR_STOP);
    assert_true(error_is(err, E_KAFKA_PROPERTY));
    return false;
}

static void what_security_needs_is_there(void **state)
{
    static const char *const good[][2] = {
        { "security.protocol", "SASL_SSL" },
        { "sasl.mechanism", "PLAIN" },
        { "sasl.mechanism", "SCRAM-SHA-256" },
        { "sasl.mechanism", "SCRAM-SHA-512" },
        { "sasl.username", "u" },
        { "sasl.password", "p" },
        { "ssl.ca.location", "/ca.pem" },
        { "ssl.key.password", "p" },
        { "enable.ssl.certificate.verification", "false" },
        { "message.max.bytes", "2000000" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!check(good[i][0], good[i][1], &err))
            fail_msg("%s", err.msg);
    }
}

static void a_wrong_property_is_named_and_its_value_is_not_shown(void **state)
{
    struct error err;

    (void)state;
    assert_false(check("sasl.pasword", "hunter2", &err));
    assert_string_equal(err.msg, "librdkafka has no property \"sasl.pasword\"");
    assert_false(check("security.protocol", "hunter2", &err));
    assert_string_equal(err.msg,
                        "property \"security.protocol\" does not take this value; it takes:"
                        " plaintext, ssl, sasl_plaintext, sasl_ssl");
    assert_false(check("message.max.bytes", "hunter2", &err));
    assert_null(strstr(err.msg, "hunter2"));
    assert_non_null(strstr(err.msg, "1000 .. 1000000000"));
}

static void what_the_promises_rest_on_cannot_be_set(void **state)
{
    struct error err;

    (void)state;
    assert_false(check("acks", "1", &err));
    assert_non_null(strstr(err.msg, "cannot be set here"));
    assert_false(check("bootstrap.servers", "b", &err));
    assert_non_null(strstr(err.msg, "stream.kafka.brokers"));
    assert_false(check("error_cb", "x", &err)); /* a callback is no text */
}

static void the_names_of_all_properties_are_known(void **state)
{
    const char *const *names;
    bool found = false;
    struct arena a;
    size_t n;

    (void)state;
    arena_init(&a, MIB);
    n = kafka_property_names(&a, &names);
    assert_in_range(n, 100, LIMIT_KAFKA_PROPERTIES - 1);
    for (size_t i = 0; i < n; i++)
        found = found || strcmp(names[i], "sasl.password") == 0;
    assert_true(found);
    arena_done(&a);
}

static void properties_that_do_not_go_together_are_refused(void **state)
{
    const struct kafka_property properties[] = { { "ssl.ca.location", "/nowhere/ca.pem" },
                                                 { "security.protocol", "ssl" } };
    const struct kafka_settings settings = { .brokers = "b",
                                             .properties = properties,
                                             .property_count = 2 };
    struct error err;
    rd_kafka_conf_t *conf = kafka_conf_make(&settings, NULL, NULL, &err);

    (void)state;
    assert_non_null(conf);
    assert_null(kafka_handle_new(RD_KAFKA_PRODUCER, conf, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_CLIENT));
}

static void an_error_says_what_to_do(void **state)
{
    struct error err;

    (void)state;
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR__TRANSPORT, NULL, "reach %s", "b"));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_KAFKA_DOWN));
    assert_non_null(strstr(err.msg, "cannot reach b: "));
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "words", "write"));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.msg, "cannot write: words");
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION, NULL, "log in"));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_LOGIN));
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NULL, "write"));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_PERMISSION));
    assert_false(kafka_fail(&err, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, NULL, "make topic"));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_REFUSED));
}

static void a_failed_log_in_is_the_reason_of_what_follows(void **state)
{
    struct kafka_trouble t = { 0 };
    struct error err;

    (void)state;
    assert_false(kafka_trouble_fail(&t, &err, RD_KAFKA_RESP_ERR__TIMED_OUT, "ask %s", "b"));
    assert_true(error_is(&err, E_KAFKA_DOWN));
    kafka_trouble_note(&t, RD_KAFKA_RESP_ERR__TRANSPORT, "connection refused");
    kafka_trouble_note(&t, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    assert_false(kafka_trouble_fail(&t, &err, RD_KAFKA_RESP_ERR__TIMED_OUT, "ask %s", "b"));
    assert_string_equal(err.msg, "cannot ask b: connection refused");
    kafka_trouble_note(&t, RD_KAFKA_RESP_ERR__AUTHENTICATION, "wrong password");
    kafka_trouble_note(&t, RD_KAFKA_RESP_ERR__TRANSPORT, "disconnected");
    assert_false(kafka_trouble_fail(&t, &err, RD_KAFKA_RESP_ERR__TIMED_OUT, "ask %s", "b"));
    assert_true(error_is(&err, E_KAFKA_LOGIN));
    assert_string_equal(err.msg, "cannot ask b: wrong password");
    assert_false(kafka_trouble_fail(&t, &err, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "make topic"));
    assert_true(error_is(&err, E_KAFKA_REFUSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_security_needs_is_there),
        cmocka_unit_test(a_wrong_property_is_named_and_its_value_is_not_shown),
        cmocka_unit_test(what_the_promises_rest_on_cannot_be_set),
        cmocka_unit_test(the_names_of_all_properties_are_known),
        cmocka_unit_test(properties_that_do_not_go_together_are_refused),
        cmocka_unit_test(an_error_says_what_to_do),
        cmocka_unit_test(a_failed_log_in_is_the_reason_of_what_follows),
    };

    return cmocka_run_group_tests_name("kafka_client", tests, NULL, NULL);
}
