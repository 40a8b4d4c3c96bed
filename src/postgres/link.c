/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq in its non-blocking mode under our own deadlines. The stop fd is polled beside the socket, so
 * a shutdown never waits for the server; PQcancel then tells the server, because a statement that is
 * merely abandoned runs on (and CREATE_REPLICATION_SLOT would leave a slot behind).
 */
#include "postgres/link.h"

#include "base/wake.h"
#include "postgres/sqlstate.h"

#include <openssl/ssl.h>
#include <poll.h>

enum { CANCEL_WAIT_MS = 1000, POLL_CAP_MS = 60000 };

int64_t postgres_link_deadline(const struct postgres_conn *c, int timeout_ms)
{
    return clock_mono_us(c->clock) + (int64_t)timeout_ms * 1000;
}

/* Decrypted bytes that OpenSSL holds are not seen by poll. */
static bool tls_pending(const struct postgres_conn *c)
{
    SSL *ssl = PQsslInUse(c->pq) ? PQsslStruct(c->pq, "OpenSSL") : NULL;

    return ssl != NULL && SSL_pending(ssl) > 0;
}

bool postgres_link_ready(struct postgres_conn *c, short events, int timeout_ms, int stop_fd)
{
    struct pollfd fds[2] = { { .fd = PQsocket(c->pq), .events = events },
                             { .fd = stop_fd, .events = POLLIN } };

    if ((events & POLLIN) != 0 && tls_pending(c))
        return true;
    /* EINTR counts as "time is over": the callers look at their deadline and come again. A negative
     * fd is ignored by poll. */
    if (poll(fds, 2, timeout_ms) <= 0)
        return false;
    return fds[0].revents != 0;
}

bool postgres_link_wait(struct postgres_conn *c, short events, int64_t deadline_us,
                        struct error *err)
{
    for (;;) {
        int left_ms = clock_left_ms(c->clock, deadline_us, POLL_CAP_MS);

        if (PQsocket(c->pq) < 0)
            return postgres_link_lost(c, "cannot wait for PostgreSQL", err);
        if (postgres_link_ready(c, events, left_ms, c->stop_fd))
            return true;
        if (wake_is_set(c->stop_fd))
            return error_cancel(err);
        if (clock_left_ms(c->clock, deadline_us, POLL_CAP_MS) == 0)
            return error_set(err, ERR_RETRY, E_PG_TIMEOUT,
                             "no answer from PostgreSQL at %s in time", c->peer);
    }
}

bool postgres_link_flush(struct postgres_conn *c, int64_t deadline_us, struct error *err)
{
    for (;;) {
        int rc = PQflush(c->pq);

        if (rc == 0)
            return true;
        if (rc < 0)
            return postgres_link_lost(c, "cannot send to PostgreSQL", err);
        if (!postgres_link_wait(c, POLLIN | POLLOUT, deadline_us, err))
            return false;
        /* The server may be stuck sending to us: both sides wait unless its bytes are taken. */
        if (PQconsumeInput(c->pq) == 0)
            return postgres_link_lost(c, "cannot read from PostgreSQL", err);
    }
}

bool postgres_link_send(struct postgres_conn *c, const char *sql, const char *const *params,
                        int param_count, struct error *err)
{
    int ok;

    if (c->broken)
        return error_set(err, ERR_RETRY, E_PG_LOST, "the connection to %s is broken", c->peer);
    if (params == NULL || c->replication)
        ok = PQsendQuery(c->pq, sql);
    else
        ok = PQsendQueryParams(c->pq, sql, param_count, NULL, params, NULL, NULL, 0);
    return ok != 0 || postgres_link_lost(c, "cannot send a statement", err);
}

static bool is_copy(ExecStatusType status)
{
    return status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH;
}

static bool is_failed(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);

    return !is_copy(status) && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
           status != PGRES_EMPTY_QUERY;
}

/* Of several results the first failure counts, else the last one. */
static PGresult *prefer(PGresult *kept, PGresult *next)
{
    if (kept != NULL && is_failed(kept)) {
        PQclear(next);
        return kept;
    }
    PQclear(kept);
    return next;
}

/* Waits until PQgetResult would not block. */
static bool wait_result(struct postgres_conn *c, int64_t deadline_us, struct error *err)
{
    while (PQisBusy(c->pq)) {
        if (!postgres_link_wait(c, POLLIN, deadline_us, err))
            return false;
        /* A failure here still leaves the server's last words as a result. */
        if (PQconsumeInput(c->pq) == 0)
            return true;
    }
    return true;
}

bool postgres_link_collect(struct postgres_conn *c, int64_t deadline_us, PGresult **ret_result,
                           struct error *err)
{
    PGresult *kept = NULL;

    if (!postgres_link_flush(c, deadline_us, err))
        return false;
    for (;;) {
        PGresult *next;

        if (!wait_result(c, deadline_us, err)) {
            PQclear(kept);
            return false;
        }
        next = PQgetResult(c->pq);
        if (next == NULL)
            break;
        kept = prefer(kept, next);
        if (is_copy(PQresultStatus(kept)) || PQstatus(c->pq) == CONNECTION_BAD)
            break;
    }
    if (kept != NULL && !is_failed(kept)) {
        *ret_result = kept;
        return true;
    }
    if (PQstatus(c->pq) == CONNECTION_BAD)
        c->broken = true;
    if (kept == NULL)
        return postgres_link_lost(c, "no result from PostgreSQL", err);
    (void)postgres_link_fail(c, kept, "PostgreSQL refused a statement", err);
    PQclear(kept);
    return false;
}

/* Waits for the end of what was cancelled. */
static bool drain_cancelled(struct postgres_conn *c, int64_t deadline_us)
{
    bool succeeded = false;

    for (;;) {
        PGresult *r;

        while (PQisBusy(c->pq)) {
            int left_ms = clock_left_ms(c->clock, deadline_us, CANCEL_WAIT_MS);

            c->broken = c->broken || left_ms == 0 || PQstatus(c->pq) == CONNECTION_BAD;
            if (!c->broken && postgres_link_ready(c, POLLIN, left_ms, -1))
                c->broken = PQconsumeInput(c->pq) == 0;
            if (c->broken)
                return false;
        }
        r = PQgetResult(c->pq);
        if (r == NULL)
            return succeeded;
        succeeded = !is_failed(r);
        c->broken = is_copy(PQresultStatus(r));
        PQclear(r);
        if (c->broken)
            return false;
    }
}

bool postgres_link_cancel(struct postgres_conn *c)
{
    PGcancel *cancel = PQgetCancel(c->pq);
    char text[256];

    /* Failing to cancel is no worse than not having tried: the connection is given up then. */
    if (cancel == NULL || PQcancel(cancel, text, sizeof text) == 0)
        c->broken = true;
    PQfreeCancel(cancel);
    return !c->broken && drain_cancelled(c, postgres_link_deadline(c, CANCEL_WAIT_MS));
}

bool postgres_link_run(struct postgres_conn *c, const char *sql, const char *const *params,
                       int param_count, int64_t deadline_us, PGresult **ret_result,
                       struct error *err)
{
    struct error cause = { 0 };

    if (!postgres_link_send(c, sql, params, param_count, err))
        return false;
    if (postgres_link_collect(c, deadline_us, ret_result, &cause))
        return true;
    if (!c->broken && PQtransactionStatus(c->pq) == PQTRANS_ACTIVE)
        (void)postgres_link_cancel(c);
    *err = cause;
    return false;
}

/* Class 22 and 23 texts quote values of rows. */
static bool quotes_data(const char *sqlstate)
{
    return sqlstate != NULL && sqlstate[0] == '2' && (sqlstate[1] == '2' || sqlstate[1] == '3');
}

bool postgres_link_fail(struct postgres_conn *c, const PGresult *r, const char *what,
                        struct error *err)
{
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    struct postgres_verdict v = postgres_sqlstate(sqlstate);

    (void)str_copy(str_from(sqlstate != NULL ? sqlstate : ""), c->sqlstate, sizeof c->sqlstate);
    if (sqlstate == NULL)
        return error_set(err, v.kind, v.code, "%s: the connection broke", what);
    if (text == NULL || quotes_data(sqlstate))
        text = "see the server's log";
    return error_set(err, v.kind, v.code, "%s: %s (SQLSTATE %s)", what, text, sqlstate);
}

bool postgres_link_lost(struct postgres_conn *c, const char *what, struct error *err)
{
    const char *text = PQerrorMessage(c->pq);
    struct str line = str_trim(str_make(text, str_find(str_from(text), '\n')));

    c->broken = true;
    c->sqlstate[0] = '\0';
    if (line.n > 200)
        line.n = 200;
    if (line.n == 0)
        line = STR("the connection broke");
    return error_set(err, ERR_RETRY, E_PG_LOST, "%s (%s): %.*s", what, c->peer, STR_ARG(line));
}
