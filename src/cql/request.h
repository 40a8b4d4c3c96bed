/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_REQUEST_H
#define CQL_REQUEST_H

/*
 * The requests of the native protocol, as bytes: each function appends one whole envelope to a buf, so
 * that many requests collect in one buffer. Pure; any thread. Past the buf's ceiling the buf fails.
 */

#include "cql/session.h"
#include "cql/wire.h"

void cql_request_options(struct buf *b, unsigned version, uint16_t stream);
/* application_name may be NULL. */
void cql_request_startup(struct buf *b, unsigned version, uint16_t stream,
                         const char *application_name);
/* SASL PLAIN (RFC 4616): NUL user NUL password. */
void cql_request_auth(struct buf *b, unsigned version, uint16_t stream, struct str username,
                      struct str password);
/* Topology, status and schema events. */
void cql_request_register(struct buf *b, unsigned version, uint16_t stream);
void cql_request_query(struct buf *b, unsigned version, uint16_t stream, struct str text,
                       enum cql_consistency consistency);
void cql_request_prepare(struct buf *b, unsigned version, uint16_t stream, struct str text);

struct cql_execute {
    struct str id;
    struct str result_id; /* v5 only */
    enum cql_consistency consistency;
    const struct str *values; /* CQL_NULL and CQL_UNSET as in session.h */
    size_t value_count;       /* at most 65535 */
    int64_t timestamp_us;
};
/* Bytes that cql_request_execute will append. */
uint64_t cql_request_execute_size(const struct cql_execute *x, unsigned version);
void cql_request_execute(struct buf *b, unsigned version, uint16_t stream,
                         const struct cql_execute *x);

#endif
