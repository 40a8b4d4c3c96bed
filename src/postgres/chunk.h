/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_CHUNK_H
#define POSTGRES_CHUNK_H

/*
 * A table read in pieces while it is being written: a chunk is the next rows in the order of a key,
 * behind the last row of the chunk before it. Columns and rows are those that the publication
 * publishes.
 *
 *     postgres_chunk_begin(sql, &snapshot, err)         a transaction with a snapshot of its own
 *     ... is it a snapshot that the caller can use? ...
 *     postgres_chunk_plan(sql, &request, a, &plan, err)
 *     postgres_chunk_last(sql, &plan, a, upto, &found, err)          once: where the table ends now
 *     postgres_chunk_read(sql, &plan, after, upto, ..., row, ctx, err)
 *     postgres_chunk_end(sql)
 *
 * `sql` is an ordinary connection, borrowed; the transaction is read only. One thread.
 * Errors: ERR_REJECT, E_SIGNAL: this table cannot be read so, or the request's own SQL is wrong.
 */

#include "model/change.h"
#include "postgres/conn.h"

/* What a snapshot does not see: xmax and all above it, and the transactions listed. Of each the low 32
 * bits, as the replication stream has them. */
struct postgres_chunk_snapshot {
    uint32_t xmax;
    const uint32_t *running; /* in the arena */
    size_t running_count;
};

struct postgres_chunk_request {
    const char *publication;
    struct str
        schema; /* of a published table: a partition, where the publication names partitions */
    struct str table;
    struct str filter;    /* SQL condition of the user's; n == 0: none */
    struct str surrogate; /* a NOT NULL column to order by before the primary key; n == 0: none */
};

struct postgres_chunk_plan {
    const struct relation *rel; /* version 0 */
    const uint32_t *order;      /* indexes of the columns that a row's place is told by */
    uint32_t order_count;
    struct str from; /* SQL: the columns, the table, and what the conditions are */
};

bool postgres_chunk_begin(struct postgres_conn *sql, struct arena *a,
                          struct postgres_chunk_snapshot *ret_snapshot,
                          struct error *err) MUST_CHECK;
bool postgres_chunk_plan(struct postgres_conn *sql, const struct postgres_chunk_request *request,
                         struct arena *a, struct postgres_chunk_plan *ret_plan,
                         struct error *err) MUST_CHECK;
/* The place of the last row: order_count texts. *ret_found false: there is no row. */
bool postgres_chunk_last(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                         struct arena *a, struct str *ret_place, bool *ret_found,
                         struct error *err) MUST_CHECK;

struct postgres_chunk_bounds {
    const struct str *after; /* order_count texts, or NULL: from the first row on */
    const struct str *upto;  /* order_count texts, included */
    uint32_t rows_max;
    size_t bytes_max; /* it ends with the row that reaches this */
};

/* rel->column_count values per row, in `a`. *ret_end: there is nothing behind them up to `upto`. */
bool postgres_chunk_read(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                         const struct postgres_chunk_bounds *bounds, struct arena *a,
                         const struct value *const **ret_rows, size_t *ret_count, bool *ret_end,
                         struct error *err) MUST_CHECK;
/* Ends the transaction. A failure breaks the connection, nothing else. */
void postgres_chunk_end(struct postgres_conn *sql);

/* Reads pg_snapshot's text, "xmin:xmax:x,x". Pure. */
bool postgres_chunk_parse(struct str text, struct arena *a,
                          struct postgres_chunk_snapshot *ret_snapshot);

#endif
