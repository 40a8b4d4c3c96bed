/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_REPLY_H
#define CQL_REPLY_H

/*
 * The answers of the native protocol, from bytes: ERROR, SUPPORTED, AUTHENTICATE, EVENT and RESULT of
 * kind Rows and Prepared. Pure; any thread.
 *
 * What is malformed is ERR_RETRY, E_CQL_PROTOCOL: the connection is of no more use. Texts point into the
 * envelope's body unless an arena is given.
 */

#include "cql/session.h"
#include "cql/wire.h"

enum cql_server_error {
    CQL_ERR_SERVER = 0x0000,
    CQL_ERR_PROTOCOL = 0x000A,
    CQL_ERR_CREDENTIALS = 0x0100,
    CQL_ERR_UNAVAILABLE = 0x1000,
    CQL_ERR_OVERLOADED = 0x1001,
    CQL_ERR_BOOTSTRAPPING = 0x1002,
    CQL_ERR_TRUNCATE = 0x1003,
    CQL_ERR_WRITE_TIMEOUT = 0x1100,
    CQL_ERR_READ_TIMEOUT = 0x1200,
    CQL_ERR_READ_FAILURE = 0x1300,
    CQL_ERR_FUNCTION = 0x1400,
    CQL_ERR_WRITE_FAILURE = 0x1500,
    CQL_ERR_CDC_WRITE = 0x1600,
    CQL_ERR_CAS_UNKNOWN = 0x1700,
    CQL_ERR_SYNTAX = 0x2000,
    CQL_ERR_UNAUTHORIZED = 0x2100,
    CQL_ERR_INVALID = 0x2200,
    CQL_ERR_CONFIG = 0x2300,
    CQL_ERR_EXISTS = 0x2400,
    CQL_ERR_UNPREPARED = 0x2500,
    CQL_ERR_CLIENT_WRITE = 0x8000
};

/* An ERROR. Only the fields of its code are set, the others are 0. */
struct cql_failure {
    uint32_t code;
    struct str text;
    uint16_t consistency; /* unavailable, timeouts, failures */
    int32_t received;     /* answers that came, or replicas alive */
    int32_t required;
    struct str write_type; /* "SIMPLE", ... */
    struct str id;         /* unprepared */
};
bool cql_reply_failure(const struct cql_envelope *e, struct cql_failure *ret_failure,
                       struct error *err) MUST_CHECK;

/* A SUPPORTED: the highest version of 4 and 5 that is offered and no beta; 0 when neither is, and
 * `otherwise` when the node does not say. */
bool cql_reply_supported(const struct cql_envelope *e, unsigned otherwise, unsigned *ret_version,
                         struct error *err) MUST_CHECK;

enum cql_event_kind {
    CQL_EVENT_TOPOLOGY, /* a node came, went, or changed its state */
    CQL_EVENT_SCHEMA,
    CQL_EVENT_OTHER
};
struct cql_event {
    enum cql_event_kind kind;
    struct str change;   /* "UP", "NEW_NODE", "UPDATED", ... */
    struct str keyspace; /* schema: what it is about */
};
bool cql_reply_event(const struct cql_envelope *e, struct cql_event *ret_event,
                     struct error *err) MUST_CHECK;

enum cql_result_kind {
    CQL_RESULT_VOID = 1,
    CQL_RESULT_ROWS = 2,
    CQL_RESULT_KEYSPACE = 3,
    CQL_RESULT_PREPARED = 4,
    CQL_RESULT_SCHEMA = 5
};
/* The kind of a RESULT, or 0 when it is none. */
uint32_t cql_reply_result_kind(const struct cql_envelope *e);

/* A Rows. Everything is copied into `a`; ret_rows->arena is left alone. */
bool cql_reply_rows(const struct cql_envelope *e, struct arena *a, struct cql_rows *ret_rows,
                    struct error *err) MUST_CHECK;

struct cql_prepared {
    struct str id;
    struct str result_id; /* v5 */
    const struct cql_bind *binds;
    size_t bind_count;
    const uint16_t *key;
    size_t key_count;
};
/* A Prepared. Everything is copied into `a`. */
bool cql_reply_prepared(const struct cql_envelope *e, struct arena *a,
                        struct cql_prepared *ret_prepared, struct error *err) MUST_CHECK;

#endif
