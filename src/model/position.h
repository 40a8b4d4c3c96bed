/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_POSITION_H
#define MODEL_POSITION_H

/*
 * Where a change stands in the whole history: (epoch, commit_end_lsn, ordinal).
 *
 * epoch rises when history starts anew (new slot, accepted new timeline, new snapshot). commit_end is
 * the end LSN of the transaction's commit record. ordinal counts the row changes of the transaction
 * from 1. Row LSNs are never used: COPY rows share one, and a long transaction's rows lie below LSNs
 * that were confirmed before.
 *
 * A sink at position P has everything up to and including P. {0,0,0} is before everything.
 * Text form: "1/0/16B3748/3". A value; any thread.
 */

#include "model/lsn.h"

struct position {
    uint32_t epoch;
    uint32_t ordinal;
    struct lsn commit_end;
};

enum { POSITION_TEXT = 48 };

static inline int position_cmp(struct position a, struct position b)
{
    if (a.epoch != b.epoch)
        return a.epoch > b.epoch ? 1 : -1;
    if (a.commit_end.v != b.commit_end.v)
        return a.commit_end.v > b.commit_end.v ? 1 : -1;
    return (a.ordinal > b.ordinal) - (a.ordinal < b.ordinal);
}

static inline bool position_is_start(struct position p)
{
    return p.epoch == 0 && p.commit_end.v == 0 && p.ordinal == 0;
}

const char *position_format(struct position p, char text[POSITION_TEXT]);
bool position_parse(struct str s, struct position *ret_position);

#endif
