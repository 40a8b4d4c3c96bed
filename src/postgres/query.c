/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and their rows. struct postgres_result is libpq's PGresult under our name. */
#include "postgres/conn.h"
#include "postgres/link.h"

#include <assert.h>

static PGresult *raw(const struct postgres_result *r)
{
    return (PGresult *)(uintptr_t)r;
}

bool postgres_query(struct postgres_conn *c, const char *sql, const char *const *params,
                    int param_count, struct postgres_result **ret_result, struct error *err)
{
    PGresult *r = NULL;

    if (!postgres_link_run(c, sql, params, param_count,
                           postgres_link_deadline(c, c->query_timeout_ms), &r, err))
        return false;
    *ret_result = (struct postgres_result *)r;
    return true;
}

bool postgres_exec(struct postgres_conn *c, const char *sql, struct error *err)
{
    struct postgres_result *r = NULL;

    if (!postgres_query(c, sql, NULL, 0, &r, err))
        return false;
    postgres_result_free(r);
    return true;
}

void postgres_result_free(struct postgres_result *r)
{
    PQclear(raw(r));
}

int postgres_rows(const struct postgres_result *r)
{
    return PQntuples(raw(r));
}

struct str postgres_text(const struct postgres_result *r, int row, int column)
{
    assert(row < PQntuples(raw(r)) && column < PQnfields(raw(r)));
    if (PQgetisnull(raw(r), row, column))
        return STR_NONE;
    return str_make(PQgetvalue(raw(r), row, column), (size_t)PQgetlength(raw(r), row, column));
}

int64_t postgres_i64(const struct postgres_result *r, int row, int column)
{
    int64_t v = 0;

    (void)str_to_i64(postgres_text(r, row, column), &v);
    return v;
}

uint64_t postgres_u64(const struct postgres_result *r, int row, int column)
{
    uint64_t v = 0;

    (void)str_to_u64(postgres_text(r, row, column), &v);
    return v;
}

bool postgres_bool(const struct postgres_result *r, int row, int column)
{
    return str_is(postgres_text(r, row, column), "t");
}
