/* SPDX-License-Identifier: Apache-2.0 */
/* Against librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "base/limits.h"
#include "pipeline/park_topic.h"
#include "unit/kafka/mock.h"

static const struct column columns[] = { { .name = STR("id"),
                                           .type_oid = 20,
                                           .type_name = STR("bigint"),
                                           .type_kind = 'b',
                                           .identity = true,
                                           .primary_key = true } };
static const struct relation table = { .version = 1,
                                       .oid = 5,
                                       .schema = STR("public"),
                                       .table = STR("t"),
                                       .identity = RELATION_IDENTITY_DEFAULT,
                                       .column_count = 1,
                                       .columns = columns };
static const struct value row[] = { { VALUE_TEXT, STR("7") } };

static struct kafka_table_writer *open_writer(const struct mock *m)
{
    const struct kafka_table_writer_opts opts = { .settings = m->settings, .topic = "t" };
    struct kafka_table_writer *w;
    struct error err;

    if (!kafka_table_writer_open(&opts, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

static struct park_topic *load(const struct mock *m, struct error *err)
{
    const struct park_topic_opts opts = { .settings = m->settings, .topic = "t", .sink = "s" };
    struct park_topic *t;

    assert_true(park_topic_open(&opts, &t, err));
    if (park_topic_catch_up(t, -1, err))
        return t;
    park_topic_close(t);
    return NULL;
}

static void park_one(struct state *st, uint32_t ordinal)
{
    const struct change c = {
        .pos = { 1, ordinal, { 9 } }, .op = CHANGE_INSERT, .rel = &table, .after = row
    };
    const struct sink_reject reject = { .code = E_PARK_WAITING, .reason = "no" };
    struct error err;

    if (!park_add(st, "s", &c, &reject, 5, &err))
        fail_msg("%s", err.msg);
}

static int64_t count(struct state *st)
{
    struct error err;
    int64_t n;

    assert_true(park_count(st, "s", &n, &err));
    return n;
}

static bool take_id(void *ctx, const struct park_record *r)
{
    *(int64_t *)ctx = r->id;
    return true;
}

static int64_t last_id(struct state *st)
{
    struct error err;
    int64_t id = 0;

    assert_true(park_each(st, "s", STR_NONE, take_id, &id, &err));
    return id;
}

static void what_a_lane_parks_is_there_for_the_next_one_under_the_same_number(void **state)
{
    struct kafka_table_writer *w;
    struct park_topic *t;
    struct state *lane;
    struct state *next;
    struct error err;
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    assert_true(park_topic_lane(NULL, "s", "x/0", &lane, &err));
    park_one(lane, 1);
    park_one(lane, 2);
    assert_true(park_topic_flush(lane, "s", "x/0", w, -1, &err));
    assert_int_equal(last_id(lane), 2);
    t = load(&m, &err);
    assert_int_equal(count(park_topic_state(t)), 2);
    assert_true(park_topic_lane(t, "s", "x/0", &next, &err));
    assert_int_equal(count(next), 2);
    assert_int_equal(last_id(next), 2);
    park_one(next, 2); /* the same again */
    assert_int_equal(count(next), 2);
    state_close(next);
    assert_true(park_topic_lane(t, "s", "x/1", &next, &err));
    assert_int_equal(count(next), 0);
    state_close(next);
    park_topic_close(t);
    state_close(lane);
    kafka_table_writer_close(w);
    mock_close(&m);
}

static void a_request_reaches_the_lane_and_goes_with_the_record(void **state)
{
    struct kafka_table_writer *w;
    struct park_topic *t;
    struct state *lane;
    struct error err;
    struct mock m;
    int64_t n;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    assert_true(park_topic_lane(NULL, "s", "x/0", &lane, &err));
    park_one(lane, 1);
    assert_true(park_topic_flush(lane, "s", "x/0", w, -1, &err));
    state_close(lane);
    t = load(&m, &err);
    assert_true(park_request(park_topic_state(t), "s", 1, PARK_REPLAY, &n, &err) && n == 1);
    assert_true(park_topic_ask(t, w, false, &err));
    park_topic_close(t);
    t = load(&m, &err);
    assert_true(park_topic_lane(t, "s", "x/0", &lane, &err));
    park_topic_close(t);
    {
        const struct park_record *r;
        struct arena a;

        arena_init(&a, LIMIT_ARENA);
        assert_true(park_asked(lane, "s", &a, &r, &err));
        assert_non_null(r);
        assert_int_equal(r->action, PARK_REPLAY);
        assert_true(park_delete(lane, r->id, &err));
        arena_done(&a);
    }
    assert_true(park_topic_flush(lane, "s", "x/0", w, -1, &err));
    t = load(&m, &err);
    assert_int_equal(count(park_topic_state(t)), 0);
    park_topic_close(t);
    state_close(lane);
    kafka_table_writer_close(w);
    mock_close(&m);
}

static void a_record_of_somebody_else_is_refused(void **state)
{
    struct kafka_table_writer *w;
    struct error err = { 0 };
    struct mock m;

    (void)state;
    mock_open(&m, "t", 1);
    w = open_writer(&m);
    assert_true(kafka_table_put(w, STR("p|x/0|1"), STR("\x01nonsense"), -1, NULL, &err));
    assert_null(load(&m, &err));
    assert_true(error_is(&err, E_KAFKA_PARKED) && err.kind == ERR_STOP);
    kafka_table_writer_close(w);
    mock_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_lane_parks_is_there_for_the_next_one_under_the_same_number),
        cmocka_unit_test(a_request_reaches_the_lane_and_goes_with_the_record),
        cmocka_unit_test(a_record_of_somebody_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
