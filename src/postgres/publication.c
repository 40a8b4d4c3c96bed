/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_publication_tables resolves FOR ALL TABLES, schemas and partitions to the tables as changes will
 * name them. From 15 on it also has the published columns and the row filter.
 */
#include "postgres/catalog.h"

#include "base/limits.h"

enum { HAS_FILTERS = 150000, STATEMENT_MAX = 1024 * 1024, TEXT_MAX = 4096 };

static const char flags_sql[] = "SELECT puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,"
                                " pubviaroot FROM pg_publication WHERE pubname = $1";

/* %s: the row filter */
static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind = 'p', rn.nspname, rc.relname, %s"
    " FROM pg_publication_tables pt"
    " JOIN pg_namespace n ON n.nspname = pt.schemaname"
    " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = pt.tablename"
    " JOIN pg_class rc ON rc.oid = coalesce(pg_partition_root(c.oid), c.oid)"
    " JOIN pg_namespace rn ON rn.oid = rc.relnamespace"
    " WHERE pt.pubname = $1 ORDER BY c.oid";

/* Per column: table, name, and how many columns that table could publish. Before 18 the view lists
 * generated columns too, which are not sent. */
static const char columns_sql[] =
    "SELECT c.oid, x.name, (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid"
    "  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')"
    " FROM pg_publication_tables pt"
    " JOIN pg_namespace n ON n.nspname = pt.schemaname"
    " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = pt.tablename,"
    " unnest(pt.attnames) WITH ORDINALITY AS x(name, place)"
    " JOIN pg_attribute g ON g.attname = x.name"
    " WHERE pt.pubname = $1 AND g.attrelid = c.oid"
    " AND (g.attgenerated = '' OR current_setting('server_version_num')::int >= 180000)"
    " ORDER BY c.oid, x.place";
static const char columns_14_sql[] =
    "SELECT c.oid, a.attname, 0"
    " FROM pg_publication_tables pt"
    " JOIN pg_namespace n ON n.nspname = pt.schemaname"
    " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = pt.tablename"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    "  AND a.attgenerated = ''"
    " WHERE pt.pubname = $1 ORDER BY c.oid, a.attnum";

static struct str keep(struct arena *a, const struct postgres_result *r, int row, int column)
{
    return arena_str(a, postgres_text(r, row, column));
}

static void fill_tables(const struct postgres_result *r, struct arena *a,
                        struct postgres_publication *p)
{
    p->table_count = (size_t)postgres_rows(r);
    p->tables = arena_zalloc(a, p->table_count, sizeof *p->tables);
    for (int i = 0; i < postgres_rows(r); i++) {
        p->tables[i] = (struct postgres_published){ .oid = (uint32_t)postgres_u64(r, i, 0),
                                                    .schema = keep(a, r, i, 1),
                                                    .table = keep(a, r, i, 2),
                                                    .partitioned = postgres_bool(r, i, 3),
                                                    .root_schema = keep(a, r, i, 4),
                                                    .root_table = keep(a, r, i, 5),
                                                    .where = keep(a, r, i, 6) };
    }
}

/* Both lists ascend by OID. */
static void fill_columns(const struct postgres_result *r, struct arena *a,
                         struct postgres_publication *p)
{
    struct str *names = arena_zalloc(a, (size_t)postgres_rows(r), sizeof *names);
    int i = 0;

    for (size_t t = 0; t < p->table_count; t++) {
        struct postgres_published *pt = &p->tables[t];

        while (i < postgres_rows(r) && postgres_u64(r, i, 0) < pt->oid)
            i++;
        pt->columns = &names[i];
        while (i < postgres_rows(r) && postgres_u64(r, i, 0) == pt->oid) {
            names[i] = keep(a, r, i, 1);
            pt->column_count++;
            pt->has_column_list = pt->column_count < postgres_u64(r, i, 2);
            i++;
        }
    }
}

static bool look_tables(struct postgres_conn *c, const char *name, struct arena *a,
                        struct postgres_publication *p, struct error *err)
{
    bool filters = postgres_version(c) >= HAS_FILTERS;
    struct postgres_result *r = NULL;
    struct buf sql;
    bool ok;

    buf_init(&sql, TEXT_MAX);
    buf_putf(&sql, tables_sql, filters ? "pt.rowfilter" : "NULL");
    ok = postgres_query(c, buf_cstr(&sql), &name, 1, &r, err);
    buf_done(&sql);
    if (!ok)
        return false;
    fill_tables(r, a, p);
    postgres_result_free(r);
    if (!postgres_query(c, filters ? columns_sql : columns_14_sql, &name, 1, &r, err))
        return false;
    fill_columns(r, a, p);
    postgres_result_free(r);
    return true;
}

bool postgres_publication_look(struct postgres_conn *c, const char *name, struct arena *a,
                               struct postgres_publication *ret_publication, struct error *err)
{
    struct postgres_publication p = { 0 };
    struct postgres_result *r = NULL;

    if (!postgres_query(c, flags_sql, &name, 1, &r, err))
        return error_wrap(err, "cannot look at publication \"%s\"", name);
    if (postgres_rows(r) > 0) {
        p.exists = true;
        p.all_tables = postgres_bool(r, 0, 0);
        p.insert = postgres_bool(r, 0, 1);
        p.update = postgres_bool(r, 0, 2);
        p.delete = postgres_bool(r, 0, 3);
        p.truncate = postgres_bool(r, 0, 4);
        p.via_root = postgres_bool(r, 0, 5);
    }
    postgres_result_free(r);
    if (p.exists && !look_tables(c, name, a, &p, err))
        return error_wrap(err, "cannot look at publication \"%s\"", name);
    *ret_publication = p;
    return true;
}

static bool publishes(const struct postgres_publication *p, const struct relation *rel)
{
    for (size_t i = 0; i < p->table_count; i++) {
        const struct postgres_published *pt = &p->tables[i];

        if (pt->oid == rel->oid ||
            (str_eq(pt->root_schema, rel->schema) && str_eq(pt->root_table, rel->table)))
            return true;
    }
    return false;
}

static void put_table(struct buf *b, const struct relation *rel)
{
    postgres_quote_ident(b, rel->schema);
    buf_text(b, ".");
    postgres_quote_ident(b, rel->table);
}

bool postgres_publication_judge(const struct postgres_publication *p, const char *name,
                                const struct postgres_table *tables, size_t count,
                                struct error *err)
{
    struct buf missing;
    bool ok = true;

    if (!p->exists)
        return error_set(err, ERR_STOP, E_PUBLICATION_MISSING, "publication \"%s\" does not exist",
                         name);
    buf_init(&missing, STATEMENT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (publishes(p, tables[i].rel))
            continue;
        if (missing.n > 0)
            buf_text(&missing, ", ");
        put_table(&missing, tables[i].rel);
    }
    if (missing.n > 0) {
        ok =
            error_set(err, ERR_STOP, E_PUBLICATION_TABLE,
                      "publication \"%s\" lacks tables; run: ALTER PUBLICATION \"%s\" ADD TABLE %s",
                      name, name, buf_cstr(&missing));
    }
    buf_done(&missing);
    return ok;
}

void postgres_publication_sql(struct buf *b, const char *name, const struct postgres_table *tables,
                              size_t count)
{
    buf_text(b, "CREATE PUBLICATION ");
    postgres_quote_ident(b, str_from(name));
    for (size_t i = 0; i < count; i++) {
        buf_text(b, i == 0 ? " FOR TABLE " : ", ");
        put_table(b, tables[i].rel);
    }
    buf_text(b, " WITH (publish_via_partition_root = true)");
}

static bool all_have_identity(const char *name, const struct postgres_table *tables, size_t count,
                              struct error *err)
{
    struct buf without;
    bool ok = true;

    buf_init(&without, STATEMENT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (tables[i].has_identity)
            continue;
        if (without.n > 0)
            buf_text(&without, ", ");
        put_table(&without, tables[i].rel);
    }
    if (without.n > 0) {
        ok = error_set(
            err, ERR_STOP, E_TABLE_NO_IDENTITY,
            "cannot publish in \"%s\" without breaking the application's UPDATE and DELETE: "
            "no primary key or replica identity on %s",
            name, buf_cstr(&without));
    }
    buf_done(&without);
    return ok;
}

bool postgres_publication_create(struct postgres_conn *c, const char *name,
                                 const struct postgres_table *tables, size_t count,
                                 struct error *err)
{
    struct buf sql;
    bool ok;

    if (!all_have_identity(name, tables, count, err))
        return false;
    buf_init(&sql, STATEMENT_MAX);
    postgres_publication_sql(&sql, name, tables, count);
    if (!buf_ok(&sql)) {
        ok = error_set(
            err, ERR_STOP, E_SYS_LIMIT,
            "cannot create publication \"%s\": the list of tables is longer than %d bytes", name,
            (int)STATEMENT_MAX);
    } else {
        ok = postgres_exec(c, buf_cstr(&sql), err) ||
             error_wrap(err, "cannot create publication \"%s\"", name);
    }
    buf_done(&sql);
    return ok;
}
