/* SPDX-License-Identifier: Apache-2.0 */
/* Windows without a server: the chunk is put in by hand, what passes is told as the assembler does. */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "pipeline/incremental.h"

#include <string.h>

enum { ROWS = 4 };

static const uint32_t order[] = { 0 };

struct world {
    struct state *state;
    struct incremental *inc;
    struct config_source source;
    struct relation rel;
    struct column columns[2];
    struct value values[ROWS][2];
    const struct value *rows[ROWS];
};

static struct error err;

/* public.t with the rows 0 to 3. */
static void open_chunk(struct world *w)
{
    static const char *const texts[ROWS] = { "0", "1", "2", "3" };
    struct incremental *inc = w->inc;

    w->rel = *fixture_relation();
    memcpy(w->columns, w->rel.columns, sizeof w->columns);
    w->columns[0].primary_key = true;
    w->columns[0].key_order = 1;
    w->rel.columns = w->columns;
    for (size_t i = 0; i < ROWS; i++) {
        w->values[i][0] = (struct value){ VALUE_TEXT, str_from(texts[i]) };
        w->values[i][1] = (struct value){ VALUE_NULL, STR_NONE };
        w->rows[i] = w->values[i];
    }
    inc->plan = (struct postgres_chunk_plan){ .rel = &w->rel, .order = order, .order_count = 1 };
    inc->rel = &w->rel;
    inc->rows = w->rows;
    inc->count = ROWS;
    inc->window = INCREMENTAL_OPEN;
    inc->spoiled = false;
    inc->is_last = false;
    (void)str_copy(STR("m"), inc->mark, sizeof inc->mark);
    assert_true(incremental_index(inc));
}

static void add_table(struct world *w)
{
    struct incremental_table t = { .schema = STR("public"), .table = STR("t") };
    bool found = false;

    assert_ok(incremental_store_add(w->state, &t, &err), err);
    assert_ok(incremental_store_next(w->state, 0, &w->inc->names, &found, &w->inc->table, &err),
              err);
    assert_true(found);
}

static void open_world(struct world *w, const char *dir)
{
    *w = (struct world){ .source = { .signal_table = "app.signal" } };
    assert_ok(state_open(dir, true, &w->state, &err), err);
    assert_ok(incremental_open(w->state, &w->source, &w->inc, &err), err);
    assert_ok(incremental_begin(w->inc, (struct lsn){ 0 }, &err), err);
}

static void close_world(struct world *w)
{
    incremental_close(w->inc);
    state_close(w->state);
}

static void change(struct world *w, enum change_before kind, const char *before, const char *after)
{
    struct value old[2] = { { VALUE_TEXT, str_from(before != NULL ? before : "") } };
    struct value new[2] = { { VALUE_TEXT, str_from(after != NULL ? after : "") } };
    struct pgoutput_row row = { .before_kind = kind,
                                .before = before != NULL ? old : NULL,
                                .after = after != NULL ? new : NULL };

    incremental_row(w->inc, &w->rel, &row, before == NULL && kind == CHANGE_BEFORE_NONE);
}

static bool message(struct world *w, const char *prefix, const char *content)
{
    struct pgoutput_message m = { true, { 1 }, str_from(prefix), str_from(content) };

    return incremental_message(w->inc, &m);
}

/* The ids of the rows that are left, when the watermark has come. */
static const char *left(struct world *w)
{
    static char text[ROWS + 1];
    const struct value *row;
    size_t n = 0;

    for (size_t at = 0; incremental_next_row(w->inc, &at, &row);)
        text[n++] = row[0].text.p[0];
    text[n] = '\0';
    return text;
}

static void a_row_that_changed_within_the_window_is_dropped(void **state)
{
    struct world w;

    open_world(&w, *state);
    open_chunk(&w);
    change(&w, CHANGE_BEFORE_NONE, NULL, "2");
    change(&w, CHANGE_BEFORE_KEY, "0", NULL);
    assert_string_equal(left(&w), ""); /* not before the watermark */
    assert_true(message(&w, INCREMENTAL_PREFIX, "another"));
    assert_string_equal(left(&w), "");
    assert_false(message(&w, "app", "m"));
    assert_true(message(&w, INCREMENTAL_PREFIX, "m"));
    assert_string_equal(left(&w), "13");
    close_world(&w);
}

static void a_moved_row_is_dropped_under_both_keys(void **state)
{
    struct world w;

    open_world(&w, *state);
    open_chunk(&w);
    change(&w, CHANGE_BEFORE_KEY, "1", "3");
    assert_true(message(&w, INCREMENTAL_PREFIX, "m"));
    assert_string_equal(left(&w), "02");
    close_world(&w);
}

static void a_truncate_drops_all_and_other_tables_none(void **state)
{
    struct relation other;
    struct world w;

    open_world(&w, *state);
    open_chunk(&w);
    other = w.rel;
    other.table = STR("u");
    incremental_truncate(w.inc, &other);
    assert_true(message(&w, INCREMENTAL_PREFIX, "m"));
    assert_string_equal(left(&w), "0123");
    incremental_truncate(w.inc, &w.rel);
    assert_string_equal(left(&w), "");
    close_world(&w);
}

static void a_change_without_its_key_makes_the_chunk_be_read_again(void **state)
{
    struct incremental_table t;
    struct world w;
    bool found;

    open_world(&w, *state);
    add_table(&w);
    open_chunk(&w);
    w.columns[0].identity = false; /* the replica identity is another index */
    change(&w, CHANGE_BEFORE_KEY, "1", NULL);
    assert_true(message(&w, INCREMENTAL_PREFIX, "m"));
    assert_string_equal(left(&w), "");
    assert_ok(incremental_commit(w.inc, (struct lsn){ 0x100 }, &err), err);
    incremental_taken(w.inc, 700, (struct lsn){ 0x100 }, false);
    assert_int_equal(w.inc->window, INCREMENTAL_CLOSED);
    assert_ok(incremental_store_next(w.state, 0, &w.inc->names, &found, &t, &err), err);
    assert_int_equal(t.next.n + t.after.n + t.closing.v, 0);
    close_world(&w);
}

/* The watermark's transaction is appended at 0x100; the stream of the next start ends at `tail`. */
static struct incremental_table restart_behind_a_chunk(const char *dir, uint64_t tail, bool last)
{
    static struct arena kept;
    struct incremental_table t = { 0 };
    struct world w;
    bool found;

    open_world(&w, dir);
    assert_ok(incremental_store_clear(w.state, &err), err);
    add_table(&w);
    open_chunk(&w);
    w.inc->is_last = last;
    assert_true(message(&w, INCREMENTAL_PREFIX, "m"));
    assert_ok(incremental_commit(w.inc, (struct lsn){ 0x100 }, &err), err);
    incremental_taken(w.inc, 700, (struct lsn){ 0x100 }, true);
    assert_false(incremental_is_due(w.inc, (struct lsn){ 0xFF }));
    assert_true(incremental_is_due(w.inc, (struct lsn){ 0x100 }));
    assert_ok(incremental_begin(w.inc, (struct lsn){ tail }, &err), err);
    arena_init(&kept, MIB);
    assert_ok(incremental_store_next(w.state, 0, &kept, &found, &t, &err), err);
    if (!found)
        t.seq = -1;
    arena_done(&kept);
    close_world(&w);
    return t;
}

static void after_a_crash_the_stream_tells_whether_the_chunk_is_there(void **state)
{
    struct incremental_table t = restart_behind_a_chunk(*state, 0xFF, false);

    assert_int_equal(t.after.n, 0);
    assert_int_equal(t.rows, 0);
    assert_true(t.closing.v == 0);
    t = restart_behind_a_chunk(*state, 0x100, false);
    assert_int_equal(t.after.n, 2);
    assert_int_equal(t.rows, 4);
    assert_true(t.closing.v == 0);
    assert_int_equal(restart_behind_a_chunk(*state, 0xFF, true).rows, 0);
    assert_int_equal(restart_behind_a_chunk(*state, 0x200, true).seq, -1);
}

static void a_snapshot_that_misses_a_transaction_taken_is_not_used(void **state)
{
    static const uint32_t running[] = { 690, 703 };
    struct postgres_chunk_snapshot s = { 705, running, 2 };
    struct world w;

    open_world(&w, *state);
    assert_true(incremental_sees_all(w.inc, &s));
    incremental_taken(w.inc, 704, (struct lsn){ 1 }, true);
    assert_true(incremental_sees_all(w.inc, &s));
    s.xmax = 704; /* committed, and not yet visible */
    assert_false(incremental_sees_all(w.inc, &s));
    s.xmax = 705;
    incremental_taken(w.inc, 690, (struct lsn){ 2 }, true);
    assert_false(incremental_sees_all(w.inc, &s));
    close_world(&w);
}

static void signals_of_a_transaction_are_kept_once(void **state)
{
    static const struct value values[3] = { { VALUE_TEXT, { "1", 1 } },
                                            { VALUE_TEXT, { "log", 3 } },
                                            { VALUE_TEXT, { "{}", 2 } } };
    const struct pgoutput_row row = { .after = values, .after_count = 3 };
    const struct relation table = { .schema = STR("app"), .table = STR("signal") };
    struct incremental_signal s;
    struct world w;
    bool found;

    open_world(&w, *state);
    assert_true(incremental_is_signal(w.inc, &table));
    assert_false(incremental_is_signal(w.inc, fixture_relation()));
    w.inc->work = false;
    for (int i = 0; i < 2; i++) { /* the second time after a crash before its position was kept */
        incremental_signal(w.inc, &row);
        assert_ok(incremental_commit(w.inc, (struct lsn){ 0x100 }, &err), err);
        incremental_taken(w.inc, 700, (struct lsn){ 0x100 }, false);
    }
    assert_true(w.inc->work);
    assert_ok(incremental_store_signal(w.state, &w.inc->names, &found, &s, &err), err);
    assert_true(found && str_is(s.type, "log") && str_is(s.data, "{}") && s.at.v == 0x100);
    assert_ok(incremental_store_signal_done(w.state, s.seq, &err), err);
    assert_ok(incremental_store_signal(w.state, &w.inc->names, &found, &s, &err), err);
    assert_false(found);
    close_world(&w);
}

static void a_place_comes_back_as_it_was_kept(void **state)
{
    struct str texts[2] = { STR(""), STR("x,y") };
    struct str back[2];
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    incremental_put_place(&b, texts, 2);
    assert_true(incremental_get_place(buf_view(&b), back, 2));
    assert_true(str_eq(back[0], texts[0]) && str_eq(back[1], texts[1]));
    assert_false(incremental_get_place(buf_view(&b), back, 1));
    buf_done(&b);
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_row_that_changed_within_the_window_is_dropped),
        WITH_DIRECTORY(a_moved_row_is_dropped_under_both_keys),
        WITH_DIRECTORY(a_truncate_drops_all_and_other_tables_none),
        WITH_DIRECTORY(a_change_without_its_key_makes_the_chunk_be_read_again),
        WITH_DIRECTORY(after_a_crash_the_stream_tells_whether_the_chunk_is_there),
        WITH_DIRECTORY(a_snapshot_that_misses_a_transaction_taken_is_not_used),
        WITH_DIRECTORY(signals_of_a_transaction_are_kept_once),
        WITH_DIRECTORY(a_place_comes_back_as_it_was_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
