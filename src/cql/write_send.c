/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/write_send.h"

#include "cql/murmur3.h"
#include "cql/request.h"
#include "cql/write_fate.h"

enum { PLAN_MAX = 16 };

#define WAITING_MAX (256 * KIB) /* bytes a connection may hold back before more requests are made */

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
    const struct cql_write_item *item = &w->items[index];
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
    int stream = cql_conn_stream(h->conn, CQL_WRITE_TAG_PREPARE | stmt->number, w->now_us);

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
    cql_write_reject(w, index, CQL_FATE_REJECTED, &err, E_CQL_TOO_BIG);
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
    cql_write_fail(w, &err);
}

void cql_write_feed(struct cql_write *w)
{
    while (!cql_write_failed(w)) {
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
