/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_WRITE_ANSWER_H
#define CQL_WRITE_ANSWER_H

/* What the nodes say, or no longer say, and what follows from it for the requests (failure.h). `host` is an
 * index into the cluster's nodes. One thread. */

#include "cql/write.h"

/* Takes all answers that one connection has read. False, ERR_RETRY: one makes no sense, the connection is
 * of no more use. */
bool cql_write_answers(struct cql_write *w, uint32_t host, struct error *err) MUST_CHECK;
/* No answer to this request is waited for any more, for the reason `err`. */
void cql_write_given_up(struct cql_write *w, uint32_t host, uint64_t tag, const struct error *err);
/* The connection to the node is gone, and with it every request in flight on it. */
void cql_write_lost(struct cql_write *w, uint32_t host, const struct error *err);

#endif
