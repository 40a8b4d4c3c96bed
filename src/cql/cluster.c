/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/cluster.h"

#include "base/limits.h"
#include "base/mem.h"
#include "cql/address.h"
#include "cql/hosts.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PORT = 9042,
    IN_FLIGHT = 512,
    CONNECT_MS = 5000,
    REQUEST_MS = 12000,
    /* A node that is gone may not hold up the work that the others can do. */
    CONNECT_SPARE_MS = 1000,
    PING_MS = 5000
};

#define PING_AFTER_US    (30 * INT64_C(1000000))
#define REFRESH_AFTER_US (60 * INT64_C(1000000))
#define REFRESH_PAUSE_US (1 * INT64_C(1000000))

static int64_t now_us(const struct cql_cluster *cl)
{
    return clock_mono_us(cl->opts.clock);
}

int64_t cql_cluster_deadline(const struct cql_cluster *cl)
{
    return now_us(cl) + (int64_t)cl->request_timeout_ms * 1000;
}

/* ---- life ---- */

static const char *keep(struct cql_cluster *cl, const char *text)
{
    return text != NULL ? arena_str(&cl->arena, str_from(text)).p : NULL;
}

static struct cql_cluster *cluster_new(const struct cql_opts *o)
{
    struct cql_cluster *cl = mem_zalloc(1, sizeof *cl);

    arena_init(&cl->arena, LIMIT_ARENA);
    cl->opts = (struct cql_startup_opts){
        .tls = o->tls,
        .username = keep(cl, o->username),
        .password = keep(cl, o->password),
        .application_name = keep(cl, o->application_name),
        .version = o->protocol_version,
        .in_flight_max = o->in_flight_max > 0 ? o->in_flight_max : (unsigned)IN_FLIGHT,
        .connect_timeout_ms = o->connect_timeout_ms > 0 ? o->connect_timeout_ms : CONNECT_MS,
        .stop_fd = o->stop_fd,
        .clock = o->clock != NULL ? o->clock : &clock_system,
    };
    if (cl->opts.in_flight_max > LIMIT_CQL_IN_FLIGHT)
        cl->opts.in_flight_max = LIMIT_CQL_IN_FLIGHT;
    cl->points = arena_zalloc(&cl->arena, o->contact_point_count, sizeof *cl->points);
    for (size_t i = 0; i < o->contact_point_count; i++)
        cl->points[i] = keep(cl, o->contact_points[i]);
    cl->point_count = o->contact_point_count;
    cl->port = o->port > 0 ? o->port : PORT;
    cl->local_dc = keep(cl, o->local_dc);
    cl->keyspace = keep(cl, o->keyspace);
    cl->request_timeout_ms = o->request_timeout_ms > 0 ? o->request_timeout_ms : REQUEST_MS;
    cl->seed = (uint64_t)now_us(cl);
    return cl;
}

void cql_cluster_close(struct cql_cluster *cl)
{
    if (cl == NULL)
        return;
    cql_hosts_clear(cl);
    if (cl->opts.password != NULL)
        explicit_bzero((char *)(uintptr_t)cl->opts.password, strlen(cl->opts.password));
    arena_done(&cl->arena);
    free(cl);
}

/* ---- connecting ---- */

static int jitter(struct cql_cluster *cl, int ms)
{
    cl->seed = cl->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ms - ms * 15 / 100 + (int)((cl->seed >> 33) % (unsigned)(ms * 30 / 100 + 1));
}

void cql_cluster_lost(struct cql_cluster *cl, struct cql_host *host)
{
    enum { FIRST_MS = 1000, LAST_MS = 60000 };

    cql_conn_close(host->conn);
    host->conn = NULL;
    if (cl->control == host)
        cl->control = NULL;
    host->backoff_ms = host->backoff_ms == 0 ? FIRST_MS : host->backoff_ms * 2;
    if (host->backoff_ms > LAST_MS)
        host->backoff_ms = LAST_MS;
    host->retry_at_us = now_us(cl) + (int64_t)jitter(cl, host->backoff_ms) * 1000;
    for (size_t i = 0; i < host->id_count; i++) {
        if (host->ids[i].state == CQL_PREPARED_ASKED)
            host->ids[i].state = CQL_PREPARED_NONE;
    }
}

static size_t connected_local(const struct cql_cluster *cl)
{
    size_t n = 0;

    for (size_t i = 0; i < cl->host_count; i++)
        n += cl->hosts[i]->local && cl->hosts[i]->conn != NULL;
    return n;
}

static bool dial(struct cql_cluster *cl, const char *address, uint16_t port, int timeout_ms,
                 struct cql_conn **ret_conn, struct error *err)
{
    struct cql_startup_opts opts = cl->opts;

    opts.host = address;
    opts.port = port;
    opts.connect_timeout_ms = timeout_ms;
    if (!cql_startup_open(&opts, ret_conn, err))
        return false;
    /* All nodes must be spoken to in the version the first one agreed to (JAVA-2905). */
    cl->opts.version = cql_conn_version(*ret_conn);
    return true;
}

/* Connects what is due. *last_err keeps the most serious reason; ERR_CANCEL ends it. */
static bool connect_hosts(struct cql_cluster *cl, struct error *last_err)
{
    bool none = connected_local(cl) == 0;

    for (size_t i = 0; i < cl->host_count; i++) {
        struct cql_host *h = cl->hosts[i];
        int timeout_ms = cl->opts.connect_timeout_ms;
        struct error err = { 0 };

        if (!h->local || h->conn != NULL || (!none && h->retry_at_us > now_us(cl)))
            continue;
        if (connected_local(cl) > 0 && timeout_ms > CONNECT_SPARE_MS)
            timeout_ms = CONNECT_SPARE_MS;
        if (dial(cl, h->meta.address, h->meta.port, timeout_ms, &h->conn, &err)) {
            h->backoff_ms = 0;
            h->window = cl->opts.in_flight_max;
            continue;
        }
        cql_cluster_lost(cl, h);
        if (err.kind == ERR_CANCEL || last_err->kind != ERR_STOP)
            *last_err = err;
        if (err.kind == ERR_CANCEL)
            return false;
    }
    return true;
}

/* ---- the control connection ---- */

/* A node that has just started may not know its peers yet: that there is only one is believed the second
 * time. */
static bool believable(struct cql_cluster *cl, const struct cql_topology *t)
{
    bool alone = t->host_count == 1 && cl->host_count > 1;
    bool again = cl->alone;

    cl->alone = alone;
    return !alone || again;
}

/* Reads the cluster through `conn`, which becomes the connection of the node it turns out to be. */
static bool refresh(struct cql_cluster *cl, struct cql_conn *conn, const char *address,
                    uint16_t port, struct error *err)
{
    int64_t deadline = cql_cluster_deadline(cl);
    struct cql_ring_replication replication = { .strategy = CQL_RING_ANY };
    struct cql_topology t;
    bool ok;

    ok = cql_discover_topology(conn, address, port, cl->port, deadline, &t, err) &&
         (cl->keyspace == NULL ||
          cql_discover_replication(conn, cl->keyspace, deadline, &replication, err)) &&
         cql_hosts_check_dc(cl, &t, err);
    if (ok && (cl->control == NULL || believable(cl, &t))) {
        cql_hosts_take(cl, &t, &replication, conn);
    }
    if (ok) {
        cl->refresh_us = now_us(cl);
        cl->stale = cl->alone;
    }
    cql_topology_done(&t);
    return ok;
}

/* Events are asked for first, so that none falls between the reading and the asking. */
static bool take_control(struct cql_cluster *cl, struct cql_conn *conn, const char *address,
                         uint16_t port, struct error *err)
{
    if (!cql_discover_register(conn, cql_cluster_deadline(cl), err))
        return false;
    return refresh(cl, conn, address, port, err);
}

static bool control_by_host(struct cql_cluster *cl, struct error *last_err)
{
    for (size_t i = 0; i < cl->host_count && cl->control == NULL; i++) {
        struct cql_host *h = cl->hosts[i];

        if (h->conn == NULL)
            continue;
        if (take_control(cl, h->conn, h->meta.address, h->meta.port, last_err))
            return true;
        if (last_err->kind != ERR_RETRY)
            return false;
        if (cql_conn_broken(h->conn))
            cql_cluster_lost(cl, h);
    }
    return cl->control != NULL;
}

static bool control_by_point(struct cql_cluster *cl, struct error *last_err)
{
    for (size_t i = 0; i < cl->point_count; i++) {
        struct error err = { 0 };
        struct cql_conn *conn = NULL;
        char name[CQL_META_ADDRESS];
        uint16_t port = cl->port;

        if (!cql_address_parse(cl->points[i], name, &port, last_err))
            return false;
        if (dial(cl, name, port, cl->opts.connect_timeout_ms, &conn, &err)) {
            if (take_control(cl, conn, name, port, &err))
                return true;
            cql_conn_close(conn);
        }
        if (err.kind == ERR_CANCEL || last_err->kind != ERR_STOP)
            *last_err = err;
        if (err.kind == ERR_CANCEL)
            return false;
    }
    return false;
}

static bool unreachable(struct cql_cluster *cl, const struct error *last_err, struct error *err)
{
    if (last_err->kind == ERR_STOP || last_err->kind == ERR_CANCEL) {
        *err = *last_err;
        return false;
    }
    return error_set(
        err, ERR_RETRY, E_CQL_CONNECT, "cannot reach any of %zu Cassandra node%s (last: %s)",
        cl->host_count > 0 ? cl->host_count : cl->point_count,
        (cl->host_count > 0 ? cl->host_count : cl->point_count) == 1 ? "" : "s", last_err->msg);
}

bool cql_cluster_open(const struct cql_opts *opts, struct cql_cluster **ret_cluster,
                      struct error *err)
{
    struct cql_cluster *cl = cluster_new(opts);
    struct error last_err = { 0 };

    assert(opts->contact_point_count > 0);
    if (!control_by_point(cl, &last_err)) {
        (void)unreachable(cl, &last_err, err);
        cql_cluster_close(cl);
        return false;
    }
    *ret_cluster = cl;
    return true;
}

/* ---- getting ready ---- */

/* Has the node closed the connection, has it news, is it still there? */
static bool look_at(struct cql_cluster *cl, struct cql_host *h, struct error *err)
{
    struct cql_answer answer;
    bool any = true;
    bool found = false;

    while (any) {
        if (!cql_conn_fill(h->conn, now_us(cl), &any, err) ||
            !cql_conn_next(h->conn, &answer, &found, err))
            return false;
        assert(!found); /* nothing is in flight between calls */
    }
    if (cql_conn_news(h->conn))
        cl->stale = true;
    if (now_us(cl) - cql_conn_read_us(h->conn) < PING_AFTER_US)
        return true;
    return cql_discover_ping(h->conn, now_us(cl) + PING_MS * INT64_C(1000), err);
}

static bool look_at_all(struct cql_cluster *cl, struct error *last_err)
{
    for (size_t i = 0; i < cl->host_count; i++) {
        struct cql_host *h = cl->hosts[i];

        if (h->conn == NULL)
            continue;
        if (look_at(cl, h, last_err) && !cql_conn_worn(h->conn))
            continue;
        cql_cluster_lost(cl, h);
        h->retry_at_us = 0; /* the connection failed, not the node: try at once */
        if (last_err->kind == ERR_CANCEL)
            return false;
    }
    return true;
}

static bool refresh_due(const struct cql_cluster *cl)
{
    int64_t age = now_us(cl) - cl->refresh_us;

    return age >= REFRESH_AFTER_US || (cl->stale && age >= REFRESH_PAUSE_US);
}

/* A refresh that fails leaves what is known as it is. */
static bool refresh_again(struct cql_cluster *cl, struct error *err)
{
    struct cql_host *h = cl->control;

    if (!refresh_due(cl) || refresh(cl, h->conn, h->meta.address, h->meta.port, err))
        return true;
    if (cql_conn_broken(h->conn))
        cql_cluster_lost(cl, h);
    cl->refresh_us = now_us(cl);
    return err->kind == ERR_RETRY;
}

bool cql_cluster_ready(struct cql_cluster *cl, struct error *err)
{
    struct error last_err = { 0 };

    if (!look_at_all(cl, &last_err) || !connect_hosts(cl, &last_err))
        return unreachable(cl, &last_err, err);
    if (cl->control != NULL && !refresh_again(cl, &last_err))
        return unreachable(cl, &last_err, err);
    if (cl->control == NULL && !control_by_host(cl, &last_err)) {
        if (last_err.kind == ERR_CANCEL || !control_by_point(cl, &last_err))
            return unreachable(cl, &last_err, err);
    }
    /* A refresh may have brought nodes. */
    if (!connect_hosts(cl, &last_err) || connected_local(cl) == 0)
        return unreachable(cl, &last_err, err);
    return true;
}
