/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/keeper.h"

#include "base/limits.h"
#include "base/logger.h"

enum {
    ROUND_MS = 250,
    PUT_EVERY_US = 1000 * 1000,
    ALIVE_EVERY_US = 5 * 1000 * 1000 /* while a first snapshot goes on: others wait for it */
};

bool keeper_init(struct keeper *k, const struct keeper_opts *opts, struct error *err)
{
    *k = (struct keeper){ .opts = *opts, .lost = { -1 } };
    (void)pthread_mutex_init(&k->lock, NULL);
    progress_init(&k->progress);
    (void)str_copy(str_from(opts->writer), k->claim.writer, sizeof k->claim.writer);
    (void)str_copy(str_from(opts->host), k->claim.host, sizeof k->claim.host);
    return wake_init(&k->lost, err);
}

void keeper_done(struct keeper *k)
{
    if (k->opts.table.close != NULL)
        k->opts.table.close(k->opts.table.ctx);
    wake_done(&k->lost);
    progress_done(&k->progress);
    (void)pthread_mutex_destroy(&k->lock);
}

struct keeper_whole keeper_whole(const struct progress_sink *at, const struct stream_tail *tail)
{
    struct keeper_whole w = { .known = true,
                              .position = { at->position.epoch, 0, at->position.commit_end } };

    if (position_cmp(at->position, tail->position) >= 0) {
        w.wts = tail->last_wts;
        return w;
    }
    w.known = at->wts != 0;
    w.wts = at->wts - (int64_t)at->position.ordinal;
    if (at->position.ordinal == 0)
        return w;
    /* A copy of tables has no commit record. */
    w.position.commit_end.v--;
    if (lsn_cmp(at->commit_lsn, w.position.commit_end) < 0)
        w.position.commit_end = at->commit_lsn;
    return w;
}

/* ---- the state topic ------------------------------------------------------------------------------ */

struct reading {
    struct keeper_found found;
    struct error err;
    bool ok;
};

/* What either of two writers knew to be in Kafka is not doubted. */
static void merge(struct claim *c, const struct claim *other)
{
    if (c->source.epoch != other->source.epoch)
        return;
    if (position_cmp(c->position, other->position) >= 0)
        return;
    c->position = other->position;
    c->wts = other->wts;
}

static void take_value(void *arg, int64_t offset, struct str value)
{
    struct reading *r = arg;
    struct claim c;

    if (r->ok)
        r->ok = claim_parse(value, &c, &r->err);
    if (!r->ok)
        return;
    if (r->found.found && c.term < r->found.claim.term) {
        merge(&r->found.claim, &c);
        return;
    }
    if (r->found.found)
        merge(&c, &r->found.claim);
    r->found = (struct keeper_found){ .found = true, .claim = c, .offset = offset };
}

bool keeper_load(struct keeper *k, struct keeper_found *ret_found, struct error *err)
{
    struct reading r = { .ok = true };

    if (!k->opts.table.load(k->opts.table.ctx, k->opts.stop_fd, take_value, &r, err))
        return false;
    if (!r.ok) {
        *err = r.err;
        return false;
    }
    (void)pthread_mutex_lock(&k->lock);
    if (k->term < r.found.claim.term)
        k->term = r.found.claim.term;
    (void)pthread_mutex_unlock(&k->lock);
    *ret_found = r.found;
    ret_found->ours = r.found.found && strcmp(r.found.claim.writer, k->opts.writer) == 0;
    return true;
}

/* k->lock is held by nobody: Kafka may let us wait. */
static bool put(struct keeper *k, const struct claim *c, int stop_fd, int64_t *ret_offset,
                struct error *err)
{
    struct buf b;
    bool ok;

    buf_init(&b, 4 * KIB);
    claim_put(c, &b);
    ok = k->opts.table.put(k->opts.table.ctx, buf_view(&b), stop_fd, ret_offset, err);
    buf_done(&b);
    if (!ok)
        return false;
    (void)pthread_mutex_lock(&k->lock);
    k->claim = *c;
    (void)pthread_mutex_unlock(&k->lock);
    progress_edit_sink(&k->progress)->position = c->position;
    progress_release(&k->progress);
    return true;
}

static struct claim copy_claim(struct keeper *k)
{
    struct claim c;

    (void)pthread_mutex_lock(&k->lock);
    c = k->claim;
    (void)pthread_mutex_unlock(&k->lock);
    return c;
}

static bool superseded(struct keeper *k, struct error *err)
{
    return error_set(err, ERR_RETRY, E_WRITER_SUPERSEDED,
                     "cannot go on writing this stream: %s has taken it over",
                     k->lost_to[0] != '\0' ? k->lost_to : "another machine");
}

static void lose(struct keeper *k, const char *host)
{
    (void)pthread_mutex_lock(&k->lock);
    k->held = false;
    (void)str_copy(str_from(host), k->lost_to, sizeof k->lost_to);
    (void)pthread_mutex_unlock(&k->lock);
    wake_set(&k->lost);
}

/* What is copied is not in Kafka yet. */
static void judge_phase(struct claim *c, struct lsn start)
{
    if (c->source.phase == CHECKPOINT_STREAMING && lsn_cmp(c->position.commit_end, start) < 0)
        c->source.phase = CHECKPOINT_SNAPSHOT;
    else if (c->source.phase == CHECKPOINT_SNAPSHOT && start.v != 0 &&
             lsn_cmp(c->position.commit_end, start) >= 0)
        c->source.phase = CHECKPOINT_STREAMING;
}

static bool put_source(struct keeper *k, struct claim *c, const struct checkpoint_source *source,
                       struct lsn start, int64_t *ret_offset, struct error *err)
{
    c->source = *source;
    if (c->position.epoch != source->epoch)
        c->position = (struct position){ .epoch = source->epoch };
    judge_phase(c, start);
    (void)pthread_mutex_lock(&k->lock);
    k->start = start;
    (void)pthread_mutex_unlock(&k->lock);
    return put(k, c, k->opts.stop_fd, ret_offset, err);
}

bool keeper_take(struct keeper *k, const struct checkpoint_source *source, struct position position,
                 struct lsn start, int64_t wts, struct error *err)
{
    struct claim c = copy_claim(k);
    struct keeper_found found;
    int64_t offset;

    (void)pthread_mutex_lock(&k->lock);
    c.term = k->term + 1;
    (void)pthread_mutex_unlock(&k->lock);
    c.position = position;
    c.wts = wts;
    if (!put_source(k, &c, source, start, &offset, err) || !keeper_load(k, &found, err))
        return false;
    if (!found.ours) {
        lose(k, found.claim.host);
        return superseded(k, err);
    }
    (void)pthread_mutex_lock(&k->lock);
    k->held = true;
    k->taken = offset;
    (void)pthread_mutex_unlock(&k->lock);
    return true;
}

bool keeper_change(struct keeper *k, const struct checkpoint_source *source, struct lsn start,
                   struct error *err)
{
    struct claim c = copy_claim(k);
    int64_t offset;

    return put_source(k, &c, source, start, &offset, err);
}

bool keeper_is_held(struct keeper *k)
{
    bool held;

    (void)pthread_mutex_lock(&k->lock);
    held = k->held;
    (void)pthread_mutex_unlock(&k->lock);
    return held;
}

bool keeper_check(struct keeper *k, struct error *err)
{
    return !wake_is_set(k->lost.fd) || superseded(k, err);
}

/* ---- the thread ------------------------------------------------------------------------------------- */

/* A record of another writer that took the stream after us. */
static bool is_newer(struct keeper *k, const struct claim *c, int64_t offset)
{
    bool newer;

    if (strcmp(c->writer, k->opts.writer) == 0)
        return false;
    (void)pthread_mutex_lock(&k->lock);
    newer = c->term > k->claim.term || (c->term == k->claim.term && offset > k->taken);
    (void)pthread_mutex_unlock(&k->lock);
    return newer;
}

static bool look(struct keeper *k, struct error *err)
{
    for (;;) {
        struct str value;
        struct claim c;
        int64_t offset;
        bool found;

        if (!k->opts.table.next(k->opts.table.ctx, &found, &offset, &value, err))
            return false;
        if (!found)
            return true;
        if (!claim_parse(value, &c, err))
            return false;
        if (is_newer(k, &c, offset)) {
            lose(k, c.host);
            return superseded(k, err);
        }
    }
}

/* What there is to write now; *ret_at: where the publisher stands. */
static struct claim next_claim(struct keeper *k, struct position *ret_at)
{
    struct claim c = copy_claim(k);
    struct progress_sink at;
    struct stream_tail tail;

    progress_get_sink(k->opts.publisher, &at);
    k->opts.stream->ops->tail(k->opts.stream, &tail);
    *ret_at = c.position;
    if (at.position.epoch == c.source.epoch) {
        struct keeper_whole whole = keeper_whole(&at, &tail);

        if (whole.known && position_cmp(whole.position, c.position) >= 0) {
            c.position = whole.position;
            *ret_at = at.position;
            if (c.wts < whole.wts) /* marks alone have none */
                c.wts = whole.wts;
        }
    }
    judge_phase(&c, k->start);
    return c;
}

bool keeper_round(struct keeper *k, bool now, struct error *err)
{
    int64_t since = clock_mono_us(k->opts.clock) - k->put_us;
    struct position at;
    struct claim c;
    int64_t offset;
    bool changed;
    bool silent;

    if (!keeper_is_held(k))
        return keeper_check(k, err);
    if (!look(k, err))
        return false;
    c = next_claim(k, &at);
    changed = (position_cmp(at, k->at) != 0 && (now || since >= PUT_EVERY_US)) ||
              c.source.phase != copy_claim(k).source.phase;
    silent = c.source.phase != CHECKPOINT_STREAMING && since >= ALIVE_EVERY_US;
    if (!changed && !silent)
        return true;
    if (!put(k, &c, k->opts.end_fd, &offset, err))
        return false;
    k->at = at;
    k->put_us = clock_mono_us(k->opts.clock);
    return true;
}

static void tell(struct keeper *k, const struct error *err)
{
    if (!k->failing)
        logger_failure(LOGGER_WARN, "keeper", err);
    k->failing = true;
    progress_sink_failed(&k->progress, PROGRESS_RETRYING, err, clock_real_us(k->opts.clock));
}

static void recovered(struct keeper *k)
{
    if (k->failing)
        logger_info("keeper", "the state topic can be written again");
    k->failing = false;
    progress_edit_sink(&k->progress)->state = PROGRESS_RUNNING;
    progress_release(&k->progress);
}

void keeper_thread(void *arg)
{
    struct keeper *k = arg;
    struct error err;

    while (!wake_wait(k->opts.end_fd, ROUND_MS)) {
        if (keeper_round(k, false, &err))
            recovered(k);
        else if (err.kind == ERR_CANCEL || error_is(&err, E_WRITER_SUPERSEDED))
            break;
        else
            tell(k, &err);
    }
    if (keeper_is_held(k) && !keeper_round(k, true, &err) && err.kind != ERR_CANCEL)
        logger_failure(LOGGER_WARN, "keeper", &err);
}
