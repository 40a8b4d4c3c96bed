/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher against librdkafka's own brokers: what is written, and what happens when it goes wrong. What records
 * look like is the writer's tests', a real Kafka is in the end-to-end tests. */
#include "sink/kafka.h"

#include "base/limits.h"
#include "kafka/last.h"
#include "sink/kafka_mark.h"
#include "unit/kafka/mock.h"

#include <stdlib.h>

#define TOPIC "p.public.t"

static const struct column columns[] = {
    { .name = { "id", 2 },
      .type_oid = 20,
      .typmod = -1,
      .type_name = { "bigint", 6 },
      .type_kind = 'b',
      .identity = true,
      .primary_key = true,
      .not_null = true,
      .key_order = 1 },
    { .name = { "note", 4 },
      .type_oid = 25,
      .typmod = -1,
      .type_name = { "text", 4 },
      .type_kind = 'b' },
};

static const struct relation rel = { 1, 77,     { "public", 6 }, { "t", 1 }, RELATION_IDENTITY_FULL,
                                     2, columns };

enum { ROWS = 64 };

struct world {
    struct mock mock;
    struct config *config;
    struct sink *sink;
    struct arena arena;
    struct change changes[ROWS];
    struct value rows[ROWS][2];
    struct batch batch;
    struct sink_result res;
};

static void load(struct world *w, const char *more)
{
    struct buf text, faults;
    struct error err;

    buf_init(&text, MIB);
    buf_init(&faults, MIB);
    buf_putf(
        &text,
        "version: 1\nname: test\n"
        "source: {postgres: {url: postgres://u@localhost/db, tables: [public.t]}}\n"
        "stream: {kafka: {topic_prefix: p, brokers: [\"%s\"], properties: {reconnect.backoff.ms: 20,"
        " reconnect.backoff.max.ms: 50, retry.backoff.ms: 10}%s}}\n"
        "sinks: [{name: one, from: public.t, stdout: {}}]\n",
        w->mock.settings.brokers, more);
    if (!config_load_text("test.yaml", buf_view(&text), sink_config_kinds(), &w->config, &faults,
                          &err))
        fail_msg("%s", buf_cstr(&faults));
    buf_done(&faults);
    buf_done(&text);
}

static bool open_sink(struct world *w, struct error *err)
{
    const struct sink_env env = {
        .pipeline = "test", .name = "kafka", .stop_fd = -1, .clock = &clock_system
    };

    w->sink = NULL;
    return sink_kafka_ops.open(w->config, &env, &w->sink, err);
}

static void open_world(struct world *w, int partitions, const char *more)
{
    struct error err;

    memset(w, 0, sizeof *w);
    mock_open(&w->mock, TOPIC, partitions);
    load(w, more);
    arena_init(&w->arena, LIMIT_ARENA);
    w->batch = (struct batch){ .arena = &w->arena, .changes = w->changes };
    if (!open_sink(w, &err))
        fail_msg("%s", err.msg);
}

static void close_world(struct world *w)
{
    sink_kafka_ops.close(w->sink);
    config_free(w->config);
    arena_done(&w->arena);
    mock_close(&w->mock);
}

static void reopen(struct world *w)
{
    struct error err;

    sink_kafka_ops.close(w->sink);
    if (!open_sink(w, &err))
        fail_msg("%s", err.msg);
}

/* Adds a change of row `id` to the batch; its transaction ends at `commit`. */
static struct change *add(struct world *w, enum change_op op, uint64_t commit, uint32_t ordinal,
                          const char *id)
{
    size_t at = w->batch.count++;
    struct change *c = &w->changes[at];

    w->rows[at][0] = (struct value){ VALUE_TEXT, str_from(id) };
    w->rows[at][1] = (struct value){ VALUE_TEXT, STR("note") };
    *c = (struct change){ .op = op,
                          .pos = { 1, ordinal, { commit } },
                          .wts = (int64_t)commit * 1000 + ordinal,
                          .commit_time_us = 1700000000000000,
                          .lsn = { commit - 1 },
                          .xid = 5,
                          .rel = &rel };
    if (op == CHANGE_DELETE) {
        c->before_kind = CHANGE_BEFORE_FULL;
        c->before = w->rows[at];
    } else {
        c->after = w->rows[at];
    }
    c->at = c->pos;
    return c;
}

static bool write_batch(struct world *w, struct error *err)
{
    w->res = (struct sink_result){ 0 };
    error_clear(err);
    return sink_kafka_ops.write(w->sink, &w->batch, &w->res, err);
}

static void write_ok(struct world *w)
{
    struct error err;

    if (!write_batch(w, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(w->res.reject_count, 0);
}

/* How many records the partition holds, and its last one. */
static int64_t end_of(struct world *w, int32_t partition, int32_t count,
                      struct kafka_last_record *ret_last)
{
    struct kafka_last_record records[8];
    struct kafka_last *l;
    struct error err;

    if (!kafka_last_open(&w->mock.settings, -1, &l, &err) ||
        !kafka_last_read(l, TOPIC, count, &w->arena, records, &err))
        fail_msg("%s", err.msg);
    kafka_last_close(l);
    *ret_last = records[partition];
    return records[partition].found ? records[partition].offset + 1 : 0;
}

static void assert_header(const struct kafka_last_record *r, const char *name, const char *value)
{
    struct str found = kafka_last_header(r, name);

    if (!str_is(found, value))
        fail_msg("%s is %.*s, not %s", name, (int)found.n, found.p != NULL ? found.p : "", value);
}

/* ---- the good way ------------------------------------------------------------------------------------- */

static void each_record_says_its_position_and_stamp(void **state)
{
    struct kafka_last_record last;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    (void)add(&w, CHANGE_INSERT, 256, 1, "1");
    (void)add(&w, CHANGE_INSERT, 256, 2, "2");
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 2);
    assert_header(&last, "multisink.position", "1/0/100/2");
    assert_header(&last, "multisink.wts", "256002");
    assert_null(kafka_last_header(&last, "multisink.op").p); /* the envelope says it */
    close_world(&w);
}

static void a_tombstone_stands_one_place_behind_its_delete(void **state)
{
    struct kafka_last_record last;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    (void)add(&w, CHANGE_DELETE, 256, 1, "1");
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 2);
    assert_false(last.has_value);
    assert_header(&last, "multisink.position", "1/0/100/1/1");
    close_world(&w);
}

static void an_unwrapped_record_says_in_headers_what_its_value_does_not(void **state)
{
    struct kafka_last_record last;
    struct world w;

    (void)state;
    open_world(&w, 1, ", format: {record: unwrapped}");
    add(&w, CHANGE_UPDATE, 256, 1, "1");
    w.rows[0][1].kind = VALUE_UNCHANGED;
    write_ok(&w);
    (void)end_of(&w, 0, 1, &last);
    assert_header(&last, "multisink.op", "u");
    assert_header(&last, "multisink.commit", "1700000000000000/5");
    assert_header(&last, "multisink.unchanged", "note");
    close_world(&w);
}

/* ---- repeats ------------------------------------------------------------------------------------------ */

static void a_batch_that_comes_again_is_not_written_again(void **state)
{
    struct kafka_last_record last;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    (void)add(&w, CHANGE_INSERT, 256, 1, "1");
    (void)add(&w, CHANGE_DELETE, 256, 2, "1");
    write_ok(&w);
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 3);
    reopen(&w);
    (void)add(&w, CHANGE_INSERT, 256, 3, "1");
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 4);
    assert_header(&last, "multisink.position", "1/0/100/3");
    close_world(&w);
}

/* What one partition has and another one lacks is told apart. */
static void each_partition_goes_on_where_it_stands(void **state)
{
    struct kafka_last_record last;
    struct world w;
    int64_t total = 0;

    (void)state;
    open_world(&w, 3, "");
    for (uint32_t i = 1; i <= 20; i++)
        (void)add(&w, CHANGE_INSERT, 256, i, i % 2 == 0 ? "2" : "1");
    write_ok(&w);
    w.batch.count = 0;
    for (uint32_t i = 1; i <= 40; i++)
        (void)add(&w, CHANGE_INSERT, 256, i, i > 20 ? "3" : i % 2 == 0 ? "2" : "1");
    reopen(&w);
    write_ok(&w);
    for (int32_t p = 0; p < 3; p++)
        total += end_of(&w, p, 3, &last);
    assert_int_equal(total, 40);
    close_world(&w);
}

static void the_newest_position_and_stamp_are_found_over_all_partitions(void **state)
{
    struct position pos;
    struct error err;
    struct world w;
    int64_t wts;

    (void)state;
    open_world(&w, 3, "");
    assert_true(sink_kafka_ends(w.config, -1, &pos, &wts, &err));
    assert_true(position_is_start(pos) && wts == 0);
    for (uint32_t i = 1; i <= 9; i++)
        (void)add(&w, CHANGE_INSERT, 256, i, i % 3 == 0 ? "1" : i % 3 == 1 ? "2" : "3");
    write_ok(&w);
    if (!sink_kafka_ends(w.config, -1, &pos, &wts, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(pos.ordinal, 9);
    assert_int_equal(wts, 256009);
    close_world(&w);
}

/* ---- faults ------------------------------------------------------------------------------------------- */

static void a_broken_producer_is_replaced_and_nothing_is_repeated(void **state)
{
    struct kafka_last_record last;
    struct error err;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    (void)add(&w, CHANGE_INSERT, 256, 1, "1");
    write_ok(&w);
    w.batch.count = 0;
    for (uint32_t i = 2; i <= 40; i++)
        (void)add(&w, CHANGE_INSERT, 256, i, "1");
    rd_kafka_mock_push_request_errors(w.mock.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_false(write_batch(&w, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_KAFKA_BROKEN));
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 40);
    close_world(&w);
}

/* First the batches get smaller, in the end each record is alone, and the first that is refused then is the one. */
static void a_record_that_the_brokers_refuse_is_rejected_and_the_rest_is_written(void **state)
{
    struct kafka_last_record last;
    struct error err;
    struct world w;
    int tries = 1;

    (void)state;
    open_world(&w, 1, "");
    for (uint32_t i = 1; i <= 3; i++)
        (void)add(&w, CHANGE_INSERT, 256, i, "1");
    for (int i = 0; i < 6; i++)
        rd_kafka_mock_push_request_errors(w.mock.cluster, 0, 1,
                                          RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    while (!write_batch(&w, &err)) {
        assert_int_equal(err.kind, ERR_RETRY);
        assert_true(++tries < 10);
    }
    assert_int_equal(tries, 7);
    assert_int_equal(w.res.reject_count, 1);
    assert_int_equal(w.res.rejects[0].index, 0);
    assert_int_equal(w.res.rejects[0].code, E_KAFKA_TOO_LARGE);
    assert_int_equal(end_of(&w, 0, 1, &last), 2);
    close_world(&w);
}

static void what_was_parked_goes_behind_all_others_under_its_own_name(void **state)
{
    struct kafka_last_record last;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    (void)add(&w, CHANGE_INSERT, 512, 9, "1");
    write_ok(&w);
    w.batch.count = 0;
    w.batch.replay = true;
    (void)add(&w, CHANGE_INSERT, 256, 1, "1");
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 2);
    assert_header(&last, "multisink.position", "1/0/200/9/2");
    assert_header(&last, "multisink.parked", "1/0/100/1");
    w.batch.count = 0;
    w.batch.replay = false;
    (void)add(&w, CHANGE_INSERT, 512, 10, "1");
    write_ok(&w);
    assert_int_equal(end_of(&w, 0, 1, &last), 3);
    close_world(&w);
}

static void a_missing_topic_is_waited_for_when_none_is_to_be_made(void **state)
{
    static const struct relation other = {
        2, 78, { "public", 6 }, { "u", 1 }, RELATION_IDENTITY_FULL, 2, columns
    };
    struct error err;
    struct world w;

    (void)state;
    open_world(&w, 1, ", create_topics: never");
    add(&w, CHANGE_INSERT, 256, 1, "1")->rel = &other;
    assert_false(write_batch(&w, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_KAFKA_NO_TOPIC));
    assert_int_equal(rd_kafka_mock_topic_create(w.mock.cluster, "p.public.u", 1, 1), 0);
    write_ok(&w);
    close_world(&w);
}

static void a_position_that_is_none_stops(void **state)
{
    const struct kafka_header headers[] = { { "multisink.position", STR("here") } };
    struct kafka_producer_opts opts = { .compression = "none", .batch_bytes = MIB, .stop_fd = -1 };
    struct kafka_record r = { .has_value = true, .headers = headers, .header_count = 1 };
    struct kafka_producer *p;
    struct error err;
    struct world w;

    (void)state;
    open_world(&w, 1, "");
    opts.settings = &w.mock.settings;
    assert_true(kafka_producer_open(&opts, &p, &err));
    r.topic = kafka_producer_topic(p, TOPIC);
    assert_true(kafka_produce(p, &r, &err) && kafka_producer_wait(p, 20000, &err));
    kafka_producer_close(p);
    sink_kafka_ops.close(w.sink);
    assert_false(open_sink(&w, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_KAFKA_POSITION));
    w.sink = NULL;
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_says_its_position_and_stamp),
        cmocka_unit_test(a_tombstone_stands_one_place_behind_its_delete),
        cmocka_unit_test(an_unwrapped_record_says_in_headers_what_its_value_does_not),
        cmocka_unit_test(a_batch_that_comes_again_is_not_written_again),
        cmocka_unit_test(each_partition_goes_on_where_it_stands),
        cmocka_unit_test(the_newest_position_and_stamp_are_found_over_all_partitions),
        cmocka_unit_test(a_broken_producer_is_replaced_and_nothing_is_repeated),
        cmocka_unit_test(a_record_that_the_brokers_refuse_is_rejected_and_the_rest_is_written),
        cmocka_unit_test(what_was_parked_goes_behind_all_others_under_its_own_name),
        cmocka_unit_test(a_missing_topic_is_waited_for_when_none_is_to_be_made),
        cmocka_unit_test(a_position_that_is_none_stops),
    };

    return cmocka_run_group_tests_name("sink_kafka", tests, NULL, NULL);
}
