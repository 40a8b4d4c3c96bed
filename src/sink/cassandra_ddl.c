/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/cassandra_ddl.h"

#include "cql/types.h"

/* The words that CQL 3 reserves (Cassandra 5.0, doc/cql3, appendix A). */
static const char *const reserved[] = {
    "add",    "allow",       "alter",  "and",          "apply",    "asc",      "authorize",
    "batch",  "begin",       "by",     "columnfamily", "create",   "default",  "delete",
    "desc",   "describe",    "drop",   "entries",      "execute",  "from",     "full",
    "grant",  "if",          "in",     "index",        "infinity", "insert",   "into",
    "is",     "keyspace",    "limit",  "materialized", "mbean",    "mbeans",   "modify",
    "nan",    "norecursive", "not",    "null",         "of",       "on",       "or",
    "order",  "primary",     "rename", "replace",      "revoke",   "schema",   "select",
    "set",    "table",       "to",     "token",        "truncate", "unlogged", "unset",
    "update", "use",         "using",  "view",         "where",    "with",
};

static bool is_plain(struct str name)
{
    if (name.n == 0 || name.p[0] < 'a' || name.p[0] > 'z')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (str_is(name, reserved[i]))
            return false;
    }
    return true;
}

void sink_cassandra_ddl_name(struct str name, struct buf *b)
{
    if (is_plain(name))
        buf_str(b, name);
    else
        buf_quoted(b, name, '"');
}

void sink_cassandra_ddl_table(const char *keyspace, const char *table, struct buf *b)
{
    sink_cassandra_ddl_name(str_from(keyspace), b);
    buf_u8(b, '.');
    sink_cassandra_ddl_name(str_from(table), b);
}

static bool is_wanted(const struct column *col, const struct str *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(columns[i], col->name))
            return true;
    }
    return columns == NULL;
}

static bool is_key(const struct relation *rel, const struct column *col)
{
    if (relation_has_primary_key(rel))
        return col->primary_key;
    return col->identity && rel->identity != RELATION_IDENTITY_FULL;
}

/* The key columns are always part of the table. */
static void put_columns(const struct relation *rel, const struct str *columns, size_t count,
                        struct buf *b)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *col = &rel->columns[i];

        if (!is_key(rel, col) && !is_wanted(col, columns, count))
            continue;
        buf_text(b, "    ");
        sink_cassandra_ddl_name(col->name, b);
        buf_u8(b, ' ');
        cql_types_suggest(col, b);
        buf_text(b, ",\n");
    }
}

void sink_cassandra_ddl_create(const struct relation *rel, const char *keyspace, const char *table,
                               const struct str *columns, size_t column_count, struct buf *b)
{
    size_t keys = 0;

    for (uint32_t i = 0; i < rel->column_count; i++)
        keys += is_key(rel, &rel->columns[i]);
    buf_text(b, "CREATE TABLE IF NOT EXISTS ");
    sink_cassandra_ddl_table(keyspace, table, b);
    buf_text(b, " (\n");
    put_columns(rel, columns, column_count, b);
    if (keys == 0) {
        buf_text(
            b,
            "    PRIMARY KEY ()  -- the source table has no key: name the columns that are one\n);\n");
        return;
    }
    buf_text(b, keys > 1 ? "    PRIMARY KEY ((" : "    PRIMARY KEY (");
    for (uint32_t i = 0, n = 0; i < rel->column_count; i++) {
        if (!is_key(rel, &rel->columns[i]))
            continue;
        if (n++ > 0)
            buf_text(b, ", ");
        sink_cassandra_ddl_name(rel->columns[i].name, b);
    }
    buf_text(b, keys > 1 ? "))\n);\n" : ")\n);\n");
}

void sink_cassandra_ddl_keyspace(const char *keyspace, struct buf *b)
{
    buf_text(b, "CREATE KEYSPACE IF NOT EXISTS ");
    sink_cassandra_ddl_name(str_from(keyspace), b);
    buf_text(b, " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
                "  -- on a cluster: NetworkTopologyStrategy, 3 replicas\n");
}
