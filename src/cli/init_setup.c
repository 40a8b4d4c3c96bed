/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init.h"

#include "base/limits.h"
#include "sink/cassandra_ddl.h"

static void put_publication(const struct init *in, struct buf *b)
{
    struct postgres_table *fit = arena_zalloc(in->arena, in->table_count + 1, sizeof *fit);
    size_t n = 0;

    for (size_t i = 0; i < in->table_count; i++) {
        if (init_table_fits(&in->tables[i]))
            fit[n++] = in->tables[i];
    }
    if (n == 0)
        return;
    postgres_publication_sql(b, in->publication, fit, n);
    buf_text(b, b->n > 0 && b->p[b->n - 1] == ';' ? "\n" : ";\n");
}

static void put_grant(const struct init *in, const struct postgres_table *t, struct buf *b)
{
    buf_putf(b, "GRANT SELECT ON %s TO ", init_table_name(in, t));
    postgres_quote_ident(b, str_from(in->server.user));
    buf_text(b, ";   -- for the first copy\n");
}

static void put_sql(const struct init *in, struct buf *b)
{
    struct buf sql;

    buf_init(&sql, MIB);
    if (strcmp(in->server.wal_level, "logical") != 0)
        buf_text(&sql, "ALTER SYSTEM SET wal_level = logical;   -- then restart the server\n");
    if (!in->server.may_replicate) {
        buf_text(&sql, "ALTER ROLE ");
        postgres_quote_ident(&sql, str_from(in->server.user));
        buf_text(&sql, " REPLICATION;\n");
    }
    for (size_t i = 0; i < in->table_count; i++) {
        if (init_table_fits(&in->tables[i]) && !in->tables[i].may_select)
            put_grant(in, &in->tables[i], &sql);
    }
    if (!in->publication_exists)
        put_publication(in, &sql);
    if (sql.n > 0) {
        buf_text(b,
                 "-- PostgreSQL (the publication is made by `multisink run` if its user owns the "
                 "tables):\n");
        buf_str(b, buf_view(&sql));
    }
    buf_done(&sql);
}

static void put_cql(const struct init *in, struct buf *b)
{
    buf_text(b, "-- Cassandra (cqlsh):\n");
    sink_cassandra_ddl_keyspace(in->publication, b);
    buf_text(b, "\n");
    for (size_t i = 0; i < in->table_count; i++) {
        const struct relation *rel = in->tables[i].rel;

        if (!init_table_fits(&in->tables[i]))
            continue;
        sink_cassandra_ddl_create(rel, in->publication, arena_str(in->arena, rel->table).p, NULL, 0,
                                  b);
        buf_text(b, "\n");
    }
}

void init_put_setup(const struct init *in, struct buf *b)
{
    if (!in->connected)
        return;
    put_sql(in, b);
    if ((in->sinks & INIT_CASSANDRA) != 0 && in->table_count > 0)
        put_cql(in, b);
}
