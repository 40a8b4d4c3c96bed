/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer. A unit of the log is one transaction:  T  (R)  C  C  (R)  C ...   or one mark:  P
 *
 * A segment's preamble lets a reader start there:
 *   T  inside a transaction: its header again, with first_ordinal of the next change; else the last
 *      committed transaction's, with first_ordinal one above its last change, and no change behind it.
 *      So the first record always tells which changes lie before the segment, and the last wts.
 *   P  the last mark, if it is above that T
 *   R  the newest version of every table, and the older versions that changes of the segment before
 *      used: rows of an open transaction may move into the new segment after they were appended
 */
#include "stream/log_stream_private.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

static struct log_stream *self(struct stream *stream)
{
    return (struct log_stream *)stream;
}

bool log_stream_learn(struct log_stream *s, const struct relation *rel,
                      struct log_stream_relation **ret_known, struct error *err)
{
    struct log_stream_relation *known = map_get(&s->by_version, MAP_KEY(rel->version));
    const struct log_stream_relation *newest;

    if (known != NULL) {
        *ret_known = known;
        return true;
    }
    if (s->by_version.n >= LIMIT_PG_RELATIONS)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot store a new table version: the log knows %u already",
                         LIMIT_PG_RELATIONS);
    known = arena_zalloc(&s->relations, 1, sizeof *known);
    known->rel = relation_copy(rel, &s->relations);
    (void)map_put(&s->by_version, MAP_KEY(rel->version), known);
    newest = map_get(&s->newest, MAP_KEY(rel->oid));
    if (newest == NULL || newest->rel->version < rel->version)
        (void)map_put(&s->newest, MAP_KEY(rel->oid), known);
    if (rel->version > s->version_max)
        s->version_max = rel->version;
    *ret_known = known;
    return true;
}

static bool put_relation(struct log_stream *s, const struct relation *rel, struct error *err)
{
    buf_clear(&s->scratch);
    frame_put_relation(&s->scratch, rel);
    return log_put_preamble(s->log, buf_view(&s->scratch), err);
}

static struct position position_of(const struct frame_tx *tx, uint32_t next_ordinal)
{
    return (struct position){ tx->epoch, next_ordinal - 1, tx->commit_end };
}

static bool put_where(struct log_stream *s, bool inside_unit, struct error *err)
{
    struct frame_tx tx = inside_unit ? s->tx : s->last;
    bool has_tx = inside_unit || s->has_last;

    if (inside_unit)
        tx.first_ordinal = s->next_ordinal;
    if (has_tx) {
        buf_clear(&s->scratch);
        frame_put_tx(&s->scratch, &tx);
        if (!log_put_preamble(s->log, buf_view(&s->scratch), err))
            return false;
    }
    if (inside_unit || !s->has_mark ||
        (has_tx && position_cmp(s->mark, position_of(&tx, tx.first_ordinal)) <= 0))
        return true;
    buf_clear(&s->scratch);
    frame_put_position(&s->scratch, s->mark);
    return log_put_preamble(s->log, buf_view(&s->scratch), err);
}

static bool needed(const struct log_stream *s, const struct log_stream_relation *known)
{
    return known->used == s->generation || map_get(&s->newest, MAP_KEY(known->rel->oid)) == known;
}

static bool preamble(void *ctx, struct log *l, bool inside_unit, struct error *err)
{
    struct log_stream *s = ctx;

    (void)l;
    if (!put_where(s, inside_unit, err))
        return false;
    for (struct map_slot *slot = map_next(&s->by_version, NULL); slot != NULL;
         slot = map_next(&s->by_version, slot)) {
        const struct log_stream_relation *known = slot->value;

        if (needed(s, known) && !put_relation(s, known->rel, err))
            return false;
    }
    for (struct map_slot *slot = map_next(&s->by_version, NULL); slot != NULL;
         slot = map_next(&s->by_version, slot)) {
        struct log_stream_relation *known = slot->value;

        if (needed(s, known))
            known->written = s->generation + 1;
    }
    s->generation++;
    return true;
}

/* ---- struct stream_ops, the writer's half ------------------------------------------------------ */

static void get_tail(struct stream *stream, struct stream_tail *ret_tail)
{
    struct log_stream *s = self(stream);

    (void)pthread_mutex_lock(&s->lock);
    *ret_tail = s->tail;
    (void)pthread_mutex_unlock(&s->lock);
}

static bool begin(struct stream *stream, const struct frame_tx *tx, struct error *err)
{
    struct log_stream *s = self(stream);
    struct buf b;
    bool ok;

    assert(!s->in_tx);
    assert(tx->first_ordinal >= 1);
    buf_init(&b, KIB);
    frame_put_tx(&b, tx);
    ok = log_append(s->log, buf_view(&b), err);
    buf_done(&b);
    if (!ok)
        return false;
    s->in_tx = true;
    s->tx = *tx;
    s->next_ordinal = tx->first_ordinal;
    return true;
}

static bool use_relation(struct log_stream *s, const struct relation *rel, struct error *err)
{
    struct log_stream_relation *known = s->recent;

    if (known == NULL || known->rel->version != rel->version) {
        if (!log_stream_learn(s, rel, &known, err))
            return false;
        s->recent = known;
    }
    assert(known != NULL);
    known->used = s->generation;
    if (known->written != s->generation) {
        struct buf b;
        bool ok;

        buf_init(&b, LIMIT_LOG_RECORD);
        frame_put_relation(&b, known->rel);
        ok = log_append(s->log, buf_view(&b), err);
        buf_done(&b);
        if (!ok)
            return false;
        known->written = s->generation;
        known->used = s->generation;
    }
    return true;
}

static bool put_frame(struct stream *stream, const struct relation *rel, struct str frame,
                      struct error *err)
{
    struct log_stream *s = self(stream);

    assert(s->in_tx);
    assert(frame_type(frame) == FRAME_CHANGE);
    if (s->next_ordinal == UINT32_MAX)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot store a transaction of more than %u changes", UINT32_MAX - 1);
    if (!use_relation(s, rel, err) || !log_append(s->log, frame, err))
        return false;
    s->recent->used = s->generation;
    s->next_ordinal++;
    return true;
}

static bool commit(struct stream *stream, struct error *err)
{
    struct log_stream *s = self(stream);
    int64_t wts = s->tx.wts_base + (int64_t)s->next_ordinal - 1;

    assert(s->in_tx);
    if (!log_commit(s->log, err))
        return false;
    s->in_tx = false;
    s->last = s->tx;
    s->last.first_ordinal = s->next_ordinal;
    s->has_last = true;
    s->committed = position_of(&s->tx, s->next_ordinal);
    if (wts > s->last_wts)
        s->last_wts = wts;
    return true;
}

static void abort_tx(struct stream *stream)
{
    struct log_stream *s = self(stream);
    struct error err;

    if (!s->in_tx)
        return;
    /* The log remembers that it failed: the next call of the writer says so. */
    (void)!log_abort(s->log, &err);
    s->in_tx = false;
    s->generation++;
}

static bool mark(struct stream *stream, struct position pos, struct error *err)
{
    struct log_stream *s = self(stream);
    struct buf b;
    bool ok;

    assert(!s->in_tx);
    if (position_cmp(pos, s->committed) <= 0)
        return true;
    buf_init(&b, KIB);
    frame_put_position(&b, pos);
    ok = log_append(s->log, buf_view(&b), err) && log_commit(s->log, err);
    buf_done(&b);
    if (!ok)
        return false;
    s->has_mark = true;
    s->mark = pos;
    s->committed = pos;
    return true;
}

static bool sync_all(struct stream *stream, struct position *ret_durable, struct error *err)
{
    struct log_stream *s = self(stream);

    (void)pthread_mutex_lock(&s->lock);
    s->syncing = s->committed;
    (void)pthread_mutex_unlock(&s->lock);
    if (!log_sync(s->log, err))
        return false;
    (void)pthread_mutex_lock(&s->lock);
    s->tail = (struct stream_tail){ s->committed, s->last_wts, s->version_max };
    (void)pthread_mutex_unlock(&s->lock);
    *ret_durable = s->committed;
    return true;
}

/* Removes segments below `needed`, and notes where the stream begins now. */
static bool remove_below(struct log_stream *s, struct pos needed, int64_t keep_ms,
                         struct error *err)
{
    struct position oldest;

    if (!log_retain(s->log, needed, clock_real_us(s->clock), keep_ms, err) ||
        !log_stream_oldest(s, &oldest, err))
        return false;
    (void)pthread_mutex_lock(&s->lock);
    s->oldest = oldest;
    (void)pthread_mutex_unlock(&s->lock);
    return true;
}

/* The base of the first segment that begins at or above `at`, or of the last one. */
static struct pos segment_at_or_above(struct log *l, struct pos at)
{
    struct log_segment *segments;
    size_t count;
    size_t i = 0;

    log_segments(l, &segments, &count);
    while (i + 1 < count && segments[i].base.v < at.v)
        i++;
    if (count > 0)
        at = segments[i].base;
    free(segments);
    return at;
}

/* Removes the oldest segments, none of them at or above `needed`, until bytes_max are left. */
static bool shrink(struct log_stream *s, uint64_t bytes_max, struct pos needed, struct error *err)
{
    struct log_stats log;
    struct pos enough;

    log_stats(s->log, &log);
    if (log.bytes <= bytes_max)
        return true;
    /* A segment goes when the next one begins at or below this, so the limit is met or just passed. */
    enough = segment_at_or_above(s->log, (struct pos){ log.oldest.v + (log.bytes - bytes_max) });
    return remove_below(s, enough.v < needed.v ? enough : needed, 0, err);
}

static bool retain(struct stream *stream, struct position oldest_needed, struct error *err)
{
    struct log_stream *s = self(stream);
    struct pos base;
    bool found;

    if (!log_stream_find(s, oldest_needed, &base, &found, err))
        return false;
    if (!found)
        return true;
    return remove_below(s, base, s->keep_ms, err) &&
           (s->keep_bytes == 0 || shrink(s, s->keep_bytes, base, err));
}

static bool trim(struct stream *stream, uint64_t bytes_max, struct error *err)
{
    return shrink(self(stream), bytes_max, (struct pos){ UINT64_MAX }, err);
}

static void get_stats(struct stream *stream, struct stream_stats *ret_stats)
{
    struct log_stream *s = self(stream);
    struct log_stats log;

    log_stats(s->log, &log);
    (void)pthread_mutex_lock(&s->lock);
    *ret_stats = (struct stream_stats){
        .bytes = log.bytes,
        .appended_bytes = log.appended_bytes,
        .segments = log.segments,
        .oldest = s->oldest,
        .last_sync_us = log.last_sync_us,
    };
    (void)pthread_mutex_unlock(&s->lock);
}

static void close_stream(struct stream *stream)
{
    struct log_stream *s = self(stream);

    if (s == NULL)
        return;
    log_close(s->log);
    map_done(&s->by_version);
    map_done(&s->newest);
    arena_done(&s->relations);
    buf_done(&s->scratch);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct stream_ops log_stream_ops = {
    .name = "log",
    .tail = get_tail,
    .begin = begin,
    .frame = put_frame,
    .commit = commit,
    .abort = abort_tx,
    .mark = mark,
    .sync = sync_all,
    .retain = retain,
    .trim = trim,
    .stats = get_stats,
    .close = close_stream,
    .reader_open = log_stream_reader_open,
    .read = log_stream_read,
    .relations = log_stream_relations,
    .lag_bytes = log_stream_lag_bytes,
    .reader_close = log_stream_reader_close,
};

struct log *log_stream_log(struct stream *s)
{
    return self(s)->log;
}

static struct log_stream *make(const struct log_stream_opts *opts)
{
    struct log_stream *s = mem_zalloc(1, sizeof *s);

    s->stream.ops = &log_stream_ops;
    s->clock = opts->clock != NULL ? opts->clock : &clock_system;
    s->keep_ms = opts->keep_ms;
    s->keep_bytes = opts->keep_bytes;
    s->generation = 1;
    map_init(&s->by_version);
    map_init(&s->newest);
    arena_init(&s->relations, LIMIT_ARENA);
    buf_init(&s->scratch, LIMIT_LOG_RECORD);
    (void)pthread_mutex_init(&s->lock, NULL);
    return s;
}

bool log_stream_open(const struct log_stream_opts *opts, struct stream **ret_stream,
                     struct log_recovery *ret_recovery, struct error *err)
{
    struct log_stream *s = make(opts);
    struct log_opts log = {
        .dir = opts->dir,
        .ops = opts->ops != NULL ? opts->ops : &file_posix,
        .clock = s->clock,
        .segment_bytes = opts->segment_bytes,
        .verify_bytes = opts->verify_bytes,
        .preamble = preamble,
        .preamble_ctx = s,
    };
    bool ok = opts->readonly ? log_open_readonly(&log, &s->log, ret_recovery, err)
                             : log_open(&log, &s->log, ret_recovery, err);

    if (!ok || !log_stream_scan(s, err) || !log_stream_oldest(s, &s->oldest, err)) {
        close_stream(&s->stream);
        return false;
    }
    s->tail = (struct stream_tail){ s->committed, s->last_wts, s->version_max };
    s->syncing = s->committed;
    *ret_stream = &s->stream;
    return true;
}
