/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where positions lie. The first record of a segment, T or P, says which changes come before it (see
 * log_stream.c); the positions of the segments rise, so the one to start in is found by bisection,
 * reading the first records of a few.
 */
#include "stream/log_stream_private.h"

#include "base/limits.h"

#include <stdlib.h>

enum { FIND_AGAIN = 3 };

bool log_stream_bad_record(struct pos at, const char *why, struct error *err)
{
    return error_set(err, ERR_CORRUPT, E_STREAM_RECORD,
                     "cannot read a record of the batch at %llu: %s", (unsigned long long)at.v,
                     why);
}

static bool read_before(struct log_reader *r, struct position *ret_before, struct error *err)
{
    struct position before = { 0 };
    struct position pos;
    struct log_record record;
    struct frame_tx tx;
    bool found;

    if (!log_read(r, &record, &found, err))
        return false;
    if (found && frame_get_tx(record.bytes, &tx)) {
        before = (struct position){ tx.epoch, tx.first_ordinal - 1, tx.commit_end };
        if (!log_read(r, &record, &found, err))
            return false;
        if (found && frame_get_position(record.bytes, &pos) && position_cmp(pos, before) > 0)
            before = pos;
    } else if (found && !frame_get_position(record.bytes, &before)) {
        return log_stream_bad_record(record.at, "a segment begins with neither a T nor a P", err);
    }
    *ret_before = before;
    return true;
}

/* All changes of the segment lie behind *ret_before. */
static bool segment_before(struct log_stream *s, struct pos base, struct position *ret_before,
                           struct error *err)
{
    struct log_reader *r;
    bool ok;

    if (base.v == 0) {
        *ret_before = (struct position){ 0 };
        return true;
    }
    if (!log_reader_open(s->log, base, &r, err))
        return false;
    ok = read_before(r, ret_before, err);
    log_reader_close(r);
    return ok;
}

static bool find(struct log_stream *s, struct position from, struct pos *ret_base, bool *ret_found,
                 struct error *err)
{
    struct log_segment *segments;
    size_t low = 0; /* all below begin at or before `from` */
    size_t high;
    bool ok = true;

    log_segments(s->log, &segments, &high);
    while (ok && low < high) {
        size_t middle = low + (high - low) / 2;
        struct position before;

        ok = segment_before(s, segments[middle].base, &before, err);
        if (ok && position_cmp(before, from) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (ok) {
        *ret_found = low > 0;
        if (low > 0)
            *ret_base = segments[low - 1].base;
    }
    free(segments);
    return ok;
}

bool log_stream_find(struct log_stream *s, struct position from, struct pos *ret_base,
                     bool *ret_found, struct error *err)
{
    struct error why = { 0 };

    /* Retention may take a segment between the list and the look into it. */
    for (int i = 0; i < FIND_AGAIN; i++) {
        why = (struct error){ 0 };
        if (find(s, from, ret_base, ret_found, &why))
            return true;
        if (why.kind == ERR_CORRUPT)
            break;
    }
    *err = why;
    return false;
}

bool log_stream_oldest(struct log_stream *s, struct position *ret_oldest, struct error *err)
{
    struct log_stats stats;

    log_stats(s->log, &stats);
    return segment_before(s, stats.oldest, ret_oldest, err);
}

/* ---- the last segment ------------------------------------------------------------------------------ */

static bool scan_tx(struct log_stream *s, const struct log_record *record, struct error *err)
{
    if (!frame_get_tx(record->bytes, &s->last) || s->last.first_ordinal == 0)
        return log_stream_bad_record(record->at, "a transaction header does not decode", err);
    s->has_last = true;
    return true;
}

static bool scan_relation(struct log_stream *s, const struct log_record *record, struct arena *a,
                          struct error *err)
{
    const struct relation *rel;
    struct log_stream_relation *known;

    arena_reset(a);
    if (!frame_get_relation(record->bytes, a, &rel))
        return log_stream_bad_record(record->at, "a relation does not decode", err);
    return log_stream_learn(s, rel, &known, err);
}

static bool scan_record(struct log_stream *s, const struct log_record *record, struct arena *a,
                        struct error *err)
{
    switch (frame_type(record->bytes)) {
    case FRAME_TX:
        return scan_tx(s, record, err);
    case FRAME_CHANGE:
        if (!s->has_last)
            return log_stream_bad_record(record->at, "a change without a transaction", err);
        s->last.first_ordinal++;
        return true;
    case FRAME_RELATION:
        return scan_relation(s, record, a, err);
    case FRAME_POSITION:
        if (!frame_get_position(record->bytes, &s->mark))
            return log_stream_bad_record(record->at, "a position does not decode", err);
        s->has_mark = true;
        return true;
    default:
        return log_stream_bad_record(record->at, "its type is not known", err);
    }
}

static void take_scan(struct log_stream *s)
{
    struct position tx;

    if (s->has_mark)
        s->committed = s->mark;
    if (!s->has_last)
        return;
    tx = (struct position){ s->last.epoch, s->last.first_ordinal - 1, s->last.commit_end };
    if (position_cmp(tx, s->committed) > 0)
        s->committed = tx;
    s->last_wts = s->last.wts_base + (int64_t)s->last.first_ordinal - 1;
}

bool log_stream_scan(struct log_stream *s, struct error *err)
{
    struct log_segment *segments;
    struct log_reader *r = NULL;
    struct log_record record;
    struct arena a;
    size_t count;
    bool found = true;
    bool ok;

    log_segments(s->log, &segments, &count);
    ok = count == 0 || log_reader_open(s->log, segments[count - 1].base, &r, err);
    free(segments);
    arena_init(&a, LIMIT_ARENA);
    while (ok && r != NULL && found) {
        ok = log_read(r, &record, &found, err);
        if (ok && found)
            ok = scan_record(s, &record, &a, err);
    }
    arena_done(&a);
    log_reader_close(r);
    if (ok)
        take_scan(s);
    return ok;
}
