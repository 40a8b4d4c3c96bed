/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round: take everything that has come, make it durable with one sync, tell the server if it is
 * time, wait for more. Rows that pile up while a sync runs are the next round's group commit.
 */
#include "pipeline/capture.h"

#include "base/limits.h"
#include "base/logger.h"
#include "postgres/slot.h"

#include <assert.h>

enum {
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 10000,
    STATUS_PAUSE_US = 100 * 1000, /* between two status messages that nobody asked for */
    IDLE_MARK_US = 2000 * 1000,   /* between two marks on an idle table */
    LOOK_EVERY_US = 20 * 1000 * 1000,
    SPACE_POLL_MS = 250,
    WAIT_MAX_MS = 1000,
    LAST_ROUNDS = 50,
    LAST_ROUND_MS = 50
};

/* Appended at most between two syncs. */
#define ROUND_BYTES (4 * MIB)

/* A log with changes and no note of whose they are: said before any sink starts, which would not know
 * its position either. A log without a single change is no history yet: an adoption that was interrupted
 * between its mark and the note of it leaves such a one, and is done again. */
static bool state_is_there(const struct capture *c, const struct stream_tail *tail,
                           struct error *err)
{
    if (c->source_known || tail->last_wts == 0 || c->opts.resnapshot)
        return true;
    return error_set(err, ERR_CORRUPT, E_STATE_BAD,
                     "cannot go on: the log in %s holds changes, but state.db knows no source",
                     c->opts.config->stream.dir);
}

bool capture_init(struct capture *c, const struct capture_opts *opts, struct error *err)
{
    const struct config_source *source = &opts->config->source;
    struct stream_tail tail;

    *c = (struct capture){ .opts = *opts, .failed = { -1 } };
    progress_init(&c->progress);
    if (!wake_init(&c->failed, err) ||
        !state_open(opts->config->stream.dir, true, &c->state, err) ||
        !checkpoint_get_source(c->state, &c->source_known, &c->source, err))
        return false;
    opts->stream->ops->tail(opts->stream, &tail);
    if (!state_is_there(c, &tail, err))
        return false;
    c->durable = tail.position.commit_end;
    c->relations = postgres_relations_new(tail.relation_version + 1);
    tables_init(&c->tables, &source->tables, source->publication);
    assembler_init(&c->assembler, opts->stream, opts->config->stream.dir, c->relations, &c->tables,
                   opts->clock);
    c->assembler.messages = source->messages;
    if (!incremental_open(c->state, source, &c->incremental, err))
        return false;
    c->assembler.incremental = c->incremental;
    backoff_init(&c->backoff, RETRY_FIRST_MS, RETRY_MAX_MS, (uint64_t)clock_mono_us(opts->clock));
    progress_edit_capture(&c->progress)->durable = tail.position;
    progress_release(&c->progress);
    return capture_take_handover(c, err);
}

void capture_done(struct capture *c)
{
    capture_disconnect(c);
    if (c->relations != NULL) {
        assembler_done(&c->assembler);
        tables_done(&c->tables);
        postgres_relations_free(c->relations);
    }
    incremental_close(c->incremental);
    state_close(c->state);
    wake_done(&c->failed);
    progress_done(&c->progress);
}

struct lsn capture_confirmable(struct lsn durable, struct lsn seen, struct lsn confirmed)
{
    return lsn_max(lsn_cmp(durable, seen) < 0 ? durable : seen, confirmed);
}

struct lsn capture_published(struct position durable, struct position published)
{
    if (published.epoch != durable.epoch)
        return (struct lsn){ 0 };
    return lsn_cmp(published.commit_end, durable.commit_end) < 0 ? published.commit_end
                                                                 : durable.commit_end;
}

/* What of the log counts: all that is durable, or what of it is in Kafka. */
static struct lsn safe(const struct capture *c)
{
    struct progress_capture mine;
    struct progress_sink publisher;
    struct lsn published;

    if (c->opts.published == NULL)
        return c->durable;
    progress_get_capture((struct progress *)&c->progress, &mine);
    progress_get_sink(c->opts.published, &publisher);
    published = capture_published(mine.durable, publisher.position);
    return lsn_cmp(published, c->durable) < 0 ? published : c->durable;
}

static struct lsn confirmable(const struct capture *c)
{
    struct lsn bound = safe(c);
    struct lsn lsn = capture_confirmable(bound, postgres_stream_seen(c->wal), c->confirmed);

    assert(lsn_cmp(lsn, c->durable) <= 0);
    assert(lsn_cmp(lsn, bound) <= 0 || lsn_cmp(lsn, c->confirmed) == 0);
    return lsn;
}

void capture_disconnect(struct capture *c)
{
    if (c->wal != NULL)
        postgres_stream_stop(c->wal, confirmable(c));
    postgres_close(c->replication);
    postgres_close(c->sql);
    c->wal = NULL;
    c->replication = NULL;
    c->sql = NULL;
    c->confirmed = (struct lsn){ 0 };
    c->idle_end = (struct lsn){ 0 };
    c->reply_wanted = false;
    c->unsynced = false;
}

static int64_t mono(const struct capture *c)
{
    return clock_mono_us(c->opts.clock);
}

static bool send_status(struct capture *c, struct error *err)
{
    struct lsn confirm = confirmable(c);

    if (!postgres_stream_status(c->wal, confirm, err))
        return false;
    c->confirmed = confirm;
    c->reply_wanted = false;
    return true;
}

static bool status_is_due(const struct capture *c)
{
    int64_t since = mono(c) - postgres_stream_status_us(c->wal);

    return c->reply_wanted || since >= c->status_interval_us ||
           (since >= STATUS_PAUSE_US && lsn_cmp(confirmable(c), c->confirmed) > 0);
}

bool capture_wait_for_space(struct capture *c, const struct error *why, struct error *err)
{
    struct progress_capture *p = progress_edit_capture(&c->progress);
    bool first = p->state != PROGRESS_WAITING;

    if (first)
        c->state_before = p->state;
    p->state = PROGRESS_WAITING;
    p->last_error = *why;
    p->last_error_us = clock_real_us(c->opts.clock);
    progress_release(&c->progress);
    if (first)
        logger_failure(LOGGER_WARN, "capture", why);
    if (wake_wait(c->opts.stop_fd, SPACE_POLL_MS))
        return error_cancel(err);
    /* The server is kept waiting, not left: it hears of us as often as ever. */
    if (c->wal != NULL && mono(c) - postgres_stream_status_us(c->wal) >= c->status_interval_us)
        return send_status(c, err);
    return true;
}

static void has_space(struct capture *c)
{
    struct progress_capture *p = progress_edit_capture(&c->progress);

    if (p->state == PROGRESS_WAITING) {
        p->state = c->state_before;
        logger_info("capture", "there is space again, reading goes on");
    }
    progress_release(&c->progress);
}

bool capture_waits_out(struct capture *c, struct error *err)
{
    struct error why = *err;

    return error_is(&why, E_SYS_DISK_FULL) && capture_wait_for_space(c, &why, err);
}

bool capture_sync(struct capture *c, struct error *err)
{
    struct stream *s = c->opts.stream;
    struct position durable;
    struct progress_capture *p;

    while (!s->ops->sync(s, &durable, err)) {
        if (!capture_waits_out(c, err))
            return false;
    }
    has_space(c);
    c->durable = lsn_max(c->durable, durable.commit_end);
    c->unsynced = false;
    p = progress_edit_capture(&c->progress);
    p->durable = durable;
    p->rows = c->assembler.rows;
    p->transactions = c->assembler.transactions;
    p->last_commit_us = c->assembler.last_commit_us;
    progress_release(&c->progress);
    return true;
}

bool capture_begin(struct capture *c, const struct frame_tx *tx, struct error *err)
{
    struct stream *s = c->opts.stream;

    while (!s->ops->begin(s, tx, err)) {
        if (!capture_waits_out(c, err))
            return false;
    }
    return true;
}

bool capture_mark(struct capture *c, struct lsn lsn, struct error *err)
{
    struct stream *s = c->opts.stream;
    struct position mark = { c->source.epoch, 0, lsn };

    while (!s->ops->mark(s, mark, err)) {
        if (!capture_waits_out(c, err))
            return false;
    }
    return capture_sync(c, err);
}

/* The log is at its size limit and nothing may be thrown away: wait until a sink has moved on. */
static bool wait_for_limit(struct capture *c, struct error *err)
{
    const struct config_stream *conf = &c->opts.config->stream;
    struct stream_stats stats;

    if (conf->when_full != CONFIG_FULL_STOP_CAPTURE)
        return true;
    for (;;) {
        struct error why;

        c->opts.stream->ops->stats(c->opts.stream, &stats);
        if (stats.bytes < conf->max_size)
            break;
        (void)error_set(
            &why, ERR_RETRY, E_LOG_LIMIT,
            "cannot take more changes: the log holds %llu bytes of max_size %llu that a sink needs,"
            " or may come back to within safety_window; PostgreSQL keeps the WAL meanwhile",
            (unsigned long long)stats.bytes, (unsigned long long)conf->max_size);
        if (!capture_wait_for_space(c, &why, err))
            return false;
    }
    has_space(c);
    return true;
}

/* Between two transactions: signals and chunks of incremental snapshots. */
static bool step(struct capture *c, struct error *err)
{
    if (c->assembler.open || !incremental_is_due(c->incremental, c->durable))
        return true;
    while (!incremental_step(c->incremental, c->sql, c->relations, &c->tables, err)) {
        if (!capture_waits_out(c, err))
            return false;
    }
    return true;
}

static bool take(struct capture *c, const struct postgres_stream_msg *msg, struct error *err)
{
    if (msg->kind == POSTGRES_STREAM_KEEPALIVE) {
        c->idle_end = msg->wal_end;
        c->reply_wanted = c->reply_wanted || msg->reply_requested;
        return true;
    }
    while (!assembler_take(&c->assembler, c->sql, msg, err)) {
        if (!capture_waits_out(c, err))
            return false;
    }
    c->unsynced = true;
    return step(c, err);
}

bool capture_is_idle(const struct capture *c)
{
    return !c->assembler.open && !c->unsynced && lsn_cmp(c->idle_end, c->durable) > 0;
}

/* Idle tables on a busy server: the position itself goes into the stream. */
static bool move_with_keepalive(struct capture *c, struct error *err)
{
    if (!capture_is_idle(c) || (!c->reply_wanted && mono(c) - c->marked_us < IDLE_MARK_US))
        return true;
    c->marked_us = mono(c);
    return capture_mark(c, c->idle_end, err);
}

/* Takes what has come, up to a bound; *ret_more: there may be more without waiting. */
static bool drain(struct capture *c, bool *ret_more, struct error *err)
{
    size_t taken = 0;

    *ret_more = true;
    while (taken < ROUND_BYTES) {
        struct postgres_stream_msg msg;

        if (!postgres_stream_read(c->wal, &msg, err))
            return false;
        if (msg.kind == POSTGRES_STREAM_NONE) {
            *ret_more = false;
            break;
        }
        if (!take(c, &msg, err))
            return false;
        taken += msg.payload.n + 1;
    }
    return true;
}

static int wait_ms(const struct capture *c)
{
    int64_t left = c->status_interval_us - (mono(c) - postgres_stream_status_us(c->wal));
    int64_t ms = left / 1000 + 1;

    if (lsn_cmp(c->durable, c->confirmed) > 0)
        ms = STATUS_PAUSE_US / 1000;
    return ms < 1 ? 1 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)ms;
}

static void note_contact(struct capture *c)
{
    struct progress_capture *p = progress_edit_capture(&c->progress);
    int64_t silent_us = mono(c) - postgres_stream_heard_us(c->wal);

    p->received = postgres_stream_seen(c->wal);
    p->confirmed = c->confirmed;
    p->last_message_us = clock_real_us(c->opts.clock) - silent_us;
    progress_release(&c->progress);
}

/* What the slot keeps on the server, for `status`; and how much was decoded for it, by which a slot that
 * was made anew under the same name is known at the next start. */
static bool look_at_slot(struct capture *c, struct error *err)
{
    struct progress_capture *p;
    struct postgres_slot slot;

    if (mono(c) - c->looked_us < LOOK_EVERY_US)
        return true;
    c->looked_us = mono(c);
    if (!postgres_slot_look(c->sql, c->opts.config->source.slot, &slot, err))
        return false;
    p = progress_edit_capture(&c->progress);
    p->retained_wal_bytes = slot.retained_bytes;
    progress_release(&c->progress);
    if (slot.total_txns <= c->source.slot_txns)
        return true;
    c->source.slot_txns = slot.total_txns;
    return checkpoint_set_source(c->state, &c->source, err);
}

static bool round_trip(struct capture *c, struct error *err)
{
    bool more;

    if (c->opts.keeper != NULL && !keeper_check(c->opts.keeper, err))
        return false;
    if (!drain(c, &more, err))
        return false;
    if (c->unsynced && (!capture_sync(c, err) || !wait_for_limit(c, err)))
        return false;
    if (!step(c, err))
        return false;
    if (!move_with_keepalive(c, err))
        return false;
    if (status_is_due(c) && !send_status(c, err))
        return false;
    note_contact(c);
    if (wake_is_set(c->opts.stop_fd))
        return error_cancel(err);
    if (!more && (!look_at_slot(c, err) || !capture_heartbeat(c, err)))
        return false;
    return more || postgres_stream_wait(c->wal, wait_ms(c), err);
}

static void set_state(struct capture *c, enum progress_state state)
{
    progress_edit_capture(&c->progress)->state = state;
    progress_release(&c->progress);
}

/* One connection's life; returns with an error in any case. */
static void follow(struct capture *c, struct error *err)
{
    if (!capture_start(c, err))
        return;
    backoff_clear(&c->backoff);
    set_state(c, PROGRESS_RUNNING);
    while (round_trip(c, err)) {
    }
}

/* Waits before the next try; false when stop was asked. */
static bool wait_to_retry(struct capture *c, const struct error *why)
{
    int ms = backoff_next_ms(&c->backoff);

    progress_capture_failed(&c->progress, PROGRESS_RETRYING, why, clock_real_us(c->opts.clock));
    logger_failure(LOGGER_WARN, "capture", why);
    logger_info("capture", "trying again in %d ms; nothing is lost", ms);
    progress_edit_capture(&c->progress)->reconnects++;
    progress_release(&c->progress);
    return !wake_wait(c->opts.stop_fd, ms);
}

/* Everything is opened anew by whoever started this thread; then it stands by. */
static void superseded(struct capture *c, const struct error *err)
{
    struct progress_capture *p;

    progress_capture_failed(&c->progress, PROGRESS_STANDBY, err, clock_real_us(c->opts.clock));
    logger_failure(LOGGER_WARN, "capture", err);
    p = progress_edit_capture(&c->progress);
    p->superseded = true;
    progress_release(&c->progress);
    wake_set(&c->failed);
}

/* An orderly end leaves the slot where the topics end, so that whoever goes on repeats nothing. */
static void await_published(const struct capture *c)
{
    for (int i = 0; i < LAST_ROUNDS && c->wal != NULL && lsn_cmp(safe(c), c->durable) < 0; i++)
        (void)wake_wait(-1, LAST_ROUND_MS);
}

void capture_thread(void *arg)
{
    struct capture *c = arg;
    struct error err;

    for (;;) {
        error_clear(&err);
        follow(c, &err);
        if (err.kind == ERR_CANCEL)
            await_published(c);
        /* A clean end tells the server the last position, so that it need not send it again. */
        capture_disconnect(c);
        if (err.kind == ERR_CANCEL || wake_is_set(c->opts.stop_fd))
            break;
        if (error_is(&err, E_WRITER_SUPERSEDED)) {
            superseded(c, &err);
            return;
        }
        if (err.kind != ERR_RETRY) {
            c->error = err;
            progress_capture_failed(&c->progress, PROGRESS_FAILED, &err,
                                    clock_real_us(c->opts.clock));
            logger_failure(LOGGER_ERROR, "capture", &err);
            wake_set(&c->failed);
            return;
        }
        if (!wait_to_retry(c, &err))
            break;
    }
    set_state(c, PROGRESS_STOPPED);
}
