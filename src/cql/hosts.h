/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_HOSTS_H
#define CQL_HOSTS_H

/*
 * The list of nodes: how a freshly read topology becomes the cluster's, keeping the connections to nodes
 * that are still there. No I/O but closing. One thread.
 */

#include "cql/cluster.h"

/* Fits local_dc the nodes? Sets it when it was not given and there is only one. ERR_STOP, E_CQL_DC. */
bool cql_hosts_check_dc(struct cql_cluster *cl, const struct cql_topology *t,
                        struct error *err) MUST_CHECK;
/* Takes over: the first host of `t` is the one behind `control`, which becomes its connection and the control
 * connection. Nodes are the same when their host_id is; those that are gone are closed. */
void cql_hosts_take(struct cql_cluster *cl, const struct cql_topology *t,
                    const struct cql_ring_replication *replication, struct cql_conn *control);
/* Closes and forgets all. */
void cql_hosts_clear(struct cql_cluster *cl);

#endif
