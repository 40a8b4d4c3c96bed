/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/log_stream.h"

#include "base/limits.h"
#include "base/wake.h"
#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct column columns[] = {
    { .name = { "id", 2 },
      .type_oid = 20,
      .typmod = -1,
      .type_name = { "bigint", 6 },
      .type_kind = 'b',
      .identity = true,
      .primary_key = true,
      .not_null = true },
    { .name = { "note", 4 },
      .type_oid = 25,
      .typmod = -1,
      .type_name = { "text", 4 },
      .type_kind = 'b' },
};

static struct relation relation(uint32_t version, uint32_t oid)
{
    return (struct relation){
        version, oid, STR("public"), STR("events"), RELATION_IDENTITY_DEFAULT, 2, columns
    };
}

struct world {
    struct disk *disk;
    struct stream *s;
    struct arena arena;
    uint64_t lsn;
    int64_t wts;
};

static void open_stream(struct world *w)
{
    struct log_stream_opts opts = { .dir = "/sim/log",
                                    .segment_bytes = 4096,
                                    .ops = disk_ops(w->disk) };
    struct error err = { 0 };

    if (!log_stream_open(&opts, &w->s, NULL, &err))
        fail_msg("%s", err.msg);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->disk = disk_new(1);
    arena_init(&w->arena, LIMIT_ARENA);
    w->wts = 1000000;
    open_stream(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    w->s->ops->close(w->s);
    disk_free(w->disk);
    arena_done(&w->arena);
    free(w);
    return 0;
}

static void put_row(struct world *w, const struct relation *rel, uint64_t id, const char *note)
{
    char text[32];
    struct value row[2];
    struct change c = { .op = CHANGE_INSERT, .rel = rel, .after = row };
    struct error err = { 0 };
    struct buf b;

    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)id);
    row[0] = (struct value){ VALUE_TEXT, str_from(text) };
    row[1] = (struct value){ VALUE_TEXT, str_from(note) };
    buf_init(&b, LIMIT_LOG_RECORD);
    frame_put_change(&b, &c);
    assert_true(w->s->ops->frame(w->s, rel, buf_view(&b), &err));
    buf_done(&b);
}

static void begin(struct world *w)
{
    struct error err = { 0 };
    struct frame_tx tx = { .epoch = 1,
                           .xid = (uint32_t)w->lsn,
                           .commit_end = { w->lsn += 100 },
                           .commit_time_us = 5,
                           .wts_base = w->wts,
                           .first_ordinal = 1 };

    assert_true(w->s->ops->begin(w->s, &tx, &err));
}

static void commit(struct world *w)
{
    struct error err = { 0 };

    assert_true(w->s->ops->commit(w->s, &err));
}

static struct position sync_stream(struct world *w)
{
    struct position durable;
    struct error err = { 0 };

    assert_true(w->s->ops->sync(w->s, &durable, &err));
    return durable;
}

/* One transaction with `rows` rows; ids count up over all of them. */
static void put_tx(struct world *w, const struct relation *rel, uint64_t rows)
{
    begin(w);
    for (uint64_t i = 1; i <= rows; i++)
        put_row(w, rel, i, "a note of some length, so that segments fill");
    commit(w);
    w->wts += (int64_t)rows;
}

static struct stream_reader *reader(struct world *w, struct position from)
{
    struct stream_reader *r;
    struct error err = { 0 };

    if (!w->s->ops->reader_open(w->s, from, &r, &err))
        fail_msg("%s", err.msg);
    return r;
}

static struct batch read_batch(struct world *w, struct stream_reader *r, size_t rows)
{
    struct stream_want want = { .rows_max = rows, .bytes_max = LIMIT_BATCH_BYTES, .stop_fd = -1 };
    struct batch b;
    struct error err = { 0 };

    arena_reset(&w->arena);
    if (!w->s->ops->read(r, &want, &w->arena, &b, &err))
        fail_msg("%s", err.msg);
    return b;
}

/* Reads to the end; every position must rise by one ordinal or begin a transaction. */
static uint64_t count_rows(struct world *w, struct position from, size_t rows)
{
    struct stream_reader *r = reader(w, from);
    struct position last = from;
    uint64_t count = 0;

    for (;;) {
        struct batch b = read_batch(w, r, rows);

        assert_int_equal(position_cmp(b.before, last), 0);
        for (size_t i = 0; i < b.count; i++) {
            const struct change *c = &b.changes[i];
            char id[24];

            assert_true(position_cmp(c->pos, i == 0 ? b.before : b.changes[i - 1].pos) > 0);
            (void)snprintf(id, sizeof id, "%u", c->pos.ordinal);
            assert_true(str_is(c->after[0].text, id));
            count++;
        }
        last = b.after;
        if (b.count == 0 && position_cmp(b.before, b.after) == 0)
            break;
    }
    w->s->ops->reader_close(r);
    return count;
}

static void a_change_comes_out_as_it_went_in(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct stream_reader *r = reader(w, (struct position){ 0 });
    struct batch b;

    begin(w);
    put_row(w, &rel, 1, "hello");
    commit(w);
    sync_stream(w);
    b = read_batch(w, r, 10);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.changes[0].op, CHANGE_INSERT);
    assert_int_equal(b.changes[0].wts, 1000001);
    assert_int_equal(b.changes[0].pos.ordinal, 1);
    assert_int_equal(b.changes[0].pos.commit_end.v, 100);
    assert_true(str_is(b.changes[0].after[1].text, "hello"));
    assert_true(relation_same(b.changes[0].rel, &rel));
    assert_int_equal(position_cmp(b.after, b.changes[0].pos), 0);
    w->s->ops->reader_close(r);
}

static void nothing_is_seen_before_it_is_synced(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);

    put_tx(w, &rel, 3);
    assert_int_equal(count_rows(w, (struct position){ 0 }, 10), 0);
    sync_stream(w);
    assert_int_equal(count_rows(w, (struct position){ 0 }, 10), 3);
}

static void an_aborted_transaction_is_never_seen(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct relation other = relation(2, 78);

    put_tx(w, &rel, 2);
    begin(w);
    for (int i = 0; i < 300; i++)
        put_row(w, &other, 9, "spans several segments before it is dropped again, as it should be");
    w->s->ops->abort(w->s);
    put_tx(w, &other, 2);
    sync_stream(w);
    assert_int_equal(count_rows(w, (struct position){ 0 }, 10), 4);
}

static void reading_starts_anywhere_and_finds_its_relations(void **state)
{
    struct world *w = *state;
    struct relation rel[3] = { relation(1, 77), relation(2, 78), relation(3, 77) };

    /* Many segments; transactions span them, table versions change in between. */
    for (uint64_t i = 0; i < 60; i++)
        put_tx(w, &rel[i < 30 ? i % 2 : 1 + i % 2], i % 10 == 9 ? 150 : 3);
    sync_stream(w);
    for (uint64_t i = 0; i <= 60; i++) {
        uint64_t expected = 0;

        for (uint64_t k = i; k < 60; k++)
            expected += k % 10 == 9 ? 150 : 3;
        assert_int_equal(
            count_rows(
                w, (struct position){ i == 0 ? 0 : 1, i == 0 ? 0 : UINT32_MAX / 2, { i * 100 } },
                i % 2 == 0 ? 7 : 4096),
            expected);
        if (i == 59)
            break; /* above the tail from here on */
    }
}

static void a_batch_may_end_within_a_transaction(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct stream_reader *r;
    struct batch b;

    put_tx(w, &rel, 200);
    sync_stream(w);
    r = reader(w, (struct position){ 1, 150, { 100 } });
    b = read_batch(w, r, 30);
    assert_int_equal(b.count, 30);
    assert_int_equal(b.changes[0].pos.ordinal, 151);
    assert_int_equal(b.changes[0].wts, 1000151);
    assert_int_equal(b.after.ordinal, 180);
    assert_int_equal(read_batch(w, r, 30).count, 20);
    w->s->ops->reader_close(r);
}

/* A segment may end within the transaction, and its header stand between two of its changes. */
static void a_batch_says_what_follows_in_its_transaction(void **state)
{
    struct world *w = *state;
    struct relation one = relation(1, 77);
    struct relation two = relation(2, 78);
    struct stream_reader *r = reader(w, (struct position){ 0 });
    unsigned followed = 0;
    struct batch b;

    two.table = STR("others");
    begin(w);
    for (uint64_t i = 1; i <= 300; i++)
        put_row(w, &one, i, "a note of some length, so that segments fill");
    put_row(w, &two, 301, "another table's");
    commit(w);
    put_tx(w, &one, 1);
    sync_stream(w);
    for (unsigned i = 1; i <= 300; i++) {
        b = read_batch(w, r, 1);
        assert_int_equal(b.count, 1);
        assert_non_null(b.next);
        followed += str_is(b.next->table, "others");
    }
    assert_int_equal(followed, 1);
    b = read_batch(w, r, 1);
    assert_true(str_is(b.changes[0].rel->table, "others"));
    assert_null(b.next);
    b = read_batch(w, r, 1);
    assert_null(b.next);
    w->s->ops->reader_close(r);
}

static void put_half(struct world *w, const struct relation *rel, enum change_op op)
{
    struct value row[2] = { { VALUE_TEXT, STR("1") }, { VALUE_TEXT, STR("note") } };
    struct change c = { .op = op, .flags = CHANGE_KEY_MOVED, .rel = rel };
    struct error err = { 0 };
    struct buf b;

    c.after = op == CHANGE_INSERT ? row : NULL;
    c.before = op == CHANGE_DELETE ? row : NULL;
    c.before_kind = op == CHANGE_DELETE ? CHANGE_BEFORE_FULL : CHANGE_BEFORE_NONE;
    buf_init(&b, LIMIT_LOG_RECORD);
    frame_put_change(&b, &c);
    assert_true(w->s->ops->frame(w->s, rel, buf_view(&b), &err));
    buf_done(&b);
}

static void the_halves_of_a_moved_key_come_together(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct stream_want want = { .rows_max = 100, .bytes_max = 1, .stop_fd = -1 };
    struct stream_reader *r = reader(w, (struct position){ 0 });
    struct error err = { 0 };
    struct batch b;

    begin(w);
    put_row(w, &rel, 1, "x");
    put_half(w, &rel, CHANGE_DELETE);
    put_half(w, &rel, CHANGE_INSERT);
    put_row(w, &rel, 4, "x");
    commit(w);
    sync_stream(w);
    b = read_batch(w, r, 2);
    assert_int_equal(b.count, 3);
    assert_int_equal(b.changes[2].op, CHANGE_INSERT);
    assert_non_null(b.next);
    w->s->ops->reader_close(r);
    /* Nor does a batch that is full by its bytes part them. */
    r = reader(w, (struct position){ 1, 1, { w->lsn } });
    arena_reset(&w->arena);
    assert_true(w->s->ops->read(r, &want, &w->arena, &b, &err));
    assert_int_equal(b.count, 2);
    w->s->ops->reader_close(r);
}

static void a_mark_moves_the_position_without_a_change(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };
    struct position mark = { 1, 0, { 5000 } };
    struct stream_reader *r = reader(w, (struct position){ 0 });
    struct batch b;

    assert_true(w->s->ops->mark(w->s, mark, &err));
    assert_int_equal(position_cmp(sync_stream(w), mark), 0);
    b = read_batch(w, r, 10);
    assert_int_equal(b.count, 0);
    assert_int_equal(position_cmp(b.after, mark), 0);
    w->s->ops->reader_close(r);
}

static void the_tail_survives_a_restart(void **state)
{
    struct world *w = *state;
    struct relation rel[2] = { relation(1, 77), relation(2, 78) };
    struct error err = { 0 };
    struct stream_tail tail;

    put_tx(w, &rel[1], 1);
    for (int i = 0; i < 20; i++)
        put_tx(w, &rel[0], 20);
    /* Marks alone fill the last segments: stamps and versions must come through the preambles. */
    for (uint64_t i = 1; i < 400; i++) {
        assert_true(w->s->ops->mark(w->s, (struct position){ 1, 0, { w->lsn + i } }, &err));
        sync_stream(w);
    }
    w->s->ops->close(w->s);
    disk_restart(w->disk, DISK_LOSE);
    open_stream(w);
    w->s->ops->tail(w->s, &tail);
    assert_int_equal(tail.position.commit_end.v, w->lsn + 399);
    assert_int_equal(tail.last_wts, w->wts);
    assert_int_equal(tail.relation_version, 2);
    w->lsn += 400;
    put_tx(w, &rel[0], 5);
    sync_stream(w);
    assert_int_equal(count_rows(w, (struct position){ 0 }, 100), 406);
}

static void a_position_above_the_tail_is_refused(void **state)
{
    struct world *w = *state;
    struct stream_reader *r;
    struct error err = { 0 };

    assert_false(w->s->ops->reader_open(w->s, (struct position){ 1, 1, { 7 } }, &r, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0323");
}

static void retention_keeps_what_is_needed_and_says_what_is_gone(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct position needed = { 1, 2, { 1500 } };
    struct stream_stats before;
    struct stream_stats after;
    struct stream_reader *r;
    struct error err = { 0 };

    for (int i = 0; i < 30; i++)
        put_tx(w, &rel, 10);
    sync_stream(w);
    w->s->ops->stats(w->s, &before);
    assert_true(w->s->ops->retain(w->s, needed, &err));
    w->s->ops->stats(w->s, &after);
    assert_true(after.segments < before.segments);
    assert_true(after.bytes < before.bytes);
    assert_true(position_cmp(after.oldest, needed) <= 0);
    assert_int_equal(count_rows(w, needed, 100), 15 * 10 + 8);
    assert_int_equal(count_rows(w, after.oldest, 100) > 158, 1);
    assert_false(w->s->ops->reader_open(w->s, (struct position){ 0 }, &r, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0322");
}

static void trimming_meets_the_size_and_stops_a_reader_that_needed_more(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    struct stream_stats before;
    struct stream_stats after;
    struct stream_reader *r;
    struct error err = { 0 };

    for (int i = 0; i < 30; i++)
        put_tx(w, &rel, 10);
    sync_stream(w);
    w->s->ops->stats(w->s, &before);
    assert_true(w->s->ops->trim(w->s, before.bytes, &err));
    w->s->ops->stats(w->s, &after);
    assert_true(after.bytes == before.bytes);
    assert_true(w->s->ops->trim(w->s, before.bytes / 2, &err));
    w->s->ops->stats(w->s, &after);
    assert_true(after.bytes <= before.bytes / 2);
    assert_true(after.bytes > 0);
    assert_false(w->s->ops->reader_open(w->s, before.oldest, &r, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0322");
    assert_true(count_rows(w, after.oldest, 1000) > 0);
}

static void a_row_larger_than_the_batch_comes_alone(void **state)
{
    struct world *w = *state;
    struct relation rel = relation(1, 77);
    char *large = calloc(1, 3 * MIB + 1);
    struct stream_reader *r;
    struct batch b;

    assert_non_null(large);
    memset(large, 'x', 3 * MIB);
    begin(w);
    put_row(w, &rel, 1, "small");
    put_row(w, &rel, 2, large);
    put_row(w, &rel, 3, "small");
    commit(w);
    sync_stream(w);
    r = reader(w, (struct position){ 0 });
    assert_int_equal(read_batch(w, r, 100).count, 1);
    b = read_batch(w, r, 100);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.changes[0].after[1].text.n, 3 * MIB);
    assert_int_equal(read_batch(w, r, 100).count, 1);
    w->s->ops->reader_close(r);
    free(large);
}

static void a_stop_flag_ends_the_wait(void **state)
{
    struct world *w = *state;
    struct stream_reader *r = reader(w, (struct position){ 0 });
    struct wake stop;
    struct stream_want want = { .rows_max = 1, .bytes_max = 1, .wait_ms = 1000000 };
    struct error err = { 0 };
    struct batch b;

    assert_true(wake_init(&stop, &err));
    wake_set(&stop);
    want.stop_fd = stop.fd;
    assert_true(w->s->ops->read(r, &want, &w->arena, &b, &err));
    assert_int_equal(b.count, 0);
    wake_done(&stop);
    w->s->ops->reader_close(r);
}

static void count_relation(void *ctx, const struct relation *rel)
{
    (void)rel;
    ++*(int *)ctx;
}

static void a_reader_knows_the_newest_version_of_each_table(void **state)
{
    struct world *w = *state;
    struct relation rel[3] = { relation(1, 77), relation(2, 78), relation(3, 77) };
    struct stream_reader *r;
    int count = 0;

    for (int i = 0; i < 3; i++)
        put_tx(w, &rel[i], 1);
    for (int i = 0; i < 40; i++)
        put_tx(w, &rel[2], 10);
    sync_stream(w);
    /* Starts in the last segment: the preamble must tell it of a table that was not used there. */
    r = reader(w, (struct position){ 1, 9, { w->lsn } });
    (void)read_batch(w, r, 10);
    w->s->ops->relations(r, count_relation, &count);
    assert_int_equal(count, 2);
    w->s->ops->reader_close(r);
}

static void a_record_that_is_no_frame_is_refused(void **state)
{
    struct world *w = *state;
    struct stream_reader *r = reader(w, (struct position){ 0 });
    struct stream_want want = { .rows_max = 1, .bytes_max = 1, .stop_fd = -1 };
    struct error err = { 0 };
    struct batch b;

    assert_true(log_append(log_stream_log(w->s), STR("?"), &err));
    assert_true(log_commit(log_stream_log(w->s), &err));
    sync_stream(w);
    assert_false(w->s->ops->read(r, &want, &w->arena, &b, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_string_equal(err.code, "E0321");
    w->s->ops->reader_close(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_change_comes_out_as_it_went_in),
        TEST(nothing_is_seen_before_it_is_synced),
        TEST(an_aborted_transaction_is_never_seen),
        TEST(reading_starts_anywhere_and_finds_its_relations),
        TEST(a_batch_may_end_within_a_transaction),
        TEST(a_batch_says_what_follows_in_its_transaction),
        TEST(the_halves_of_a_moved_key_come_together),
        TEST(a_mark_moves_the_position_without_a_change),
        TEST(the_tail_survives_a_restart),
        TEST(a_position_above_the_tail_is_refused),
        TEST(retention_keeps_what_is_needed_and_says_what_is_gone),
        TEST(trimming_meets_the_size_and_stops_a_reader_that_needed_more),
        TEST(a_row_larger_than_the_batch_comes_alone),
        TEST(a_stop_flag_ends_the_wait),
        TEST(a_record_that_is_no_frame_is_refused),
        TEST(a_reader_knows_the_newest_version_of_each_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
