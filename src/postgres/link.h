/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_LINK_H
#define POSTGRES_LINK_H

/*
 * What the files of this room share about a connection: libpq, waiting, statements that may turn into
 * COPY, and errors. Nothing outside src/postgres includes it.
 */

#include "postgres/conn.h"

#include <libpq-fe.h>

struct postgres_conn {
    PGconn *pq; /* owned; non-blocking */
    const struct clock *clock;
    int stop_fd;
    int query_timeout_ms;
    bool replication;
    bool broken;      /* the protocol's state is unknown: close it */
    char sqlstate[6]; /* of the last statement that failed; "" for none */
    char peer[256];
};

/* The monotonic moment `timeout_ms` from now. */
int64_t postgres_link_deadline(const struct postgres_conn *c, int timeout_ms);
/* Waits until the socket is ready for `events` (POLLIN, POLLOUT). ERR_RETRY E_PG_TIMEOUT when the
 * deadline passes, ERR_CANCEL when stop was asked. */
bool postgres_link_wait(struct postgres_conn *c, short events, int64_t deadline_us,
                        struct error *err) MUST_CHECK;
/* As _wait, without an error: true when ready, false when the time is over or stop was asked. */
bool postgres_link_ready(struct postgres_conn *c, short events, int timeout_ms, int stop_fd);
/* Everything queued goes out. */
bool postgres_link_flush(struct postgres_conn *c, int64_t deadline_us,
                         struct error *err) MUST_CHECK;

/* Sends a statement and gives its last result: rows, a command's end, or the start of a COPY, whose
 * data the caller then takes. Given up (deadline, stop): it is cancelled on the server. */
bool postgres_link_run(struct postgres_conn *c, const char *sql, const char *const *params,
                       int param_count, int64_t deadline_us, PGresult **ret_result,
                       struct error *err) MUST_CHECK;
/* The two halves of it. _collect after a deadline or stop leaves the statement running. */
bool postgres_link_send(struct postgres_conn *c, const char *sql, const char *const *params,
                        int param_count, struct error *err) MUST_CHECK;
bool postgres_link_collect(struct postgres_conn *c, int64_t deadline_us, PGresult **ret_result,
                           struct error *err) MUST_CHECK;
/* Cancels what runs and waits a second for its end; the connection is broken if that does not come.
 * True: the statement had succeeded before it could be cancelled. */
bool postgres_link_cancel(struct postgres_conn *c);

/* Errors, all return false. From a result: its SQLSTATE decides. From the connection: it is broken
 * from now on. `what` is "cannot VERB OBJECT". */
bool postgres_link_fail(struct postgres_conn *c, const PGresult *r, const char *what,
                        struct error *err);
bool postgres_link_lost(struct postgres_conn *c, const char *what, struct error *err);

#endif
