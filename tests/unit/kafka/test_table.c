/* SPDX-License-Identifier: Apache-2.0 */
/* Against librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "base/wake.h"
#include "kafka/table.h"
#include "mock.h"

#include <stdlib.h>

static struct kafka_table_writer *open_writer(const struct mock *m)
{
    const struct kafka_table_writer_opts opts = { .settings = m->settings, .topic = "t" };
    struct kafka_table_writer *w;
    struct error err;

    if (!kafka_table_writer_open(&opts, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

static struct kafka_table *open_table(const struct mock *m, const char *topic)
{
    struct kafka_table *t;
    struct error err;

    if (!kafka_table_open(&m->settings, topic, &t, &err))
        fail_msg("%s", err.msg);
    return t;
}

static int64_t put(struct kafka_table_writer *w, const char *key, struct str value)
{
    int64_t offset = -1;
    struct error err;

    if (!kafka_table_put(w, str_from(key), value, -1, &offset, &err))
        fail_msg("%s", err.msg);
    return offset;
}

/* Waits for the next record. */
static struct kafka_table_entry next(struct kafka_table *t)
{
    struct kafka_table_entry e = { 0 };
    struct error err;
    bool found = false;

    for (int i = 0; i < 3000 && !found; i++) {
        bool end;

        if (!kafka_table_at_end(t, &end, &err) || !kafka_table_next(t, 10, &found, &e, &err))
            fail_msg("%s", err.msg);
    }
    assert_true(found);
    return e;
}

static bool at_end(struct kafka_table *t)
{
    struct error err;
    bool end;

    if (!kafka_table_at_end(t, &end, &err))
        fail_msg("%s", err.msg);
    return end;
}

static void what_was_put_is_read_from_the_beginning_and_followed(void **state)
{
    struct kafka_table_writer *w;
    struct kafka_table_entry e;
    struct kafka_table *t;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    t = open_table(&m, "t");
    assert_true(at_end(t));
    assert_int_equal(put(w, "a", STR("1")), 0);
    assert_int_equal(put(w, "a", STR("")), 1);
    assert_false(at_end(t));
    e = next(t);
    assert_int_equal(e.offset, 0);
    assert_true(str_is(e.key, "a") && e.has_value && str_is(e.value, "1"));
    e = next(t);
    assert_true(e.has_value && e.value.n == 0);
    assert_true(at_end(t));
    assert_int_equal(put(w, "a", STR_NONE), 2);
    e = next(t);
    assert_true(str_is(e.key, "a") && !e.has_value);
    kafka_table_close(t);
    kafka_table_writer_close(w);
    mock_close(&m);
}

static void a_topic_that_is_not_there_is_empty(void **state)
{
    struct kafka_table_entry e;
    struct kafka_table *t;
    struct error err;
    struct mock m;
    bool found = true;

    (void)state;
    mock_open(&m, "t", 1);
    t = open_table(&m, "t");
    assert_true(kafka_table_next(t, 0, &found, &e, &err));
    assert_false(found);
    assert_true(at_end(t));
    kafka_table_close(t);
    mock_close(&m);
}

static void a_put_that_is_refused_says_so_and_the_next_one_is_written(void **state)
{
    struct kafka_table_writer *w;
    struct error err = { 0 };
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    assert_int_equal(put(w, "a", STR("1")), 0);
    rd_kafka_mock_push_request_errors(m.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_false(kafka_table_put(w, STR("b"), STR("2"), -1, NULL, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(put(w, "c", STR("3")) > 0);
    kafka_table_writer_close(w);
    mock_close(&m);
}

static void a_put_ends_when_stop_is_asked(void **state)
{
    struct kafka_table_writer *w;
    struct error err = { 0 };
    struct wake stop;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    assert_true(wake_init(&stop, &err));
    assert_int_equal(put(w, "a", STR("1")), 0);
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    wake_set(&stop);
    assert_false(kafka_table_put(w, STR("b"), STR("2"), stop.fd, NULL, &err));
    assert_int_equal(err.kind, ERR_CANCEL);
    kafka_table_writer_close(w);
    wake_done(&stop);
    mock_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read_from_the_beginning_and_followed),
        cmocka_unit_test(a_topic_that_is_not_there_is_empty),
        cmocka_unit_test(a_put_that_is_refused_says_so_and_the_next_one_is_written),
        cmocka_unit_test(a_put_ends_when_stop_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
