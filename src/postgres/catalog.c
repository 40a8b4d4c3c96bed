/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names reach the server only as parameters and are compared with =, so no wildcard and no quoting can
 * change what is meant. The name a user gave is looked for exactly; when it is not there, the
 * nearest of all names is offered.
 */
#include "postgres/catalog.h"

#include "base/limits.h"
#include "postgres/columns.h"

enum { SQL_MAX = 8192, TEXT_MAX = 240, NEAR_MAX = 5 };

/* has_identity as PostgreSQL's CheckCmdReplicaIdentity judges it. reltuples is -1 before ANALYZE. */
static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,"
    " c.relispartition,"
    " c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid"
    "  AND i.indisvalid AND i.indimmediate"
    "  AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident"
    "      ELSE false END),"
    " has_table_privilege(c.oid, 'SELECT'),"
    " CASE WHEN c.relkind = 'p' THEN coalesce((SELECT sum(l.reltuples) FROM"
    "   pg_partition_tree(c.oid) p JOIN pg_class l ON l.oid = p.relid"
    "   WHERE p.isleaf AND l.reltuples >= 0), -1)::bigint ELSE c.reltuples::bigint END,"
    " CASE WHEN c.relkind = 'p' THEN coalesce((SELECT sum(pg_table_size(p.relid)) FROM"
    "   pg_partition_tree(c.oid) p WHERE p.isleaf), 0)::bigint"
    "  WHEN c.relkind = 'r' THEN pg_table_size(c.oid) ELSE 0 END"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ";

static const char by_name_sql[] = "n.nspname = $1 AND c.relname = $2 AND c.relkind <> 'i'"
                                  " AND c.relkind <> 'I' AND c.relkind <> 'c'";
static const char by_oid_sql[] = "c.oid = $1";
static const char all_sql[] =
    "c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " ORDER BY n.nspname, c.relname";

static const char names_sql[] =
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/* What a row of tables_sql says beside the table itself. */
struct found {
    struct postgres_table table;
    struct relation *rel; /* table.rel, while it is filled */
    char persistence;
};

static char letter(const struct postgres_result *r, int row, int column)
{
    struct str s = postgres_text(r, row, column);

    if (s.n == 0)
        return '\0';
    return s.p[0];
}

static void fill_table(const struct postgres_result *r, int row, struct arena *a, struct found *f)
{
    f->rel = arena_zalloc(a, 1, sizeof *f->rel);
    f->rel->oid = (uint32_t)postgres_u64(r, row, 0);
    f->rel->schema = arena_str(a, postgres_text(r, row, 1));
    f->rel->table = arena_str(a, postgres_text(r, row, 2));
    f->rel->identity = (enum relation_identity)letter(r, row, 5);
    f->persistence = letter(r, row, 4);
    f->table = (struct postgres_table){ .rel = f->rel,
                                        .kind = letter(r, row, 3),
                                        .is_partition = postgres_bool(r, row, 6),
                                        .has_identity = postgres_bool(r, row, 7),
                                        .may_select = postgres_bool(r, row, 8),
                                        .row_estimate = postgres_i64(r, row, 9),
                                        .bytes = postgres_i64(r, row, 10) };
}

static void take_columns(const struct postgres_columns *now, struct arena *a, struct found *f)
{
    struct column *columns = arena_zalloc(a, now->count, sizeof *columns);
    uint32_t count = 0;

    for (uint32_t i = 0; i < now->count; i++) {
        if (now->items[i].generated)
            f->table.generated_columns++;
        else
            columns[count++] = now->items[i].column;
    }
    f->rel->columns = columns;
    f->rel->column_count = count;
}

static bool fill_columns(struct postgres_conn *c, struct found *tables, size_t count,
                         struct arena *a, struct error *err)
{
    uint32_t *oids = arena_zalloc(a, count, sizeof *oids);
    struct postgres_columns *columns = NULL;
    size_t column_count = 0;

    for (size_t i = 0; i < count; i++)
        oids[i] = tables[i].rel->oid;
    if (!postgres_columns_look(c, oids, count, a, &columns, &column_count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct postgres_columns *now = postgres_columns_of(columns, column_count, oids[i]);

        if (now != NULL)
            take_columns(now, a, &tables[i]);
    }
    return true;
}

/* The rows that `where` picks, without their columns. */
static bool look(struct postgres_conn *c, const char *where, const char *const *params, int n,
                 struct arena *a, struct found **ret_found, size_t *ret_count, struct error *err)
{
    struct postgres_result *r = NULL;
    struct buf sql;
    bool ok;

    buf_init(&sql, SQL_MAX);
    buf_text(&sql, tables_sql);
    buf_text(&sql, where);
    ok = postgres_query(c, buf_cstr(&sql), params, n, &r, err);
    buf_done(&sql);
    if (!ok)
        return error_wrap(err, "cannot look at the tables");
    *ret_count = (size_t)postgres_rows(r);
    *ret_found = arena_zalloc(a, *ret_count, sizeof **ret_found);
    for (size_t i = 0; i < *ret_count; i++)
        fill_table(r, (int)i, a, &(*ret_found)[i]);
    postgres_result_free(r);
    return true;
}

static struct postgres_table *strip(const struct found *found, size_t count, struct arena *a)
{
    struct postgres_table *tables = arena_zalloc(a, count, sizeof *tables);

    for (size_t i = 0; i < count; i++)
        tables[i] = found[i].table;
    return tables;
}

bool postgres_tables_list(struct postgres_conn *c, struct arena *a,
                          struct postgres_table **ret_tables, size_t *ret_count, struct error *err)
{
    struct found *found = NULL;
    size_t count = 0;

    if (!look(c, all_sql, NULL, 0, a, &found, &count, err) ||
        !fill_columns(c, found, count, a, err))
        return false;
    *ret_tables = strip(found, count, a);
    *ret_count = count;
    return true;
}

bool postgres_table_by_oid(struct postgres_conn *c, uint32_t oid, struct arena *a,
                           struct postgres_table **ret_table, struct error *err)
{
    const char *param = arena_printf(a, "%u", oid);
    struct found *found = NULL;
    size_t count = 0;

    if (!look(c, by_oid_sql, &param, 1, a, &found, &count, err) ||
        !fill_columns(c, found, count, a, err))
        return false;
    *ret_table = count > 0 ? strip(found, 1, a) : NULL;
    return true;
}

/* The faults of all names, in one text. */
struct faults {
    struct buf text;
    enum error_code code; /* of the first */
};

static void fault(struct faults *f, enum error_code code)
{
    if (f->code == E_NONE)
        f->code = code;
    else
        buf_text(&f->text, "; ");
}

static void fault_missing(struct postgres_conn *c, struct str schema, struct str table,
                          struct faults *f)
{
    struct postgres_result *r = NULL;
    struct error ignored;
    unsigned best = NEAR_MAX;
    int at = -1;

    fault(f, E_TABLE_MISSING);
    buf_putf(&f->text, "%.*s.%.*s does not exist", STR_ARG(schema), STR_ARG(table));
    /* The offer is an extra: if it cannot be had, the fault stands without it. */
    if (!postgres_query(c, names_sql, NULL, 0, &r, &ignored))
        return;
    for (int i = 0; i < postgres_rows(r); i++) {
        unsigned d = 2 * str_distance(schema, postgres_text(r, i, 0)) +
                     str_distance(table, postgres_text(r, i, 1));

        if (d < best) {
            best = d;
            at = i;
        }
    }
    if (at >= 0)
        buf_putf(&f->text, ", did you mean %.*s.%.*s?", STR_ARG(postgres_text(r, at, 0)),
                 STR_ARG(postgres_text(r, at, 1)));
    postgres_result_free(r);
}

static const char *kind_name(const struct found *f)
{
    switch (f->table.kind) {
    case 'r':
    case 'p':
        return f->persistence == 'u' ? "an unlogged table" : "a temporary table";
    case 'v':
        return "a view";
    case 'm':
        return "a materialized view";
    case 'f':
        return "a foreign table";
    case 'S':
        return "a sequence";
    default:
        return "not a table";
    }
}

static bool is_capturable(const struct found *f)
{
    return (f->table.kind == 'r' || f->table.kind == 'p') && f->persistence == 'p';
}

static bool find_one(struct postgres_conn *c, const char *name, struct arena *a,
                     struct found *ret_found, struct faults *faults, struct error *err)
{
    struct found *found = NULL;
    const char *params[2];
    struct str schema;
    struct str table;
    size_t count = 0;

    if (!postgres_name_split(name, a, &schema, &table)) {
        fault(faults, E_TABLE_MISSING);
        buf_putf(&faults->text, "\"%.60s\" is not of the form schema.table", name);
        return true;
    }
    params[0] = schema.p;
    params[1] = table.p;
    if (!look(c, by_name_sql, params, 2, a, &found, &count, err))
        return false;
    if (count == 0) {
        fault_missing(c, schema, table, faults);
    } else if (!is_capturable(found)) {
        fault(faults, E_TABLE_KIND);
        buf_putf(&faults->text, "%.*s.%.*s is %s", STR_ARG(schema), STR_ARG(table),
                 kind_name(found));
    } else {
        *ret_found = *found;
    }
    return true;
}

bool postgres_tables_find(struct postgres_conn *c, const char *const *names, size_t count,
                          struct arena *a, struct postgres_table **ret_tables, struct error *err)
{
    struct found *found = arena_zalloc(a, count, sizeof *found);
    struct faults faults = { .code = E_NONE };
    bool ok = true;

    buf_init(&faults.text, TEXT_MAX * (count + 1) + count * 4 * LIMIT_PG_NAME);
    for (size_t i = 0; i < count && ok; i++)
        ok = find_one(c, names[i], a, &found[i], &faults, err);
    if (ok && faults.code != E_NONE)
        ok = error_set(err, ERR_STOP, faults.code, "cannot capture: %s", buf_cstr(&faults.text));
    buf_done(&faults.text);
    if (!ok || !fill_columns(c, found, count, a, err))
        return false;
    *ret_tables = strip(found, count, a);
    return true;
}
