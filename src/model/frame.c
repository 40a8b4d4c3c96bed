/* SPDX-License-Identifier: Apache-2.0 */
/*
 * T  u8 'T' | u32 epoch | u32 xid | u64 commit_end | u64 commit_lsn | i64 commit_time_us
 *    | i64 wts_base | u32 first_ordinal | u32 flags                     (little endian, 49 bytes)
 * R  u8 'R' | relation (see relation.c)
 * P  u8 'P' | u32 epoch | u64 commit_end | u32 ordinal
 * C  u8 'C' | u8 op | varint flags | varint relation version | u8 before_kind | u8 has_after
 *    | before values | after values
 *    per value: varint tag: 0 NULL, 1 unchanged, n + 2: n bytes of text follow
 *    There are exactly column_count values in each row that is present.
 */
#include "model/frame.h"

#include "base/limits.h"

void frame_put_tx(struct buf *b, const struct frame_tx *tx)
{
    buf_u8(b, FRAME_TX);
    buf_le32(b, tx->epoch);
    buf_le32(b, tx->xid);
    buf_le64(b, tx->commit_end.v);
    buf_le64(b, tx->commit_lsn.v);
    buf_le64(b, (uint64_t)tx->commit_time_us);
    buf_le64(b, (uint64_t)tx->wts_base);
    buf_le32(b, tx->first_ordinal);
    buf_le32(b, tx->flags);
}

bool frame_get_tx(struct str record, struct frame_tx *ret_tx)
{
    struct rd r = rd_make(record);
    struct frame_tx tx;

    if (rd_u8(&r) != FRAME_TX)
        return false;
    tx.epoch = rd_le32(&r);
    tx.xid = rd_le32(&r);
    tx.commit_end.v = rd_le64(&r);
    tx.commit_lsn.v = rd_le64(&r);
    tx.commit_time_us = (int64_t)rd_le64(&r);
    tx.wts_base = (int64_t)rd_le64(&r);
    tx.first_ordinal = rd_le32(&r);
    tx.flags = rd_le32(&r);
    if (!rd_done(&r))
        return false;
    *ret_tx = tx;
    return true;
}

void frame_put_relation(struct buf *b, const struct relation *rel)
{
    buf_u8(b, FRAME_RELATION);
    relation_encode(rel, b);
}

bool frame_get_relation(struct str record, struct arena *a, const struct relation **ret_rel)
{
    struct rd r = rd_make(record);
    const struct relation *rel;

    if (rd_u8(&r) != FRAME_RELATION || !relation_decode(&r, a, &rel) || !rd_done(&r))
        return false;
    *ret_rel = rel;
    return true;
}

void frame_put_position(struct buf *b, struct position pos)
{
    buf_u8(b, FRAME_POSITION);
    buf_le32(b, pos.epoch);
    buf_le64(b, pos.commit_end.v);
    buf_le32(b, pos.ordinal);
}

bool frame_get_position(struct str record, struct position *ret_pos)
{
    struct rd r = rd_make(record);
    struct position pos;

    if (rd_u8(&r) != FRAME_POSITION)
        return false;
    pos.epoch = rd_le32(&r);
    pos.commit_end.v = rd_le64(&r);
    pos.ordinal = rd_le32(&r);
    if (!rd_done(&r))
        return false;
    *ret_pos = pos;
    return true;
}

/* What follows in a change. */
enum { HAS_AFTER = 1, HAS_LSN = 2 };

static void put_row(struct buf *b, const struct value *row, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].kind == VALUE_TEXT) {
            buf_varint(b, (uint64_t)row[i].text.n + VALUE_TEXT);
            buf_str(b, row[i].text);
        } else {
            buf_u8(b, (uint8_t)row[i].kind);
        }
    }
}

void frame_put_change(struct buf *b, const struct change *c)
{
    buf_u8(b, FRAME_CHANGE);
    buf_u8(b, (uint8_t)c->op);
    buf_varint(b, c->flags);
    buf_varint(b, c->rel->version);
    buf_u8(b, (uint8_t)c->before_kind);
    buf_u8(b, (uint8_t)((c->after != NULL ? HAS_AFTER : 0) | (c->lsn.v != 0 ? HAS_LSN : 0)));
    if (c->before_kind != CHANGE_BEFORE_NONE)
        put_row(b, c->before, c->rel->column_count);
    if (c->after != NULL)
        put_row(b, c->after, c->rel->column_count);
    if (c->lsn.v != 0)
        buf_varint(b, c->lsn.v);
}

static const struct value *get_row(struct rd *r, struct arena *a, uint32_t count)
{
    struct value *row;

    /* Every value takes at least a byte: no array is made for a count that cannot be true. */
    if (!rd_has(r, count))
        return NULL;
    row = arena_alloc(a, count * sizeof *row);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t tag = rd_varint(r);

        if (tag < VALUE_TEXT) {
            row[i] = (struct value){ (enum value_kind)tag, STR_NONE };
            continue;
        }
        if (tag - VALUE_TEXT > LIMIT_PG_MESSAGE) {
            (void)rd_fail(r);
            return NULL;
        }
        row[i] = (struct value){ VALUE_TEXT, rd_bytes(r, (size_t)(tag - VALUE_TEXT)) };
    }
    return row;
}

static bool op_known(uint8_t op)
{
    return op == CHANGE_INSERT || op == CHANGE_UPDATE || op == CHANGE_DELETE ||
           op == CHANGE_TRUNCATE || op == CHANGE_SNAPSHOT || op == CHANGE_MESSAGE;
}

bool frame_peek_change(struct str record, enum change_op *ret_op, uint32_t *ret_version)
{
    struct rd r = rd_make(record);
    uint8_t type = rd_u8(&r);
    uint8_t op = rd_u8(&r);
    uint64_t version;

    (void)rd_varint(&r); /* flags */
    version = rd_varint(&r);
    if (!rd_ok(&r) || type != FRAME_CHANGE || !op_known(op) || version > UINT32_MAX)
        return false;
    *ret_op = (enum change_op)op;
    *ret_version = (uint32_t)version;
    return true;
}

bool frame_get_change(struct str record, frame_find_relation *find, void *ctx, struct arena *a,
                      struct change *ret_change)
{
    struct rd r = rd_make(record);
    struct change c = { 0 };
    uint8_t type = rd_u8(&r);
    uint8_t op = rd_u8(&r);
    uint64_t flags = rd_varint(&r);
    uint64_t version = rd_varint(&r);
    uint8_t before = rd_u8(&r);
    uint8_t has = rd_u8(&r);

    if (!rd_ok(&r) || type != FRAME_CHANGE || !op_known(op) || flags > UINT32_MAX ||
        version > UINT32_MAX || before > CHANGE_BEFORE_FULL || has > (HAS_AFTER | HAS_LSN))
        return false;
    c.op = (enum change_op)op;
    c.flags = (unsigned)flags;
    c.rel = find(ctx, (uint32_t)version);
    if (c.rel == NULL)
        return false;
    c.before_kind = (enum change_before)before;
    if (c.before_kind != CHANGE_BEFORE_NONE)
        c.before = get_row(&r, a, c.rel->column_count);
    if ((has & HAS_AFTER) != 0)
        c.after = get_row(&r, a, c.rel->column_count);
    if ((has & HAS_LSN) != 0)
        c.lsn.v = rd_varint(&r);
    if (!rd_done(&r))
        return false;
    *ret_change = c;
    return true;
}

void frame_stamp(struct change *c, const struct frame_tx *tx, uint32_t ordinal)
{
    c->pos = (struct position){ tx->epoch, ordinal, tx->commit_end };
    c->at = c->pos;
    c->wts = tx->wts_base + (int64_t)ordinal;
    c->commit_time_us = tx->commit_time_us;
    c->commit_lsn = tx->commit_lsn;
    c->xid = (c->flags & CHANGE_INCREMENTAL) != 0 ? 0 : tx->xid;
}
