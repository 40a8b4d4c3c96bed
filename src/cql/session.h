/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_SESSION_H
#define CQL_SESSION_H

/*
 * A Cassandra cluster as a client of the native protocol (v5 where the node offers it, else v4) sees it:
 * one connection to each node of the local data center, prepared statements, and writes sent by the
 * hundred to the nodes that own them. This header is the whole of the room that others need, besides
 * types.h for the values.
 *
 * What it never does: start a thread, sleep, retry without end, log, batch statements, change the
 * consistency that was asked for, or write without a time stamp. It knows no table: its caller gives
 * it statements and encoded values.
 *
 * Life cycle: cql_session_open -> table, prepare, query, write in any order -> cql_session_close. One
 * thread, the same for all calls. Every call blocks until it is done, its time is over, or stop_fd is
 * set (ERR_CANCEL). After ERR_RETRY the same call may be made again: it connects anew what is broken.
 *
 * Errors, by kind:
 *   ERR_RETRY   nobody reachable, connection lost, time over, node overloaded, write timeout, ...
 *   ERR_STOP    credentials refused, not authorized, keyspace or table unknown, statement refused,
 *               the table changed under a prepared statement, protocol version not offered, TLS
 *   ERR_CANCEL  stop_fd
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "cql/types.h"
#include "net/net.h"

#include <stdint.h>

struct cql_session;
struct cql_stmt;

/* ANY (0 on the wire) is left out: a write that only one hint holds is not durable. */
enum cql_consistency {
    CQL_CONSISTENCY_DEFAULT = 0x0, /* LOCAL_QUORUM */
    CQL_ONE = 0x1,
    CQL_TWO = 0x2,
    CQL_THREE = 0x3,
    CQL_QUORUM = 0x4,
    CQL_ALL = 0x5,
    CQL_LOCAL_QUORUM = 0x6,
    CQL_EACH_QUORUM = 0x7,
    CQL_LOCAL_ONE = 0xA
};

struct cql_opts {
    /* "name", "name:port", "[v6]:port"; at least one; resolved at every connect. */
    const char *const *contact_points;
    size_t contact_point_count;
    uint16_t port;        /* 0: 9042 */
    const char *local_dc; /* NULL: the only one there is, or ERR_STOP that names them all */
    const char *keyspace; /* whose replication routes the writes */
    const char *username; /* NULL: none */
    const char *password;
    const struct net_tls *tls; /* NULL: plain */
    enum cql_consistency consistency;
    int request_timeout_ms;       /* 0: 12000; above the server's write timeout (2 s by default) */
    int connect_timeout_ms;       /* 0: 5000; name, TCP, TLS and the protocol's start, each node */
    unsigned in_flight_max;       /* per connection; 0: 512; at most LIMIT_CQL_IN_FLIGHT */
    unsigned protocol_version;    /* 0: the best; 4 or 5: that one only */
    const char *application_name; /* shown by nodetool clientstats; NULL: none */
    int stop_fd;                  /* -1: none */
    const struct clock *clock;    /* NULL: clock_system */
};

/* Copies what it keeps of opts, but for tls, stop_fd and clock, which outlive the session. Connects to the
 * first contact point that answers, reads the cluster, connects to no other node before it is used. */
bool cql_session_open(const struct cql_opts *opts, struct cql_session **ret_session,
                      struct error *err) MUST_CHECK;
void cql_session_close(struct cql_session *s);

/* Facts for messages; borrowed until the next call on the session. */
struct cql_info {
    const char *cluster_name;
    const char *release_version; /* of the node asked */
    const char *partitioner;     /* class name without package */
    const char *local_dc;
    const char *peer; /* the node asked, "127.0.0.1:9042" */
    unsigned protocol_version;
    size_t host_count; /* known, all data centers */
    size_t connected_count;
};
void cql_session_info(const struct cql_session *s, struct cql_info *ret_info);

/* ---- tables ---- */

enum cql_column_kind { CQL_PARTITION_KEY, CQL_CLUSTERING, CQL_REGULAR, CQL_STATIC };

struct cql_column {
    const char *name; /* as stored, not quoted */
    enum cql_column_kind kind;
    int position;                /* within partition key or clustering; -1 for the others */
    const char *type_text;       /* as in system_schema: "text", "frozen<list<text>>" */
    const struct cql_type *type; /* the same, parsed; NULL: not a type that types.h can read */
};

struct cql_table {
    const char *keyspace;
    const char *name;
    struct cql_column *columns; /* partition key, clustering, then the others by name */
    size_t column_count;
    struct arena *arena; /* holds all of it */
};

/* What the cluster says now. Errors: as above; ERR_STOP, E_CQL_NO_KEYSPACE or E_CQL_NO_TABLE. */
bool cql_session_table(struct cql_session *s, const char *keyspace, const char *table,
                       struct cql_table **ret_table, struct error *err) MUST_CHECK;
void cql_table_free(struct cql_table *t);

/* ---- statements ---- */

/* One bind marker. Lives as long as the session. */
struct cql_bind {
    const char *name; /* the column's name, or "[timestamp]", "[ttl]" */
    const struct cql_type *type;
    const char *type_text; /* as CQL writes it, for messages */
};

/* Prepares `text` (fully qualified table, explicit columns) and describes its markers. The handle is
 * good on every node and for the session's life; the same text gives the same handle. A statement
 * that the server refuses is ERR_STOP, E_CQL_STATEMENT. */
bool cql_session_prepare(struct cql_session *s, struct str text, struct cql_stmt **ret_stmt,
                         struct error *err) MUST_CHECK;
const struct cql_bind *cql_stmt_binds(const struct cql_stmt *stmt, size_t *ret_count);
/* Which binds make up the partition key, in its order; 0: not known, any node will do. */
const uint16_t *cql_stmt_key(const struct cql_stmt *stmt, size_t *ret_count);

/* ---- writes ---- */

/* A bound value is the bytes of types.h as a str. Two are special, told by p == NULL; an empty value
 * has p != NULL and n == 0. */
#define CQL_NULL  ((struct str){ NULL, 0 }) /* writes a tombstone */
#define CQL_UNSET ((struct str){ NULL, 1 }) /* leaves the column as it is */

struct cql_request {
    struct cql_stmt *stmt;
    const struct str *values; /* as many as the statement has binds, in their order */
    int64_t timestamp_us;     /* the write's time stamp (protocol flag, not text) */
};

/* What became of one request. */
struct cql_result {
    bool rejected;        /* false: it is durable at the consistency that was asked for */
    enum error_code code; /* when rejected: E_CQL_REJECTED, E_CQL_WRITE_FAILURE */
    const char *reason;   /* when rejected: the server's words; borrowed until the next write */
};

/* Sends all of them, many at a time, each to a node that owns its key, and waits for every answer.
 * True: results[0..count-1] are filled, every request is either durable or rejected. False with
 * ERR_RETRY: some of them were applied and some not, nobody knows which; send the same again, which is
 * harmless because their time stamps are the same. False with ERR_STOP: a person must act; some may
 * have been applied as well. results are undefined when false. */
bool cql_session_write(struct cql_session *s, const struct cql_request *requests, size_t count,
                       struct cql_result *results, struct error *err) MUST_CHECK;

/* ---- small queries ---- */

struct cql_rows {
    const char *const *names; /* of the columns */
    const struct cql_type *const *types;
    size_t column_count;
    size_t row_count;
    const struct str *values; /* row * column_count + column; raw bytes; p == NULL: null */
    struct arena *arena;      /* holds all of it */
};

/* Runs a text without values on the node asked, consistency LOCAL_ONE (ONE where the session asks for it);
 * all rows in one answer, at most LIMIT_CQL_REPLY bytes. *ret_rows has no columns when the statement gives
 * none. For system tables, checks and tests; free with cql_rows_free. */
bool cql_session_query(struct cql_session *s, struct str text, struct cql_rows **ret_rows,
                       struct error *err) MUST_CHECK;
void cql_rows_free(struct cql_rows *rows);
/* The value of the named column, or CQL_NULL when there is none. */
struct str cql_rows_get(const struct cql_rows *rows, size_t row, const char *column);

#endif
