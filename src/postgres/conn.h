/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_CONN_H
#define POSTGRES_CONN_H

/*
 * A connection to PostgreSQL over libpq, ordinary or for replication. Every call that waits has a
 * deadline and looks at the stop fd; a statement that is given up is cancelled on the server.
 *
 * Every connection, the replication one included, has the session settings that make a value's text
 * exact and always the same: DateStyle ISO, IntervalStyle postgres, TimeZone UTC, extra_float_digits 3,
 * bytea_output hex, client encoding UTF8; and search_path pg_catalog, so that nothing of the user's
 * schemas can stand in for a system function and type names come qualified.
 *
 * Life cycle: postgres_connect -> queries -> postgres_close (NULL is fine). One thread at a time.
 * Errors: ERR_RETRY for what may pass (network, restart, too many connections), ERR_STOP for what
 * does not (login, permission, version, wrong statement), ERR_CANCEL when stop was asked. Messages
 * never hold the password, and never the DETAIL of the server, which may hold row data.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

struct postgres_conn;
struct postgres_result;

struct postgres_opts {
    const char *url;      /* postgres://...; sslmode, target_session_attrs etc. come from here */
    const char *password; /* NULL: from the URL, ~/.pgpass or not needed */
    const char *application_name; /* shown in pg_stat_activity */
    bool replication;             /* may run replication commands; no parameters in queries then */
    int stop_fd;                  /* base/wake.h; -1: none; borrowed, outlives the connection */
    int connect_timeout_ms; /* 0: 10 s. Name resolution is the C library's and not bounded by it */
    int query_timeout_ms;   /* 0: 30 s */
    const struct clock *clock; /* NULL: clock_system */
};

/* Copies what it needs of `opts`. Servers before 14 are refused (ERR_STOP, E_PG_VERSION). */
bool postgres_connect(const struct postgres_opts *opts, struct postgres_conn **ret_conn,
                      struct error *err) MUST_CHECK;
void postgres_close(struct postgres_conn *c);

/* Do all hosts of a libpq host list stay on this machine (loopback, unix socket, none named)? Where
 * they do not, TLS is required unless the URL says otherwise. Pure. */
bool postgres_hosts_are_local(const char *hosts);
/* "localhost:5432/engagement_db"; for messages; owned by the connection. */
const char *postgres_peer(const struct postgres_conn *c);
/* 150018 for 15.18 */
int postgres_version(const struct postgres_conn *c);
int postgres_backend_pid(const struct postgres_conn *c);
bool postgres_uses_tls(const struct postgres_conn *c);
/* False once the connection broke; it cannot be used again then. */
bool postgres_is_alive(const struct postgres_conn *c);

/* One statement with $1.. parameters as text (NULL: SQL NULL). params NULL, or a replication
 * connection: sent by the simple protocol. *ret_result is the caller's. */
bool postgres_query(struct postgres_conn *c, const char *sql, const char *const *params,
                    int param_count, struct postgres_result **ret_result,
                    struct error *err) MUST_CHECK;
/* As postgres_query, for statements whose rows do not matter. */
bool postgres_exec(struct postgres_conn *c, const char *sql, struct error *err) MUST_CHECK;

void postgres_result_free(struct postgres_result *r);
int postgres_rows(const struct postgres_result *r);
/* Terminated text, owned by the result; {NULL, 0} for SQL NULL. Row and column must exist. */
struct str postgres_text(const struct postgres_result *r, int row, int column);
/* 0 for NULL and for what is not a number. */
int64_t postgres_i64(const struct postgres_result *r, int row, int column);
uint64_t postgres_u64(const struct postgres_result *r, int row, int column);
/* 't' */
bool postgres_bool(const struct postgres_result *r, int row, int column);

/* SQL quoting into a buf: "we""ird", 'it''s'. Always quoted; a NUL byte ends the text. */
void postgres_quote_ident(struct buf *b, struct str name);
void postgres_quote_literal(struct buf *b, struct str text);

#endif
