/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/prepared.h"

#include "base/mem.h"
#include "cql/failure.h"

#include <stdlib.h>

enum { TEXT_SHOWN = 120 };

struct cql_stmt *cql_prepared_new(uint32_t number, struct str text)
{
    struct cql_stmt *stmt = mem_zalloc(1, sizeof *stmt);

    arena_init(&stmt->arena, LIMIT_ARENA);
    stmt->number = number;
    stmt->text = arena_str(&stmt->arena, text);
    return stmt;
}

void cql_prepared_free(struct cql_stmt *stmt)
{
    if (stmt == NULL)
        return;
    arena_done(&stmt->arena);
    free(stmt);
}

const struct cql_bind *cql_stmt_binds(const struct cql_stmt *stmt, size_t *ret_count)
{
    *ret_count = stmt->bind_count;
    return stmt->binds;
}

const uint16_t *cql_stmt_key(const struct cql_stmt *stmt, size_t *ret_count)
{
    *ret_count = stmt->key_count;
    return stmt->key;
}

static struct str shown(const struct cql_stmt *stmt)
{
    return str_make(stmt->text.p, stmt->text.n < TEXT_SHOWN ? stmt->text.n : TEXT_SHOWN);
}

static bool changed(const struct cql_stmt *stmt, const char *what, struct error *err)
{
    return error_set(err, ERR_STOP, E_CQL_SCHEMA_CHANGED,
                     "cannot go on with a prepared statement (%.*s): the node now describes %s",
                     STR_ARG(shown(stmt)), what);
}

static bool same_binds(const struct cql_stmt *stmt, const struct cql_prepared *p, struct error *err)
{
    if (p->bind_count != stmt->bind_count || p->key_count != stmt->key_count ||
        (p->key_count > 0 && memcmp(p->key, stmt->key, p->key_count * sizeof *p->key) != 0))
        return changed(stmt, "other columns or another partition key", err);
    for (size_t i = 0; i < p->bind_count; i++) {
        const struct cql_bind *now = &p->binds[i];
        const struct cql_bind *was = &stmt->binds[i];

        if (strcmp(now->name, was->name) != 0)
            return changed(stmt, "other columns", err);
        if (!cql_types_equal(now->type, was->type)) {
            return error_set(err, ERR_STOP, E_CQL_SCHEMA_CHANGED,
                             "cannot go on with a prepared statement (%.*s): column \"%s\" was %s "
                             "and is now %s",
                             STR_ARG(shown(stmt)), was->name, was->type_text, now->type_text);
        }
    }
    return true;
}

static void remember(struct cql_prepared_id *id, const struct cql_prepared *p, int64_t now_us)
{
    id->state = CQL_PREPARED_READY;
    id->ready_us = now_us;
    id->id_n = (uint8_t)p->id.n;
    memcpy(id->id, p->id.p, p->id.n);
    id->result_id_n = (uint8_t)p->result_id.n;
    if (p->result_id.n > 0)
        memcpy(id->result_id, p->result_id.p, p->result_id.n);
}

static bool accept(struct cql_stmt *stmt, struct cql_prepared_id *id, const struct cql_prepared *p,
                   int64_t now_us, struct error *err)
{
    if (id->id_n > 0 && !str_eq(p->id, str_make(id->id, id->id_n)))
        return changed(stmt, "it under another id", err);
    if (stmt->binds != NULL && !same_binds(stmt, p, err))
        return false;
    remember(id, p, now_us);
    return true;
}

bool cql_prepared_accept(struct cql_stmt *stmt, struct cql_prepared_id *id,
                         const struct cql_envelope *e, int64_t now_us, struct error *err)
{
    bool first = stmt->binds == NULL;
    struct cql_prepared p;
    struct arena again;
    bool ok;

    arena_init(&again, LIMIT_ARENA);
    ok = cql_reply_prepared(e, first ? &stmt->arena : &again, &p, err) &&
         accept(stmt, id, &p, now_us, err);
    if (ok && first) {
        stmt->binds = p.binds;
        stmt->bind_count = p.bind_count;
        stmt->key = p.key;
        stmt->key_count = p.key_count;
    }
    arena_done(&again);
    return ok;
}

bool cql_prepared_refused(const struct cql_stmt *stmt, const struct cql_failure *f,
                          const char *peer, struct error *err)
{
    bool again = stmt->binds != NULL;

    (void)cql_failure_error(f, "prepare a statement", peer, err);
    switch (f->code) {
    case CQL_ERR_SYNTAX:
    case CQL_ERR_INVALID:
    case CQL_ERR_CONFIG:
    case CQL_ERR_FUNCTION:
    case CQL_ERR_PROTOCOL:
        if (err->kind == ERR_STOP && cql_failure_code(f) == E_CQL_NO_TABLE)
            return false;
        return error_set(err, ERR_STOP, again ? E_CQL_SCHEMA_CHANGED : E_CQL_STATEMENT,
                         "cannot prepare (%.*s): %s refuses it%s: %.*s", STR_ARG(shown(stmt)), peer,
                         again ? ", and took it before" : "",
                         (int)(f->text.n < TEXT_SHOWN ? f->text.n : TEXT_SHOWN), f->text.p);
    default:
        return false;
    }
}
