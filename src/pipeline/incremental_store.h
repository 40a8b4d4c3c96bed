/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_INCREMENTAL_STORE_H
#define PIPELINE_INCREMENTAL_STORE_H

/*
 * What incremental snapshots keep in state.db: signals that were received and not looked at yet, the
 * tables that wait to be copied, and how far the first of them is. Every call is durable when it
 * returns. Owned by the capture thread.
 *
 * A chunk is noted before its rows are in the stream, with the position that they get: `closing`. So
 * after a crash the stream itself tells whether the chunk is there: its end is at or behind that
 * position, or it is not. incremental_store_resolve must come before anything of the stream's source is
 * taken again.
 */

#include "model/lsn.h"
#include "pipeline/state.h"

struct incremental_signal {
    int64_t seq;
    struct str type;
    struct str data;
    struct lsn at; /* end of the transaction that it came in */
};

struct incremental_table {
    int64_t seq;
    struct str schema; /* of the published table */
    struct str table;
    struct str filter;    /* n == 0: none */
    struct str surrogate; /* n == 0: none */
    struct str after;     /* place of the last row that is in the stream; n == 0: none yet */
    struct str upto; /* place of the table's last row when it began; n == 0: not looked for yet */
    struct str next; /* `after` once the chunk that is closing is there; n == 0: it was the last */
    struct lsn closing; /* 0: none */
    int64_t rows;       /* in the stream */
    int64_t next_rows;
};

bool incremental_store_open(struct state *st, struct error *err) MUST_CHECK;
/* After a start or a reconnect: the stream ends at `tail`. */
bool incremental_store_resolve(struct state *st, struct lsn tail, struct error *err) MUST_CHECK;
/* History starts anew: whatever was asked for is done by that. */
bool incremental_store_clear(struct state *st, struct error *err) MUST_CHECK;

/* The signals of one transaction, once: a transaction at or below one taken before is known. */
bool incremental_store_signals(struct state *st, struct lsn commit_end,
                               const struct incremental_signal *signals, size_t count,
                               struct error *err) MUST_CHECK;
/* The oldest, in the arena. */
bool incremental_store_signal(struct state *st, struct arena *a, bool *ret_found,
                              struct incremental_signal *ret_signal, struct error *err) MUST_CHECK;
bool incremental_store_signal_done(struct state *st, int64_t seq, struct error *err) MUST_CHECK;

bool incremental_store_add(struct state *st, const struct incremental_table *t,
                           struct error *err) MUST_CHECK;
/* The first of the queue behind `seq`, in the arena. */
bool incremental_store_next(struct state *st, int64_t seq, struct arena *a, bool *ret_found,
                            struct incremental_table *ret_table, struct error *err) MUST_CHECK;
/* after, upto, next, closing, rows and next_rows. */
bool incremental_store_close(struct state *st, const struct incremental_table *t,
                             struct error *err) MUST_CHECK;
bool incremental_store_remove(struct state *st, int64_t seq, struct error *err) MUST_CHECK;

bool incremental_store_pause(struct state *st, bool paused, struct error *err) MUST_CHECK;
bool incremental_store_paused(struct state *st, bool *ret_paused, struct error *err) MUST_CHECK;

#endif
