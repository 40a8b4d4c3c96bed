/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/cassandra_conf.h"

#include "base/limits.h"
#include "sink/tls_conf.h"

#define SECOND_MS INT64_C(1000)

enum { NAME_MAX_BYTES = 222 };

static const char *const consistency_names[] = { "LOCAL_QUORUM", "LOCAL_ONE",   "ONE",
                                                 "TWO",          "THREE",       "QUORUM",
                                                 "ALL",          "EACH_QUORUM", NULL };
static const enum cql_consistency consistencies[] = { CQL_LOCAL_QUORUM, CQL_LOCAL_ONE,  CQL_ONE,
                                                      CQL_TWO,          CQL_THREE,      CQL_QUORUM,
                                                      CQL_ALL,          CQL_EACH_QUORUM };
static const char *const truncate_choices[] = { "refuse", "ignore", NULL };
static const char *const delete_choices[] = { "delete", "ignore", NULL };

/* One name of "keyspace.table": folded to lower case, or in double quotes as it is. */
static bool take_name(struct str *rest, struct arena *a, const char **ret_name)
{
    bool quoted = rest->n > 0 && rest->p[0] == '"';
    char *name = arena_alloc(a, rest->n + 1);
    size_t n = 0;
    size_t at = quoted ? 1 : 0;

    while (at < rest->n && rest->p[at] != (quoted ? '"' : '.')) {
        char c = rest->p[at++];

        if (!quoted && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        name[n++] = c;
    }
    if (quoted && at++ >= rest->n)
        return false;
    name[n] = '\0';
    *rest = str_make(rest->p + at, rest->n - at);
    *ret_name = name;
    return n > 0 && n <= NAME_MAX_BYTES;
}

static void parse_table(const struct config_node *node, void *field, struct config_report *rep)
{
    struct arena *a = config_report_arena(rep);
    struct sink_cassandra_table table;
    struct str rest = node->text;
    bool ok = node->kind == CONFIG_SCALAR && take_name(&rest, a, &table.keyspace);

    if (ok && rest.n > 0 && rest.p[0] == '.') {
        rest = str_make(rest.p + 1, rest.n - 1);
        ok = take_name(&rest, a, &table.name) && rest.n == 0;
    } else {
        ok = false;
    }
    if (ok)
        *(struct sink_cassandra_table *)field = table;
    else
        config_fault(rep, node, E_CONFIG_VALUE,
                     "\"table\" names the keyspace and the table, as in engagement.events");
}

static bool is_repeated(const struct sink_cassandra_column *items, size_t n, struct str target)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(items[i].target, target))
            return true;
    }
    return false;
}

/* [a, b] or {a: x, b: y}: source columns and where they go. */
static void parse_columns(const struct config_node *node, void *field, struct config_report *rep)
{
    struct sink_cassandra_columns *columns = field;
    struct sink_cassandra_column *items;
    size_t n = 0;

    if (node->kind == CONFIG_SCALAR || node->count == 0) {
        config_fault(
            rep, node, E_CONFIG_TYPE,
            "\"columns\" is a list of column names, or a map of source names to target names");
        return;
    }
    items = arena_zalloc(config_report_arena(rep), node->count, sizeof *items);
    for (size_t i = 0; i < node->count; i++) {
        const struct config_node *target = node->items[i];
        const struct config_node *source = node->kind == CONFIG_MAP ? node->keys[i] : target;

        if (target->kind != CONFIG_SCALAR || target->text.n == 0) {
            config_fault(rep, target, E_CONFIG_TYPE, "the name of a column is expected here");
            continue;
        }
        if (is_repeated(items, n, target->text)) {
            config_fault(rep, target, E_CONFIG_VALUE, "column \"%.*s\" is written twice",
                         (int)(target->text.n < NAME_MAX_BYTES ? target->text.n : NAME_MAX_BYTES),
                         target->text.p);
            continue;
        }
        items[n++] = (struct sink_cassandra_column){ source->text, target->text };
    }
    columns->items = items;
    columns->count = n;
}

const struct config_key sink_cassandra_keys[] = {
    { .name = "contact_points",
      .type = CONFIG_STRINGS,
      .required = true,
      .offset = offsetof(struct sink_cassandra_conf, contact_points),
      .help =
          "Nodes that are asked first, as host or host:port; the others are found by them. Names are "
          "resolved at every connect." },
    { .name = "port",
      .type = CONFIG_INT,
      .fallback = "9042",
      .offset = offsetof(struct sink_cassandra_conf, port),
      .min = 1,
      .max = 65535,
      .help = "Port of the contact points that name none." },
    { .name = "local_dc",
      .type = CONFIG_STRING,
      .offset = offsetof(struct sink_cassandra_conf, local_dc),
      .help =
          "The data center that is written to; the others get the rows from there. May be left out where "
          "there is only one." },
    { .name = "username",
      .type = CONFIG_STRING,
      .offset = offsetof(struct sink_cassandra_conf, username),
      .help = "For clusters with password authentication." },
    { .name = "password",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct sink_cassandra_conf, password),
      .help = "The user's password, best as ${env:NAME} or ${file:PATH}." },
    { .name = "tls",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct sink_cassandra_conf, tls),
      .group = tls_conf_keys,
      .help = "Encrypted connections." },
    { .name = "table",
      .type = CONFIG_CUSTOM,
      .required = true,
      .offset = offsetof(struct sink_cassandra_conf, table),
      .parse = parse_table,
      .help =
          "The target, as keyspace.table. As in CQL, names are folded to lower case unless they stand "
          "in double quotes. The table must exist; `multisink init` prints the CQL that makes it." },
    { .name = "columns",
      .type = CONFIG_CUSTOM,
      .offset = offsetof(struct sink_cassandra_conf, columns),
      .parse = parse_columns,
      .help =
          "Which columns are written: a list of names, or a map of source names to target names. Without "
          "it every source column is written, and each must have a column of its name in the target." },
    { .name = "consistency",
      .type = CONFIG_CHOICE,
      .fallback = "LOCAL_QUORUM",
      .offset = offsetof(struct sink_cassandra_conf, consistency),
      .choices = consistency_names,
      .help =
          "How many replicas must hold a row before it counts as delivered. Never lowered by itself." },
    { .name = "on_delete",
      .type = CONFIG_CHOICE,
      .fallback = "delete",
      .offset = offsetof(struct sink_cassandra_conf, on_delete),
      .choices = delete_choices,
      .help =
          "`ignore` keeps rows in Cassandra that are deleted on the source (and the old place of a row "
          "whose key changes)." },
    { .name = "on_truncate",
      .type = CONFIG_CHOICE,
      .fallback = "refuse",
      .offset = offsetof(struct sink_cassandra_conf, on_truncate),
      .choices = truncate_choices,
      .help =
          "`refuse` stops the sink when the source table is truncated, `ignore` keeps the rows in "
          "Cassandra and goes on. There is no third: a CQL TRUNCATE knows no time stamp." },
    { .name = "request_timeout",
      .type = CONFIG_DURATION,
      .fallback = "12s",
      .offset = offsetof(struct sink_cassandra_conf, request_timeout_ms),
      .min = SECOND_MS,
      .max = 600 * SECOND_MS,
      .help =
          "How long an answer is waited for. Keep it above the nodes' own write timeout (2s by default)." },
    { .name = "connect_timeout",
      .type = CONFIG_DURATION,
      .fallback = "5s",
      .offset = offsetof(struct sink_cassandra_conf, connect_timeout_ms),
      .min = 100,
      .max = 120 * SECOND_MS,
      .help = "How long connecting to one node may take, encryption and log-in included." },
    { .name = "max_in_flight",
      .type = CONFIG_INT,
      .fallback = "512",
      .offset = offsetof(struct sink_cassandra_conf, max_in_flight),
      .min = 1,
      .max = LIMIT_CQL_IN_FLIGHT,
      .help = "Writes on their way to one node at a time." },
    { .name = NULL },
};

static bool is_port(struct str s)
{
    uint16_t port;

    return str_to_port(s, &port);
}

/* "host", "host:port", "[v6]:port", "[v6]" or a bare IPv6 address. */
static bool is_contact_point(struct str s)
{
    size_t colons = 0;
    size_t end = s.n; /* of the host */

    for (size_t i = 0; i < s.n; i++) {
        colons += s.p[i] == ':';
        if (s.p[i] == ' ' || s.p[i] == '/')
            return false;
    }
    if (s.n > 0 && s.p[0] == '[')
        end = str_find(s, ']') + 1;
    else if (colons == 1)
        end = str_find(s, ':');
    if (end == 0 || end > s.n)
        return false;
    return end == s.n || (s.p[end] == ':' && is_port(str_make(s.p + end + 1, s.n - end - 1)));
}

void sink_cassandra_conf_check(const void *conf, const struct config_node *map,
                               struct config_report *rep)
{
    const struct sink_cassandra_conf *c = conf;

    for (size_t i = 0; i < c->contact_points.count; i++) {
        if (!is_contact_point(str_from(c->contact_points.items[i])))
            config_fault(rep, c->contact_points.nodes[i], E_CONFIG_VALUE,
                         "\"%.100s\" is not a host or host:port", c->contact_points.items[i]);
    }
    if ((c->username == NULL) != (c->password == NULL))
        config_fault(rep, map, E_CONFIG_MISSING_KEY,
                     "\"username\" and \"password\" go together; \"%s\" is missing",
                     c->username == NULL ? "username" : "password");
    if ((c->tls.cert_file == NULL) != (c->tls.key_file == NULL))
        config_fault(rep, map, E_CONFIG_MISSING_KEY, "\"cert\" and \"key\" of \"tls\" go together");
    if (!c->tls.enabled && (c->tls.ca_file != NULL || c->tls.cert_file != NULL))
        config_fault(rep, map, E_CONFIG_VALUE,
                     "\"tls\" has certificates but is not switched on; add enabled: true");
}

enum cql_consistency sink_cassandra_consistency(const struct sink_cassandra_conf *conf)
{
    return consistencies[conf->consistency];
}

struct cql_opts sink_cassandra_session_opts(const struct sink_cassandra_conf *conf, int stop_fd,
                                            const struct clock *clock)
{
    return (struct cql_opts){
        .contact_points = conf->contact_points.items,
        .contact_point_count = conf->contact_points.count,
        .port = (uint16_t)conf->port,
        .local_dc = conf->local_dc,
        .keyspace = conf->table.keyspace,
        .username = conf->username,
        .password = conf->password,
        .tls = conf->tls.enabled ? &conf->tls : NULL,
        .consistency = sink_cassandra_consistency(conf),
        .request_timeout_ms = (int)conf->request_timeout_ms,
        .connect_timeout_ms = (int)conf->connect_timeout_ms,
        .in_flight_max = (unsigned)conf->max_in_flight,
        .application_name = "multisink",
        .stop_fd = stop_fd,
        .clock = clock,
    };
}
