/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_WRITE_H
#define CQL_WRITE_H

/*
 * Many writes at once: each is routed to a node that owns its key, all nodes work at the same time, and
 * each answer decides what becomes of its request (failure.h). See cql_session_write for the contract.
 *
 * The memory of one piece of work is kept for the next, so that a steady stream of batches allocates nothing.
 * One thread.
 */

#include "cql/cluster.h"

struct cql_write;

struct cql_write *cql_write_new(void);
void cql_write_free(struct cql_write *w);

/* Statements by number, for answers to PREPARE. The cluster is ready. */
struct cql_write_work {
    struct cql_cluster *cluster;
    struct cql_stmt *const *stmts;
    enum cql_consistency consistency;
    const struct cql_request *requests;
    size_t count;
    struct cql_result *results;
};
bool cql_write_run(struct cql_write *w, const struct cql_write_work *work,
                   struct error *err) MUST_CHECK;

#endif
