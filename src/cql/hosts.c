/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/hosts.h"

#include "base/mem.h"

#include <stdlib.h>

enum { DCS_SHOWN = 8 };

/* ---- data centers ---- */

static bool listed(const char **names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

bool cql_hosts_check_dc(struct cql_cluster *cl, const struct cql_topology *t, struct error *err)
{
    const char *names[DCS_SHOWN];
    size_t count = 0;
    struct buf b;

    for (size_t i = 0; i < t->host_count; i++) {
        const char *dc = t->hosts[i].dc;

        if (cl->local_dc != NULL && strcmp(dc, cl->local_dc) == 0)
            return true;
        if (count < DCS_SHOWN && !listed(names, count, dc))
            names[count++] = dc;
    }
    if (cl->local_dc == NULL && count == 1) {
        cl->local_dc = arena_str(&cl->arena, str_from(names[0])).p;
        return true;
    }
    buf_init(&b, sizeof err->msg);
    for (size_t i = 0; i < count; i++)
        buf_putf(&b, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
    if (cl->local_dc == NULL) {
        (void)error_set(err, ERR_STOP, E_CQL_DC,
                        "cannot choose a data center: local_dc is not set and there are %s",
                        buf_cstr(&b));
    } else {
        (void)error_set(err, ERR_STOP, E_CQL_DC,
                        "cannot use local_dc \"%s\": no node is in it; there is %s", cl->local_dc,
                        buf_cstr(&b));
    }
    buf_done(&b);
    return false;
}

/* ---- nodes ---- */

static void host_free(struct cql_host *h)
{
    if (h == NULL)
        return;
    cql_conn_close(h->conn);
    free(h->dc);
    free(h->rack);
    free(h->ids);
    free(h);
}

/* The old node with that id, taken out of the list. */
static struct cql_host *claim(struct cql_cluster *cl, const unsigned char id[CQL_META_ID])
{
    for (size_t i = 0; i < cl->host_count; i++) {
        struct cql_host *h = cl->hosts[i];

        if (h != NULL && memcmp(h->meta.id, id, CQL_META_ID) == 0) {
            cl->hosts[i] = NULL;
            return h;
        }
    }
    return NULL;
}

static struct cql_host *host_update(struct cql_cluster *cl, const struct cql_meta_host *meta)
{
    struct cql_host *h = claim(cl, meta->id);

    if (h == NULL)
        h = mem_zalloc(1, sizeof *h);
    if (h->conn != NULL &&
        (strcmp(h->meta.address, meta->address) != 0 || h->meta.port != meta->port)) {
        /* It moved. The control connection's own address is what it was asked at, so it never does. */
        cql_conn_close(h->conn);
        h->conn = NULL;
        h->retry_at_us = 0;
    }
    free(h->dc);
    free(h->rack);
    h->meta = *meta;
    h->meta.tokens = NULL;
    h->meta.dc = h->dc = mem_strdup(meta->dc);
    h->meta.rack = h->rack = mem_strdup(meta->rack);
    h->local = strcmp(h->dc, cl->local_dc) == 0;
    if (h->window == 0)
        h->window = cl->opts.in_flight_max;
    return h;
}

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = mem_strdup(text);
}

static void drop_ring(struct cql_cluster *cl)
{
    cql_ring_place_free(cl->place);
    cql_ring_free(cl->ring);
    cl->place = NULL;
    cl->ring = NULL;
}

static void build_ring(struct cql_cluster *cl, const struct cql_topology *t,
                       const struct cql_ring_replication *replication)
{
    struct cql_ring_host *ring_hosts = mem_zalloc(t->host_count, sizeof *ring_hosts);

    drop_ring(cl);
    for (size_t i = 0; i < t->host_count; i++) {
        ring_hosts[i] = (struct cql_ring_host){ .dc = t->hosts[i].dc,
                                                .rack = t->hosts[i].rack,
                                                .tokens = t->hosts[i].tokens,
                                                .token_count = t->hosts[i].token_count };
    }
    cl->ring = cql_ring_new(ring_hosts, t->host_count);
    if (strcmp(t->partitioner, "Murmur3Partitioner") == 0)
        cl->place = cql_ring_place(cl->ring, replication);
    free(ring_hosts);
}

void cql_hosts_take(struct cql_cluster *cl, const struct cql_topology *t,
                    const struct cql_ring_replication *replication, struct cql_conn *control)
{
    struct cql_host **hosts = mem_zalloc(t->host_count, sizeof(struct cql_host *));

    /* The control connection is out of the list while that is rebuilt. */
    for (size_t i = 0; i < cl->host_count; i++) {
        if (cl->hosts[i]->conn == control)
            cl->hosts[i]->conn = NULL;
    }
    for (size_t i = 0; i < t->host_count; i++)
        hosts[i] = host_update(cl, &t->hosts[i]);
    for (size_t i = 0; i < cl->host_count; i++)
        host_free(cl->hosts[i]);
    free(cl->hosts);
    cl->hosts = hosts;
    cl->host_count = t->host_count;
    cql_conn_close(hosts[0]->conn);
    hosts[0]->conn = control;
    hosts[0]->backoff_ms = 0;
    cl->control = hosts[0];
    build_ring(cl, t, replication);
    set_text(&cl->cluster_name, t->cluster_name);
    set_text(&cl->release_version, t->release_version);
    set_text(&cl->partitioner, t->partitioner);
}

void cql_hosts_clear(struct cql_cluster *cl)
{
    for (size_t i = 0; i < cl->host_count; i++)
        host_free(cl->hosts[i]);
    free(cl->hosts);
    cl->hosts = NULL;
    cl->host_count = 0;
    cl->control = NULL;
    drop_ring(cl);
    free(cl->cluster_name);
    free(cl->release_version);
    free(cl->partitioner);
    cl->cluster_name = cl->release_version = cl->partitioner = NULL;
}

/* ---- questions ---- */

struct cql_prepared_id *cql_cluster_id(struct cql_host *host, uint32_t number)
{
    if (number >= host->id_count) {
        size_t count = number + 1;

        host->ids = mem_resize(host->ids, count, sizeof *host->ids);
        memset(host->ids + host->id_count, 0, (count - host->id_count) * sizeof *host->ids);
        host->id_count = count;
    }
    return &host->ids[number];
}

size_t cql_cluster_plan(const struct cql_cluster *cl, const int64_t *token, uint32_t turn,
                        uint32_t *ret_hosts, size_t cap)
{
    if (token != NULL && cl->place != NULL)
        return cql_ring_plan(cl->place, *token, cl->local_dc, turn, ret_hosts, cap);
    return cql_ring_plan_any(cl->ring, cl->local_dc, turn, ret_hosts, cap);
}
