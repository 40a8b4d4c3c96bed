/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
 * SELECT pg_current_snapshot()
 * DECLARE ... CURSOR FOR SELECT columns FROM [ONLY] table
 *   WHERE (k1, k2) > ('..', '..') AND (k1, k2) <= ('..', '..') AND filters ORDER BY k1, k2
 * FETCH ... until rows or bytes are enough
 *
 * ONLY as in snapshot.c. The user's filter is SQL and comes in by the extended protocol, which takes a
 * single statement; the transaction cannot write. Operators are looked for in pg_catalog alone, so a
 * key of a type from elsewhere, which might be ordered by its own operators, is refused.
 */
#include "postgres/chunk.h"

#include "base/limits.h"
#include "postgres/catalog.h"
#include "postgres/link.h"

enum { SQL_MAX = 4 * 1024 * 1024, FETCH_ROWS = 128 };

static const char *const no_params[1]; /* by the extended protocol, although there are none */

static bool refuse(const struct postgres_chunk_request *q, const char *why, struct error *err)
{
    return error_set(err, ERR_REJECT, E_SIGNAL, "cannot copy %.*s.%.*s while it is written: %s",
                     STR_ARG(q->schema), STR_ARG(q->table), why);
}

bool postgres_chunk_parse(struct str text, struct arena *a,
                          struct postgres_chunk_snapshot *ret_snapshot)
{
    struct postgres_chunk_snapshot s = { 0 };
    size_t colon = str_find(text, ':');
    uint64_t v = 0;
    uint32_t *running;

    if (colon >= text.n)
        return false;
    text = str_make(text.p + colon + 1, text.n - colon - 1);
    colon = str_find(text, ':');
    if (colon >= text.n || !str_to_u64(str_make(text.p, colon), &v))
        return false;
    s.xmax = (uint32_t)v;
    text = str_make(text.p + colon + 1, text.n - colon - 1);
    running = arena_zalloc(a, text.n / 2 + 1, sizeof *running);
    while (text.n > 0) {
        size_t end = str_find(text, ',');

        if (!str_to_u64(str_make(text.p, end), &v))
            return false;
        running[s.running_count++] = (uint32_t)v;
        end += end < text.n ? 1 : 0;
        text = str_make(text.p + end, text.n - end);
    }
    s.running = running;
    *ret_snapshot = s;
    return true;
}

bool postgres_chunk_begin(struct postgres_conn *sql, struct arena *a,
                          struct postgres_chunk_snapshot *ret_snapshot, struct error *err)
{
    struct postgres_result *r = NULL;
    bool ok;

    if (!postgres_exec(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) ||
        !postgres_query(sql, "SELECT pg_current_snapshot()::text", NULL, 0, &r, err))
        return false;
    ok = postgres_rows(r) == 1 && postgres_chunk_parse(postgres_text(r, 0, 0), a, ret_snapshot);
    postgres_result_free(r);
    if (!ok)
        return error_set(err, ERR_STOP, E_PG_QUERY, "cannot read the server's snapshot");
    return true;
}

void postgres_chunk_end(struct postgres_conn *sql)
{
    struct error ignored;

    if (!sql->broken && PQtransactionStatus(sql->pq) != PQTRANS_IDLE &&
        !postgres_exec(sql, "ROLLBACK", &ignored))
        sql->broken = true;
}

/* ---- the plan --------------------------------------------------------------------------------- */

static const struct postgres_published *find(const struct postgres_publication *pub,
                                             const struct postgres_chunk_request *q)
{
    for (size_t i = 0; i < pub->table_count; i++) {
        const struct postgres_published *p = &pub->tables[i];

        if (str_eq(p->schema, q->schema) && str_eq(p->table, q->table))
            return p;
    }
    return NULL;
}

/* The published columns of the table as it is now. */
static struct relation *publish(const struct postgres_table *table,
                                const struct postgres_published *p, struct arena *a)
{
    struct relation *rel = arena_alloc(a, sizeof *rel);
    struct column *columns = arena_zalloc(a, table->rel->column_count, sizeof *columns);
    uint32_t count = 0;

    for (uint32_t i = 0; i < table->rel->column_count; i++) {
        for (uint32_t j = 0; j < p->column_count; j++) {
            if (str_eq(table->rel->columns[i].name, p->columns[j])) {
                columns[count++] = table->rel->columns[i];
                break;
            }
        }
    }
    *rel = *table->rel;
    rel->columns = columns;
    rel->column_count = count;
    return rel;
}

/* Types of pg_catalog are named without a schema; enums and domains are ordered by its operators. */
static bool is_orderable(const struct column *c)
{
    return c->type_kind == 'e' || c->type_kind == 'd' ||
           str_find(c->type_name, '.') == c->type_name.n;
}

/* The surrogate first, then the primary key in its own order: a place that no two rows share. */
static bool plan_order(const struct relation *rel, const struct postgres_chunk_request *q,
                       struct arena *a, struct postgres_chunk_plan *plan, struct error *err)
{
    uint32_t *order = arena_zalloc(a, (size_t)rel->column_count + 1, sizeof *order);
    uint32_t keys = 0;
    uint32_t n = 0;

    if (q->surrogate.n > 0) {
        uint32_t at = relation_column(rel, q->surrogate);

        if (at == rel->column_count || !rel->columns[at].not_null)
            return refuse(q, "its surrogate key is no published column that is NOT NULL", err);
        order[n++] = at;
    }
    for (uint32_t place = 1; place <= rel->column_count; place++) {
        for (uint32_t i = 0; i < rel->column_count; i++) {
            if (rel->columns[i].primary_key && rel->columns[i].key_order == place) {
                order[n++] = i;
                keys++;
            }
        }
    }
    if (keys == 0)
        return refuse(q, "it has no primary key, or the key is not published", err);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_orderable(&rel->columns[order[i]]))
            return refuse(q, "its key has a type that is not PostgreSQL's own", err);
    }
    plan->order = order;
    plan->order_count = n;
    return true;
}

static void put_from(const struct relation *rel, const struct postgres_published *p,
                     const struct postgres_chunk_request *q, struct buf *b)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        postgres_quote_ident(b, rel->columns[i].name);
    }
    buf_text(b, p->partitioned ? " FROM " : " FROM ONLY ");
    postgres_quote_ident(b, rel->schema);
    buf_text(b, ".");
    postgres_quote_ident(b, rel->table);
    buf_text(b, " WHERE true");
    if (p->where.n > 0)
        buf_putf(b, " AND (%.*s)", STR_ARG(p->where));
    /* The line end closes a comment that the filter may end with. */
    if (q->filter.n > 0)
        buf_putf(b, " AND (%.*s\n)", STR_ARG(q->filter));
}

bool postgres_chunk_plan(struct postgres_conn *sql, const struct postgres_chunk_request *request,
                         struct arena *a, struct postgres_chunk_plan *ret_plan, struct error *err)
{
    struct postgres_chunk_plan plan = { 0 };
    const struct postgres_published *p;
    struct postgres_publication pub;
    struct postgres_table *table = NULL;
    struct relation *rel;
    struct buf b;

    if (!postgres_publication_look(sql, request->publication, a, &pub, err))
        return false;
    p = find(&pub, request);
    if (p == NULL)
        return refuse(request, "the publication does not name it any more", err);
    if (!postgres_table_by_oid(sql, p->oid, a, &table, err))
        return false;
    if (table == NULL || table->rel->column_count > LIMIT_PG_COLUMNS)
        return refuse(request, "it was dropped", err);
    rel = publish(table, p, a);
    if (!plan_order(rel, request, a, &plan, err))
        return false;
    buf_init(&b, SQL_MAX);
    put_from(rel, p, request, &b);
    plan.rel = rel;
    plan.from = arena_str(a, buf_view(&b));
    buf_done(&b);
    *ret_plan = plan;
    return true;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* What the server says to a statement with the user's own SQL in it may be the user's fault; that the
 * table changed meanwhile is as well none of ours. */
static bool run(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                const struct buf *text, struct postgres_result **ret_result, struct error *err)
{
    struct error cause = { 0 };

    if (!buf_ok(text))
        return error_set(err, ERR_REJECT, E_SIGNAL,
                         "cannot copy %.*s.%.*s: the statement is too long",
                         STR_ARG(plan->rel->schema), STR_ARG(plan->rel->table));
    if (postgres_query(sql, text->p, no_params, 0, ret_result, &cause))
        return true;
    /* One that takes longer than any statement may would hold up the capture again and again. */
    if (cause.kind == ERR_STOP || error_is(&cause, E_PG_TIMEOUT))
        return error_set(err, ERR_REJECT, E_SIGNAL, "cannot copy %.*s.%.*s while it is written: %s",
                         STR_ARG(plan->rel->schema), STR_ARG(plan->rel->table), cause.msg);
    *err = cause;
    return false;
}

/* "a", "b" with a word behind each */
static void put_columns(const struct postgres_chunk_plan *plan, const char *word, struct buf *b)
{
    for (uint32_t i = 0; i < plan->order_count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        postgres_quote_ident(b, plan->rel->columns[plan->order[i]].name);
        buf_text(b, word);
    }
}

/* AND ROW("a", "b") > ROW('1', 'x') */
static void put_bound(const struct postgres_chunk_plan *plan, const char *operator,
                      const struct str * place, struct buf *b)
{
    buf_text(b, " AND ROW(");
    put_columns(plan, "", b);
    buf_putf(b, ") %s ROW(", operator);
    for (uint32_t i = 0; i < plan->order_count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        postgres_quote_literal(b, place[i]);
    }
    buf_text(b, ")");
}

bool postgres_chunk_last(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                         struct arena *a, struct str *ret_place, bool *ret_found, struct error *err)
{
    struct postgres_result *r = NULL;
    struct buf b;
    bool ok;

    buf_init(&b, SQL_MAX);
    buf_text(&b, "SELECT ");
    put_columns(plan, "", &b);
    /* The columns of `from` are named once more: only the order decides what is read. */
    buf_text(&b, " FROM (SELECT ");
    buf_str(&b, plan->from);
    buf_text(&b, ") AS rows ORDER BY ");
    put_columns(plan, " DESC", &b);
    buf_text(&b, " LIMIT 1");
    (void)buf_cstr(&b);
    ok = run(sql, plan, &b, &r, err);
    buf_done(&b);
    if (!ok)
        return false;
    *ret_found = postgres_rows(r) > 0;
    for (uint32_t i = 0; *ret_found && i < plan->order_count; i++)
        ret_place[i] = arena_str(a, postgres_text(r, 0, (int)i));
    postgres_result_free(r);
    return true;
}

static bool declare(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                    const struct postgres_chunk_bounds *bounds, struct error *err)
{
    struct postgres_result *r = NULL;
    struct buf b;
    bool ok;

    buf_init(&b, SQL_MAX);
    buf_text(&b, "DECLARE chunk NO SCROLL CURSOR FOR SELECT ");
    buf_str(&b, plan->from);
    if (bounds->after != NULL)
        put_bound(plan, ">", bounds->after, &b);
    put_bound(plan, "<=", bounds->upto, &b);
    buf_text(&b, " ORDER BY ");
    put_columns(plan, "", &b);
    /* One more than wanted tells whether there are more. */
    buf_putf(&b, " LIMIT %u", bounds->rows_max + 1);
    (void)buf_cstr(&b);
    ok = run(sql, plan, &b, &r, err);
    buf_done(&b);
    postgres_result_free(r);
    return ok;
}

static const struct value *take_row(const struct postgres_result *r, int row, uint32_t count,
                                    struct arena *a)
{
    struct value *values = arena_zalloc(a, count, sizeof *values);

    for (uint32_t i = 0; i < count; i++) {
        struct str text = postgres_text(r, row, (int)i);

        if (text.p != NULL)
            values[i] = (struct value){ VALUE_TEXT, arena_str(a, text) };
    }
    return values;
}

static bool fetch(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                  struct postgres_result **ret_result, struct error *err)
{
    struct buf b;
    bool ok;

    buf_init(&b, 64);
    buf_putf(&b, "FETCH %d FROM chunk", FETCH_ROWS);
    (void)buf_cstr(&b);
    ok = run(sql, plan, &b, ret_result, err);
    buf_done(&b);
    return ok;
}

bool postgres_chunk_read(struct postgres_conn *sql, const struct postgres_chunk_plan *plan,
                         const struct postgres_chunk_bounds *bounds, struct arena *a,
                         const struct value *const **ret_rows, size_t *ret_count, bool *ret_end,
                         struct error *err)
{
    const struct value **rows = arena_alloc(
        a, bounds->rows_max * sizeof *rows); /* NOLINT(bugprone-sizeof-expression): pointers */
    size_t before = a->used;
    size_t count = 0;
    bool more = true; /* there may be rows that are not in `rows` */

    if (!declare(sql, plan, bounds, err))
        return false;
    while (more && count < bounds->rows_max && a->used - before < bounds->bytes_max) {
        struct postgres_result *r = NULL;
        int n;

        if (!fetch(sql, plan, &r, err))
            return false;
        n = postgres_rows(r);
        more = n == FETCH_ROWS;
        for (int i = 0; i < n; i++) {
            if (count == bounds->rows_max || a->used - before >= bounds->bytes_max) {
                more = true;
                break;
            }
            rows[count++] = take_row(r, i, plan->rel->column_count, a);
        }
        postgres_result_free(r);
    }
    *ret_rows = rows;
    *ret_count = count;
    *ret_end = !more;
    return true;
}
