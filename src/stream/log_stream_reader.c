/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: follows the log from the start of the segment that its position lies in, learns relations
 * on the way, and gives what is behind the position. Rows are copied into the batch's arena; relations
 * live in the reader's own, each version once.
 */
#include "stream/log_stream_private.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"

#include <limits.h>
#include <stdlib.h>

struct log_stream_reader {
    struct stream_reader reader; /* first */
    struct log_reader *log;
    struct position after; /* everything up to here was given out */
    struct pos batch_at;   /* where the log was read when the last batch was begun */
    bool in_tx;
    struct frame_tx tx;
    uint32_t ordinal; /* of the next change in tx */
    bool pending;     /* `record` was read and did not fit into the last batch */
    struct log_record record;
    struct change *changes; /* the batch being put together */
    size_t cap;
    struct map by_version; /* struct relation */
    struct map newest;     /* by the table's oid */
    const struct relation *recent;
    struct arena relations;
};

static struct log_stream_reader *self(struct stream_reader *reader)
{
    return (struct log_stream_reader *)reader;
}

static void advance(struct log_stream_reader *r, struct position pos)
{
    if (position_cmp(pos, r->after) > 0)
        r->after = pos;
}

static const struct relation *find_relation(void *ctx, uint32_t version)
{
    struct log_stream_reader *r = ctx;

    if (r->recent == NULL || r->recent->version != version)
        r->recent = map_get(&r->by_version, MAP_KEY(version));
    return r->recent;
}

static bool take_tx(struct log_stream_reader *r, struct error *err)
{
    if (!frame_get_tx(r->record.bytes, &r->tx) || r->tx.first_ordinal == 0)
        return log_stream_bad_record(r->record.at, "a transaction header does not decode", err);
    r->in_tx = true;
    r->ordinal = r->tx.first_ordinal;
    advance(r, (struct position){ r->tx.epoch, r->ordinal - 1, r->tx.commit_end });
    return true;
}

static bool take_relation(struct log_stream_reader *r, struct error *err)
{
    struct rd version_at = rd_make(r->record.bytes);
    const struct relation *rel;
    const struct relation *newest;
    uint64_t version;

    /* Every segment repeats them; most are known. */
    (void)rd_u8(&version_at);
    version = rd_varint(&version_at);
    if (rd_ok(&version_at) && version <= UINT32_MAX) {
        uint32_t key = (uint32_t)version;

        if (map_has(&r->by_version, MAP_KEY(key)))
            return true;
    }
    if (r->by_version.n >= LIMIT_PG_RELATIONS)
        return error_set(err, ERR_STOP, E_SYS_LIMIT, "cannot read more than %u table versions",
                         LIMIT_PG_RELATIONS);
    if (!frame_get_relation(r->record.bytes, &r->relations, &rel))
        return log_stream_bad_record(r->record.at, "a relation does not decode", err);
    (void)map_put(&r->by_version, MAP_KEY(rel->version), (void *)rel);
    newest = map_get(&r->newest, MAP_KEY(rel->oid));
    if (newest == NULL || newest->version < rel->version)
        (void)map_put(&r->newest, MAP_KEY(rel->oid), (void *)rel);
    return true;
}

static bool take_position(struct log_stream_reader *r, struct error *err)
{
    struct position pos;

    if (!frame_get_position(r->record.bytes, &pos))
        return log_stream_bad_record(r->record.at, "a position does not decode", err);
    advance(r, pos);
    return true;
}

static bool take_change(struct log_stream_reader *r, struct arena *a, struct batch *b,
                        struct error *err)
{
    struct change *c = &r->changes[b->count];
    struct position pos = { r->tx.epoch, r->ordinal, r->tx.commit_end };

    if (!r->in_tx)
        return log_stream_bad_record(r->record.at, "a change without a transaction", err);
    if (position_cmp(pos, r->after) > 0) {
        if (!frame_get_change(arena_str(a, r->record.bytes), find_relation, r, a, c))
            return log_stream_bad_record(r->record.at, "a change does not decode", err);
        frame_stamp(c, &r->tx, r->ordinal);
        b->count++;
        r->after = pos;
    }
    r->ordinal++;
    return true;
}

static bool take(struct log_stream_reader *r, struct arena *a, struct batch *b, struct error *err)
{
    switch (frame_type(r->record.bytes)) {
    case FRAME_TX:
        return take_tx(r, err);
    case FRAME_RELATION:
        return take_relation(r, err);
    case FRAME_POSITION:
        return take_position(r, err);
    case FRAME_CHANGE:
        return take_change(r, a, b, err);
    default:
        return log_stream_bad_record(r->record.at, "its type is not known", err);
    }
}

/* The first half of a moved key: the second belongs into the same batch. */
static bool is_half(const struct log_stream_reader *r, const struct batch *b)
{
    const struct change *last = b->count > 0 ? &r->changes[b->count - 1] : NULL;

    return last != NULL && last->op == CHANGE_DELETE && (last->flags & CHANGE_KEY_MOVED) != 0;
}

/* Takes records until the batch is full or there are none at the moment. */
static bool fill(struct log_stream_reader *r, const struct stream_want *want, size_t rows_max,
                 struct arena *a, struct batch *b, size_t *bytes, struct error *err)
{
    while (b->count < rows_max || is_half(r, b)) {
        bool found = true;
        size_t n;

        if (!r->pending && !log_read(r->log, &r->record, &found, err))
            return false;
        if (!found)
            return true;
        r->pending = true;
        n = r->record.bytes.n;
        if (b->count > 0 && frame_type(r->record.bytes) == FRAME_CHANGE &&
            *bytes + n > want->bytes_max && !is_half(r, b))
            return true;
        if (!take(r, a, b, err))
            return false;
        r->pending = false;
        if (b->count > 0)
            *bytes += n;
    }
    return true;
}

/* Does the last change end its transaction, and if not, whose change comes next? A transaction is there as a whole,
 * so that nothing more means its end. */
static bool look_ahead(struct log_stream_reader *r, struct arena *a, struct batch *b,
                       struct error *err)
{
    const struct change *last = &r->changes[b->count - 1];
    bool found = true;

    for (;;) {
        enum change_op op;
        uint32_t version;

        if (!r->pending && !log_read(r->log, &r->record, &found, err))
            return false;
        if (!found)
            return true;
        r->pending = true;
        if (frame_type(r->record.bytes) != FRAME_CHANGE) {
            if (!take(r, a, b, err))
                return false;
            r->pending = false;
            continue;
        }
        if (r->tx.epoch == last->pos.epoch &&
            lsn_cmp(r->tx.commit_end, last->pos.commit_end) == 0 &&
            frame_peek_change(r->record.bytes, &op, &version))
            b->next = find_relation(r, version);
        return true;
    }
}

static size_t make_room(struct log_stream_reader *r, size_t rows_max)
{
    size_t rows = rows_max < LIMIT_BATCH_ROWS ? rows_max : LIMIT_BATCH_ROWS;

    if (rows == 0)
        rows = 1;
    if (r->cap < rows + 1) { /* one more for the second half of a moved key */
        r->changes = mem_resize(r->changes, rows + 1, sizeof *r->changes);
        r->cap = rows + 1;
    }
    return rows;
}

static void give(struct log_stream_reader *r, struct arena *a, struct batch *b,
                 struct batch *ret_batch)
{
    if (b->count > 0) {
        struct change *copy = arena_alloc(a, b->count * sizeof *copy);

        memcpy(copy, r->changes, b->count * sizeof *copy);
        b->changes = copy;
    }
    b->after = r->after;
    *ret_batch = *b;
}

bool log_stream_read(struct stream_reader *reader, const struct stream_want *want, struct arena *a,
                     struct batch *ret_batch, struct error *err)
{
    struct log_stream_reader *r = self(reader);
    const struct clock *clock = ((struct log_stream *)reader->stream)->clock;
    int64_t deadline_us = clock_mono_us(clock) + (int64_t)want->wait_ms * 1000;
    struct batch b = { .arena = a, .before = r->after };
    size_t rows_max = make_room(r, want->rows_max);
    size_t bytes = 0;

    for (;;) {
        int left_ms;

        r->batch_at = log_reader_pos(r->log);
        if (!fill(r, want, rows_max, a, &b, &bytes, err) ||
            (b.count > 0 && !look_ahead(r, a, &b, err))) {
            r->after = b.before;
            return false;
        }
        left_ms = clock_left_ms(clock, deadline_us, INT_MAX);
        if (b.count > 0 || position_cmp(r->after, b.before) > 0 || left_ms == 0 ||
            wake_is_set(want->stop_fd))
            break;
        (void)log_reader_wait(r->log, left_ms, want->stop_fd);
    }
    give(r, a, &b, ret_batch);
    return true;
}

void log_stream_relations(struct stream_reader *reader,
                          void (*each)(void *ctx, const struct relation *rel), void *ctx)
{
    struct log_stream_reader *r = self(reader);

    for (struct map_slot *slot = map_next(&r->newest, NULL); slot != NULL;
         slot = map_next(&r->newest, slot))
        each(ctx, slot->value);
}

uint64_t log_stream_lag_bytes(struct stream_reader *reader, bool pending)
{
    struct log_stream_reader *r = self(reader);
    struct log_stats stats;

    if (!pending)
        return log_reader_lag(r->log);
    log_stats(((struct log_stream *)reader->stream)->log, &stats);
    return stats.tail.v > r->batch_at.v ? stats.tail.v - r->batch_at.v : 0;
}

static bool find_start(struct log_stream *s, struct position from, struct pos *ret_base,
                       struct error *err)
{
    struct position top;
    char text[POSITION_TEXT];
    char end[POSITION_TEXT];
    bool found;

    (void)pthread_mutex_lock(&s->lock);
    top = s->syncing;
    (void)pthread_mutex_unlock(&s->lock);
    if (position_cmp(from, top) > 0)
        return error_set(err, ERR_STOP, E_STREAM_BEYOND,
                         "cannot read behind %s: the stream ends at %s",
                         position_format(from, text), position_format(top, end));
    if (!log_stream_find(s, from, ret_base, &found, err))
        return false;
    if (!found) {
        struct stream_stats stats;

        s->stream.ops->stats(&s->stream, &stats);
        return error_set(err, ERR_STOP, E_STREAM_GONE,
                         "cannot read behind %s: the oldest change kept comes behind %s",
                         position_format(from, text), position_format(stats.oldest, end));
    }
    return true;
}

bool log_stream_reader_open(struct stream *stream, struct position from,
                            struct stream_reader **ret_reader, struct error *err)
{
    struct log_stream *s = (struct log_stream *)stream;
    struct log_stream_reader *r;
    struct log_reader *log;
    struct pos base = { 0 };

    if (!find_start(s, from, &base, err) || !log_reader_open(s->log, base, &log, err))
        return false;
    r = mem_zalloc(1, sizeof *r);
    r->reader.stream = stream;
    r->log = log;
    r->after = from;
    map_init(&r->by_version);
    map_init(&r->newest);
    arena_init(&r->relations, LIMIT_ARENA);
    *ret_reader = &r->reader;
    return true;
}

void log_stream_reader_close(struct stream_reader *reader)
{
    struct log_stream_reader *r = self(reader);

    if (r == NULL)
        return;
    log_reader_close(r->log);
    map_done(&r->by_version);
    map_done(&r->newest);
    arena_done(&r->relations);
    free(r->changes);
    free(r);
}
