/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity flag is the one that pgoutput sends: key columns of the replica identity index, which
 * is the primary key unless another was chosen; all columns with FULL. A deferrable index cannot be
 * one. An array type is known by its subscript handler; typelem alone also stands on name and point.
 */
#include "postgres/columns.h"

#include "base/limits.h"

/* What the type says, of `t`: with TYPE_JOINS. Labels of an enum, or of the enum below an array or a
 * domain. A domain's type is the one below all its domains; only the innermost of them can have a
 * modifier (getBaseTypeAndTypmod). */
#define TYPE_COLUMNS                                                                               \
    " coalesce(e.oid, 0), t.typtype, e.typtype, d.base, d.mod,"                                    \
    " CASE WHEN 'e' IN (t.typtype, e.typtype, d.kind) THEN"                                        \
    "  (SELECT string_agg(v.enumlabel, ',' ORDER BY v.enumsortorder) FROM pg_enum v"               \
    "   WHERE v.enumtypid = coalesce(e.oid, d.base, t.oid)) END"
#define TYPE_JOINS                                                                                 \
    " LEFT JOIN pg_type e ON e.oid = t.typelem"                                                    \
    "  AND t.typsubscript = 'array_subscript_handler'::regproc"                                    \
    " LEFT JOIN LATERAL (WITH RECURSIVE below(base, mod) AS ("                                     \
    "   SELECT t.typbasetype, t.typtypmod WHERE t.typtype = 'd'"                                   \
    "   UNION ALL SELECT b.typbasetype, b.typtypmod FROM below JOIN pg_type b"                     \
    "   ON b.oid = below.base WHERE b.typtype = 'd')"                                              \
    "  SELECT below.base, below.mod, b.typtype FROM below JOIN pg_type b ON b.oid = below.base"    \
    "  WHERE b.typtype <> 'd') AS d(base, mod, kind) ON true"

/* The primary key, or what stands in for one that is missing: the unique index that is first by name. */
#define KEY_JOIN                                                                                   \
    " LEFT JOIN LATERAL (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS indkey, i.indisprimary" \
    "  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"                                    \
    "  WHERE i.indrelid = c.oid AND i.indisunique AND i.indexprs IS NULL"                          \
    "  ORDER BY i.indisprimary DESC, x.relname LIMIT 1) k ON true"

static const char look_sql[] =
    "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod)," TYPE_COLUMNS
    ","
    " c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid"
    "  AND i.indisvalid AND i.indimmediate"
    "  AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident"
    "      ELSE false END"
    "  AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])),"
    " array_position(k.indkey, a.attnum), k.indisprimary,"
    " a.attnotnull OR t.typtype = 'd' AND t.typnotnull, a.attgenerated <> '',"
    " CASE WHEN a.attgenerated = '' THEN pg_get_expr(f.adbin, f.adrelid) END"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum" KEY_JOIN TYPE_JOINS
    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attrelid, a.attnum";

static const char types_sql[] =
    "SELECT w.place, format_type(w.type, w.mod)," TYPE_COLUMNS
    " FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS w(type, mod, place)"
    " JOIN pg_type t ON t.oid = w.type" TYPE_JOINS;

static void put_oids(struct buf *b, const uint32_t *oids, size_t count)
{
    buf_u8(b, '{');
    for (size_t i = 0; i < count; i++)
        buf_putf(b, "%s%u", i > 0 ? "," : "", oids[i]);
    buf_u8(b, '}');
}

static char letter(const struct postgres_result *r, int row, int column, char otherwise)
{
    struct str s = postgres_text(r, row, column);

    if (s.n == 0)
        return otherwise;
    return s.p[0];
}

/* What is too long to be kept is left out: half of it would be something else. */
static struct str bounded(const struct postgres_result *r, int row, int column, size_t max,
                          struct arena *a)
{
    struct str s = postgres_text(r, row, column);

    return s.n > 0 && s.n <= max ? arena_str(a, s) : STR_NONE;
}

static void fill_type(const struct postgres_result *r, int row, int first, struct arena *a,
                      struct column *c)
{
    c->type_name = arena_str(a, postgres_text(r, row, first));
    c->element_oid = (uint32_t)postgres_u64(r, row, first + 1);
    c->type_kind = letter(r, row, first + 2, 'b');
    c->element_kind = letter(r, row, first + 3, '\0');
    c->base_oid = (uint32_t)postgres_u64(r, row, first + 4);
    c->base_typmod = (int32_t)postgres_i64(r, row, first + 5);
    c->labels = bounded(r, row, first + 6, LIMIT_PG_LABELS, a);
}

static void fill_column(const struct postgres_result *r, int row, struct arena *a,
                        struct postgres_column *c)
{
    c->column.name = arena_str(a, postgres_text(r, row, 1));
    c->column.type_oid = (uint32_t)postgres_u64(r, row, 2);
    c->column.typmod = (int32_t)postgres_i64(r, row, 3);
    fill_type(r, row, 4, a, &c->column);
    c->column.identity = postgres_bool(r, row, 11);
    c->column.key_order = (uint16_t)postgres_u64(r, row, 12);
    c->column.primary_key = c->column.key_order != 0 && postgres_bool(r, row, 13);
    c->column.not_null = postgres_bool(r, row, 14);
    c->generated = postgres_bool(r, row, 15);
    c->column.default_text = bounded(r, row, 16, LIMIT_PG_DEFAULT, a);
}

static size_t fill(const struct postgres_result *r, struct arena *a,
                   struct postgres_columns *tables)
{
    struct postgres_column *items = arena_zalloc(a, (size_t)postgres_rows(r), sizeof *items);
    size_t count = 0;

    for (int i = 0; i < postgres_rows(r); i++) {
        uint32_t oid = (uint32_t)postgres_u64(r, i, 0);

        if (count == 0 || tables[count - 1].oid != oid)
            tables[count++] = (struct postgres_columns){ oid, &items[i], 0 };
        fill_column(r, i, a, &items[i]);
        tables[count - 1].count++;
    }
    return count;
}

bool postgres_columns_look(struct postgres_conn *c, const uint32_t *oids, size_t oid_count,
                           struct arena *a, struct postgres_columns **ret_tables, size_t *ret_count,
                           struct error *err)
{
    struct postgres_result *r = NULL;
    const char *param;
    struct buf list;
    bool ok;

    buf_init(&list, 12 * (oid_count + 1));
    put_oids(&list, oids, oid_count);
    param = buf_cstr(&list);
    ok = postgres_query(c, look_sql, &param, 1, &r, err);
    buf_done(&list);
    if (!ok)
        return error_wrap(err, "cannot look at the tables' columns");
    *ret_tables = arena_zalloc(a, oid_count, sizeof **ret_tables);
    *ret_count = fill(r, a, *ret_tables);
    postgres_result_free(r);
    return true;
}

const struct postgres_columns *postgres_columns_of(const struct postgres_columns *tables,
                                                   size_t count, uint32_t oid)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tables[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && tables[low].oid == oid ? &tables[low] : NULL;
}

bool postgres_columns_types(struct postgres_conn *c, struct column *columns, uint32_t count,
                            struct arena *a, struct error *err)
{
    struct postgres_result *r = NULL;
    const char *params[2];
    struct buf oids;
    struct buf mods;
    bool ok;

    buf_init(&oids, 12 * ((size_t)count + 1));
    buf_init(&mods, 13 * ((size_t)count + 1));
    for (uint32_t i = 0; i < count; i++) {
        buf_putf(&oids, "%c%u", i > 0 ? ',' : '{', columns[i].type_oid);
        buf_putf(&mods, "%c%d", i > 0 ? ',' : '{', columns[i].typmod);
    }
    buf_text(&oids, count > 0 ? "}" : "{}");
    buf_text(&mods, count > 0 ? "}" : "{}");
    params[0] = buf_cstr(&oids);
    params[1] = buf_cstr(&mods);
    ok = postgres_query(c, types_sql, params, 2, &r, err);
    buf_done(&oids);
    buf_done(&mods);
    if (!ok)
        return error_wrap(err, "cannot look at types");
    for (int i = 0; i < postgres_rows(r); i++) {
        uint64_t place = postgres_u64(r, i, 0);

        if (place >= 1 && place <= count)
            fill_type(r, i, 1, a, &columns[place - 1]);
    }
    postgres_result_free(r);
    return true;
}
