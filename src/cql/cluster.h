/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_CLUSTER_H
#define CQL_CLUSTER_H

/*
 * The nodes of one cluster and the connections to them: one to each node of the local data center, of which
 * one is also the source of news (topology, schema). It knows nothing of statements but the ids the nodes
 * gave them.
 *
 * Nothing happens between calls: cql_cluster_ready, at the start of every piece of work, finds out what
 * was lost, connects anew what is due, and reads the topology again after news or a minute. A node that
 * cannot be reached is tried again after 1 s, 2 s, ... 60 s; when no node is connected all are tried at
 * once, because then the caller does the waiting. When none of the known nodes answers, it begins again
 * with the contact points, whose names are resolved anew.
 *
 * One thread.
 */

#include "cql/discover.h"
#include "cql/prepared.h"
#include "cql/startup.h"

struct cql_host {
    struct cql_meta_host meta; /* texts owned, below; tokens are with the ring */
    char *dc;
    char *rack;
    bool local;
    struct cql_conn *conn; /* owned; NULL: not connected */
    int64_t retry_at_us;
    int backoff_ms;
    unsigned window; /* requests in flight that it may have; shrinks when it is overloaded */
    struct cql_prepared_id *ids; /* by number of the statement */
    size_t id_count;
};

struct cql_cluster {
    struct cql_startup_opts opts; /* texts owned by `arena` */
    struct arena arena;
    const char **points; /* contact points */
    size_t point_count;
    uint16_t port;
    const char *local_dc; /* as configured or found; NULL before */
    const char *keyspace;
    int request_timeout_ms;

    struct cql_host **hosts;
    size_t host_count;
    struct cql_host *control; /* among hosts; NULL: none */
    struct cql_ring *ring;
    struct cql_ring_place *place; /* NULL: no routing by token */
    bool stale;                   /* there was news */
    bool alone;                   /* the last reading had one node where there were more */
    int64_t refresh_us;           /* when the topology was last read */
    uint64_t seed;                /* of the jitter */
    char *cluster_name;
    char *release_version;
    char *partitioner;
};

/* Connects to the first contact point that answers and reads the cluster. Errors as cql_session_open. */
bool cql_cluster_open(const struct cql_opts *opts, struct cql_cluster **ret_cluster,
                      struct error *err) MUST_CHECK;
void cql_cluster_close(struct cql_cluster *cl);

/* At least one node of the local data center is connected, and the control connection stands. ERR_RETRY,
 * E_CQL_CONNECT and others; ERR_STOP; ERR_CANCEL. */
bool cql_cluster_ready(struct cql_cluster *cl, struct error *err) MUST_CHECK;
/* Closes a node's connection after a failure and sets when to try again. */
void cql_cluster_lost(struct cql_cluster *cl, struct cql_host *host);
/* What the node calls the statement; the room for it is made at need. */
struct cql_prepared_id *cql_cluster_id(struct cql_host *host, uint32_t number);
/* The nodes to try for a token, in order; without one (or without a ring) for anything. */
size_t cql_cluster_plan(const struct cql_cluster *cl, const int64_t *token, uint32_t turn,
                        uint32_t *ret_hosts, size_t cap);
/* When a request that is sent now is given up. */
int64_t cql_cluster_deadline(const struct cql_cluster *cl);

#endif
