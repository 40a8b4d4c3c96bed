/* SPDX-License-Identifier: Apache-2.0 */
/* Against librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "base/limits.h"
#include "kafka/consumer.h"
#include "kafka/table.h"
#include "mock.h"

#include <stdlib.h>

static const struct kafka_property quick[] = { { "reconnect.backoff.ms", "20" },
                                               { "reconnect.backoff.max.ms", "50" },
                                               { "fetch.wait.max.ms", "10" },
                                               { "topic.metadata.refresh.interval.ms", "100" },
                                               { "topic.metadata.propagation.max.ms", "100" } };

static struct kafka_consumer *open_one(const struct mock *m)
{
    struct kafka_consumer_opts opts = { .settings = m->settings, .group = "g" };
    const char *topic = "t";
    struct kafka_consumer *c;
    struct error err;

    opts.settings.properties = quick;
    opts.settings.property_count = 5;
    if (!kafka_consumer_open(&opts, &c, &err) || !kafka_consumer_subscribe(c, &topic, 1, &err))
        fail_msg("%s", err.msg);
    return c;
}

static size_t wait_event(struct kafka_consumer *c, enum kafka_event wanted,
                         struct kafka_place **ret_places)
{
    enum kafka_event event = KAFKA_NOTHING;
    size_t count = 0;
    struct error err;

    for (int i = 0; i < 300 && event == KAFKA_NOTHING; i++)
        (void)!kafka_consumer_poll(c, 100, &event, ret_places, &count, &err);
    assert_int_equal(event, wanted);
    return count;
}

/* Takes partition 0 of "t" at an offset. */
static struct kafka_lane *take(struct kafka_consumer *c, int64_t offset)
{
    struct kafka_place *places;
    struct error err;
    size_t count = wait_event(c, KAFKA_ASSIGNED, &places);

    assert_int_equal(count, 1);
    assert_string_equal(places[0].topic, "t");
    places[0].offset = offset;
    if (!kafka_consumer_take(c, &err))
        fail_msg("%s", err.msg);
    return kafka_lane_open(c, "t", 0);
}

static void put(const struct mock *m, const char *value)
{
    const struct kafka_table_writer_opts opts = { .settings = m->settings, .topic = "t" };
    struct kafka_table_writer *w;
    struct error err;

    if (!kafka_table_writer_open(&opts, &w, &err) ||
        !kafka_table_put(w, STR("k"), str_from(value), -1, NULL, &err))
        fail_msg("%s", err.msg);
    kafka_table_writer_close(w);
}

/* Skips ends. */
static struct kafka_message next(struct kafka_lane *lane)
{
    enum kafka_next what = KAFKA_NEXT_NONE;
    struct kafka_message r = { 0 };
    struct error err;

    for (int i = 0; i < 300 && what != KAFKA_NEXT_RECORD; i++) {
        if (!kafka_lane_next(lane, 100, -1, &what, &r, &err))
            fail_msg("%s", err.msg);
    }
    assert_int_equal(what, KAFKA_NEXT_RECORD);
    return r;
}

static void a_partition_is_read_from_the_offset_that_was_asked_for(void **state)
{
    struct kafka_consumer *c;
    struct kafka_lane *lane;
    struct kafka_message r;
    struct error err;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    put(&m, "a");
    put(&m, "b");
    put(&m, "c");
    c = open_one(&m);
    lane = take(c, 1);
    r = next(lane);
    assert_int_equal(r.offset, 1);
    assert_true(str_is(r.key, "k") && str_is(r.value, "b"));
    assert_int_equal(next(lane).offset, 2);
    if (!kafka_lane_seek(lane, 0, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(next(lane).offset, 0);
    assert_int_equal(kafka_lane_end(lane), 3);
    kafka_lane_close(lane);
    kafka_consumer_close(c);
    mock_close(&m);
}

static void an_offset_that_is_not_there_is_an_error_and_nothing_is_skipped(void **state)
{
    enum kafka_next what = KAFKA_NEXT_NONE;
    struct error err = { 0 };
    struct kafka_message r;
    struct kafka_consumer *c;
    struct kafka_lane *lane;
    struct mock m;
    bool ok = true;

    (void)state;
    mock_open(&m, "t", 1);
    put(&m, "a");
    c = open_one(&m);
    lane = take(c, 77);
    for (int i = 0; i < 300 && ok; i++)
        ok = kafka_lane_next(lane, 100, -1, &what, &r, &err);
    assert_false(ok);
    assert_true(error_is(&err, E_KAFKA_OFFSET_GONE));
    assert_int_equal(err.kind, ERR_STOP);
    kafka_lane_close(lane);
    kafka_consumer_close(c);
    mock_close(&m);
}

static void a_topic_that_is_not_there_is_told(void **state)
{
    const char *topics[] = { "t", "other" };
    enum kafka_event event = KAFKA_NOTHING;
    struct kafka_place *places;
    struct error err = { 0 };
    struct kafka_consumer *c;
    struct mock m;
    bool told = false;
    size_t count;

    (void)state;
    mock_open(&m, "t", 1);
    rd_kafka_mock_topic_set_error(m.cluster, "other", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    c = open_one(&m);
    if (!kafka_consumer_subscribe(c, topics, 2, &err))
        fail_msg("%s", err.msg);
    for (int i = 0; i < 100 && !told; i++)
        told = !kafka_consumer_poll(c, 100, &event, &places, &count, &err);
    assert_true(told);
    assert_true(error_is(&err, E_KAFKA_TOPIC_MISSING));
    assert_non_null(strstr(err.msg, "other"));
    kafka_consumer_close(c);
    mock_close(&m);
}

static void a_commit_is_found_with_its_note(void **state)
{
    const struct kafka_place place = { "t", 0, 2 };
    struct kafka_consumer *c;
    struct kafka_lane *lane;
    struct arena a;
    struct error err;
    struct str note;
    struct mock m;
    int64_t offset;
    bool found = true;

    (void)state;
    arena_init(&a, 64 * KIB);
    mock_open(&m, "t", 1);
    put(&m, "a");
    put(&m, "b");
    c = open_one(&m);
    lane = take(c, 0);
    assert_true(kafka_consumer_committed(c, "t", 0, &a, &found, &offset, &note, &err));
    assert_false(found);
    if (!kafka_consumer_commit(c, &place, STR("v1 started=1"), &err))
        fail_msg("%s", err.msg);
    assert_true(kafka_consumer_committed(c, "t", 0, &a, &found, &offset, &note, &err));
    assert_true(found);
    assert_int_equal(offset, 2);
    assert_true(str_is(note, "v1 started=1"));
    kafka_lane_close(lane);
    kafka_consumer_close(c);
    arena_done(&a);
    mock_close(&m);
}

static void where_a_partition_begins_and_ends_is_asked_for(void **state)
{
    struct kafka_consumer *c;
    struct error err;
    struct mock m;
    int64_t low;
    int64_t high;

    (void)state;
    mock_open(&m, "t", 1);
    put(&m, "a");
    c = open_one(&m);
    if (!kafka_consumer_range(c, "t", 0, &low, &high, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(low, 0);
    assert_int_equal(high, 1);
    kafka_consumer_close(c);
    mock_close(&m);
}

/* Whoever is no member reads as well; and how many partitions there are can be asked. */
static void a_partition_is_read_without_a_group(void **state)
{
    struct kafka_place place = { "t", 1, 0 };
    struct kafka_consumer_opts opts = { .group = "nobody" };
    struct kafka_consumer *c;
    struct kafka_lane *lane;
    struct error err;
    struct mock m;
    int32_t count;

    (void)state;
    mock_open(&m, "t", 2);
    opts.settings = m.settings;
    assert_true(kafka_consumer_open(&opts, &c, &err));
    assert_true(kafka_consumer_partitions(c, "t", &count, &err));
    assert_int_equal(count, 2);
    put(&m, "a");
    place.partition = 0;
    assert_true(kafka_consumer_assign(c, &place, &err));
    lane = kafka_lane_open(c, "t", 0);
    assert_true(str_is(next(lane).value, "a"));
    kafka_lane_close(lane);
    kafka_consumer_close(c);
    mock_close(&m);
}

/* librdkafka 2.0.2 aborts when such a member is destroyed at the wrong moment. */
static void a_member_may_end_before_its_first_assignment(void **state)
{
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    for (int ms = 0; ms <= 20; ms += 10) {
        struct kafka_consumer *c = open_one(&m);
        enum kafka_event event;
        struct kafka_place *places;
        struct error err;
        size_t count;

        (void)!kafka_consumer_poll(c, ms, &event, &places, &count, &err);
        kafka_consumer_close(c);
    }
    mock_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_is_read_from_the_offset_that_was_asked_for),
        cmocka_unit_test(an_offset_that_is_not_there_is_an_error_and_nothing_is_skipped),
        cmocka_unit_test(a_topic_that_is_not_there_is_told),
        cmocka_unit_test(a_commit_is_found_with_its_note),
        cmocka_unit_test(where_a_partition_begins_and_ends_is_asked_for),
        cmocka_unit_test(a_partition_is_read_without_a_group),
        cmocka_unit_test(a_member_may_end_before_its_first_assignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
