/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/reread.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "postgres/link.h"

#include <stdlib.h>

enum { SQL_MAX = 1024 * 1024, VISIBLE_WAIT_MS = 10000, VISIBLE_LOOK_MS = 2 };

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

/* One statement, so one snapshot: is the transaction visible, is the row there, and what are its values.
 * The 32 bits of the xid are extended around the snapshot's end, which is near it. */
static void put_head(uint32_t xid, struct buf *b)
{
    buf_putf(
        b,
        "SELECT pg_visible_in_snapshot((s.n - ((s.n - %u + 2147483648) & 4294967295) + 2147483648)"
        "::text::xid8, pg_current_snapshot()), t.tableoid IS NOT NULL",
        xid);
}

/* SELECT <visible>, <found>, t."a" FROM <snapshot> s LEFT JOIN "s"."t" t ON t."k" = $1; gives the number of
 * parameters, 0 when there is no key. */
static int build(const struct relation *rel, uint32_t xid, const struct value *row, struct arena *a,
                 struct buf *b, const char **params)
{
    bool by_primary = relation_has_primary_key(rel);
    int n = 0;

    put_head(xid, b);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (row[i].kind == VALUE_UNCHANGED) {
            buf_text(b, ", t.");
            postgres_quote_ident(b, rel->columns[i].name);
        }
    }
    buf_text(b, " FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) s(n)"
                " LEFT JOIN ");
    postgres_quote_ident(b, rel->schema);
    buf_text(b, ".");
    postgres_quote_ident(b, rel->table);
    buf_text(b, " t");
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (!is_key(rel, by_primary, i))
            continue;
        if (row[i].kind != VALUE_TEXT)
            return 0;
        params[n++] = arena_str(a, row[i].text).p;
        buf_text(b, n == 1 ? " ON t." : " AND t.");
        postgres_quote_ident(b, rel->columns[i].name);
        buf_putf(b, " = $%d", n);
    }
    return n;
}

static void take(const struct postgres_result *r, const struct relation *rel, struct value *row,
                 struct arena *a)
{
    int column = 2;

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

    if (cause.kind != ERR_STOP && !error_is(err, E_PG_REREAD))
        return false;
    return error_set(err, cause.kind, E_PG_REREAD, "cannot read a value of %.*s.%.*s again: %s",
                     STR_ARG(rel->schema), STR_ARG(rel->table), cause.msg);
}

/* Asks until the transaction is visible. */
static bool query_visible(struct postgres_conn *sql, const char *text, const char *const *params,
                          int n, struct postgres_result **ret_result, struct error *err)
{
    int64_t deadline_us = clock_mono_us(sql->clock) + VISIBLE_WAIT_MS * INT64_C(1000);

    for (;;) {
        struct postgres_result *r = NULL;

        if (!postgres_query(sql, text, params, n, &r, err))
            return false;
        if (postgres_rows(r) == 0 || postgres_bool(r, 0, 0)) {
            *ret_result = r;
            return true;
        }
        postgres_result_free(r);
        if (clock_mono_us(sql->clock) > deadline_us) {
            return error_set(
                err, ERR_RETRY, E_PG_REREAD,
                "its transaction is not visible to others after %d s; is a synchronous "
                "standby down?",
                VISIBLE_WAIT_MS / 1000);
        }
        if (wake_wait(sql->stop_fd, VISIBLE_LOOK_MS))
            return error_cancel(err);
    }
}

bool postgres_reread(struct postgres_conn *sql, const struct relation *rel, uint32_t xid,
                     struct value *row, struct arena *a, bool *ret_found, struct error *err)
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
    n = build(rel, xid, row, a, &text, params);
    if (n == 0 || !buf_ok(&text)) {
        ok = error_set(err, ERR_STOP, E_PG_REREAD,
                       "cannot read a value of %.*s.%.*s again: the row has no usable key",
                       STR_ARG(rel->schema), STR_ARG(rel->table));
    } else {
        ok = query_visible(sql, buf_cstr(&text), params, n, &r, err) || refused(rel, err);
    }
    buf_done(&text);
    free((void *)params);
    if (!ok)
        return false;
    *ret_found = postgres_rows(r) == 1 && postgres_bool(r, 0, 1);
    if (*ret_found)
        take(r, rel, row, a);
    postgres_result_free(r);
    return true;
}
