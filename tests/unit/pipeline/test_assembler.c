/* SPDX-License-Identifier: Apache-2.0 */
/* pgoutput messages built by hand, a real stream behind. */
#include "unit/pipeline/fixture.h"

#include "base/buf.h"
#include "base/limits.h"
#include "pipeline/assembler.h"

#include <string.h>

/* 2000-01-01, PostgreSQL's epoch, in µs since 1970 */
#define PG_EPOCH_US INT64_C(946684800000000)

struct world {
    struct stream *stream;
    struct postgres_relations *relations;
    struct tables tables;
    struct assembler as;
    struct config_strings wanted;
    const char *names[1];
    struct clock clock;
    struct buf b; /* the next message */
    uint64_t lsn; /* that it says it is from */
    struct arena arena;
    struct stream_reader *reader;
};

static int64_t now_us = 1700000000000000;

static int64_t fake_real(const struct clock *c)
{
    (void)c;
    return now_us;
}

static void open_world(struct world *w, const char *dir)
{
    struct stream_tail tail;

    buf_init(&w->b, MIB);
    arena_init(&w->arena, 16 * MIB);
    w->reader = NULL;
    w->lsn = 0;
    w->names[0] = "public.t";
    w->wanted = (struct config_strings){ .count = 1, .items = w->names };
    w->clock = (struct clock){ .real_us = fake_real, .mono_us = fake_real };
    w->stream = fixture_stream(dir);
    w->stream->ops->tail(w->stream, &tail);
    w->relations = postgres_relations_new(tail.relation_version + 1);
    tables_init(&w->tables, &w->wanted, "pub");
    assembler_init(&w->as, w->stream, dir, w->relations, &w->tables, &w->clock);
    w->as.messages = true;
    assembler_begin(&w->as, 1, &tail);
}

static void close_world(struct world *w)
{
    if (w->reader != NULL)
        w->stream->ops->reader_close(w->reader);
    assembler_done(&w->as);
    tables_done(&w->tables);
    postgres_relations_free(w->relations);
    w->stream->ops->close(w->stream);
    arena_done(&w->arena);
    buf_done(&w->b);
}

static bool give(struct world *w, struct error *err)
{
    struct postgres_stream_msg msg = { .kind = POSTGRES_STREAM_DATA,
                                       .wal_start = { w->lsn },
                                       .server_time_us = now_us + 7,
                                       .payload = buf_view(&w->b) };
    bool ok = assembler_take(&w->as, NULL, &msg, err);

    buf_clear(&w->b);
    return ok;
}

static void must(struct world *w)
{
    struct error err;

    assert_ok(give(w, &err), err);
}

static void put_begin(struct buf *b, uint64_t commit_lsn, int64_t commit_us)
{
    buf_u8(b, 'B');
    buf_be64(b, commit_lsn);
    buf_be64(b, (uint64_t)(commit_us - PG_EPOCH_US));
    buf_be32(b, 700);
}

static void put_commit(struct buf *b, uint64_t commit_lsn, uint64_t end, int64_t commit_us)
{
    buf_u8(b, 'C');
    buf_u8(b, 0);
    buf_be64(b, commit_lsn);
    buf_be64(b, end);
    buf_be64(b, (uint64_t)(commit_us - PG_EPOCH_US));
}

static void put_relation(struct buf *b, char identity)
{
    buf_u8(b, 'R');
    buf_be32(b, 16384);
    buf_put(b, "public\0t", 9);
    buf_u8(b, (uint8_t)identity);
    buf_be16(b, 2);
    buf_u8(b, 1);
    buf_put(b, "id", 3);
    buf_be32(b, 20);
    buf_be32(b, UINT32_MAX);
    buf_u8(b, identity == 'f' ? 1 : 0);
    buf_put(b, "v", 2);
    buf_be32(b, 25);
    buf_be32(b, UINT32_MAX);
}

/* NULL is SQL NULL, "\x01" an unchanged value. */
static void put_tuple(struct buf *b, const char *id, const char *v)
{
    const char *texts[2] = { id, v };

    buf_be16(b, 2);
    for (int i = 0; i < 2; i++) {
        if (texts[i] == NULL) {
            buf_u8(b, 'n');
        } else if (texts[i][0] == '\1') {
            buf_u8(b, 'u');
        } else {
            buf_u8(b, 't');
            buf_be32(b, (uint32_t)strlen(texts[i]));
            buf_text(b, texts[i]);
        }
    }
}

static void put_insert(struct buf *b, const char *id, const char *v)
{
    buf_u8(b, 'I');
    buf_be32(b, 16384);
    buf_u8(b, 'N');
    put_tuple(b, id, v);
}

/* A whole transaction of one insert. */
static void insert_tx(struct world *w, uint64_t lsn, uint64_t end, int64_t commit_us,
                      const char *id)
{
    put_begin(&w->b, lsn, commit_us);
    must(w);
    put_relation(&w->b, 'd');
    must(w);
    put_insert(&w->b, id, "v");
    must(w);
    put_commit(&w->b, lsn, end, commit_us);
    must(w);
}

/* Everything that the stream holds, synced. */
static struct batch read_all(struct world *w)
{
    struct stream_want want = { .rows_max = 100, .bytes_max = MIB, .wait_ms = 0, .stop_fd = -1 };
    struct position durable;
    struct batch b;
    struct error err;

    assert_ok(w->stream->ops->sync(w->stream, &durable, &err), err);
    assert_ok(w->stream->ops->reader_open(w->stream, (struct position){ 0 }, &w->reader, &err),
              err);
    assert_ok(w->stream->ops->read(w->reader, &want, &w->arena, &b, &err), err);
    return b;
}

static void a_repeated_transaction_is_dropped_whole_and_nothing_else_is(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    insert_tx(&w, 0x130, 0x160, now_us, "2");
    /* After a reconnect the server repeats the second one, then goes on. */
    insert_tx(&w, 0x130, 0x160, now_us, "2");
    insert_tx(&w, 0x160, 0x190, now_us, "3");
    all = read_all(&w);
    assert_int_equal(all.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(all.changes[i].after[0].text.p[0], '1' + (char)i);
    assert_true(all.changes[2].pos.commit_end.v == 0x190);
    close_world(&w);
}

static void invariant_3_nothing_is_visible_before_the_commit(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    put_begin(&w.b, 0x200, now_us);
    must(&w);
    put_insert(&w.b, "2", "v");
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.count, 1);
    close_world(&w);
}

static void write_stamps_rise_whatever_the_clocks_do(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    insert_tx(&w, 0x130, 0x160, now_us - 5000000, "2");             /* back five seconds */
    insert_tx(&w, 0x160, 0x190, now_us + INT64_C(3600000000), "3"); /* an hour ahead */
    insert_tx(&w, 0x190, 0x1C0, now_us, "4");
    all = read_all(&w);
    assert_int_equal(all.count, 4);
    assert_true(all.changes[0].wts == now_us);
    assert_true(all.changes[1].wts == now_us + 1);
    assert_true(all.changes[2].wts == now_us + 60000000);
    assert_true(all.changes[3].wts == now_us + 60000001);
    close_world(&w);
}

static void stamps_go_on_from_the_stored_ones_after_a_restart(void **state)
{
    struct stream_tail tail;
    struct position durable;
    struct world w;
    struct error err;
    int64_t last;

    open_world(&w, *state);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    assert_ok(w.stream->ops->sync(w.stream, &durable, &err), err);
    w.stream->ops->tail(w.stream, &tail);
    last = tail.last_wts;
    close_world(&w);
    open_world(&w, *state);
    assert_true(w.as.last_wts == last);
    assert_true(assembler_stamp(&w.as, now_us - 1000) == last + 1);
    close_world(&w);
}

static void what_another_has_written_is_stamped_as_it_was_and_what_follows_above_it(void **state)
{
    static const int64_t above[] = { 51, 52, 501, 502 };
    struct world w;
    struct batch all;

    open_world(&w, *state);
    w.as.last_wts = now_us + 50;
    w.as.seen = (struct assembler_seen){ { 0x160 }, now_us + 500 };
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    insert_tx(&w, 0x130, 0x160, now_us, "2");
    insert_tx(&w, 0x160, 0x190, now_us, "3");
    insert_tx(&w, 0x190, 0x1C0, now_us, "4");
    all = read_all(&w);
    assert_int_equal(all.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(all.changes[i].wts == now_us + above[i]);
    close_world(&w);
}

static void update_message(struct buf *b, char old_kind, const char *old_id, const char *old_v,
                           const char *id, const char *v)
{
    buf_u8(b, 'U');
    buf_be32(b, 16384);
    if (old_kind != '\0') {
        buf_u8(b, (uint8_t)old_kind);
        put_tuple(b, old_id, old_v);
    }
    buf_u8(b, 'N');
    put_tuple(b, id, v);
}

static void what_debezium_wrote_before_is_not_taken_again(void **state)
{
    struct world w;
    struct batch b;
    struct stream_tail tail = { 0 };

    open_world(&w, *state);
    w.as.handover =
        (struct handover){ .given = true, .commit_end = { 200 }, .lsn = { 250 }, .xid = 700 };
    assembler_begin(&w.as, 1, &tail);
    w.lsn = 150;
    insert_tx(&w, 190, 200, now_us, "1"); /* complete in the topic */
    put_begin(&w.b, 290, now_us);
    must(&w);
    w.lsn = 250; /* the last one that was written */
    put_insert(&w.b, "2", "x");
    must(&w);
    w.lsn = 260;
    put_insert(&w.b, "3", "x");
    must(&w);
    put_commit(&w.b, 290, 300, now_us);
    must(&w);
    b = read_all(&w);
    assert_int_equal(b.count, 1);
    assert_true(str_is(b.changes[0].after[0].text, "3"));
    close_world(&w);
}

static void a_moved_key_becomes_a_delete_and_an_insert(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_relation(&w.b, 'd');
    must(&w);
    update_message(&w.b, 'K', "1", NULL, "9", "v");
    must(&w);
    put_commit(&w.b, 0x100, 0x130, now_us);
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.changes[0].op, CHANGE_DELETE);
    assert_int_equal(all.changes[1].op, CHANGE_INSERT);
    assert_true(str_is(all.changes[0].before[0].text, "1"));
    assert_true(str_is(all.changes[1].after[0].text, "9"));
    assert_int_equal(all.changes[0].flags & CHANGE_KEY_MOVED, CHANGE_KEY_MOVED);
    assert_true(all.changes[0].wts < all.changes[1].wts);
    close_world(&w);
}

static void what_a_full_old_row_knows_fills_an_unchanged_value(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_relation(&w.b, 'f');
    must(&w);
    update_message(&w.b, 'O', "1", "large", "1", "\1");
    must(&w);
    put_commit(&w.b, 0x100, 0x130, now_us);
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.changes[0].op, CHANGE_UPDATE);
    assert_int_equal(all.changes[0].after[1].kind, VALUE_TEXT);
    assert_true(str_is(all.changes[0].after[1].text, "large"));
    close_world(&w);
}

static void an_unchanged_value_stays_unchanged_and_never_becomes_null(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_relation(&w.b, 'd');
    must(&w);
    update_message(&w.b, '\0', NULL, NULL, "1", "\1");
    must(&w);
    put_commit(&w.b, 0x100, 0x130, now_us);
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.changes[0].after[1].kind, VALUE_UNCHANGED);
    close_world(&w);
}

static void messages_out_of_order_are_refused(void **state)
{
    struct world w;
    struct error err;

    open_world(&w, *state);
    put_insert(&w.b, "1", "v");
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    put_commit(&w.b, 0x100, 0x130, now_us);
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_begin(&w.b, 0x200, now_us);
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    /* A row of a table that this connection has not described. */
    put_insert(&w.b, "1", "v");
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    close_world(&w);
}

static void a_lost_connection_forgets_the_open_transaction(void **state)
{
    struct stream_tail tail;
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_relation(&w.b, 'd');
    must(&w);
    put_insert(&w.b, "1", "v");
    must(&w);
    w.stream->ops->tail(w.stream, &tail);
    assembler_begin(&w.as, 1, &tail);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    all = read_all(&w);
    assert_int_equal(all.count, 1);
    close_world(&w);
}

static void a_row_knows_its_own_place_in_the_wal(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    put_relation(&w.b, 'd');
    must(&w);
    w.lsn = 0x80;
    put_insert(&w.b, "1", "v");
    must(&w);
    w.lsn = 0x90;
    update_message(&w.b, 'K', "1", NULL, "9", "v");
    must(&w);
    put_commit(&w.b, 0x100, 0x130, now_us);
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.count, 3);
    assert_true(all.changes[0].lsn.v == 0x80);
    assert_true(all.changes[1].lsn.v == 0x90);
    assert_true(all.changes[2].lsn.v == 0x90);
    close_world(&w);
}

/* ---- logical messages ------------------------------------------------------------------------- */

static void put_logical(struct buf *b, bool transactional, uint64_t lsn, const char *content)
{
    buf_u8(b, 'M');
    buf_u8(b, transactional ? 1 : 0);
    buf_be64(b, lsn);
    buf_put(b, "pre", 4);
    buf_be32(b, (uint32_t)strlen(content));
    buf_text(b, content);
}

static void logical_of_its_own(struct world *w, uint64_t lsn, const char *content)
{
    w->lsn = lsn;
    put_logical(&w->b, false, lsn, content);
    must(w);
}

static void check_logical(const struct change *c, uint64_t end, uint32_t ordinal, const char *hex)
{
    assert_int_equal(c->op, CHANGE_MESSAGE);
    assert_int_equal(c->rel->schema.n + c->rel->table.n + c->rel->oid, 0);
    assert_true(c->pos.commit_end.v == end);
    assert_int_equal(c->pos.ordinal, ordinal);
    assert_true(str_is(c->after[0].text, "pre"));
    assert_true(str_is(c->after[1].text, hex));
}

static void a_transactions_message_is_a_change_of_it(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    put_begin(&w.b, 0x100, now_us);
    must(&w);
    w.lsn = 0x80;
    put_logical(&w.b, true, 0x80, "a\n");
    must(&w);
    put_relation(&w.b, 'd');
    must(&w);
    put_insert(&w.b, "1", "v");
    must(&w);
    put_commit(&w.b, 0x100, 0x130, now_us);
    must(&w);
    all = read_all(&w);
    assert_int_equal(all.count, 2);
    check_logical(&all.changes[0], 0x130, 1, "\\x610a");
    assert_true(all.changes[0].lsn.v == 0x80);
    assert_int_equal(all.changes[0].xid, 700);
    assert_int_equal(all.changes[1].pos.ordinal, 2);
    close_world(&w);
}

static void a_message_of_its_own_stands_between_the_transactions(void **state)
{
    struct world w;
    struct batch all;

    open_world(&w, *state);
    insert_tx(&w, 0x100, 0x130, now_us, "1");
    logical_of_its_own(&w, 0x150, "");
    logical_of_its_own(&w, 0x170, "b");
    insert_tx(&w, 0x170, 0x190, now_us, "2");
    all = read_all(&w);
    assert_int_equal(all.count, 4);
    check_logical(&all.changes[1], 0x150, 1, "\\x");
    check_logical(&all.changes[2], 0x170, 1, "\\x62");
    assert_int_equal(all.changes[1].xid, 0);
    assert_true(all.changes[1].commit_time_us == now_us + 7);
    for (size_t i = 1; i < all.count; i++) {
        assert_true(position_cmp(all.changes[i - 1].pos, all.changes[i].pos) < 0);
        assert_true(all.changes[i].wts == all.changes[i - 1].wts + 1);
    }
    close_world(&w);
}

static void a_repeated_message_is_dropped_after_a_restart(void **state)
{
    struct position durable;
    struct world w;
    struct batch all;
    struct error err;

    open_world(&w, *state);
    logical_of_its_own(&w, 0x150, "1");
    insert_tx(&w, 0x160, 0x180, now_us, "2");
    logical_of_its_own(&w, 0x190, "3");
    assert_ok(w.stream->ops->sync(w.stream, &durable, &err), err);
    close_world(&w);
    /* All of it comes again, and then something new. */
    open_world(&w, *state);
    logical_of_its_own(&w, 0x150, "1");
    insert_tx(&w, 0x160, 0x180, now_us, "2");
    logical_of_its_own(&w, 0x190, "3");
    logical_of_its_own(&w, 0x1A0, "4");
    all = read_all(&w);
    assert_int_equal(all.count, 4);
    check_logical(&all.changes[3], 0x1A0, 1, "\\x34");
    close_world(&w);
}

static void a_message_that_stands_where_it_cannot_is_refused(void **state)
{
    struct world w;
    struct error err;

    open_world(&w, *state);
    put_logical(&w.b, true, 0x150, "1");
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    put_begin(&w.b, 0x200, now_us);
    must(&w);
    put_logical(&w.b, false, 0x160, "1");
    assert_code(give(&w, &err), err, E_PGOUTPUT);
    close_world(&w);
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_repeated_transaction_is_dropped_whole_and_nothing_else_is),
        WITH_DIRECTORY(invariant_3_nothing_is_visible_before_the_commit),
        WITH_DIRECTORY(write_stamps_rise_whatever_the_clocks_do),
        WITH_DIRECTORY(stamps_go_on_from_the_stored_ones_after_a_restart),
        WITH_DIRECTORY(what_another_has_written_is_stamped_as_it_was_and_what_follows_above_it),
        WITH_DIRECTORY(what_debezium_wrote_before_is_not_taken_again),
        WITH_DIRECTORY(a_moved_key_becomes_a_delete_and_an_insert),
        WITH_DIRECTORY(what_a_full_old_row_knows_fills_an_unchanged_value),
        WITH_DIRECTORY(an_unchanged_value_stays_unchanged_and_never_becomes_null),
        WITH_DIRECTORY(messages_out_of_order_are_refused),
        WITH_DIRECTORY(a_lost_connection_forgets_the_open_transaction),
        WITH_DIRECTORY(a_row_knows_its_own_place_in_the_wal),
        WITH_DIRECTORY(a_transactions_message_is_a_change_of_it),
        WITH_DIRECTORY(a_message_of_its_own_stands_between_the_transactions),
        WITH_DIRECTORY(a_repeated_message_is_dropped_after_a_restart),
        WITH_DIRECTORY(a_message_that_stands_where_it_cannot_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
