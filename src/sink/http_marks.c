/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sink keeps in state.db. Numbers are big endian.
 *
 *   "batches"   version u8 = 1 | for each list: first position | last position | count u32
 *   "sent"      version u8 = 1 | position before | each position that is done, ascending
 *   position    epoch u32 | end of the commit u64 | ordinal u32
 *
 * "batches" is written before the first list of a batch is sent, so that after a crash the same lists
 * go out under the same ids. "sent" is written when the sink is closed in the middle of a batch, so
 * that only a crash, and no orderly end, makes anything go out twice.
 */
#include "sink/http.h"

enum { VERSION = 1, POSITION_BYTES = 16, MARK_BYTES = 2 * POSITION_BYTES + 4 };

static void put_position(struct position p, struct buf *b)
{
    buf_be32(b, p.epoch);
    buf_be64(b, p.commit_end.v);
    buf_be32(b, p.ordinal);
}

static struct position get_position(struct rd *r)
{
    struct position p = { .epoch = rd_be32(r) };

    p.commit_end.v = rd_be64(r);
    p.ordinal = rd_be32(r);
    return p;
}

/* The changes of a list are those that are not skipped; what has become of each does not matter. */
static struct http_mark mark_of(const struct http_plan *p, const struct batch *b,
                                const struct http_unit *u)
{
    struct http_mark mark = { .count = 0 };

    for (uint32_t i = u->from; i < u->to; i++) {
        if (p->states[i] == HTTP_SKIPPED)
            continue;
        if (mark.count == 0)
            mark.first = b->changes[i].at;
        mark.last = b->changes[i].at;
        mark.count++;
    }
    return mark;
}

static void put_mark(const struct http_mark *mark, struct buf *b)
{
    put_position(mark->first, b);
    put_position(mark->last, b);
    buf_be32(b, mark->count);
}

void http_marks_encode(const struct http_plan *p, const struct batch *b,
                       const struct http_marks *rest, struct buf *ret)
{
    buf_u8(ret, VERSION);
    for (size_t i = 0; i < p->unit_count; i++) {
        struct http_mark mark = mark_of(p, b, &p->units[i]);

        if (mark.count > 0)
            put_mark(&mark, ret);
    }
    for (size_t i = 0; i < rest->count; i++) {
        if (position_cmp(rest->items[i].first, b->after) > 0)
            put_mark(&rest->items[i], ret);
    }
}

bool http_marks_decode(struct str stored, struct arena *a, struct http_marks *ret_marks)
{
    struct rd r = rd_make(stored);
    struct http_mark *items;
    size_t count;

    if (stored.n == 0) {
        *ret_marks = (struct http_marks){ 0, NULL };
        return true;
    }
    if (rd_u8(&r) != VERSION || rd_left(&r) % MARK_BYTES != 0)
        return false;
    count = rd_left(&r) / MARK_BYTES;
    items = arena_zalloc(a, count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i].first = get_position(&r);
        items[i].last = get_position(&r);
        items[i].count = rd_be32(&r);
    }
    *ret_marks = (struct http_marks){ count, items };
    return rd_done(&r);
}

void http_sent_encode(struct position before, const struct position *sent, size_t count,
                      struct buf *ret)
{
    buf_u8(ret, VERSION);
    put_position(before, ret);
    for (size_t i = 0; i < count; i++)
        put_position(sent[i], ret);
}

bool http_sent_decode(struct str stored, struct arena *a, struct position *ret_before,
                      const struct position **ret_sent, size_t *ret_count)
{
    struct rd r = rd_make(stored);
    struct position *sent;
    struct position before;
    size_t count;

    if (stored.n == 0) {
        *ret_sent = NULL;
        *ret_count = 0;
        return true;
    }
    if (rd_u8(&r) != VERSION || rd_left(&r) < POSITION_BYTES || rd_left(&r) % POSITION_BYTES != 0)
        return false;
    count = rd_left(&r) / POSITION_BYTES - 1;
    before = get_position(&r);
    sent = arena_zalloc(a, count, sizeof *sent);
    for (size_t i = 0; i < count; i++)
        sent[i] = get_position(&r);
    *ret_before = before;
    *ret_sent = sent;
    *ret_count = count;
    return rd_done(&r);
}
