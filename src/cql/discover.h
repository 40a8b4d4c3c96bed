/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_DISCOVER_H
#define CQL_DISCOVER_H

/*
 * Asking one node about its cluster: queries of the system tables, one at a time. Blocks until the answer
 * came, the deadline is over or the connection's stop fd is set. One thread.
 *
 * A failure with the connection still good (cql_conn_broken is false) is the node's refusal.
 */

#include "cql/conn.h"
#include "cql/meta.h"

/* One text without values; free with cql_rows_free. `what` completes "cannot ..." in messages. */
bool cql_discover_query(struct cql_conn *c, struct str text, const char *what, int64_t deadline_us,
                        struct cql_rows **ret_rows, struct error *err) MUST_CHECK;

struct cql_topology {
    const char *cluster_name;
    const char *release_version;
    const char *partitioner;     /* without the package */
    struct cql_meta_host *hosts; /* the node that was asked comes first */
    size_t host_count;
    struct arena arena; /* holds all of it */
};
/* All nodes whose rows are complete. address and port: those the connection was made to; port is also
 * that of peers that tell none. cql_topology_done afterwards, also after a failure. */
bool cql_discover_topology(struct cql_conn *c, const char *address, uint16_t port,
                           uint16_t peer_port, int64_t deadline_us,
                           struct cql_topology *ret_topology, struct error *err) MUST_CHECK;
void cql_topology_done(struct cql_topology *t);

/* How a keyspace is replicated; ERR_STOP, E_CQL_NO_KEYSPACE. */
bool cql_discover_replication(struct cql_conn *c, const char *keyspace, int64_t deadline_us,
                              struct cql_ring_replication *ret_replication,
                              struct error *err) MUST_CHECK;
/* ERR_STOP: E_CQL_NO_KEYSPACE, E_CQL_NO_TABLE. Free with cql_table_free. */
bool cql_discover_table(struct cql_conn *c, const char *keyspace, const char *table,
                        int64_t deadline_us, struct cql_table **ret_table,
                        struct error *err) MUST_CHECK;
/* Asks for events on this connection. */
bool cql_discover_register(struct cql_conn *c, int64_t deadline_us, struct error *err) MUST_CHECK;
/* Asks whether the node is there. */
bool cql_discover_ping(struct cql_conn *c, int64_t deadline_us, struct error *err) MUST_CHECK;

#endif
