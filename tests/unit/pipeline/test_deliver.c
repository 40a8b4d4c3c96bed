/* SPDX-License-Identifier: Apache-2.0 */
/* The deliver thread with a real stream and a sink that does what the test tells it. */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "debezium/reader.h"
#include "model/frame.h"
#include "pipeline/deliver.h"
#include "pipeline/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a sink on a string ------------------------------------------------------------------------- */

enum { IDS_MAX = 4096 };

struct puppet {
    pthread_mutex_t lock;
    unsigned ids[IDS_MAX]; /* delivered, in order */
    size_t count;
    unsigned retries_left; /* next writes fail with ERR_RETRY after they were applied */
    unsigned closed_opens; /* next opens fail with ERR_RETRY */
    unsigned refuse_id;    /* this one is refused */
    bool refuse;
    bool stop;         /* next write fails with ERR_STOP */
    bool has_position; /* what position() tells */
    struct position position;
    struct position fall_back; /* when set, a write fails and the position falls to it, once */
    bool gone;                 /* position() finds none */
};

static struct puppet puppet;

struct sink {
    const struct sink_env *env;
};

static bool puppet_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                        struct error *err)
{
    static struct sink sink;

    (void)conf;
    (void)env;
    if (puppet.closed_opens > 0) {
        puppet.closed_opens--;
        return error_set(err, ERR_RETRY, E_NET_CONNECT, "the puppet is not at home");
    }
    *ret_sink = &sink;
    return true;
}

static void puppet_close(struct sink *s)
{
    (void)s;
}

static void apply(const struct batch *b, struct sink_result *res)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct change *c = &b->changes[i];
        unsigned id = (unsigned)strtoul(c->after[0].text.p, NULL, 10);
        struct sink_reject reject = { .index = i,
                                      .code = E_HTTP_TRUNCATE,
                                      .reason = "not this one" };

        /* A sink that keeps its position skips what it has, but names its rejects again. */
        if (puppet.refuse && id == puppet.refuse_id)
            sink_reject_add(res, b, &reject);
        else if (puppet.has_position && position_cmp(c->pos, puppet.position) <= 0)
            continue;
        else if (puppet.count < IDS_MAX)
            puppet.ids[puppet.count++] = id;
    }
}

static bool puppet_write(struct sink *s, const struct batch *b, struct sink_result *res,
                         struct error *err)
{
    bool ok = true;

    (void)s;
    (void)pthread_mutex_lock(&puppet.lock);
    if (puppet.stop) {
        ok = error_set(err, ERR_STOP, E_HTTP_TRUNCATE, "cannot go on, says the puppet");
    } else if (!position_is_start(puppet.fall_back)) {
        puppet.position = puppet.fall_back;
        puppet.fall_back = (struct position){ 0 };
        ok = error_set(err, ERR_RETRY, E_NET_LOST, "the puppet lost its last second");
    } else {
        apply(b, res);
        puppet.position = b->after;
        if (puppet.retries_left > 0) {
            puppet.retries_left--;
            ok = error_set(err, ERR_RETRY, E_NET_LOST, "the answer of the puppet got lost");
        }
    }
    (void)pthread_mutex_unlock(&puppet.lock);
    return ok;
}

static bool puppet_position(struct sink *s, bool *ret_found, struct position *ret_position,
                            struct error *err)
{
    (void)s;
    (void)err;
    (void)pthread_mutex_lock(&puppet.lock);
    *ret_found = !puppet.gone && !position_is_start(puppet.position);
    *ret_position = puppet.position;
    (void)pthread_mutex_unlock(&puppet.lock);
    return true;
}

static bool puppet_start(struct sink *s, struct position from, struct error *err)
{
    (void)s;
    (void)err;
    (void)pthread_mutex_lock(&puppet.lock);
    puppet.position = from;
    (void)pthread_mutex_unlock(&puppet.lock);
    return true;
}

static const struct sink_ops plain_ops = { .name = "puppet",
                                           .ordered = true,
                                           .open = puppet_open,
                                           .write = puppet_write,
                                           .close = puppet_close };

static const struct sink_ops unordered_ops = {
    .name = "puppet", .open = puppet_open, .write = puppet_write, .close = puppet_close
};

static const struct sink_ops keeping_ops = { .name = "puppet",
                                             .ordered = true,
                                             .open = puppet_open,
                                             .position = puppet_position,
                                             .start = puppet_start,
                                             .write = puppet_write,
                                             .close = puppet_close };

/* ---- a deliver thread around it ----------------------------------------------------------------------- */

struct world {
    struct config config;
    struct config_sink sink;
    const char *names[1];
    struct stream *stream;
    struct shapes shapes;
    struct wake stop;
    struct deliver d;
    struct thread thread;
};

static void open_world(struct world *w, char *dir, const struct sink_ops *ops)
{
    struct deliver_opts opts;
    struct error err;

    *w = (struct world){ .names = { "public.t" } };
    w->config.name = "p";
    w->config.stream.dir = dir;
    w->sink = (struct config_sink){ .name = "s",
                                    .from = { .count = 1, .items = w->names },
                                    .park_max = 3,
                                    .retry_initial_ms = 1,
                                    .retry_max_ms = 4,
                                    .batch_rows = 10 };
    w->stream = fixture_stream(dir);
    shapes_init(&w->shapes);
    assert_ok(wake_init(&w->stop, &err), err);
    opts = (struct deliver_opts){ .config = &w->config,
                                  .sink = &w->sink,
                                  .ops = ops,
                                  .stream = w->stream,
                                  .shapes = &w->shapes,
                                  .clock = &clock_system,
                                  .stop_fd = w->stop.fd };
    assert_ok(deliver_init(&w->d, &opts, &err), err);
}

static void start(struct world *w)
{
    struct error err;

    assert_ok(thread_start(&w->thread, "deliver", deliver_thread, &w->d, &err), err);
}

static void close_world(struct world *w)
{
    wake_set(&w->stop);
    thread_join(&w->thread);
    deliver_done(&w->d);
    w->stream->ops->close(w->stream);
    shapes_done(&w->shapes);
    wake_done(&w->stop);
}

static int reset_puppet(void **state)
{
    puppet = (struct puppet){ .lock = PTHREAD_MUTEX_INITIALIZER };
    return fixture_directory(state);
}

static size_t delivered(void)
{
    size_t n;

    (void)pthread_mutex_lock(&puppet.lock);
    n = puppet.count;
    (void)pthread_mutex_unlock(&puppet.lock);
    return n;
}

/* Waits for a claim to become true; the bound only ends a test that fails. */
#define wait_until(claim)                                                                          \
    do {                                                                                           \
        int64_t end = clock_mono_us(&clock_system) + 20 * 1000000;                                 \
        while (!(claim) && clock_mono_us(&clock_system) < end)                                     \
            (void)wake_wait(-1, 2);                                                                \
        assert_true(claim);                                                                        \
    } while (0)

static struct progress_sink look(struct world *w)
{
    struct progress_sink p;

    progress_get_sink(&w->d.progress, &p);
    return p;
}

static void expect_failure(struct world *w, enum error_code code)
{
    struct progress_sink p = look(w);

    assert_true(error_is(&p.last_error, code));
}

static void expect_ids(unsigned first, unsigned count)
{
    assert_int_equal(puppet.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(puppet.ids[i], first + i);
}

static void expect_ids_from(size_t at, unsigned first, unsigned count)
{
    assert_int_equal(puppet.count, at + count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(puppet.ids[at + i], first + i);
}

static void every_change_is_delivered_in_order_and_the_position_kept(void **state)
{
    struct world w;

    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 25);
    fixture_append(w.stream, 0x200, 25, 5);
    start(&w);
    wait_until(delivered() == 30);
    close_world(&w);
    expect_ids(0, 30);
    /* The next life goes on behind them. */
    open_world(&w, *state, &plain_ops);
    assert_true(w.d.position.commit_end.v == 0x200);
    fixture_append(w.stream, 0x300, 30, 2);
    start(&w);
    wait_until(delivered() == 32);
    close_world(&w);
    expect_ids(0, 32);
}

static void with_the_position_comes_the_stamp_of_its_last_change(void **state)
{
    const struct position mark = { 1, 0, { 0x280 } };
    struct position durable;
    struct stream_tail tail;
    struct error err;
    struct world w;

    open_world(&w, *state, &plain_ops);
    start(&w);
    fixture_append(w.stream, 0x100, 0, 3);
    fixture_append(w.stream, 0x200, 3, 2);
    w.stream->ops->tail(w.stream, &tail);
    wait_until(look(&w).position.commit_end.v == 0x200);
    assert_true(look(&w).wts == tail.last_wts);
    assert_true(look(&w).commit_lsn.v != 0 && look(&w).commit_lsn.v < 0x200);
    assert_ok(w.stream->ops->mark(w.stream, mark, &err), err);
    assert_ok(w.stream->ops->sync(w.stream, &durable, &err), err);
    wait_until(look(&w).position.commit_end.v == 0x280);
    assert_true(look(&w).wts == tail.last_wts);
    close_world(&w);
    /* What was read in another life is not known. */
    open_world(&w, *state, &plain_ops);
    start(&w);
    wait_until(look(&w).position.commit_end.v == 0x280);
    assert_true(look(&w).wts == 0 && look(&w).commit_lsn.v == 0);
    close_world(&w);
}

static void invariant_4_the_position_moves_only_behind_success(void **state)
{
    struct world w;

    puppet.stop = true;
    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 5);
    start(&w);
    wait_until(look(&w).state == PROGRESS_FAILED);
    assert_true(position_is_start(look(&w).position));
    close_world(&w);
    puppet.stop = false;
    open_world(&w, *state, &plain_ops);
    assert_true(position_is_start(w.d.position));
    start(&w);
    wait_until(delivered() == 5);
    close_world(&w);
}

static void an_unknown_outcome_brings_the_same_batch_again(void **state)
{
    struct world w;

    puppet.retries_left = 3;
    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 4);
    start(&w);
    wait_until(delivered() == 16);
    wait_until(look(&w).state == PROGRESS_RUNNING);
    assert_int_equal(look(&w).retries, 3);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(puppet.ids[i], i % 4);
    close_world(&w);
}

static void a_target_that_keeps_its_position_gets_nothing_twice(void **state)
{
    struct world w;

    puppet.has_position = true;
    puppet.retries_left = 3;
    open_world(&w, *state, &keeping_ops);
    fixture_append(w.stream, 0x100, 0, 25);
    start(&w);
    wait_until(look(&w).position.commit_end.v == 0x100 && look(&w).position.ordinal == 25);
    close_world(&w);
    expect_ids(0, 25);
}

static void a_target_that_fell_back_is_replayed_from_there(void **state)
{
    struct world w;

    puppet.has_position = true;
    open_world(&w, *state, &keeping_ops);
    fixture_append(w.stream, 0x100, 0, 20);
    start(&w);
    wait_until(delivered() == 20);
    (void)pthread_mutex_lock(&puppet.lock);
    puppet.fall_back = (struct position){ 1, 7, { 0x100 } };
    puppet.count = 7; /* it lost what came after */
    (void)pthread_mutex_unlock(&puppet.lock);
    fixture_append(w.stream, 0x200, 20, 5);
    wait_until(delivered() == 25);
    close_world(&w);
    expect_ids(0, 25);
}

static void rejects_of_a_batch_that_a_crash_cut_off_are_parked_at_the_next_start(void **state)
{
    struct world w;
    struct error err;

    puppet.has_position = true;
    puppet.refuse = true;
    puppet.refuse_id = 3;
    puppet.position = (struct position){ 1, 5, { 0x100 } };
    open_world(&w, *state, &keeping_ops);
    assert_ok(
        checkpoint_set_position(w.d.state, "s", (struct position){ 1, 2, { 0x100 } }, true, &err),
        err);
    deliver_done(&w.d);
    w.stream->ops->close(w.stream);
    shapes_done(&w.shapes);
    wake_done(&w.stop);
    open_world(&w, *state, &keeping_ops);
    fixture_append(w.stream, 0x100, 0, 8);
    start(&w);
    wait_until(delivered() == 3);
    wait_until(look(&w).parked == 1);
    close_world(&w);
    expect_ids(5, 3);
}

static void a_target_that_lost_its_position_stops_the_sink(void **state)
{
    struct world w;

    puppet.has_position = true;
    open_world(&w, *state, &keeping_ops);
    fixture_append(w.stream, 0x100, 0, 3);
    start(&w);
    wait_until(delivered() == 3);
    close_world(&w);
    puppet.gone = true;
    open_world(&w, *state, &keeping_ops);
    start(&w);
    wait_until(look(&w).state == PROGRESS_FAILED);
    expect_failure(&w, E_SINK_LOST);
    close_world(&w);
    expect_ids(0, 3);
}

/* More than two segments of the log, then only the newest is left. */
static void drop_the_oldest(struct world *w)
{
    struct error err;

    for (unsigned i = 0; i < 100; i++)
        fixture_append(w->stream, 0x1000 + i * 0x100, i, 1500);
    assert_ok(w->stream->ops->trim(w->stream, MIB, &err), err);
}

static void a_sink_whose_changes_were_dropped_stops_with_the_gap(void **state)
{
    struct world w;

    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 3);
    start(&w);
    wait_until(delivered() == 3);
    close_world(&w);
    open_world(&w, *state, &plain_ops);
    drop_the_oldest(&w);
    start(&w);
    wait_until(look(&w).state == PROGRESS_FAILED);
    expect_failure(&w, E_STREAM_GONE);
    assert_int_equal(delivered(), 3);
    close_world(&w);
}

static void a_new_sink_starts_with_what_is_left(void **state)
{
    struct world w;

    open_world(&w, *state, &plain_ops);
    drop_the_oldest(&w);
    start(&w);
    wait_until(look(&w).position.commit_end.v == 0x1000 + 99 * 0x100);
    assert_true(delivered() > 0);
    close_world(&w);
}

/* A life under --resnapshot: 3 changes delivered before, 4 more in the log that were not. */
static void resnapshot_with(struct world *w, char *dir)
{
    open_world(w, dir, &keeping_ops);
    fixture_append(w->stream, 0x100, 0, 3);
    start(w);
    wait_until(delivered() == 3);
    wait_until(look(w).position.ordinal == 3);
    close_world(w);
    open_world(w, dir, &keeping_ops);
    fixture_append(w->stream, 0x200, 3, 4);
    deliver_done(&w->d);
}

static void begin_anew(struct world *w)
{
    struct deliver_opts opts = w->d.opts;
    struct error err;

    opts.resnapshot = true;
    assert_ok(deliver_init(&w->d, &opts, &err), err);
    fixture_append(w->stream, 0x300, 0, 7); /* stands for the new copy */
    start(w);
}

static void a_new_history_does_not_count_the_undelivered_rest_of_the_old_one(void **state)
{
    struct world w;

    puppet.has_position = true;
    resnapshot_with(&w, *state);
    begin_anew(&w);
    wait_until(delivered() == 3 + 7);
    close_world(&w);
    expect_ids_from(3, 0, 7);
}

static void a_new_history_starts_in_a_target_that_was_cleared_with_its_position(void **state)
{
    struct world w;

    puppet.has_position = true;
    resnapshot_with(&w, *state);
    puppet.position = (struct position){ 0 };
    puppet.count = 0;
    begin_anew(&w);
    wait_until(delivered() == 7);
    close_world(&w);
    expect_ids(0, 7);
}

static void a_refused_record_is_parked_and_the_rest_goes_on(void **state)
{
    struct world w;

    puppet.refuse = true;
    puppet.refuse_id = 3;
    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 8);
    start(&w);
    wait_until(delivered() == 7);
    wait_until(look(&w).parked == 1);
    close_world(&w);
}

/* A record that nobody can read, between two rows. */
static void append_unreadable(struct world *w, uint64_t commit_end)
{
    static const struct debezium_input input = { .topic = STR("p.public.t"),
                                                 .has_key = true,
                                                 .has_value = true,
                                                 .key = STR("{"),
                                                 .value = STR("\xff\x00") };
    struct frame_tx tx = {
        .epoch = 1, .commit_end = { commit_end }, .commit_lsn = { commit_end }, .first_ordinal = 1
    };
    struct position durable;
    struct change c;
    struct arena a;
    struct buf frame;
    struct error err;

    arena_init(&a, MIB);
    buf_init(&frame, MIB);
    debezium_unreadable(&input, "it is no JSON", &a, &c);
    frame_put_change(&frame, &c);
    assert_ok(w->stream->ops->begin(w->stream, &tx, &err), err);
    assert_ok(w->stream->ops->frame(w->stream, c.rel, buf_view(&frame), &err), err);
    assert_ok(w->stream->ops->commit(w->stream, &err), err);
    assert_ok(w->stream->ops->sync(w->stream, &durable, &err), err);
    buf_done(&frame);
    arena_done(&a);
}

static bool expect_unreadable(void *ctx, const struct park_record *r)
{
    int64_t *attempts = ctx;
    struct arena a;
    struct change c;

    arena_init(&a, MIB);
    assert_true(str_is(r->code, "E1110"));
    assert_true(str_is(r->reason, "it is no JSON"));
    assert_false(r->waiting);
    assert_true(park_change(r, &a, &c));
    assert_true(str_is(c.after[2].text, "\\xff00"));
    arena_done(&a);
    *attempts = r->attempts;
    return true;
}

static void what_cannot_be_read_is_parked_and_never_given_to_the_sink(void **state)
{
    struct state *st;
    struct error err;
    struct world w;
    int64_t attempts = 0;
    int64_t count;

    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 0, 1);
    append_unreadable(&w, 0x200);
    fixture_append(w.stream, 0x300, 1, 1);
    start(&w);
    wait_until(delivered() == 2);
    wait_until(look(&w).parked == 1);
    assert_ok(state_open(*state, false, &st, &err), err);
    assert_ok(park_each(st, "s", STR_NONE, expect_unreadable, &attempts, &err), err);
    /* Sent again, it is refused again. */
    assert_ok(park_request(st, "s", 0, PARK_REPLAY, &count, &err), err);
    wait_until(park_each(st, "s", STR_NONE, expect_unreadable, &attempts, &err) && attempts == 2);
    assert_ok(park_request(st, "s", 0, PARK_DROP, &count, &err), err);
    wait_until(look(&w).parked == 0);
    state_close(st);
    close_world(&w);
    expect_ids(0, 2);
}

static void later_records_of_a_parked_key_wait_and_follow_in_order(void **state)
{
    struct state *st;
    struct error err;
    struct world w;
    int64_t count;

    puppet.refuse = true;
    puppet.refuse_id = 3;
    open_world(&w, *state, &plain_ops);
    fixture_append(w.stream, 0x100, 3, 1);
    start(&w);
    wait_until(look(&w).parked == 1);
    (void)pthread_mutex_lock(&puppet.lock);
    puppet.refuse = false; /* it would take it now, but the order must hold */
    (void)pthread_mutex_unlock(&puppet.lock);
    fixture_append(w.stream, 0x200, 3, 1);
    fixture_append(w.stream, 0x300, 4, 1);
    wait_until(look(&w).parked == 2);
    wait_until(delivered() == 1);
    assert_int_equal(puppet.ids[0], 4);
    /* The user asks for the first; the second follows by itself. */
    assert_ok(state_open(*state, false, &st, &err), err);
    assert_ok(park_request(st, "s", 1, PARK_REPLAY, &count, &err), err);
    state_close(st);
    wait_until(look(&w).parked == 0);
    assert_int_equal(delivered(), 3);
    close_world(&w);
}

static void without_order_a_parked_record_waits_for_no_other(void **state)
{
    struct state *st;
    struct error err;
    struct world w;
    int64_t count;

    puppet.refuse = true;
    puppet.refuse_id = 3;
    open_world(&w, *state, &unordered_ops);
    fixture_append(w.stream, 0x100, 3, 1);
    fixture_append(w.stream, 0x200, 3, 1);
    start(&w);
    wait_until(look(&w).parked == 2);
    assert_ok(state_open(*state, false, &st, &err), err);
    assert_ok(park_request(st, "s", 2, PARK_DROP, &count, &err), err);
    state_close(st);
    wait_until(look(&w).parked == 1);
    close_world(&w);
}

static void a_wave_of_refused_records_stops_the_sink(void **state)
{
    struct world w;

    puppet.refuse = true;
    puppet.refuse_id = 1;
    open_world(&w, *state, &plain_ops);
    for (uint64_t end = 0x100; end <= 0x400; end += 0x100)
        fixture_append(w.stream, end, 1, 1);
    start(&w);
    wait_until(look(&w).state == PROGRESS_FAILED);
    expect_failure(&w, E_PARK_FULL);
    close_world(&w);
}

/* Else the log is kept for a sink whose table sleeps, until it is full. */
static void a_position_at_the_target_follows_what_is_not_for_it(void **state)
{
    struct position top = { 1, 5, { 100 } };
    struct world w;

    open_world(&w, *state, &keeping_ops);
    w.names[0] = "public.other";
    fixture_append(w.stream, 100, 1, 5);
    start(&w);
    wait_until(position_cmp(look(&w).position, top) == 0);
    assert_int_equal(position_cmp(puppet.position, top), 0);
    assert_int_equal(delivered(), 0);
    close_world(&w);
}

static void a_sink_that_came_back_is_no_longer_retrying_although_nothing_is_for_it(void **state)
{
    struct world w;

    puppet.closed_opens = 3;
    open_world(&w, *state, &plain_ops);
    start(&w);
    wait_until(look(&w).retries == 3);
    wait_until(look(&w).state == PROGRESS_RUNNING);
    close_world(&w);
}

static void changes_of_other_tables_are_passed_over(void **state)
{
    struct world w;

    open_world(&w, *state, &plain_ops);
    w.names[0] = "public.other";
    fixture_append(w.stream, 0x100, 0, 5);
    start(&w);
    wait_until(look(&w).position.commit_end.v == 0x100);
    assert_int_equal(delivered(), 0);
    close_world(&w);
}

#define WITH_PUPPET(test) cmocka_unit_test_setup_teardown(test, reset_puppet, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PUPPET(every_change_is_delivered_in_order_and_the_position_kept),
        WITH_PUPPET(with_the_position_comes_the_stamp_of_its_last_change),
        WITH_PUPPET(invariant_4_the_position_moves_only_behind_success),
        WITH_PUPPET(an_unknown_outcome_brings_the_same_batch_again),
        WITH_PUPPET(a_target_that_keeps_its_position_gets_nothing_twice),
        WITH_PUPPET(a_target_that_fell_back_is_replayed_from_there),
        WITH_PUPPET(rejects_of_a_batch_that_a_crash_cut_off_are_parked_at_the_next_start),
        WITH_PUPPET(a_target_that_lost_its_position_stops_the_sink),
        WITH_PUPPET(a_sink_whose_changes_were_dropped_stops_with_the_gap),
        WITH_PUPPET(a_new_sink_starts_with_what_is_left),
        WITH_PUPPET(a_new_history_does_not_count_the_undelivered_rest_of_the_old_one),
        WITH_PUPPET(a_new_history_starts_in_a_target_that_was_cleared_with_its_position),
        WITH_PUPPET(a_refused_record_is_parked_and_the_rest_goes_on),
        WITH_PUPPET(what_cannot_be_read_is_parked_and_never_given_to_the_sink),
        WITH_PUPPET(later_records_of_a_parked_key_wait_and_follow_in_order),
        WITH_PUPPET(without_order_a_parked_record_waits_for_no_other),
        WITH_PUPPET(a_wave_of_refused_records_stops_the_sink),
        WITH_PUPPET(a_position_at_the_target_follows_what_is_not_for_it),
        WITH_PUPPET(a_sink_that_came_back_is_no_longer_retrying_although_nothing_is_for_it),
        WITH_PUPPET(changes_of_other_tables_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
