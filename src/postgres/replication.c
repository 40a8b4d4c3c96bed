/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the COPY BOTH of START_REPLICATION, integers big-endian:
 *
 *   server  'w'  u64 wal_start | u64 wal_end | i64 time | payload
 *           'k'  u64 wal_end | i64 time | u8 reply_requested
 *   client  'r'  u64 written | u64 flushed | u64 applied | i64 time | u8 reply_requested
 *
 * The server sends each row with a send() of its own. A reader that takes each at once wakes up for
 * each, and costs the server twice the time; one that naps a little finds a full buffer. So a round
 * reads until the socket is empty (or ROUND_BYTES have come: the caller must get to sync), and
 * while the stream is busy the next one begins with a nap. Busy: the last round was large, or the
 * rounds of the last few milliseconds together were; a fast reader sees many tiny rounds.
 *
 * The receive buffer is left to the kernel, which lets it grow under load. Setting SO_RCVBUF on a socket
 * that is connected already fixes the window where it stands: slower, as measured.
 */
#include "postgres/replication.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/wake.h"
#include "postgres/link.h"
#include "postgres/pgoutput.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

enum {
    NAP_MS = 2,
    BUSY_BYTES = 16 * 1024, /* in one round, or within BUSY_US */
    BUSY_US = 4000,
    BUSY_STAYS_US =
        50 * 1000, /* the server's process may lose its turn on the processor in between */
    ROUND_BYTES = 1024 * 1024,
    START_MS = 30000,
    STATUS_MS = 10000,
    STOP_MS = 1000,
    STATUS_BYTES = 34,
    SQL_MAX = 8192
};

static const int64_t EPOCH_2000_US = 946684800000000;

struct postgres_stream {
    struct postgres_conn *c; /* borrowed */
    char *message;           /* libpq's, until the next read */
    size_t round_bytes;      /* taken since the last wait */
    size_t window_bytes;     /* taken since window_us */
    int64_t window_us;
    int64_t busy_until_us;
    bool more;  /* libpq may hold a message that poll does not see */
    bool ended; /* the server ended the COPY, or the connection broke */
    struct lsn start;
    struct lsn seen;
    struct lsn confirmed;
    int64_t status_us;
    int64_t heard_us;
};

static void start_sql(struct buf *b, const struct postgres_conn *c,
                      const struct postgres_stream_opts *opts)
{
    char at[LSN_TEXT];

    buf_text(b, "START_REPLICATION SLOT ");
    postgres_quote_ident(b, str_from(opts->slot));
    buf_putf(b, " LOGICAL %s ", lsn_format(opts->start, at));
    pgoutput_options(b, postgres_version(c), opts->publication, opts->messages);
}

/* What a SQLSTATE means here and nowhere else. */
static bool start_refused(const struct postgres_conn *c, const struct postgres_stream_opts *opts,
                          struct error *err)
{
    struct error cause = *err;

    if (strcmp(c->sqlstate, "42704") == 0)
        return error_set(err, ERR_STOP, E_SLOT_MISSING,
                         "cannot start replication: slot \"%s\" does not exist any more",
                         opts->slot);
    if (strcmp(c->sqlstate, "55000") == 0)
        return error_set(err, ERR_STOP, E_SLOT_LOST, "cannot start replication (slot \"%s\"): %s",
                         opts->slot, cause.msg);
    return error_wrap(err, "cannot start replication (slot \"%s\")", opts->slot);
}

bool postgres_stream_start(struct postgres_conn *replication,
                           const struct postgres_stream_opts *opts,
                           struct postgres_stream **ret_stream, struct error *err)
{
    struct postgres_stream *s;
    PGresult *r = NULL;
    struct buf sql;
    bool ok;

    buf_init(&sql, SQL_MAX);
    start_sql(&sql, replication, opts);
    ok = postgres_link_run(replication, buf_cstr(&sql), NULL, 0,
                           postgres_link_deadline(replication, START_MS), &r, err);
    buf_done(&sql);
    if (!ok)
        return start_refused(replication, opts, err);
    ok = PQresultStatus(r) == PGRES_COPY_BOTH;
    PQclear(r);
    if (!ok) {
        return error_set(
            err, ERR_STOP, E_PGOUTPUT,
            "cannot start replication (slot \"%s\"): the server does not begin a stream",
            opts->slot);
    }
    s = mem_zalloc(1, sizeof *s);
    s->c = replication;
    s->start = opts->start;
    s->seen = opts->start;
    s->more = true;
    s->heard_us = clock_mono_us(replication->clock);
    s->status_us = s->heard_us;
    *ret_stream = s;
    return true;
}

/* The COPY is over: says why. */
static bool ended(struct postgres_stream *s, struct error *err)
{
    PGresult *r;
    bool clean;

    s->ended = true;
    /* The reason follows the end at once; a server that ends the stream sends nothing else. */
    while (PQisBusy(s->c->pq) && postgres_link_ready(s->c, POLLIN, STOP_MS, -1)) {
        if (PQconsumeInput(s->c->pq) == 0)
            break;
    }
    if (PQisBusy(s->c->pq))
        return postgres_link_lost(s->c, "the replication stream broke", err);
    r = PQgetResult(s->c->pq);
    s->c->broken = true;
    s->c->sqlstate[0] = '\0';
    clean =
        r != NULL && (PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_COPY_IN);
    if (clean)
        (void)error_set(err, ERR_RETRY, E_PG_SHUTDOWN,
                        "PostgreSQL at %s ended the replication stream", s->c->peer);
    else if (r == NULL || PQresultErrorField(r, PG_DIAG_SQLSTATE) == NULL)
        (void)postgres_link_lost(s->c, "the replication stream broke", err);
    else
        (void)postgres_link_fail(s->c, r, "the replication stream ended", err);
    PQclear(r);
    if (strcmp(s->c->sqlstate, "42704") == 0) {
        struct error cause = *err;

        (void)error_set(
            err, ERR_STOP, E_PUBLICATION_YOUNG,
            "cannot decode: the publication did not exist when this WAL was written (%.120s)",
            cause.msg);
    }
    return false;
}

static bool decode(struct postgres_stream *s, size_t n, struct postgres_stream_msg *m,
                   struct error *err)
{
    struct rd r = rd_make(str_make(s->message, n));
    uint8_t kind = rd_u8(&r);
    int64_t time_2000_us;

    *m = (struct postgres_stream_msg){ .kind = POSTGRES_STREAM_DATA };
    if (kind == 'w') {
        m->wal_start.v = rd_be64(&r);
    } else if (kind == 'k') {
        m->kind = POSTGRES_STREAM_KEEPALIVE;
    } else {
        (void)rd_fail(&r);
    }
    m->wal_end.v = rd_be64(&r);
    time_2000_us = (int64_t)rd_be64(&r);
    if (__builtin_add_overflow(time_2000_us, EPOCH_2000_US, &m->server_time_us))
        (void)rd_fail(&r);
    if (kind == 'k')
        m->reply_requested = rd_u8(&r) != 0;
    else
        m->payload = rd_bytes(&r, rd_left(&r));
    if (rd_done(&r))
        return true;
    return error_set(err, ERR_STOP, E_PGOUTPUT,
                     "cannot read the replication stream: a message of kind 0x%02x and %zu bytes",
                     kind, n);
}

/* One message out of libpq's buffer into s->message. 0: none there. */
static bool take(struct postgres_stream *s, int *ret_n, struct error *err)
{
    int n = PQgetCopyData(s->c->pq, &s->message, 1);

    if (n < 0)
        return ended(s, err);
    *ret_n = n;
    return true;
}

/* As take, but looks into the socket when the buffer is empty. */
static bool fetch(struct postgres_stream *s, int *ret_n, struct error *err)
{
    if (!take(s, ret_n, err))
        return false;
    if (*ret_n > 0)
        return true;
    if (PQconsumeInput(s->c->pq) == 0)
        return ended(s, err);
    return take(s, ret_n, err);
}

static void drop_message(struct postgres_stream *s)
{
    PQfreemem(s->message);
    s->message = NULL;
}

bool postgres_stream_read(struct postgres_stream *s, struct postgres_stream_msg *ret_msg,
                          struct error *err)
{
    struct postgres_stream_msg m;
    int n = 0;

    drop_message(s);
    if (s->ended)
        return error_set(err, ERR_RETRY, E_PG_LOST, "the replication stream from %s is over",
                         s->c->peer);
    s->more = s->round_bytes >= ROUND_BYTES;
    if (s->more) {
        *ret_msg = (struct postgres_stream_msg){ .kind = POSTGRES_STREAM_NONE };
        return true;
    }
    if (!fetch(s, &n, err))
        return false;
    if (n == 0) {
        *ret_msg = (struct postgres_stream_msg){ .kind = POSTGRES_STREAM_NONE };
        return true;
    }
    if ((size_t)n > LIMIT_PG_MESSAGE)
        return error_set(err, ERR_STOP, E_PG_LARGE,
                         "cannot take a replication message of %d bytes: the limit is %zu", n,
                         LIMIT_PG_MESSAGE);
    if (!decode(s, (size_t)n, &m, err))
        return false;
    s->round_bytes += (size_t)n;
    s->seen = lsn_max(s->seen, m.wal_end);
    *ret_msg = m;
    return true;
}

/* A round is over: counts it in, and tells whether the stream is busy. */
static bool is_busy(struct postgres_stream *s)
{
    int64_t now_us = clock_mono_us(s->c->clock);

    if (s->round_bytes > 0)
        s->heard_us = now_us;
    if (now_us - s->window_us >= BUSY_US) {
        s->window_bytes = 0;
        s->window_us = now_us;
    }
    s->window_bytes += s->round_bytes;
    s->round_bytes = 0;
    if (s->window_bytes >= BUSY_BYTES)
        s->busy_until_us = now_us + BUSY_STAYS_US;
    return now_us < s->busy_until_us;
}

bool postgres_stream_wait(struct postgres_stream *s, int timeout_ms, struct error *err)
{
    bool busy;

    if (s->ended)
        return error_set(err, ERR_RETRY, E_PG_LOST, "the replication stream from %s is over",
                         s->c->peer);
    busy = is_busy(s);
    if (s->more)
        return true;
    /* The stop flag is a file descriptor: the nap ends with it. */
    if (busy && timeout_ms >= NAP_MS && wake_wait(s->c->stop_fd, NAP_MS))
        return true;
    (void)postgres_link_ready(s->c, POLLIN, timeout_ms, s->c->stop_fd);
    return true;
}

/* Writes a status into libpq's buffer. */
static bool put_status(struct postgres_stream *s, struct lsn durable, int64_t deadline_us,
                       struct error *err)
{
    struct buf b;
    bool ok = true;
    int rc;

    buf_init(&b, STATUS_BYTES);
    buf_u8(&b, 'r');
    buf_be64(&b, s->seen.v);
    buf_be64(&b, durable.v);
    buf_be64(&b, durable.v);
    buf_be64(&b, (uint64_t)(clock_real_us(s->c->clock) - EPOCH_2000_US));
    buf_u8(&b, 0);
    while (ok && (rc = PQputCopyData(s->c->pq, b.p, (int)b.n)) <= 0)
        ok = rc == 0 ? postgres_link_flush(s->c, deadline_us, err)
                     : postgres_link_lost(s->c, "cannot send a status", err);
    buf_done(&b);
    return ok;
}

bool postgres_stream_status(struct postgres_stream *s, struct lsn durable, struct error *err)
{
    int64_t deadline_us = postgres_link_deadline(s->c, STATUS_MS);

    /* Invariant 1: PostgreSQL believes whatever it is told, and forgets up to there. */
    assert(lsn_cmp(durable, s->confirmed) >= 0);
    assert(lsn_cmp(durable, s->seen) <= 0);
    if (s->ended)
        return error_set(err, ERR_RETRY, E_PG_LOST, "the replication stream from %s is over",
                         s->c->peer);
    if (!put_status(s, durable, deadline_us, err) || !postgres_link_flush(s->c, deadline_us, err))
        return false;
    s->more = true; /* sending may have taken in messages */
    s->confirmed = durable;
    s->status_us = clock_mono_us(s->c->clock);
    return true;
}

struct lsn postgres_stream_seen(const struct postgres_stream *s)
{
    return s->seen;
}

int64_t postgres_stream_status_us(const struct postgres_stream *s)
{
    return s->status_us;
}

int64_t postgres_stream_heard_us(const struct postgres_stream *s)
{
    return s->heard_us;
}

/* Throws away what still comes until the server has ended its side too. */
static void drain(struct postgres_stream *s, int64_t deadline_us)
{
    struct error ignored;
    int n = 0;

    while (clock_left_ms(s->c->clock, deadline_us, STOP_MS) > 0) {
        drop_message(s);
        if (!fetch(s, &n, &ignored))
            return;
        if (n == 0)
            (void)postgres_link_ready(s->c, POLLIN,
                                      clock_left_ms(s->c->clock, deadline_us, STOP_MS), -1);
    }
}

void postgres_stream_stop(struct postgres_stream *s, struct lsn durable)
{
    int64_t deadline_us;
    struct error ignored;
    int stop_fd;

    if (s == NULL)
        return;
    deadline_us = postgres_link_deadline(s->c, STOP_MS);
    stop_fd = s->c->stop_fd;
    s->c->stop_fd = -1; /* it is set by now, and the farewell has a deadline of its own */
    if (!s->ended && postgres_stream_status(s, lsn_max(durable, s->confirmed), &ignored) &&
        PQputCopyEnd(s->c->pq, NULL) == 1 && postgres_link_flush(s->c, deadline_us, &ignored))
        drain(s, deadline_us);
    s->c->stop_fd = stop_fd;
    s->c->broken = true;
    drop_message(s);
    free(s);
}
