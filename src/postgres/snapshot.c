/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY (SELECT columns FROM [ONLY] table [WHERE filter]) TO STDOUT, text format: the same text forms that
 * the stream sends. ONLY, because an inheritance child has rows and changes of its own; a
 * partitioned table has none and is read with its partitions.
 *
 * What is copied is decided inside the snapshot's transaction, so that publication and columns are
 * those of the same moment as the rows.
 */
#include "postgres/snapshot.h"

#include "base/limits.h"
#include "base/mem.h"
#include "postgres/columns.h"
#include "postgres/copytext.h"
#include "postgres/link.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

enum { SILENCE_MS = 60000, SQL_MAX = 1024 * 1024 };

struct part {
    const struct relation *rel;
    const struct postgres_published *published; /* in the arena */
    size_t place; /* of the name that asks for it, among those given */
    int64_t row_estimate;
};

struct postgres_snapshot {
    struct postgres_conn *c; /* borrowed */
    struct arena arena;
    struct part *parts;
    size_t count;
    struct value *row; /* LIMIT_PG_COLUMNS values, for the row being copied */
};

static bool begin(struct postgres_conn *c, const char *snapshot, struct error *err)
{
    struct buf sql;
    bool ok;

    if (!postgres_exec(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err))
        return false;
    buf_init(&sql, 1024);
    buf_text(&sql, "SET TRANSACTION SNAPSHOT ");
    postgres_quote_literal(&sql, str_from(snapshot));
    ok = postgres_exec(c, buf_cstr(&sql), err);
    buf_done(&sql);
    /* 22023 invalid identifier, 42704 no such snapshot: both mean that its owner is gone. */
    if (!ok && (strcmp(c->sqlstate, "22023") == 0 || strcmp(c->sqlstate, "42704") == 0)) {
        return error_set(
            err, ERR_RETRY, E_SNAPSHOT_GONE,
            "cannot copy: the snapshot \"%s\" is gone, the connection that held it broke",
            snapshot);
    }
    return ok;
}

/* The published columns, in the message's order, out of all columns of the table. */
static uint32_t pick_columns(const struct postgres_published *pt,
                             const struct postgres_columns *now, struct column *columns)
{
    uint32_t count = 0;

    for (uint32_t i = 0; now != NULL && i < now->count; i++) {
        for (uint32_t j = 0; j < pt->column_count; j++) {
            if (str_eq(now->items[i].column.name, pt->columns[j])) {
                columns[count++] = now->items[i].column;
                break;
            }
        }
    }
    return count;
}

static bool add_part(struct postgres_snapshot *s, const struct postgres_published *pt,
                     struct postgres_relations *relations, struct error *err)
{
    struct part *part = &s->parts[s->count];
    struct postgres_table *table = NULL;
    struct postgres_columns *now = NULL;
    size_t table_count = 0;
    struct column *columns;
    struct relation rel;

    if (!postgres_table_by_oid(s->c, pt->oid, &s->arena, &table, err) ||
        !postgres_columns_look(s->c, &pt->oid, 1, &s->arena, &now, &table_count, err))
        return false;
    if (table == NULL || table_count == 0 || now->count > LIMIT_PG_COLUMNS)
        return error_set(err, ERR_RETRY, E_TABLE_MISSING,
                         "cannot copy %.*s.%.*s: it was dropped meanwhile", STR_ARG(pt->schema),
                         STR_ARG(pt->table));
    columns = arena_zalloc(&s->arena, now->count, sizeof *columns);
    rel = *table->rel;
    rel.columns = columns;
    rel.column_count = pick_columns(pt, now, columns);
    if (!postgres_relations_adopt(relations, &rel, &part->rel, err))
        return false;
    part->published = pt;
    part->row_estimate = table->row_estimate;
    s->count++;
    return true;
}

/* The place of the name that asks for the table, or for its root; `count`: there is none. */
static size_t place_of(const struct postgres_published *pt, const char *const *tables, size_t count,
                       struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        struct str schema;
        struct str table;

        if (postgres_name_split(tables[i], a, &schema, &table) &&
            ((str_eq(schema, pt->schema) && str_eq(table, pt->table)) ||
             (str_eq(schema, pt->root_schema) && str_eq(table, pt->root_table))))
            return i;
    }
    return count;
}

/* As the tables were listed, the partitions of one by their names; all by their names when none are. */
static int part_cmp(const void *a, const void *b)
{
    const struct part *left = a;
    const struct part *right = b;
    int schemas;

    if (left->place != right->place)
        return left->place < right->place ? -1 : 1;
    schemas = str_cmp(left->published->schema, right->published->schema);
    return schemas != 0 ? schemas : str_cmp(left->published->table, right->published->table);
}

static bool plan(struct postgres_snapshot *s, const char *publication, const char *const *tables,
                 size_t count, struct postgres_relations *relations, struct error *err)
{
    struct postgres_publication p;

    if (!postgres_publication_look(s->c, publication, &s->arena, &p, err))
        return false;
    if (!p.exists)
        return error_set(err, ERR_STOP, E_PUBLICATION_MISSING, "publication \"%s\" does not exist",
                         publication);
    s->parts = arena_zalloc(&s->arena, p.table_count, sizeof *s->parts);
    for (size_t i = 0; i < p.table_count; i++) {
        size_t place = place_of(&p.tables[i], tables, count, &s->arena);

        if (count > 0 && place == count)
            continue;
        if (!add_part(s, &p.tables[i], relations, err))
            return false;
        s->parts[s->count - 1].place = place;
    }
    qsort(s->parts, s->count, sizeof *s->parts, part_cmp);
    return true;
}

bool postgres_snapshot_open(struct postgres_conn *sql, const char *snapshot,
                            const char *publication, const char *const *tables, size_t count,
                            struct postgres_relations *relations,
                            struct postgres_snapshot **ret_snapshot, struct error *err)
{
    struct postgres_snapshot *s = mem_zalloc(1, sizeof *s);

    s->c = sql;
    arena_init(&s->arena, LIMIT_ARENA);
    s->row = mem_zalloc(LIMIT_PG_COLUMNS, sizeof *s->row);
    if (!begin(sql, snapshot, err) || !plan(s, publication, tables, count, relations, err)) {
        postgres_snapshot_close(s);
        return false;
    }
    *ret_snapshot = s;
    return true;
}

size_t postgres_snapshot_count(const struct postgres_snapshot *s)
{
    return s->count;
}

struct postgres_snapshot_table postgres_snapshot_table(const struct postgres_snapshot *s,
                                                       size_t index)
{
    assert(index < s->count);
    return (struct postgres_snapshot_table){ s->parts[index].rel, s->parts[index].row_estimate };
}

static void copy_sql(struct buf *b, const struct part *part)
{
    const struct relation *rel = part->rel;

    buf_text(b, "COPY (SELECT ");
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        postgres_quote_ident(b, rel->columns[i].name);
    }
    buf_text(b, part->published->partitioned ? " FROM " : " FROM ONLY ");
    postgres_quote_ident(b, rel->schema);
    buf_text(b, ".");
    postgres_quote_ident(b, rel->table);
    if (part->published->where.n > 0) {
        buf_text(b, " WHERE ");
        buf_str(b, part->published->where);
    }
    buf_text(b, ") TO STDOUT");
}

/* The next line, waiting for it. *ret_n 0: the copy is complete. *ret_line is libpq's to free. */
static bool next_line(struct postgres_conn *c, char **ret_line, int *ret_n, struct error *err)
{
    int64_t deadline_us = 0;
    int n;

    while ((n = PQgetCopyData(c->pq, ret_line, 1)) == 0) {
        if (deadline_us == 0)
            deadline_us = postgres_link_deadline(c, SILENCE_MS);
        if (!postgres_link_wait(c, POLLIN, deadline_us, err))
            return false;
        if (PQconsumeInput(c->pq) == 0)
            return postgres_link_lost(c, "the copy broke", err);
    }
    *ret_n = n;
    if (n >= 0)
        return true;
    *ret_n = 0;
    if (n < -1)
        return postgres_link_lost(c, "the copy broke", err);
    return true;
}

static bool copy_rows(struct postgres_snapshot *s, const struct relation *rel,
                      postgres_snapshot_row *row, void *ctx, struct error *err)
{
    char *line = NULL;
    bool ok;
    int n = 0;

    for (;;) {
        if (!next_line(s->c, &line, &n, err))
            return false;
        if (n == 0)
            return true;
        if ((size_t)n > LIMIT_PG_MESSAGE)
            ok = error_set(err, ERR_STOP, E_PG_LARGE,
                           "cannot take a row of %d bytes: the limit is %zu", n, LIMIT_PG_MESSAGE);
        else
            ok = postgres_copytext(line, (size_t)n, rel->column_count, s->row, err) &&
                 row(ctx, rel, s->row, err);
        PQfreemem(line);
        if (!ok)
            return false;
    }
}

bool postgres_snapshot_copy(struct postgres_snapshot *s, size_t index, postgres_snapshot_row *row,
                            void *ctx, struct error *err)
{
    struct postgres_conn *c = s->c;
    const struct part *part = &s->parts[index];
    int64_t deadline_us = postgres_link_deadline(c, SILENCE_MS);
    PGresult *r = NULL;
    struct buf sql;
    bool ok;

    assert(index < s->count);
    buf_init(&sql, SQL_MAX);
    copy_sql(&sql, part);
    ok = buf_ok(&sql) ? postgres_link_run(c, buf_cstr(&sql), NULL, 0, deadline_us, &r, err)
                      : error_set(err, ERR_STOP, E_SYS_LIMIT, "the COPY statement is too long");
    buf_done(&sql);
    PQclear(r);
    if (ok && !copy_rows(s, part->rel, row, ctx, err)) {
        /* The server is still sending. Whoever ends a copy half-way ends the connection. */
        (void)postgres_link_cancel(c);
        c->broken = true;
        ok = false;
    } else if (ok) {
        r = NULL;
        ok = postgres_link_collect(c, postgres_link_deadline(c, SILENCE_MS), &r, err);
        PQclear(r);
    }
    if (ok)
        return true;
    if (err->kind == ERR_CANCEL)
        return false;
    return error_wrap(err, "cannot copy %.*s.%.*s", STR_ARG(part->rel->schema),
                      STR_ARG(part->rel->table));
}

void postgres_snapshot_close(struct postgres_snapshot *s)
{
    struct error ignored;

    if (s == NULL)
        return;
    /* Read only: there is nothing that a failure could lose. */
    if (!s->c->broken && PQtransactionStatus(s->c->pq) != PQTRANS_IDLE &&
        !postgres_exec(s->c, "ROLLBACK", &ignored))
        s->c->broken = true;
    arena_done(&s->arena);
    free(s->row);
    free(s);
}
