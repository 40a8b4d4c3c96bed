/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What signals ask for is put into the queue in state.db and taken from there, the oldest first. The plan
 * of a chunk is made anew for each, in the chunk's own snapshot, so that a table that changes its shape
 * on the way is read as it is.
 *
 * The first window of a connection has no rows. Of the transactions that an earlier process took we do not
 * know the numbers; once a watermark has gone through the server's commit and the stream, they are
 * behind us and visible.
 */
#include "pipeline/incremental.h"

#include "base/limits.h"
#include "base/logger.h"
#include "pipeline/signal.h"
#include "postgres/catalog.h"

#include <stdio.h>

/* A chunk is held in memory until its watermark has come. */
#define CHUNK_BYTES (16 * MIB)

/* The text of a signal and what is made of it. */
#define SIGNAL_BYTES (64 * MIB)

static void warn(const struct error *err)
{
    logger_failure(LOGGER_WARN, "snapshot", err);
}

/* ---- signals ----------------------------------------------------------------------------------- */

static const char *full_name(struct str schema, struct str table, struct arena *a)
{
    return arena_printf(a, "%.*s.%.*s", STR_ARG(schema), STR_ARG(table));
}

/* The published tables that are captured and meant, a partition by its own or its root's name. */
static bool execute(struct incremental *inc, struct postgres_conn *sql, const struct signal *s,
                    struct arena *a, struct error *err)
{
    struct postgres_publication pub;
    size_t found = 0;

    if (!postgres_publication_look(sql, inc->source->publication, a, &pub, err))
        return false;
    for (size_t i = 0; i < pub.table_count; i++) {
        const struct postgres_published *p = &pub.tables[i];
        const char *root = full_name(p->root_schema, p->root_table, a);
        const char *own = full_name(p->schema, p->table, a);
        const char *filter;
        struct incremental_table t = { .schema = p->schema, .table = p->table };

        if ((!tables_listed(&inc->source->tables, p->root_schema, p->root_table) &&
             !tables_listed(&inc->source->tables, p->schema, p->table)) ||
            (!signal_names(s->tables, s->table_count, root) &&
             !signal_names(s->tables, s->table_count, own)))
            continue;
        filter = signal_filter(s, own);
        if (filter == NULL)
            filter = signal_filter(s, root);
        if (filter != NULL)
            t.filter = str_from(filter);
        if (s->surrogate != NULL)
            t.surrogate = str_from(s->surrogate);
        if (!incremental_store_add(inc->state, &t, err))
            return false;
        logger_info("snapshot", "incremental snapshot of %s: asked for", own);
        found++;
    }
    if (found > 0)
        return true;
    return error_set(err, ERR_REJECT, E_SIGNAL,
                     "cannot carry out the signal execute-snapshot: no captured table is named by"
                     " \"%.100s\"%s",
                     s->tables[0], s->table_count > 1 ? " and the others" : "");
}

static bool stop(struct incremental *inc, const struct signal *s, struct arena *a,
                 struct error *err)
{
    int64_t seq = 0;

    for (;;) {
        struct incremental_table t;
        const char *name;
        bool found;

        if (!incremental_store_next(inc->state, seq, a, &found, &t, err))
            return false;
        if (!found)
            return true;
        seq = t.seq;
        name = full_name(t.schema, t.table, a);
        if (s->table_count > 0 && !signal_names(s->tables, s->table_count, name))
            continue;
        if (!incremental_store_remove(inc->state, seq, err))
            return false;
        logger_info("snapshot", "incremental snapshot of %s: stopped after %lld rows", name,
                    (long long)(t.closing.v != 0 ? t.next_rows : t.rows));
    }
}

static void say(const struct signal *s, struct lsn at, struct arena *a)
{
    const char *place = strstr(s->message, "{}");
    char lsn[LSN_TEXT];

    if (place == NULL)
        logger_info("signal", "%.2000s", s->message);
    else
        logger_info("signal", "%.2000s",
                    arena_printf(a, "%.*s%s%s", (int)(place - s->message), s->message,
                                 lsn_format(at, lsn), place + 2));
}

static bool carry_out(struct incremental *inc, struct postgres_conn *sql,
                      const struct incremental_signal *from, struct arena *a, struct error *err)
{
    struct signal s;

    if (!signal_parse(from->type, from->data, a, &s, err))
        return false;
    switch (s.kind) {
    case SIGNAL_NOTHING:
        return true;
    case SIGNAL_EXECUTE:
        return execute(inc, sql, &s, a, err);
    case SIGNAL_STOP:
        return stop(inc, &s, a, err);
    case SIGNAL_PAUSE:
    case SIGNAL_RESUME:
        logger_info("snapshot", "incremental snapshots: %s",
                    s.kind == SIGNAL_PAUSE ? "paused" : "going on");
        return incremental_store_pause(inc->state, s.kind == SIGNAL_PAUSE, err);
    case SIGNAL_LOG:
        say(&s, from->at, a);
        return true;
    }
    return true;
}

/* A crash between the deed and the note of it repeats the deed: a table may be copied twice then. */
static bool carry_out_all(struct incremental *inc, struct postgres_conn *sql, struct error *err)
{
    struct arena a;
    bool ok = true;
    bool found = true;

    arena_init(&a, SIGNAL_BYTES);
    while (ok && found) {
        struct incremental_signal from;
        struct error why = { 0 };

        arena_reset(&a);
        ok = incremental_store_signal(inc->state, &a, &found, &from, err);
        if (!ok || !found)
            break;
        if (!carry_out(inc, sql, &from, &a, &why)) {
            if (why.kind == ERR_REJECT)
                warn(&why);
            else
                *err = why;
            ok = why.kind == ERR_REJECT;
        }
        ok = ok && incremental_store_signal_done(inc->state, from.seq, err);
    }
    arena_done(&a);
    return ok;
}

/* ---- chunks ------------------------------------------------------------------------------------- */

static bool complete(struct incremental *inc, const char *how, struct error *err)
{
    struct incremental_table *t = &inc->table;

    logger_info("snapshot", "incremental snapshot of %.*s.%.*s: %lld rows, %s", STR_ARG(t->schema),
                STR_ARG(t->table), (long long)t->rows, how);
    return incremental_store_remove(inc->state, t->seq, err);
}

/* Behind everything that was committed by now; its commit is flushed like any other. */
static bool mark(struct incremental *inc, struct postgres_conn *sql, enum incremental_window window,
                 struct error *err)
{
    const char *params[2] = { INCREMENTAL_PREFIX, inc->mark };
    struct postgres_result *r = NULL;

    (void)snprintf(inc->mark, sizeof inc->mark, "%llx.%x.%x",
                   (unsigned long long)clock_real_us(&clock_system), inc->windows,
                   (unsigned)postgres_backend_pid(sql));
    inc->windows++;
    if (!postgres_query(sql, "SELECT pg_logical_emit_message(true, $1, $2::text)", params, 2, &r,
                        err))
        return error_wrap(err, "cannot write a watermark");
    postgres_result_free(r);
    inc->spoiled = false;
    inc->window = window;
    return true;
}

/* A version for the shape; never the newest one, which belongs to the stream's own messages. */
static bool name_rows(struct incremental *inc, struct postgres_conn *sql,
                      struct postgres_relations *relations, struct tables *tables,
                      struct error *err)
{
    const struct relation *rel;

    if (inc->aside == NULL || !relation_same(inc->aside, inc->plan.rel)) {
        if (!postgres_relations_aside(relations, inc->plan.rel, &rel, err))
            return false;
        inc->aside = rel;
    }
    if (!tables_resolve(tables, sql, inc->aside, &inc->rel, err))
        return false;
    if (inc->rel != NULL)
        return true;
    return error_set(err, ERR_REJECT, E_SIGNAL,
                     "cannot copy %.*s.%.*s: it is not captured any more",
                     STR_ARG(inc->table.schema), STR_ARG(inc->table.table));
}

/* Where the table ends is looked for once: rows behind it are in the stream anyway. */
static bool find_end(struct incremental *inc, struct postgres_conn *sql, struct str *upto,
                     bool *ret_empty, struct error *err)
{
    struct incremental_table *t = &inc->table;
    struct buf b;
    bool found;

    *ret_empty = false;
    if (t->upto.n > 0 && incremental_get_place(t->upto, upto, inc->plan.order_count))
        return true;
    if (!postgres_chunk_last(sql, &inc->plan, &inc->arena, upto, &found, err))
        return false;
    *ret_empty = !found;
    if (!found)
        return true;
    buf_init(&b, LIMIT_PG_MESSAGE);
    incremental_put_place(&b, upto, inc->plan.order_count);
    t->upto = arena_str(&inc->arena, buf_view(&b));
    buf_done(&b);
    return true;
}

static bool read_rows(struct incremental *inc, struct postgres_conn *sql, struct error *err)
{
    struct incremental_table *t = &inc->table;
    struct str *upto = arena_zalloc(&inc->arena, inc->plan.order_count, sizeof *upto);
    struct str *after = arena_zalloc(&inc->arena, inc->plan.order_count, sizeof *after);
    struct postgres_chunk_bounds bounds = { .upto = upto,
                                            .rows_max = (uint32_t)inc->source->incremental_chunk,
                                            .bytes_max = CHUNK_BYTES };
    bool empty;

    inc->count = 0;
    inc->is_last = true;
    if (t->after.n > 0) {
        if (!incremental_get_place(t->after, after, inc->plan.order_count))
            return error_set(err, ERR_REJECT, E_SIGNAL,
                             "cannot copy %.*s.%.*s: its primary key changed on the way",
                             STR_ARG(t->schema), STR_ARG(t->table));
        bounds.after = after;
    }
    if (!find_end(inc, sql, upto, &empty, err))
        return false;
    return empty || postgres_chunk_read(sql, &inc->plan, &bounds, &inc->arena, &inc->rows,
                                        &inc->count, &inc->is_last, err);
}

/* Within the chunk's transaction. *ret_read false: the snapshot does not see all yet. */
static bool read_in_snapshot(struct incremental *inc, struct postgres_conn *sql,
                             struct postgres_relations *relations, struct tables *tables,
                             bool *ret_read, struct error *err)
{
    struct postgres_chunk_request request = { .publication = inc->source->publication,
                                              .schema = inc->table.schema,
                                              .table = inc->table.table,
                                              .filter = inc->table.filter,
                                              .surrogate = inc->table.surrogate };
    struct postgres_chunk_snapshot snapshot;

    if (!postgres_chunk_begin(sql, &inc->arena, &snapshot, err))
        return false;
    *ret_read = incremental_sees_all(inc, &snapshot);
    if (!*ret_read)
        return true;
    if (!postgres_chunk_plan(sql, &request, &inc->arena, &inc->plan, err) ||
        !name_rows(inc, sql, relations, tables, err) || !read_rows(inc, sql, err))
        return false;
    return incremental_index(inc) ||
           error_set(err, ERR_REJECT, E_SIGNAL, "cannot copy %.*s.%.*s: a row has no key",
                     STR_ARG(inc->table.schema), STR_ARG(inc->table.table));
}

/* One chunk of inc->table; or the end of it. */
static bool read_chunk(struct incremental *inc, struct postgres_conn *sql,
                       struct postgres_relations *relations, struct tables *tables, bool *ret_read,
                       struct error *err)
{
    struct error why = { 0 };
    bool ok = read_in_snapshot(inc, sql, relations, tables, ret_read, &why);

    postgres_chunk_end(sql);
    if (!ok && why.kind == ERR_REJECT) {
        warn(&why);
        return complete(inc, "given up", err);
    }
    if (!ok) {
        *err = why;
        return false;
    }
    if (!*ret_read)
        return true;
    return inc->count == 0 ? complete(inc, "complete", err) : mark(inc, sql, INCREMENTAL_OPEN, err);
}

/* What is closing is durable by now. */
static void settle(struct incremental_table *t)
{
    t->after = t->next;
    t->rows = t->next_rows;
    t->next = STR_NONE;
    t->closing = (struct lsn){ 0 };
}

bool incremental_step(struct incremental *inc, struct postgres_conn *sql,
                      struct postgres_relations *relations, struct tables *tables,
                      struct error *err)
{
    bool paused;

    if (!carry_out_all(inc, sql, err) || !incremental_store_paused(inc->state, &paused, err))
        return false;
    for (bool read = true; read && inc->window == INCREMENTAL_CLOSED;) {
        struct incremental_table *t = &inc->table;
        bool found = false;

        arena_reset(&inc->arena);
        if (!paused && !incremental_store_next(inc->state, 0, &inc->arena, &found, t, err))
            return false;
        inc->work = found;
        if (!found)
            return true;
        if (t->closing.v != 0) {
            bool was_last = t->next.n == 0;

            settle(t);
            if (was_last) {
                if (!complete(inc, "complete", err))
                    return false;
                continue;
            }
        }
        if (inc->is_first)
            return mark(inc, sql, INCREMENTAL_FIRST, err);
        if (!read_chunk(inc, sql, relations, tables, &read, err))
            return false;
    }
    return true;
}
