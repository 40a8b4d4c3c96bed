/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/deliver.h"

#include "base/limits.h"
#include "base/logger.h"
#include "pipeline/tables.h"

#include <stdio.h>

enum {
    WAIT_MS = 1000,
    WAIT_PARKED_MS = 300,        /* while something is parked, requests are looked for */
    LAST_PAUSE_MS = 100,         /* between tries of a lane that ends */
    STORE_EVERY_US = 50 * 1000,  /* positions that may be repeated are stored at most this often */
    MOVE_EVERY_US = 2000 * 1000, /* a position at the target, when nothing of the log is for it */
    TELL_EVERY_TRIES = 16
};

/* Before any thread runs: the stream ends where the old history does. The target may have been
 * cleared, with or without its position; both is right. */
static void note_old_history(struct deliver *d)
{
    struct stream_tail tail;

    d->opts.stream->ops->tail(d->opts.stream, &tail);
    d->skip_to = tail.position;
    d->started = false;
}

/* Where it stands, by state.db or by the lane. */
static bool load_place(struct deliver *d, struct error *err)
{
    const struct deliver_lane *lane = d->opts.lane;
    const struct deliver_opts *opts = &d->opts;
    bool found;

    if (lane != NULL) {
        d->state = lane->state;
        d->position = lane->position;
        d->started = lane->started;
        d->known = lane->known;
        return true;
    }
    if (!state_open(opts->config->stream.dir, true, &d->state, err) ||
        !checkpoint_get_position(d->state, opts->sink->name, &found, &d->position, &d->started,
                                 err))
        return false;
    d->known = found && !opts->restart;
    if (!d->known) {
        d->position = (struct position){ 0 };
        d->started = false;
    }
    return true;
}

static bool put_value(void *ctx, const char *key, struct str value, struct error *err)
{
    struct deliver *d = ctx;

    return d->local_store.put(d->local_store.ctx, key, value, err) && deliver_settle(d, err);
}

static bool get_value(void *ctx, const char *key, struct arena *a, struct str *ret_value,
                      struct error *err)
{
    struct deliver *d = ctx;

    return d->local_store.get(d->local_store.ctx, key, a, ret_value, err);
}

bool deliver_init(struct deliver *d, const struct deliver_opts *opts, struct error *err)
{
    *d = (struct deliver){ .opts = *opts, .ops = opts->ops };
    (void)snprintf(d->who, sizeof d->who, "sink %s%s%s", opts->sink->name,
                   opts->lane != NULL ? " " : "", opts->lane != NULL ? opts->lane->name : "");
    progress_init(&d->progress);
    map_init(&d->held);
    map_init(&d->relations_told);
    arena_init(&d->arena, LIMIT_ARENA);
    backoff_init(&d->backoff, opts->sink->retry_initial_ms, opts->sink->retry_max_ms,
                 (uint64_t)clock_mono_us(opts->clock) + str_hash(str_from(opts->sink->name)));
    if (!load_place(d, err))
        return false;
    if (opts->resnapshot && d->ops->position != NULL)
        note_old_history(d);
    d->written = d->position;
    d->stored = d->position;
    d->store_ctx = (struct checkpoint_store){ d->state, opts->sink->name };
    d->local_store = checkpoint_store(&d->store_ctx);
    d->store = (struct sink_store){ d, put_value, get_value };
    progress_edit_sink(&d->progress)->position = d->position;
    d->progress.sink.state = opts->sink->pause ? PROGRESS_PAUSED : PROGRESS_STARTING;
    progress_release(&d->progress);
    return deliver_load_held(d, err);
}

void deliver_done(struct deliver *d)
{
    if (d->reader != NULL)
        d->opts.stream->ops->reader_close(d->reader);
    if (d->sink != NULL)
        d->ops->close(d->sink);
    d->reader = NULL;
    d->sink = NULL;
    state_close(d->state);
    d->state = NULL;
    map_done(&d->held);
    map_done(&d->relations_told);
    arena_done(&d->arena);
    progress_done(&d->progress);
}

static int64_t real_us(const struct deliver *d)
{
    return clock_real_us(d->opts.clock);
}

/* ---- positions ------------------------------------------------------------------------------- */

bool deliver_store(struct deliver *d, struct error *err)
{
    const struct deliver_lane *lane = d->opts.lane;

    if (lane != NULL)
        return lane->store(lane->ctx, d->written, d->started, err);
    return checkpoint_set_position(d->state, d->opts.sink->name, d->written, d->started, err);
}

bool deliver_settle(struct deliver *d, struct error *err)
{
    const struct deliver_lane *lane = d->opts.lane;

    return lane == NULL || lane->settle(lane->ctx, err);
}

static bool is_busy(const struct deliver *d)
{
    return d->opts.lane != NULL && d->opts.lane->busy(d->opts.lane->ctx);
}

/* Invariant 4 in one place: called only behind a write that said durable, or a durable park. */
static bool store_position(struct deliver *d, bool now, struct error *err)
{
    int64_t mono = clock_mono_us(d->opts.clock);

    if (position_cmp(d->stored, d->written) == 0 || (is_busy(d) && !wake_is_set(d->opts.stop_fd)))
        return true;
    /* A target that a repeat does not harm needs no stored position after each batch. */
    if (!now && (!d->ops->ordered || d->ops->skips_repeats || d->ops->position != NULL) &&
        mono - d->stored_us < STORE_EVERY_US)
        return true;
    if (!deliver_store(d, err))
        return false;
    d->stored = d->written;
    d->stored_us = mono;
    d->known = true;
    return true;
}

/* Marks come without a change: the one before them stays the last. */
static void note_last(struct deliver *d, const struct batch *all)
{
    if (all->count > 0) {
        d->last.commit_lsn = all->changes[all->count - 1].commit_lsn;
        d->last.wts = all->changes[all->count - 1].wts;
    } else if (position_cmp(d->last.position, d->written) != 0) {
        d->last.commit_lsn = (struct lsn){ 0 };
        d->last.wts = 0;
    }
    d->last.position = all->after;
}

static void tell_position(const struct deliver *d, struct progress_sink *p)
{
    bool known = position_cmp(d->last.position, d->written) == 0;

    p->position = d->written;
    p->commit_lsn = known ? d->last.commit_lsn : (struct lsn){ 0 };
    p->wts = known ? d->last.wts : 0;
}

static void advance(struct deliver *d, const struct batch *all, bool wrote)
{
    d->position = all->after;
    if (wrote)
        d->moved_us = clock_mono_us(d->opts.clock);
    if (wrote || d->ops->position == NULL) {
        note_last(d, all);
        d->written = all->after;
    }
}

static bool tell_relation(struct deliver *d, const struct relation *rel, struct error *err)
{
    if (map_has(&d->relations_told, MAP_KEY(rel->version)))
        return true;
    if (d->ops->relation != NULL && !d->ops->relation(d->sink, rel, err))
        return false;
    (void)map_put(&d->relations_told, MAP_KEY(rel->version), d);
    return true;
}

bool deliver_tell_relations(struct deliver *d, const struct batch *b, struct error *err)
{
    const struct relation *last = NULL;

    for (size_t i = 0; i < b->count; i++) {
        if (b->changes[i].rel == last)
            continue;
        last = b->changes[i].rel;
        if (!tell_relation(d, last, err))
            return false;
    }
    return true;
}

/* ---- one batch ------------------------------------------------------------------------------------ */

static bool try_batch(struct deliver *d, const struct batch *wanted, const struct batch *held,
                      const struct sink_result *held_res, struct error *err)
{
    struct sink_result res = { 0 };

    if (!deliver_park(d, held, held_res, err) || !deliver_tell_relations(d, wanted, err))
        return false;
    return d->ops->write(d->sink, wanted, &res, err) && deliver_park(d, wanted, &res, err);
}

/* How far behind: what is being written counts until it is done. */
static void tell_lag(struct deliver *d)
{
    struct progress_sink *p;

    if (d->reader == NULL)
        return;
    p = progress_edit_sink(&d->progress);
    p->lag_bytes = d->opts.stream->ops->lag_bytes(d->reader, p->pending_since_us != 0);
    progress_release(&d->progress);
}

static void tell_retry(struct deliver *d, const struct error *err, int ms)
{
    progress_sink_failed(&d->progress, PROGRESS_RETRYING, err, real_us(d));
    tell_lag(d);
    if (d->backoff.tries % TELL_EVERY_TRIES != 1)
        return;
    logger_failure(LOGGER_WARN, d->who, err);
    logger_info(d->who, "trying again in %d ms, for as long as it takes; nothing is lost", ms);
}

/* Two members may take a partition for their own, for a moment. Whoever was pushed aside at the target goes on only
 * when the group says that it is his. */
static bool must_confirm(const struct deliver *d, const struct error *err)
{
    return d->opts.lane != NULL && error_is(err, E_REDIS_FENCED);
}

/* True: try again. */
static bool wait_to_retry(struct deliver *d, struct error *err)
{
    bool confirm = must_confirm(d, err);

    if (err->kind != ERR_RETRY)
        return false;
    do {
        int ms = backoff_next_ms(&d->backoff);

        tell_retry(d, err, ms);
        if (wake_wait(d->opts.stop_fd, ms)) {
            (void)error_cancel(err);
            return false;
        }
    } while (confirm && !d->opts.lane->confirm(d->opts.lane->ctx, err));
    return true;
}

static void succeeded(struct deliver *d, const struct batch *wanted)
{
    int64_t now = real_us(d);
    struct progress_sink *p = progress_edit_sink(&d->progress);

    p->last_success_us = now;
    p->rows += wanted->count;
    p->batches++;
    p->pending_since_us = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->changes[i].op != CHANGE_SNAPSHOT)
            progress_latency_add(&p->latency, now - wanted->changes[i].commit_time_us, 1);
    }
    progress_release(&d->progress);
}

/* A round went well, with or without changes for this sink. */
static void recovered(struct deliver *d)
{
    struct progress_sink *p = progress_edit_sink(&d->progress);

    if (p->state == PROGRESS_RETRYING)
        logger_info(d->who, "goes on after %u tries", d->backoff.tries);
    p->state = PROGRESS_RUNNING;
    progress_release(&d->progress);
    backoff_clear(&d->backoff);
}

/* After doubt: where does the target stand? *ret_rewound: not where this batch begins or lies, so the
 * reader is opened anew there. */
static bool look_again(struct deliver *d, const struct batch *wanted, bool *ret_rewound,
                       struct error *err)
{
    char text[POSITION_TEXT];

    *ret_rewound = false;
    if (d->ops->position == NULL)
        return true;
    if (!deliver_follow_target(d, err))
        return false;
    if (position_cmp(d->written, wanted->before) >= 0 &&
        position_cmp(d->written, wanted->after) <= 0)
        return true;
    logger_warn(d->who, "the target is back at %s, what it lost is sent again",
                position_format(d->written, text));
    deliver_close_reader(d);
    *ret_rewound = true;
    return true;
}

static void set_pending(struct deliver *d, int64_t since_us)
{
    struct progress_sink *p = progress_edit_sink(&d->progress);

    p->pending_since_us = since_us;
    tell_position(d, p);
    if (p->state == PROGRESS_STARTING)
        p->state = PROGRESS_RUNNING;
    progress_release(&d->progress);
    tell_lag(d);
}

/* A position that the target keeps must follow although nothing of the log is for it, else the log is
 * kept for this sink for ever: now and then the target gets a batch without changes. */
static bool must_move(const struct deliver *d, const struct batch *all)
{
    return d->ops->position != NULL && position_cmp(d->written, all->after) < 0 &&
           clock_mono_us(d->opts.clock) - d->moved_us >= MOVE_EVERY_US;
}

/* Writes a batch, again and again until it is done; what a try takes of the arena is given back. */
static bool deliver_batch(struct deliver *d, const struct batch *all, struct error *err)
{
    struct batch wanted;
    struct batch held;
    struct sink_result held_res = { 0 };
    struct arena_mark mark;
    bool rewound = false;
    bool move;

    deliver_select(d, all, &wanted, &held_res, &held);
    move = wanted.count > 0 || must_move(d, all);
    if (d->ops->position != NULL)
        wanted.before = d->written;
    if (wanted.count > 0)
        set_pending(d, wanted.changes[0].commit_time_us);
    mark = arena_mark(&d->arena);
    while ((move || held.count > 0) && !try_batch(d, &wanted, &held, &held_res, err)) {
        do {
            if (!wait_to_retry(d, err))
                return false;
            arena_rewind(&d->arena, mark);
        } while (!look_again(d, &wanted, &rewound, err));
        if (rewound)
            return true;
    }
    if (wanted.count > 0)
        succeeded(d, &wanted);
    advance(d, all, move);
    return true;
}

static bool step(struct deliver *d, struct error *err)
{
    struct stream_want want = { .rows_max = (size_t)d->opts.sink->batch_rows,
                                .bytes_max = LIMIT_BATCH_BYTES,
                                .wait_ms = d->parked > 0 ? WAIT_PARKED_MS : WAIT_MS,
                                .stop_fd = d->opts.stop_fd };
    struct batch all;

    if (wake_is_set(d->opts.stop_fd))
        return error_cancel(err);
    if (!deliver_open(d, err) || !deliver_replay(d, err))
        return false;
    arena_reset(&d->arena);
    if (!d->opts.stream->ops->read(d->reader, &want, &d->arena, &all, err)) {
        deliver_close_reader(d); /* it may stand in the middle of something; the position is ours */
        return false;
    }
    if (!deliver_batch(d, &all, err) || !store_position(d, all.count == 0, err))
        return false;
    set_pending(d, 0);
    if (d->ready && all.count == 0 && d->ops->idle != NULL && !d->ops->idle(d->sink, err))
        return false;
    if (d->ready) /* else the target fell back, and comes up again with the next round */
        recovered(d);
    return true;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

static void failed(struct deliver *d, const struct error *err)
{
    char text[POSITION_TEXT];

    progress_sink_failed(&d->progress, PROGRESS_FAILED, err, real_us(d));
    logger_failure(LOGGER_ERROR, d->who, err);
    logger_warn(d->who, "stopped at %s; its position is kept, the other sinks go on",
                position_format(d->written, text));
}

/* The group may be busy with the very change that ends this lane. */
static bool store_last(struct deliver *d, struct error *err)
{
    const struct deliver_lane *lane = d->opts.lane;

    while (!store_position(d, true, err)) {
        if (lane == NULL || err->kind != ERR_RETRY || wake_wait(lane->late_fd, LAST_PAUSE_MS))
            return false;
    }
    return true;
}

static void finish(struct deliver *d)
{
    struct error err;

    if (!store_last(d, &err) && err.kind != ERR_CANCEL)
        logger_failure(LOGGER_WARN, d->who, &err);
    tell_position(d, progress_edit_sink(&d->progress));
    if (d->progress.sink.state != PROGRESS_FAILED)
        d->progress.sink.state = PROGRESS_STOPPED;
    progress_release(&d->progress);
}

void deliver_thread(void *arg)
{
    struct deliver *d = arg;
    struct error err;

    error_clear(&err);
    for (;;) {
        if (step(d, &err))
            continue;
        if (err.kind == ERR_CANCEL || wake_is_set(d->opts.stop_fd))
            break;
        if (err.kind != ERR_RETRY) {
            failed(d, &err);
            break;
        }
        if (!wait_to_retry(d, &err))
            break;
    }
    finish(d);
}
