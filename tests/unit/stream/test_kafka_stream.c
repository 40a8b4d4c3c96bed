/* SPDX-License-Identifier: Apache-2.0 */
/* Against librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "base/limits.h"
#include "stream/kafka_stream.h"
#include "unit/kafka/mock.h"

enum { WAIT_MS = 200 };

struct fixture {
    struct mock mock;
    rd_kafka_t *producer;
    struct kafka_consumer *consumer;
    struct stream *stream;
    struct stream_reader *reader;
    struct arena arena;
    struct batch batch;
};

static void begin(struct fixture *f)
{
    char reason[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    *f = (struct fixture){ 0 };
    arena_init(&f->arena, LIMIT_ARENA);
    mock_open(&f->mock, "t", 1);
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", f->mock.settings.brokers, NULL, 0);
    f->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(f->producer);
}

/* A record with an id as its key and row; position and wts may be NULL. */
static void put(struct fixture *f, const char *value, const char *position, const char *wts)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    void *copy = (void *)(uintptr_t)value;
    size_t n = value != NULL ? strlen(value) : 0;
    rd_kafka_resp_err_t code;

    if (position != NULL)
        (void)rd_kafka_header_add(headers, "multisink.position", -1, position, -1);
    if (wts != NULL)
        (void)rd_kafka_header_add(headers, "multisink.wts", -1, wts, -1);
    code = rd_kafka_producev(f->producer, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(0),
                             RD_KAFKA_V_KEY("{\"id\":1}", 8), RD_KAFKA_V_VALUE(copy, n),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
                             RD_KAFKA_V_END);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(f->producer, 10000), 0);
}

#define ROW(id)                                                                                    \
    "{\"before\":null,\"after\":{\"id\":" #id "},\"op\":\"c\",\"ts_ms\":5,\"source\":"             \
    "{\"schema\":\"public\",\"table\":\"t\",\"ts_ms\":1000,\"txId\":7,\"lsn\":9,\"name\":\"a\","   \
    "\"db\":\"d\",\"connector\":\"postgresql\",\"snapshot\":\"false\"}}"

static void take(struct fixture *f, int64_t offset)
{
    const struct kafka_property quick[] = { { "fetch.wait.max.ms", "10" } };
    struct kafka_consumer_opts opts = { .settings = f->mock.settings, .group = "g" };
    enum kafka_event event = KAFKA_NOTHING;
    const char *topic = "t";
    struct kafka_place *places;
    struct error err;
    size_t count;

    opts.settings.properties = quick;
    opts.settings.property_count = 1;
    if (!kafka_consumer_open(&opts, &f->consumer, &err) ||
        !kafka_consumer_subscribe(f->consumer, &topic, 1, &err))
        fail_msg("%s", err.msg);
    for (int i = 0; i < 300 && event == KAFKA_NOTHING; i++)
        (void)!kafka_consumer_poll(f->consumer, 100, &event, &places, &count, &err);
    assert_int_equal(event, KAFKA_ASSIGNED);
    places[0].offset = offset;
    if (!kafka_consumer_take(f->consumer, &err))
        fail_msg("%s", err.msg);
}

/* As a lane does it: committed at `offset` with a note. */
static bool open_at(struct fixture *f, int64_t offset, struct kafka_note note, struct error *err)
{
    struct kafka_stream_opts opts = { .topic = "t",
                                      .partition = 0,
                                      .begin = kafka_stream_begin(offset, &note, 0),
                                      .offset = offset,
                                      .note = note,
                                      .schema = "public",
                                      .table = "t" };

    take(f, opts.begin);
    opts.consumer = f->consumer;
    f->stream = kafka_stream_open(&opts);
    return f->stream->ops->reader_open(f->stream, kafka_stream_position("t", 0, offset), &f->reader,
                                       err);
}

static void open_ok(struct fixture *f, int64_t offset, struct kafka_note note)
{
    struct error err;

    if (!open_at(f, offset, note, &err))
        fail_msg("%s", err.msg);
}

/* Reads until `offset` is passed; the changes of all batches, in the arena. */
static size_t read_to(struct fixture *f, int64_t offset, struct change *changes, size_t cap)
{
    const struct stream_want want = {
        .rows_max = 100, .bytes_max = MIB, .wait_ms = WAIT_MS, .stop_fd = -1
    };
    size_t n = 0;
    int64_t at = -1;
    struct error err;

    for (int i = 0; i < 100 && at < offset; i++) {
        if (!f->stream->ops->read(f->reader, &want, &f->arena, &f->batch, &err))
            fail_msg("%s", err.msg);
        for (size_t k = 0; k < f->batch.count; k++) {
            assert_true(n < cap);
            changes[n++] = f->batch.changes[k];
        }
        assert_true(kafka_stream_offset("t", 0, f->batch.after, &at));
    }
    assert_true(at >= offset);
    return n;
}

static void end(struct fixture *f)
{
    if (f->reader != NULL)
        f->stream->ops->reader_close(f->reader);
    if (f->stream != NULL)
        f->stream->ops->close(f->stream);
    kafka_consumer_close(f->consumer);
    rd_kafka_destroy(f->producer);
    mock_close(&f->mock);
    arena_done(&f->arena);
}

static void positions_and_stamps_come_from_headers_and_repeats_are_dropped(void **state)
{
    struct change c[8];
    struct kafka_note note;
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, ROW(1), "1/0/10/1", "100");
    put(&f, ROW(2), "1/0/10/2", "101");
    put(&f, ROW(1), "1/0/10/1", "100");
    put(&f, NULL, "1/0/10/2/1", NULL);
    put(&f, ROW(3), "1/0/20/1", "102");
    open_ok(&f, 0, (struct kafka_note){ 0 });
    assert_int_equal(read_to(&f, 5, c, 8), 3);
    assert_int_equal(c[1].pos.commit_end.v, 0x10);
    assert_int_equal(c[1].pos.ordinal, 2);
    assert_int_equal(c[1].wts, 101);
    assert_int_equal(position_cmp(c[2].at, kafka_stream_position("t", 0, 5)), 0);
    note = kafka_stream_note(f.stream, 5);
    assert_true(note.known && note.last && note.wts == 102);
    end(&f);
}

static void records_of_others_get_positions_and_rising_stamps_of_their_own(void **state)
{
    struct change c[8];
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, ROW(1), NULL, NULL);
    put(&f, ROW(1), NULL, NULL);
    put(&f, "{nonsense", NULL, NULL);
    open_ok(&f, 0, (struct kafka_note){ 0 });
    assert_int_equal(read_to(&f, 3, c, 8), 3);
    assert_int_equal(c[0].wts, 1000 * 1000);
    assert_int_equal(c[1].wts, 1000 * 1000 + 1);
    assert_true((c[0].pos.epoch & UINT32_C(0x80000000)) != 0);
    assert_true(position_cmp(c[0].pos, c[1].pos) < 0);
    assert_int_equal(c[2].flags, CHANGE_UNREADABLE);
    end(&f);
}

static void a_note_carries_repeats_and_stamps_over_a_restart(void **state)
{
    const struct kafka_note note = { .known = true,
                                     .has_position = true,
                                     .position = { 1, 2, { 0x10 } },
                                     .last = true,
                                     .wts = 5000000 };
    struct change c[8];
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, ROW(1), "1/0/10/1", "100");
    put(&f, ROW(2), "1/0/10/2", "101");
    put(&f, ROW(2), "1/0/10/2", "101");
    put(&f, ROW(9), NULL, NULL);
    open_ok(&f, 2, note);
    assert_int_equal(read_to(&f, 4, c, 8), 1);
    assert_int_equal(c[0].wts, 5000001);
    assert_int_equal(position_cmp(c[0].at, kafka_stream_position("t", 0, 4)), 0);
    end(&f);
}

static void a_reader_that_falls_back_reads_the_same_again(void **state)
{
    struct change first[8];
    struct change again[8];
    struct fixture f;
    struct error err;

    (void)state;
    begin(&f);
    for (int i = 0; i < 4; i++)
        put(&f, ROW(1), NULL, NULL);
    open_ok(&f, 0, (struct kafka_note){ 0 });
    assert_int_equal(read_to(&f, 4, first, 8), 4);
    f.stream->ops->reader_close(f.reader);
    f.reader = NULL;
    assert_true(
        f.stream->ops->reader_open(f.stream, kafka_stream_position("t", 0, 1), &f.reader, &err));
    assert_int_equal(read_to(&f, 4, again, 8), 3);
    assert_int_equal(position_cmp(again[0].pos, first[1].pos), 0);
    assert_true(again[0].wts <= first[1].wts);
    end(&f);
}

static void a_partition_that_was_made_anew_is_seen_at_the_record_before(void **state)
{
    const struct kafka_note note = {
        .known = true, .has_position = true, .position = { 1, 2, { 0x10 } }, .last = true
    };
    const struct stream_want want = {
        .rows_max = 100, .bytes_max = MIB, .wait_ms = WAIT_MS, .stop_fd = -1
    };
    struct error err = { 0 };
    struct fixture f;
    bool ok = true;

    (void)state;
    begin(&f);
    put(&f, ROW(1), "2/0/10/1", "100");
    put(&f, ROW(2), "2/0/10/2", "101");
    open_ok(&f, 1, note);
    for (int i = 0; i < 100 && ok; i++)
        ok = f.stream->ops->read(f.reader, &want, &f.arena, &f.batch, &err);
    assert_true(!ok && error_is(&err, E_KAFKA_RECREATED));
    assert_int_equal(err.kind, ERR_STOP);
    end(&f);
}

static void positions_beyond_the_end_or_of_others_are_refused(void **state)
{
    struct error err = { 0 };
    struct fixture f;

    (void)state;
    begin(&f);
    put(&f, ROW(1), NULL, NULL);
    assert_false(open_at(&f, 2, (struct kafka_note){ .known = true }, &err));
    assert_true(error_is(&err, E_KAFKA_BEYOND_END) && err.kind == ERR_STOP);
    assert_false(
        f.stream->ops->reader_open(f.stream, kafka_stream_position("t", 1, 0), &f.reader, &err));
    assert_true(error_is(&err, E_KAFKA_PLACE));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions_and_stamps_come_from_headers_and_repeats_are_dropped),
        cmocka_unit_test(records_of_others_get_positions_and_rising_stamps_of_their_own),
        cmocka_unit_test(a_note_carries_repeats_and_stamps_over_a_restart),
        cmocka_unit_test(a_reader_that_falls_back_reads_the_same_again),
        cmocka_unit_test(a_partition_that_was_made_anew_is_seen_at_the_record_before),
        cmocka_unit_test(positions_beyond_the_end_or_of_others_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
