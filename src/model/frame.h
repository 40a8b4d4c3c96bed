/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_FRAME_H
#define MODEL_FRAME_H

/*
 * The stored form of changes: what a record of the log holds, and what a parked record keeps.
 * Pure encoding; docs/log-format.md draws it. Every frame is one record and starts with its type:
 *
 *   'T'  transaction header: everything its changes share (struct frame_tx)
 *   'R'  relation: one version of a table's shape, before the first change that uses it
 *   'C'  change: op, flags, relation version, old and new values
 *   'P'  position: no change, only "all up to here is known" (idle tables, skipped transactions)
 *
 * Decoding never trusts a length; a frame that does not decode is the caller's ERR_CORRUPT.
 */

#include "model/change.h"

enum frame_type { FRAME_TX = 'T', FRAME_RELATION = 'R', FRAME_CHANGE = 'C', FRAME_POSITION = 'P' };

/* flags: snapshot rows instead of a transaction */
enum { FRAME_TX_SNAPSHOT = 1 };

struct frame_tx {
    uint32_t epoch;
    uint32_t xid;
    struct lsn commit_end;
    struct lsn commit_lsn;
    int64_t commit_time_us;
    int64_t wts_base; /* wts of the change with ordinal o is wts_base + o */
    uint32_t
        first_ordinal; /* ordinal of the next 'C'; 1, or more where a segment starts within it */
    uint32_t flags;
};

/* 0 for an empty record. */
static inline int frame_type(struct str record)
{
    return record.n > 0 ? (unsigned char)record.p[0] : 0;
}

void frame_put_tx(struct buf *b, const struct frame_tx *tx);
bool frame_get_tx(struct str record, struct frame_tx *ret_tx);

void frame_put_relation(struct buf *b, const struct relation *rel);
bool frame_get_relation(struct str record, struct arena *a, const struct relation **ret_rel);

void frame_put_position(struct buf *b, struct position pos);
bool frame_get_position(struct str record, struct position *ret_pos);

/* Writes op, flags, rel->version, before, after and lsn of `c`; the rest is in the 'T' frame. */
void frame_put_change(struct buf *b, const struct change *c);

/* Op and relation version alone. */
bool frame_peek_change(struct str record, enum change_op *ret_op, uint32_t *ret_version);

/* Finds the relation of a version; NULL when it is not known. */
typedef const struct relation *frame_find_relation(void *ctx, uint32_t version);

/* Fills op, flags, rel, before, after and lsn of *ret_change, with arrays from `a`; value texts point into
 * `record`. The caller adds position, stamps and xid (frame_stamp). */
bool frame_get_change(struct str record, frame_find_relation *find, void *ctx, struct arena *a,
                      struct change *ret_change);
/* Fills in what comes from the transaction: pos, wts, commit times and xid. */
void frame_stamp(struct change *c, const struct frame_tx *tx, uint32_t ordinal);

#endif
