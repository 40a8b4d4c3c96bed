/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/reread.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SQL_MAX = 1024 * 1024 };

/* By the primary key if there is one, else by the replica identity. FULL is no key: with it the old row
 * carries the value. */
static bool is_key(const struct relation *rel, bool by_primary, uint32_t i)
{
    return by_primary ? rel->columns[i].primary_key
                      : rel->columns[i].identity && rel->identity != RELATION_IDENTITY_FULL;
}

static bool has_unchanged(const struct relation *rel, const struct value *row)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (row[i].kind == VALUE_UNCHANGED)
            return true;
    }
    return false;
}

/* SELECT "a" FROM "s"."t" WHERE "k" = $1; gives the number of parameters, 0 when there is no key. */
static int build(const struct relation *rel, const struct value *row, struct arena *a,
                 struct buf *b, const char **params)
{
    bool by_primary = relation_has_primary_key(rel);
    const char *separator = "SELECT ";
    int n = 0;

    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (row[i].kind == VALUE_UNCHANGED) {
            buf_text(b, separator);
            postgres_quote_ident(b, rel->columns[i].name);
            separator = ", ";
        }
    }
    buf_text(b, " FROM ");
    postgres_quote_ident(b, rel->schema);
    buf_text(b, ".");
    postgres_quote_ident(b, rel->table);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (!is_key(rel, by_primary, i))
            continue;
        if (row[i].kind != VALUE_TEXT)
            return 0;
        params[n++] = arena_str(a, row[i].text).p;
        buf_text(b, n == 1 ? " WHERE " : " AND ");
        postgres_quote_ident(b, rel->columns[i].name);
        buf_putf(b, " = $%d", n);
    }
    return n;
}

static void take(const struct postgres_result *r, const struct relation *rel, struct value *row,
                 struct arena *a)
{
    int column = 0;

    for (uint32_t i = 0; i < rel->column_count; i++) {
        struct str text;

        if (row[i].kind != VALUE_UNCHANGED)
            continue;
        text = postgres_text(r, 0, column++);
        row[i] = text.p == NULL ? (struct value){ VALUE_NULL, STR_NONE }
                                : (struct value){ VALUE_TEXT, arena_str(a, text) };
    }
}

/* What does not pass by itself means that the table is no longer as the change knew it. */
static bool refused(const struct relation *rel, struct error *err)
{
    struct error cause = *err;

    if (cause.kind != ERR_STOP)
        return false;
    return error_set(err, ERR_STOP, E_PG_REREAD, "cannot read a value of %.*s.%.*s again: %s",
                     STR_ARG(rel->schema), STR_ARG(rel->table), cause.msg);
}

bool postgres_reread(struct postgres_conn *sql, const struct relation *rel, struct value *row,
                     struct arena *a, bool *ret_found, struct error *err)
{
    const char **params;
    struct postgres_result *r = NULL;
    struct buf text;
    bool ok;
    int n;

    if (!has_unchanged(rel, row)) {
        *ret_found = true;
        return true;
    }
    params = mem_zalloc(rel->column_count, sizeof *params);
    buf_init(&text, SQL_MAX);
    n = build(rel, row, a, &text, params);
    if (n == 0 || !buf_ok(&text)) {
        ok = error_set(err, ERR_STOP, E_PG_REREAD,
                       "cannot read a value of %.*s.%.*s again: the row has no usable key",
                       STR_ARG(rel->schema), STR_ARG(rel->table));
    } else {
        ok = postgres_query(sql, buf_cstr(&text), params, n, &r, err) || refused(rel, err);
    }
    buf_done(&text);
    free((void *)params);
    if (!ok)
        return false;
    *ret_found = postgres_rows(r) == 1;
    if (*ret_found)
        take(r, rel, row, a);
    postgres_result_free(r);
    return true;
}
