/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_STATE_H
#define PIPELINE_STATE_H

/*
 * state.db: the small durable facts beside the log, in SQLite (WAL mode): the source's identity and
 * epoch, the sinks' positions and values, the parked records. checkpoint.h and park.h give them names;
 * this page only opens the file and runs statements.
 *
 * One struct state per thread: SQLite's own locking keeps threads and processes (the dlq command beside
 * a running daemon) apart. A file of a newer version is refused.
 * Errors: ERR_RETRY E_SYS_DISK_FULL when there is no space, ERR_CORRUPT E_STATE_BAD when the file is
 * damaged, ERR_CORRUPT E_SYS_FSYNC when it cannot be synced (the process must end), else ERR_STOP
 * E_STATE_FILE.
 */

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct state;
struct sqlite3_stmt;

/* Opens, or makes when `create`, DIR/state.db. */
bool state_open(const char *dir, bool create, struct state **ret_state,
                struct error *err) MUST_CHECK;
/* A database of one connection that is gone with it: memory, and a file without a name when it grows. */
bool state_open_private(struct state **ret_state, struct error *err) MUST_CHECK;
void state_close(struct state *st);

/* A statement with its parameters, run in steps:
 *
 *     struct state_query q;
 *     if (!state_query(st, &q, "SELECT position FROM sink WHERE name = ?1", err)) return false;
 *     state_bind_text(&q, 1, name);
 *     while (state_step(&q, &row, err) && row) ... state_text(&q, 0) ...
 *     state_end(&q);
 *
 * `sql` must be a literal: it is prepared once per connection and found again by its address. One
 * query of the same text at a time. Text and blob parameters are borrowed until state_end. */
struct state_query {
    struct state *st;
    struct sqlite3_stmt *stmt;
};

bool state_query(struct state *st, struct state_query *ret_query, const char *sql,
                 struct error *err) MUST_CHECK;
void state_bind_text(struct state_query *q, int at, struct str text);
void state_bind_blob(struct state_query *q, int at, struct str bytes);
void state_bind_int(struct state_query *q, int at, int64_t v);
/* *ret_row: there is a row to look at; false at the end. */
bool state_step(struct state_query *q, bool *ret_row, struct error *err) MUST_CHECK;
/* Borrowed until the next step. */
struct str state_text(struct state_query *q, int column);
int64_t state_int(struct state_query *q, int column);
void state_end(struct state_query *q);

/* Binds nothing and expects no row: for BEGIN IMMEDIATE, COMMIT, ROLLBACK and the like. */
bool state_run(struct state *st, const char *sql, struct error *err) MUST_CHECK;
/* Steps a query that gives no rows, and ends it. */
bool state_finish(struct state_query *q, struct error *err) MUST_CHECK;
/* Rows changed by the last statement. */
int64_t state_changed(struct state *st);

/* Must the next commits survive a power failure? Positions that may be repeated need not (the default),
 * parked records and batch boundaries must. */
bool state_durable(struct state *st, bool on, struct error *err) MUST_CHECK;

#endif
