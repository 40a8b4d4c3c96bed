/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop: feed requests to the nodes until they have enough, send and receive on every connection, and
 * wait only when nothing moved. A request is in one of four places:
 *
 *     not yet sent --> in flight --> done (durable or rejected)
 *                       |    ^
 *                       v    |
 *                    to be sent again (another node; the statement had to be prepared)
 *
 * The first failure that the work cannot survive (no node left to try, a person must act) is kept; from
 * then on nothing more is sent, what is in flight is waited for, and the work as a whole fails. So no
 * answer of this work is still on its way when the next one begins, but those of requests given up,
 * whose stream ids are orphans (conn.h).
 */
#include "cql/write.h"

#include "base/mem.h"
#include "cql/write_answer.h"
#include "cql/write_fate.h"
#include "cql/write_send.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    WINDOW_STEP = 32,
    STREAK_MAX =
        10, /* pieces of work in a row with the same kind of refusals, before they are rejected */
    WAIT_MS = 100
};

struct cql_write *cql_write_new(void)
{
    struct cql_write *w = mem_zalloc(1, sizeof *w);

    buf_init(&w->key, LIMIT_CQL_REQUEST);
    arena_init(&w->reasons, LIMIT_ARENA);
    return w;
}

void cql_write_free(struct cql_write *w)
{
    if (w == NULL)
        return;
    free(w->items);
    free(w->again);
    free(w->fds);
    buf_done(&w->key);
    arena_done(&w->reasons);
    free(w);
}

/* ---- moving bytes ---- */

/* Sends and receives on one connection; true when anything moved. */
static bool pump(struct cql_write *w, uint32_t host)
{
    struct cql_conn *conn = w->work->cluster->hosts[host]->conn;
    struct error err = { 0 };
    bool sent = false;
    bool came = false;

    if (!cql_conn_flush(conn, &sent, &err) || !cql_conn_fill(conn, w->now_us, &came, &err) ||
        (came && !cql_write_answers(w, host, &err))) {
        cql_write_lost(w, host, &err);
        return true;
    }
    if (cql_conn_broken(conn)) { /* the node called a request of ours a protocol error */
        (void)error_set(&err, ERR_RETRY, E_CQL_PROTOCOL,
                        "cannot talk to %s: it reports a protocol error", cql_conn_peer(conn));
        cql_write_lost(w, host, &err);
        return true;
    }
    return sent || came;
}

/* Gives up what has waited too long, and a connection on which nothing at all came in that time. */
static void expire(struct cql_write *w, uint32_t host)
{
    struct cql_cluster *cl = w->work->cluster;
    struct cql_conn *conn = cl->hosts[host]->conn;
    int64_t before = w->now_us - (int64_t)cl->request_timeout_ms * 1000;
    struct error err = { 0 };
    bool any = false;
    uint64_t tag;

    while (cql_conn_expire(conn, before, &tag)) {
        if (!any)
            (void)error_set(&err, ERR_RETRY, E_CQL_TIMEOUT,
                            "cannot write (%s): no answer within %d ms", cql_conn_peer(conn),
                            cl->request_timeout_ms);
        any = true;
        cql_write_given_up(w, host, tag, &err);
    }
    if (any && (cql_conn_read_us(conn) < before || cql_conn_worn(conn)))
        cql_write_lost(w, host, &err);
}

static void wait(struct cql_write *w)
{
    const struct cql_cluster *cl = w->work->cluster;
    nfds_t n = 0;

    if (w->fd_cap < cl->host_count + 1) {
        w->fd_cap = cl->host_count + 1;
        w->fds = mem_resize(w->fds, w->fd_cap, sizeof *w->fds);
    }
    w->fds[n++] = (struct pollfd){ .fd = cl->opts.stop_fd, .events = POLLIN };
    for (size_t i = 0; i < cl->host_count; i++) {
        const struct cql_conn *conn = cl->hosts[i]->conn;

        if (conn != NULL)
            w->fds[n++] =
                (struct pollfd){ .fd = cql_conn_fd(conn), .events = cql_conn_events(conn) };
    }
    if (poll(w->fds, n, WAIT_MS) < 0 && errno != EINTR) {
        struct error err = { 0 };

        (void)error_sys(&err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot wait for Cassandra");
        cql_write_fail(w, &err);
    } else if ((w->fds[0].revents & POLLIN) != 0) {
        struct error err = { 0 };

        (void)error_cancel(&err);
        cql_write_fail(w, &err);
    }
}

/* ---- the work ---- */

static void begin(struct cql_write *w, const struct cql_write_work *work)
{
    if (w->item_cap < work->count) {
        w->item_cap = work->count;
        w->items = mem_resize(w->items, w->item_cap, sizeof *w->items);
        w->again = mem_resize(w->again, w->item_cap, sizeof *w->again);
    }
    for (size_t i = 0; i < work->count; i++)
        w->items[i] = (struct cql_write_item){ .avoid = CQL_WRITE_NO_HOST };
    w->work = work;
    w->again_count = w->next = w->flying = w->rejected = w->failing = 0;
    w->open = work->count;
    w->failure = (struct error){ 0 };
    arena_reset(&w->reasons);
}

static bool idle(const struct cql_write *w)
{
    return w->flying == 0 && (cql_write_failed(w) || w->open == 0);
}

static void run(struct cql_write *w)
{
    struct cql_cluster *cl = w->work->cluster;

    while (!idle(w) && w->failure.kind != ERR_CANCEL) {
        bool moved = false;

        w->now_us = clock_mono_us(cl->opts.clock);
        cql_write_feed(w);
        for (uint32_t i = 0; i < cl->host_count; i++) {
            if (cl->hosts[i]->conn != NULL)
                moved = pump(w, i) || moved;
            if (cl->hosts[i]->conn != NULL)
                expire(w, i);
        }
        if (!moved && !idle(w))
            wait(w);
    }
}

/* Shutdown: nobody waits for what is in flight. */
static void abandon(struct cql_write *w)
{
    struct cql_cluster *cl = w->work->cluster;
    uint64_t ignored;

    for (size_t i = 0; i < cl->host_count; i++) {
        while (cl->hosts[i]->conn != NULL && cql_conn_abandon(cl->hosts[i]->conn, &ignored))
            ;
    }
}

static void widen(struct cql_write *w)
{
    struct cql_cluster *cl = w->work->cluster;

    for (size_t i = 0; i < cl->host_count; i++) {
        struct cql_host *h = cl->hosts[i];

        h->window += WINDOW_STEP;
        if (h->window > cl->opts.in_flight_max)
            h->window = cl->opts.in_flight_max;
    }
}

/* Replicas that fail on some records, again and again, while they take others: those records are bad. */
static bool settle_failing(struct cql_write *w, struct error *err)
{
    const struct cql_write_work *work = w->work;
    size_t passed = work->count - w->rejected - w->failing;

    if (w->failing == 0) {
        w->streak = 0;
        return true;
    }
    if (w->streak < STREAK_MAX)
        w->streak++;
    if (w->streak == STREAK_MAX && passed > 0)
        return true;
    for (size_t i = 0; i < work->count; i++) {
        if (w->items[i].fate == CQL_FATE_FAILING)
            return error_set(err, ERR_RETRY, E_CQL_WRITE_FAILURE, "%s", work->results[i].reason);
    }
    return true;
}

bool cql_write_run(struct cql_write *w, const struct cql_write_work *work, struct error *err)
{
    assert(work->count < UINT32_MAX);
    begin(w, work);
    run(w);
    if (cql_write_failed(w)) {
        abandon(w);
        *err = w->failure;
        return false;
    }
    widen(w);
    return settle_failing(w, err);
}
