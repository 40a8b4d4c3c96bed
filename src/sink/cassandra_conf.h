/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_CASSANDRA_CONF_H
#define SINK_CASSANDRA_CONF_H

/* The Cassandra sink's part of the configuration. Filled by config/ from the table of keys; everything
 * lives in the configuration's arena. Read-only; any thread. */

#include "config/config.h"
#include "cql/session.h"
#include "net/net.h"

/* Values in the order of their choices in the table of keys. */
enum sink_cassandra_truncate { SINK_CASSANDRA_TRUNCATE_REFUSE, SINK_CASSANDRA_TRUNCATE_IGNORE };
enum sink_cassandra_delete { SINK_CASSANDRA_DELETE_APPLY, SINK_CASSANDRA_DELETE_IGNORE };

struct sink_cassandra_column {
    struct str source;
    struct str target;
};

struct sink_cassandra_columns {
    size_t count; /* 0: every source column, under its own name */
    const struct sink_cassandra_column *items;
};

struct sink_cassandra_table {
    const char *keyspace; /* as stored in Cassandra: folded to lower case unless it was quoted */
    const char *name;
};

struct sink_cassandra_conf {
    struct config_strings contact_points;
    int64_t port;
    const char *local_dc;
    const char *username;
    const char *password;
    struct net_tls tls;
    struct sink_cassandra_table table;
    struct sink_cassandra_columns columns;
    int consistency; /* index; see sink_cassandra_consistency */
    int on_truncate; /* enum sink_cassandra_truncate */
    int on_delete;   /* enum sink_cassandra_delete */
    int64_t request_timeout_ms;
    int64_t connect_timeout_ms;
    int64_t max_in_flight;
};

extern const struct config_key sink_cassandra_keys[];

void sink_cassandra_conf_check(const void *conf, const struct config_node *map,
                               struct config_report *rep);
enum cql_consistency sink_cassandra_consistency(const struct sink_cassandra_conf *conf);
/* What a session needs, borrowed from conf. */
struct cql_opts sink_cassandra_session_opts(const struct sink_cassandra_conf *conf, int stop_fd,
                                            const struct clock *clock);

#endif
