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
#include "cql/failure.h"
#include "cql/murmur3.h"
#include "cql/request.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum {
    TRIES_MAX = 2,   /* nodes asked for one request before the work fails */
    BOUNCES_MAX = 3, /* times a request may come back unprepared */
    PLAN_MAX = 16,
    WINDOW_MIN = 16,
    WINDOW_STEP = 32,
    STREAK_MAX =
        10, /* pieces of work in a row with the same kind of refusals, before they are rejected */
    WAIT_MS = 100
};

#define WAITING_MAX (256 * KIB) /* bytes a connection may hold back before more requests are made */
#define TAG_PREPARE (UINT64_C(1) << 32)
#define NO_HOST     UINT32_MAX

enum item_fate { PENDING, DONE, REJECTED, FAILING };

struct item {
    uint32_t avoid; /* the node that failed it, or NO_HOST */
    uint8_t tries;
    uint8_t bounces;
    uint8_t fate;
};

struct cql_write {
    const struct cql_write_work *work;
    struct item *items;
    size_t item_cap;
    uint32_t *again; /* indexes to be sent again */
    size_t again_count;
    size_t next;   /* the first that was never sent */
    size_t flying; /* requests in flight, PREPAREs included */
    size_t open;   /* requests not done */
    size_t rejected;
    size_t failing;
    unsigned streak;
    struct error failure;
    int64_t now_us;
    struct buf key;
    struct arena reasons;
    struct pollfd *fds;
    size_t fd_cap;
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

/* ---- what becomes of a request ---- */

static bool failed(const struct cql_write *w)
{
    return w->failure.kind != ERR_NONE;
}

/* Only the first failure counts, but for one that a person must see. */
static void fail(struct cql_write *w, const struct error *err)
{
    if (!failed(w) || (w->failure.kind == ERR_RETRY && err->kind != ERR_RETRY))
        w->failure = *err;
}

static void finish(struct cql_write *w, uint32_t index, enum item_fate fate)
{
    w->items[index].fate = (uint8_t)fate;
    w->open--;
}

static void done(struct cql_write *w, uint32_t index)
{
    w->work->results[index] = (struct cql_result){ 0 };
    finish(w, index, DONE);
}

static void reject(struct cql_write *w, uint32_t index, enum item_fate fate,
                   const struct error *err, enum error_code code)
{
    w->work->results[index] = (struct cql_result){
        .rejected = true,
        .code = code,
        .reason = arena_str(&w->reasons, str_from(err->msg)).p,
    };
    if (fate == REJECTED)
        w->rejected++;
    else
        w->failing++;
    finish(w, index, fate);
}

static void send_again(struct cql_write *w, uint32_t index)
{
    w->again[w->again_count++] = index;
}

static bool other_node(const struct cql_write *w, uint32_t host)
{
    const struct cql_cluster *cl = w->work->cluster;

    for (uint32_t i = 0; i < cl->host_count; i++) {
        if (i != host && cl->hosts[i]->local && cl->hosts[i]->conn != NULL)
            return true;
    }
    return false;
}

/* The request's outcome is unknown, or it was not executed: another node, or the end. */
static void try_again(struct cql_write *w, uint32_t index, uint32_t host, const struct error *err)
{
    struct item *item = &w->items[index];

    item->tries++;
    item->avoid = host;
    if (item->tries < TRIES_MAX && other_node(w, host))
        send_again(w, index);
    else
        fail(w, err);
}

/* ---- sending ---- */

enum sent { SENT, LATER, NOWHERE };

static bool has_room(const struct cql_host *h)
{
    return cql_conn_in_flight(h->conn) < h->window && cql_conn_waiting(h->conn) < WAITING_MAX;
}

/* The token of a request, or false when any node will do. */
static bool token_of(struct cql_write *w, const struct cql_request *q, int64_t *ret_token)
{
    struct str parts[PLAN_MAX];
    struct error ignored;
    size_t n = q->stmt->key_count;

    if (w->work->cluster->place == NULL || n == 0 || n > PLAN_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        parts[i] = q->values[q->stmt->key[i]];
        if (parts[i].p == NULL) /* the node will refuse it */
            return false;
    }
    if (n == 1) {
        *ret_token = cql_murmur3_token(parts[0]);
        return true;
    }
    buf_clear(&w->key);
    if (!cql_ring_key(&w->key, parts, n, &ignored))
        return false;
    *ret_token = cql_murmur3_token(buf_view(&w->key));
    return true;
}

/* The first node of the plan that can take it now. */
static enum sent choose(struct cql_write *w, uint32_t index, uint32_t *ret_host)
{
    const struct cql_cluster *cl = w->work->cluster;
    const struct item *item = &w->items[index];
    uint32_t plan[PLAN_MAX] = { 0 };
    size_t n = 1;
    enum sent found = NOWHERE;

    if (cl->host_count > 1) {
        int64_t token;
        bool known = token_of(w, &w->work->requests[index], &token);

        n = cql_cluster_plan(cl, known ? &token : NULL, index, plan, PLAN_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        const struct cql_host *h = cl->hosts[plan[i]];

        if (h->conn == NULL || plan[i] == item->avoid)
            continue;
        found = LATER;
        if (has_room(h)) {
            *ret_host = plan[i];
            return SENT;
        }
    }
    return found;
}

static void prepare(struct cql_write *w, struct cql_host *h, const struct cql_stmt *stmt)
{
    int stream = cql_conn_stream(h->conn, TAG_PREPARE | stmt->number, w->now_us);

    if (stream < 0)
        return;
    cql_request_prepare(cql_conn_out(h->conn), cql_conn_version(h->conn), (uint16_t)stream,
                        stmt->text);
    cql_cluster_id(h, stmt->number)->state = CQL_PREPARED_ASKED;
    w->flying++;
}

static bool too_big(struct cql_write *w, uint32_t index, uint64_t size)
{
    struct error err = { 0 };

    if (size <= LIMIT_CQL_REQUEST)
        return false;
    (void)error_set(&err, ERR_REJECT, E_CQL_TOO_BIG,
                    "cannot write a record of %llu bytes: above the limit of %zu",
                    (unsigned long long)size, (size_t)LIMIT_CQL_REQUEST);
    reject(w, index, REJECTED, &err, E_CQL_TOO_BIG);
    return true;
}

static enum sent send_one(struct cql_write *w, uint32_t index)
{
    const struct cql_request *q = &w->work->requests[index];
    struct cql_execute x;
    struct cql_prepared_id *id;
    struct cql_host *h;
    uint32_t host = 0;
    enum sent where = choose(w, index, &host);
    int stream;

    if (where != SENT)
        return where;
    h = w->work->cluster->hosts[host];
    id = cql_cluster_id(h, q->stmt->number);
    if (id->state != CQL_PREPARED_READY) {
        if (id->state == CQL_PREPARED_NONE)
            prepare(w, h, q->stmt);
        return LATER;
    }
    x = (struct cql_execute){ .id = str_make(id->id, id->id_n),
                              .result_id = str_make(id->result_id, id->result_id_n),
                              .consistency = w->work->consistency,
                              .values = q->values,
                              .value_count = q->stmt->bind_count,
                              .timestamp_us = q->timestamp_us };
    if (too_big(w, index, cql_request_execute_size(&x, cql_conn_version(h->conn))))
        return SENT;
    stream = cql_conn_stream(h->conn, (uint64_t)index + 1, w->now_us);
    if (stream < 0)
        return LATER;
    cql_request_execute(cql_conn_out(h->conn), cql_conn_version(h->conn), (uint16_t)stream, &x);
    w->flying++;
    return SENT;
}

/* Nodes are there, but none that this request may go to. */
static void nowhere(struct cql_write *w)
{
    struct error err = { 0 };

    (void)error_set(&err, ERR_RETRY, E_CQL_CONNECT,
                    "cannot write: no node of the local data center is connected");
    fail(w, &err);
}

static void feed(struct cql_write *w)
{
    while (!failed(w)) {
        uint32_t index;
        enum sent where;

        if (w->again_count > 0)
            index = w->again[w->again_count - 1];
        else if (w->next < w->work->count)
            index = (uint32_t)w->next;
        else
            return;
        where = send_one(w, index);
        if (where == LATER)
            return;
        if (where == NOWHERE) {
            nowhere(w);
            return;
        }
        if (w->again_count > 0)
            w->again_count--;
        else
            w->next++;
    }
}

/* ---- answers ---- */

static void forget_prepared(struct cql_write *w, uint32_t index, uint32_t host, int64_t sent_us)
{
    const struct cql_write_work *work = w->work;
    struct cql_prepared_id *id =
        cql_cluster_id(work->cluster->hosts[host], work->requests[index].stmt->number);

    /* Answers to what was sent before the last PREPARE say nothing new. */
    if (id->state == CQL_PREPARED_READY && sent_us >= id->ready_us)
        id->state = CQL_PREPARED_NONE;
}

static void refused(struct cql_write *w, uint32_t index, uint32_t host, int64_t sent_us,
                    const struct cql_failure *f)
{
    struct cql_host *h = w->work->cluster->hosts[host];
    struct error err = { 0 };

    (void)cql_failure_error(f, "write", cql_conn_peer(h->conn), &err);
    switch (cql_failure_action(f)) {
    case CQL_ACTION_BACK_OFF:
        h->window = h->window / 2 > WINDOW_MIN ? h->window / 2 : (unsigned)WINDOW_MIN;
        try_again(w, index, host, &err);
        break;
    case CQL_ACTION_CLOSE:
        (void)cql_conn_break(h->conn);
        try_again(w, index, host, &err);
        break;
    case CQL_ACTION_RETRY:
        try_again(w, index, host, &err);
        break;
    case CQL_ACTION_UNPREPARED:
        forget_prepared(w, index, host, sent_us);
        if (++w->items[index].bounces <= BOUNCES_MAX)
            send_again(w, index);
        else
            fail(w, &err);
        break;
    case CQL_ACTION_REJECT:
        reject(w, index, REJECTED, &err, E_CQL_REJECTED);
        break;
    case CQL_ACTION_FAILING:
        reject(w, index, FAILING, &err, E_CQL_WRITE_FAILURE);
        break;
    case CQL_ACTION_STOP:
        fail(w, &err);
        break;
    }
}

static bool nonsense(const struct cql_host *h, const struct cql_envelope *e, struct error *err)
{
    return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                     "cannot read from %s: answer 0x%02x to a statement", cql_conn_peer(h->conn),
                     e->opcode);
}

/* False: the answer makes no sense, the connection is of no more use; the request stays open. */
static bool answer_write(struct cql_write *w, uint32_t host, const struct cql_answer *a,
                         struct error *err)
{
    uint32_t index = (uint32_t)(a->tag - 1);
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_failure f;

    if (cql_reply_result_kind(&a->envelope) != 0) {
        done(w, index);
        return true;
    }
    if (a->envelope.opcode == CQL_OP_ERROR) {
        if (cql_reply_failure(&a->envelope, &f, err)) {
            refused(w, index, host, a->sent_us, &f);
            return true;
        }
    } else {
        (void)nonsense(h, &a->envelope, err);
    }
    try_again(w, index, host, err);
    return false;
}

static bool answer_prepare(struct cql_write *w, uint32_t host, const struct cql_answer *a,
                           struct error *err)
{
    uint32_t number = (uint32_t)(a->tag & ~TAG_PREPARE);
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_stmt *stmt = w->work->stmts[number];
    struct cql_prepared_id *id = cql_cluster_id(h, number);
    struct error why = { 0 };
    struct cql_failure f;

    id->state = CQL_PREPARED_NONE;
    if (a->envelope.opcode == CQL_OP_ERROR) {
        if (!cql_reply_failure(&a->envelope, &f, err))
            return false;
        (void)cql_prepared_refused(stmt, &f, cql_conn_peer(h->conn), &why);
        fail(w, &why);
        return true;
    }
    if (cql_reply_result_kind(&a->envelope) != CQL_RESULT_PREPARED)
        return nonsense(h, &a->envelope, err);
    if (!cql_prepared_accept(stmt, id, &a->envelope, w->now_us, &why)) {
        fail(w, &why);
        return why.kind != ERR_RETRY; /* malformed */
    }
    return true;
}

static void given_up(struct cql_write *w, uint32_t host, uint64_t tag, const struct error *err)
{
    w->flying--;
    if ((tag & TAG_PREPARE) != 0) {
        cql_cluster_id(w->work->cluster->hosts[host], (uint32_t)(tag & ~TAG_PREPARE))->state =
            CQL_PREPARED_NONE;
        fail(w, err);
        return;
    }
    try_again(w, (uint32_t)(tag - 1), host, err);
}

static void lost(struct cql_write *w, uint32_t host, const struct error *err)
{
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_conn *conn = h->conn;
    uint64_t tag;

    h->conn = NULL; /* so that its requests look for another node */
    while (cql_conn_abandon(conn, &tag))
        given_up(w, host, tag, err);
    h->conn = conn;
    cql_cluster_lost(w->work->cluster, h);
}

/* ---- moving bytes ---- */

static bool answers(struct cql_write *w, uint32_t host, struct error *err)
{
    struct cql_conn *conn = w->work->cluster->hosts[host]->conn;
    struct cql_answer a;
    bool found = true;

    for (;;) {
        if (!cql_conn_next(conn, &a, &found, err))
            return false;
        if (!found)
            return true;
        w->flying--;
        if ((a.tag & TAG_PREPARE) != 0 ? !answer_prepare(w, host, &a, err)
                                       : !answer_write(w, host, &a, err))
            return false;
    }
}

/* Sends and receives on one connection; true when anything moved. */
static bool pump(struct cql_write *w, uint32_t host)
{
    struct cql_conn *conn = w->work->cluster->hosts[host]->conn;
    struct error err = { 0 };
    bool sent = false;
    bool came = false;

    if (!cql_conn_flush(conn, &sent, &err) || !cql_conn_fill(conn, w->now_us, &came, &err) ||
        (came && !answers(w, host, &err))) {
        lost(w, host, &err);
        return true;
    }
    if (cql_conn_broken(conn)) { /* the node called a request of ours a protocol error */
        (void)error_set(&err, ERR_RETRY, E_CQL_PROTOCOL,
                        "cannot talk to %s: it reports a protocol error", cql_conn_peer(conn));
        lost(w, host, &err);
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
        given_up(w, host, tag, &err);
    }
    if (any && (cql_conn_read_us(conn) < before || cql_conn_worn(conn)))
        lost(w, host, &err);
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
        fail(w, &err);
    } else if ((w->fds[0].revents & POLLIN) != 0) {
        struct error err = { 0 };

        (void)error_cancel(&err);
        fail(w, &err);
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
        w->items[i] = (struct item){ .avoid = NO_HOST };
    w->work = work;
    w->again_count = w->next = w->flying = w->rejected = w->failing = 0;
    w->open = work->count;
    w->failure = (struct error){ 0 };
    arena_reset(&w->reasons);
}

static bool idle(const struct cql_write *w)
{
    return w->flying == 0 && (failed(w) || w->open == 0);
}

static void run(struct cql_write *w)
{
    struct cql_cluster *cl = w->work->cluster;

    while (!idle(w) && w->failure.kind != ERR_CANCEL) {
        bool moved = false;

        w->now_us = clock_mono_us(cl->opts.clock);
        feed(w);
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
        if (w->items[i].fate == FAILING)
            return error_set(err, ERR_RETRY, E_CQL_WRITE_FAILURE, "%s", work->results[i].reason);
    }
    return true;
}

bool cql_write_run(struct cql_write *w, const struct cql_write_work *work, struct error *err)
{
    assert(work->count < UINT32_MAX);
    begin(w, work);
    run(w);
    if (failed(w)) {
        abandon(w);
        *err = w->failure;
        return false;
    }
    widen(w);
    return settle_failing(w, err);
}
