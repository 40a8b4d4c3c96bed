/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_CASSANDRA_ROW_H
#define SINK_CASSANDRA_ROW_H

/*
 * One change -> its CQL requests, under a map. Pure. What a change becomes:
 *
 *   insert, update, snapshot   INSERT of every mapped column; NULL is null, unchanged (TOAST) is unset
 *   update of the target's key the same, behind a DELETE of the old key where the old row is known
 *   delete                     DELETE by the target's key, from the old row
 *
 * All carry the change's write stamp, so that repeating or reordering them changes nothing.
 */

#include "model/change.h"
#include "sink/cassandra_map.h"

enum { SINK_CASSANDRA_ROW_REQUESTS = 2 }; /* at most, for one change */

struct sink_cassandra_stmts {
    struct cql_stmt *insert;
    struct cql_stmt *delete;
};

/* Appends the change's requests to ret_requests (room for SINK_CASSANDRA_ROW_REQUESTS) and adds their
 * number to *ret_count; values live in `a`, `scratch` is the caller's and comes back changed. on_delete:
 * enum sink_cassandra_delete. Not for truncate. Errors: ERR_REJECT, E_CQL_VALUE or E_CASSANDRA_KEY_VALUE. */
bool sink_cassandra_row(const struct sink_cassandra_map *map,
                        const struct sink_cassandra_stmts *stmts, int on_delete,
                        const struct change *c, struct arena *a, struct buf *scratch,
                        struct cql_request *ret_requests, size_t *ret_count,
                        struct error *err) MUST_CHECK;

#endif
