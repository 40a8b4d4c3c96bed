/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_LSN_H
#define MODEL_LSN_H

/* A position in PostgreSQL's WAL. A struct of its own, so that it never mixes with a position in our
 * log. Written as PostgreSQL does: "0/16B3748". A value; any thread. */

#include "base/str.h"

struct lsn {
    uint64_t v;
};

enum { LSN_TEXT = 20 };

static inline int lsn_cmp(struct lsn a, struct lsn b)
{
    return (a.v > b.v) - (a.v < b.v);
}

static inline struct lsn lsn_max(struct lsn a, struct lsn b)
{
    return a.v > b.v ? a : b;
}

const char *lsn_format(struct lsn lsn, char text[LSN_TEXT]);
bool lsn_parse(struct str s, struct lsn *ret_lsn);

#endif
