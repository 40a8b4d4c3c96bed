/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_META_H
#define CQL_META_H

/*
 * What the rows of Cassandra's system tables mean: nodes, replication, columns. Pure; any thread.
 */

#include "cql/ring.h"
#include "cql/session.h"

enum { CQL_META_ADDRESS = 256, CQL_META_ID = 16 };

/* One node. Texts and tokens live in the arena that was given. */
struct cql_meta_host {
    unsigned char id[CQL_META_ID];  /* host_id: what makes it the same node under a new address */
    char address[CQL_META_ADDRESS]; /* to connect to */
    uint16_t port;
    const char *dc;
    const char *rack;
    const int64_t *tokens;
    size_t token_count;
};

/* A row of system.local; the address is the one it was asked at. False: id, dc or rack is missing. */
bool cql_meta_local(const struct cql_rows *rows, size_t row, const char *address, uint16_t port,
                    struct arena *a, struct cql_meta_host *ret_host);
/* A row of system.peers_v2 or system.peers. Address and port: native_address and native_port, else
 * rpc_address and `port`; an unspecified one (0.0.0.0, ::) gives way to `peer`. False: something is
 * missing, as in rows of nodes that come, go or went wrong; the row is to be skipped. */
bool cql_meta_peer(const struct cql_rows *rows, size_t row, uint16_t port, struct arena *a,
                   struct cql_meta_host *ret_host);
/* The replication map of a row of system_schema.keyspaces. */
void cql_meta_replication(const struct cql_rows *rows, size_t row,
                          struct cql_ring_replication *ret_replication);
/* Rows of system_schema.columns of one table. Texts are copied into `a`. False: a row is incomplete. */
bool cql_meta_columns(const struct cql_rows *rows, struct arena *a,
                      struct cql_column **ret_columns);

#endif
