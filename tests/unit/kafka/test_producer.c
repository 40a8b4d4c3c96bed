/* SPDX-License-Identifier: Apache-2.0 */
/* Against librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "base/limits.h"
#include "base/wake.h"
#include "kafka/last.h"
#include "kafka/producer.h"
#include "kafka/topics.h"
#include "mock.h"

#include <stdlib.h>

enum { WAIT_MS = 20000 };

static const struct kafka_property quick[] = { { "reconnect.backoff.ms", "20" },
                                               { "reconnect.backoff.max.ms", "50" },
                                               { "message.max.bytes", "1000000" } };

static struct kafka_producer *open_one(const struct mock *m, size_t batch_bytes, int stop_fd)
{
    struct kafka_settings settings = m->settings;
    const struct kafka_producer_opts opts = {
        .settings = &settings, .compression = "lz4", .batch_bytes = batch_bytes, .stop_fd = stop_fd
    };
    struct kafka_producer *p;
    struct error err;

    settings.properties = quick;
    settings.property_count = 3;
    if (!kafka_producer_open(&opts, &p, &err))
        fail_msg("%s", err.msg);
    return p;
}

static bool put(struct kafka_producer *p, int32_t partition, const char *key, const char *value,
                uint64_t mark, struct error *err)
{
    const struct kafka_header headers[] = { { "multisink.position", STR("1/0/5/7") },
                                            { "empty", STR("") } };
    const struct kafka_record r = { .topic = kafka_producer_topic(p, "t"),
                                    .partition = partition,
                                    .has_key = key != NULL,
                                    .key = key != NULL ? str_from(key) : STR_NONE,
                                    .has_value = value != NULL,
                                    .value = value != NULL ? str_from(value) : STR_NONE,
                                    .headers = headers,
                                    .header_count = 2,
                                    .mark = mark };

    return kafka_produce(p, &r, err);
}

static void put_ok(struct kafka_producer *p, int32_t partition, const char *key, const char *value)
{
    struct error err;

    if (!put(p, partition, key, value, 0, &err))
        fail_msg("%s", err.msg);
}

static void wait_ok(struct kafka_producer *p)
{
    struct error err;

    if (!kafka_producer_wait(p, WAIT_MS, &err))
        fail_msg("%s", err.msg);
}

/* ---- the good way ------------------------------------------------------------------------------------- */

static void what_was_written_is_the_last_of_its_partition(void **state)
{
    struct kafka_last_record last[3];
    struct kafka_producer *p;
    struct kafka_last *l;
    struct error err;
    struct arena a;
    struct mock m;
    int32_t count;

    (void)state;
    mock_open(&m, "t", 3);
    arena_init(&a, MIB);
    p = open_one(&m, MIB, -1);
    assert_true(kafka_topic_partitions(p, "t", &count, &err));
    assert_int_equal(count, 3);
    assert_true(kafka_topic_partitions(p, "u", &count, &err));
    assert_int_equal(count, 0);
    for (int i = 0; i < 1000; i++)
        put_ok(p, 0, "k", i == 999 ? "end" : "value");
    put_ok(p, 2, NULL, NULL);
    wait_ok(p);
    if (!kafka_last_open(&m.settings, -1, &l, &err) || !kafka_last_read(l, "t", 3, &a, last, &err))
        fail_msg("%s", err.msg);
    assert_true(last[0].found);
    assert_int_equal(last[0].offset, 999);
    assert_true(str_is(last[0].key, "k") && str_is(last[0].value, "end"));
    assert_true(str_is(kafka_last_header(&last[0], "multisink.position"), "1/0/5/7"));
    assert_null(kafka_last_header(&last[0], "other").p);
    assert_false(last[1].found);
    assert_true(last[2].found && !last[2].has_key && !last[2].has_value);
    kafka_last_close(l);
    kafka_producer_close(p);
    arena_done(&a);
    mock_close(&m);
}

/* ---- faults ------------------------------------------------------------------------------------------- */

static void a_broker_that_is_away_is_waited_for(void **state)
{
    struct kafka_producer *p;
    struct error err;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    p = open_one(&m, MIB, -1);
    put_ok(p, 0, "k", "1");
    wait_ok(p);
    assert_int_equal(rd_kafka_mock_broker_set_down(m.cluster, 1), 0);
    put_ok(p, 0, "k", "2");
    assert_false(kafka_producer_wait(p, 300, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_KAFKA_DOWN));
    assert_false(kafka_producer_broken(p));
    assert_int_equal(rd_kafka_mock_broker_set_up(m.cluster, 1), 0);
    wait_ok(p);
    kafka_producer_close(p);
    mock_close(&m);
}

static void too_few_replicas_are_waited_for(void **state)
{
    struct kafka_producer *p;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    p = open_one(&m, MIB, -1);
    rd_kafka_mock_push_request_errors(m.cluster, 0 /* Produce */, 2,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    put_ok(p, 0, "k", "1");
    wait_ok(p);
    kafka_producer_close(p);
    mock_close(&m);
}

/* A broker that lost what it knew of the producer: fatal to librdkafka (#4438), one more producer to us. */
static void a_fatal_error_breaks_the_producer_and_another_one_goes_on(void **state)
{
    struct kafka_last_record last;
    struct kafka_producer *p;
    struct kafka_last *l;
    struct error err;
    struct arena a;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    arena_init(&a, MIB);
    p = open_one(&m, MIB, -1);
    put_ok(p, 0, "k", "1");
    wait_ok(p);
    rd_kafka_mock_push_request_errors(m.cluster, 0, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    put_ok(p, 0, "k", "2");
    assert_false(kafka_producer_wait(p, WAIT_MS, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_KAFKA_BROKEN));
    assert_true(kafka_producer_broken(p));
    assert_false(put(p, 0, "k", "3", 0, &err));
    assert_true(error_is(&err, E_KAFKA_BROKEN));
    kafka_producer_close(p);

    p = open_one(&m, MIB, -1);
    put_ok(p, 0, "k", "2");
    wait_ok(p);
    kafka_producer_close(p);
    if (!kafka_last_open(&m.settings, -1, &l, &err) || !kafka_last_read(l, "t", 1, &a, &last, &err))
        fail_msg("%s", err.msg);
    assert_true(str_is(last.value, "2"));
    kafka_last_close(l);
    arena_done(&a);
    mock_close(&m);
}

static void a_record_above_the_producers_limit_is_refused_alone(void **state)
{
    char *large = malloc(2000001);
    struct kafka_producer *p;
    struct error err;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    p = open_one(&m, MIB, -1);
    memset(large, 'x', 2000000);
    large[2000000] = '\0';
    assert_false(put(p, 0, "k", large, 1, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_true(error_is(&err, E_KAFKA_TOO_LARGE));
    assert_false(kafka_producer_broken(p));
    put_ok(p, 0, "k", "2");
    wait_ok(p);
    kafka_producer_close(p);
    free(large);
    mock_close(&m);
}

/* And nothing behind it is written. */
static void a_record_that_the_broker_finds_too_large_is_named(void **state)
{
    const uint64_t *marks;
    struct kafka_last_record last;
    struct kafka_producer *p;
    struct kafka_last *l;
    struct error err;
    struct arena a;
    struct mock m;
    size_t n;

    (void)state;
    mock_open(&m, "t", 1);
    arena_init(&a, MIB);
    p = open_one(&m, 0, -1);
    rd_kafka_mock_push_request_errors(m.cluster, 0, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_true(put(p, 0, "k", "1", 41, &err) && put(p, 0, "k", "2", 42, &err));
    assert_false(kafka_producer_wait(p, WAIT_MS, &err));
    assert_true(kafka_producer_broken(p));
    marks = kafka_producer_too_large(p, &n);
    assert_int_equal(n, 1);
    assert_int_equal(marks[0], 41);
    kafka_producer_close(p);
    if (!kafka_last_open(&m.settings, -1, &l, &err) || !kafka_last_read(l, "t", 1, &a, &last, &err))
        fail_msg("%s", err.msg);
    assert_false(last.found && str_is(last.value, "1"));
    kafka_last_close(l);
    arena_done(&a);
    mock_close(&m);
}

static void a_missing_permission_stops(void **state)
{
    struct kafka_producer *p;
    struct error err;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    p = open_one(&m, MIB, -1);
    rd_kafka_mock_push_request_errors(m.cluster, 0, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    put_ok(p, 0, "k", "1");
    assert_false(kafka_producer_wait(p, WAIT_MS, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_PERMISSION));
    kafka_producer_close(p);
    mock_close(&m);
}

static void waiting_ends_when_stop_is_asked(void **state)
{
    struct kafka_producer *p;
    struct error err;
    struct wake stop;
    struct mock m;
    int32_t count;

    (void)state;
    assert_true(wake_init(&stop, &err));
    wake_set(&stop);
    mock_open(&m, "t", 1);
    assert_int_equal(rd_kafka_mock_broker_set_down(m.cluster, 1), 0);
    p = open_one(&m, MIB, stop.fd);
    put_ok(p, 0, "k", "1");
    assert_false(kafka_producer_wait(p, WAIT_MS, &err));
    assert_int_equal(err.kind, ERR_CANCEL);
    assert_false(kafka_topic_partitions(p, "t", &count, &err));
    assert_int_equal(err.kind, ERR_CANCEL);
    kafka_producer_close(p);
    mock_close(&m);
    wake_done(&stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_the_last_of_its_partition),
        cmocka_unit_test(a_broker_that_is_away_is_waited_for),
        cmocka_unit_test(too_few_replicas_are_waited_for),
        cmocka_unit_test(a_fatal_error_breaks_the_producer_and_another_one_goes_on),
        cmocka_unit_test(a_record_above_the_producers_limit_is_refused_alone),
        cmocka_unit_test(a_record_that_the_broker_finds_too_large_is_named),
        cmocka_unit_test(a_missing_permission_stops),
        cmocka_unit_test(waiting_ends_when_stop_is_asked),
    };

    return cmocka_run_group_tests_name("kafka_producer", tests, NULL, NULL);
}
