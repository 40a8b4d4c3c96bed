/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables (made when first needed; a program that does not know them leaves them alone):
 *   signal             received, not yet looked at
 *   incremental        the queue, in its order
 *   incremental_state  one row: paused; the end of the last transaction that signals were taken from
 */
#include "pipeline/incremental_store.h"

#include <stdlib.h>

static bool each(struct state *st, const char *const *statements, struct error *err)
{
    for (; *statements != NULL; statements++) {
        if (!state_run(st, *statements, err))
            return false;
    }
    return true;
}

bool incremental_store_open(struct state *st, struct error *err)
{
    static const char *const statements[] = {
        "CREATE TABLE IF NOT EXISTS signal(seq INTEGER PRIMARY KEY, type TEXT NOT NULL,"
        " data TEXT NOT NULL, at INTEGER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS incremental(seq INTEGER PRIMARY KEY, schema TEXT NOT NULL,"
        " name TEXT NOT NULL, filter TEXT NOT NULL, surrogate TEXT NOT NULL, after BLOB NOT NULL,"
        " upto BLOB NOT NULL, next BLOB NOT NULL, closing INTEGER NOT NULL, rows INTEGER NOT NULL,"
        " next_rows INTEGER NOT NULL)",
        "CREATE TABLE IF NOT EXISTS incremental_state(id INTEGER PRIMARY KEY CHECK(id = 1),"
        " paused INTEGER NOT NULL, taken INTEGER NOT NULL)",
        "INSERT OR IGNORE INTO incremental_state VALUES(1, 0, 0)",
        NULL,
    };

    return each(st, statements, err);
}

bool incremental_store_clear(struct state *st, struct error *err)
{
    static const char *const statements[] = {
        "DELETE FROM signal",
        "DELETE FROM incremental",
        "UPDATE incremental_state SET paused = 0, taken = 0",
        NULL,
    };

    return each(st, statements, err);
}

/* Everything between is durable and whole, or nothing of it is there. */
static bool begin(struct state *st, struct error *err)
{
    return state_durable(st, true, err) && state_run(st, "BEGIN IMMEDIATE", err);
}

static bool end(struct state *st, bool ok, struct error *err)
{
    struct error ignored;

    if (ok && state_run(st, "COMMIT", err))
        return state_durable(st, false, err);
    (void)!state_run(st, "ROLLBACK", &ignored);
    (void)!state_durable(st, false, &ignored);
    return false;
}

/* One statement with at most one number. */
static bool run(struct state *st, const char *sql, int64_t number, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, sql, err))
        return false;
    state_bind_int(&q, 1, number);
    return state_finish(&q, err);
}

static bool run_durably(struct state *st, const char *sql, int64_t number, struct error *err)
{
    return begin(st, err) && end(st, run(st, sql, number, err), err);
}

bool incremental_store_resolve(struct state *st, struct lsn tail, struct error *err)
{
    int64_t at = (int64_t)tail.v;
    bool ok;

    if (!begin(st, err))
        return false;
    ok = run(st, "DELETE FROM incremental WHERE closing > 0 AND closing <= ?1 AND length(next) = 0",
             at, err) &&
         run(st,
             "UPDATE incremental SET after = next, rows = next_rows"
             " WHERE closing > 0 AND closing <= ?1",
             at, err) &&
         run(st, "UPDATE incremental SET closing = 0, next = x'' WHERE closing > 0", 0, err);
    return end(st, ok, err);
}

/* ---- signals ----------------------------------------------------------------------------------- */

static bool put_signal(struct state *st, const struct incremental_signal *s, struct lsn at,
                       struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, "INSERT INTO signal(type, data, at) VALUES(?1, ?2, ?3)", err))
        return false;
    state_bind_text(&q, 1, s->type);
    state_bind_text(&q, 2, s->data);
    state_bind_int(&q, 3, (int64_t)at.v);
    return state_finish(&q, err);
}

bool incremental_store_signals(struct state *st, struct lsn commit_end,
                               const struct incremental_signal *signals, size_t count,
                               struct error *err)
{
    bool ok;

    if (!begin(st, err))
        return false;
    ok = run(st, "UPDATE incremental_state SET taken = ?1 WHERE taken < ?1", (int64_t)commit_end.v,
             err);
    if (ok && state_changed(st) > 0) {
        for (size_t i = 0; i < count && ok; i++)
            ok = put_signal(st, &signals[i], commit_end, err);
    }
    return end(st, ok, err);
}

bool incremental_store_signal(struct state *st, struct arena *a, bool *ret_found,
                              struct incremental_signal *ret_signal, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, "SELECT seq, type, data, at FROM signal ORDER BY seq LIMIT 1", err) ||
        !state_step(&q, ret_found, err))
        return false;
    if (*ret_found) {
        *ret_signal = (struct incremental_signal){ state_int(&q, 0),
                                                   arena_str(a, state_text(&q, 1)),
                                                   arena_str(a, state_text(&q, 2)),
                                                   { (uint64_t)state_int(&q, 3) } };
    }
    state_end(&q);
    return true;
}

bool incremental_store_signal_done(struct state *st, int64_t seq, struct error *err)
{
    return run_durably(st, "DELETE FROM signal WHERE seq = ?1", seq, err);
}

/* ---- tables ------------------------------------------------------------------------------------- */

bool incremental_store_add(struct state *st, const struct incremental_table *t, struct error *err)
{
    struct state_query q;

    if (!begin(st, err))
        return false;
    if (!state_query(st, &q,
                     "INSERT INTO incremental(schema, name, filter, surrogate, after, upto, next,"
                     " closing, rows, next_rows) VALUES(?1, ?2, ?3, ?4, x'', x'', x'', 0, 0, 0)",
                     err))
        return end(st, false, err);
    state_bind_text(&q, 1, t->schema);
    state_bind_text(&q, 2, t->table);
    state_bind_text(&q, 3, t->filter);
    state_bind_text(&q, 4, t->surrogate);
    return end(st, state_finish(&q, err), err);
}

bool incremental_store_next(struct state *st, int64_t seq, struct arena *a, bool *ret_found,
                            struct incremental_table *ret_table, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q,
                     "SELECT seq, schema, name, filter, surrogate, after, upto, next, closing,"
                     " rows, next_rows FROM incremental WHERE seq > ?1 ORDER BY seq LIMIT 1",
                     err))
        return false;
    state_bind_int(&q, 1, seq);
    if (!state_step(&q, ret_found, err))
        return false;
    if (*ret_found) {
        *ret_table = (struct incremental_table){ .seq = state_int(&q, 0),
                                                 .schema = arena_str(a, state_text(&q, 1)),
                                                 .table = arena_str(a, state_text(&q, 2)),
                                                 .filter = arena_str(a, state_text(&q, 3)),
                                                 .surrogate = arena_str(a, state_text(&q, 4)),
                                                 .after = arena_str(a, state_text(&q, 5)),
                                                 .upto = arena_str(a, state_text(&q, 6)),
                                                 .next = arena_str(a, state_text(&q, 7)),
                                                 .closing = { (uint64_t)state_int(&q, 8) },
                                                 .rows = state_int(&q, 9),
                                                 .next_rows = state_int(&q, 10) };
    }
    state_end(&q);
    return true;
}

bool incremental_store_close(struct state *st, const struct incremental_table *t, struct error *err)
{
    struct state_query q;

    if (!begin(st, err))
        return false;
    if (!state_query(st, &q,
                     "UPDATE incremental SET after = ?2, upto = ?3, next = ?4, closing = ?5,"
                     " rows = ?6, next_rows = ?7 WHERE seq = ?1",
                     err))
        return end(st, false, err);
    state_bind_int(&q, 1, t->seq);
    state_bind_blob(&q, 2, t->after);
    state_bind_blob(&q, 3, t->upto);
    state_bind_blob(&q, 4, t->next);
    state_bind_int(&q, 5, (int64_t)t->closing.v);
    state_bind_int(&q, 6, t->rows);
    state_bind_int(&q, 7, t->next_rows);
    return end(st, state_finish(&q, err), err);
}

bool incremental_store_remove(struct state *st, int64_t seq, struct error *err)
{
    return run_durably(st, "DELETE FROM incremental WHERE seq = ?1", seq, err);
}

bool incremental_store_pause(struct state *st, bool paused, struct error *err)
{
    return run_durably(st, "UPDATE incremental_state SET paused = ?1", paused, err);
}

bool incremental_store_paused(struct state *st, bool *ret_paused, struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(st, &q, "SELECT paused FROM incremental_state", err) ||
        !state_step(&q, &row, err))
        return false;
    *ret_paused = row && state_int(&q, 0) != 0;
    state_end(&q);
    return true;
}
