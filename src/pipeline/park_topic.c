/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror of the whole topic. Tables beside those of state.db:
 *   lane_of    which lane a parked record belongs to
 *   asked      requests that stand in the topic
 */
#include "pipeline/park_topic_private.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"

#include <stdlib.h>

enum { CATCH_UP_MS = 100, FOLLOW_MAX = 1000 };

char *park_topic_name(const char *prefix, const char *sink)
{
    return mem_printf("%s.%s.parked", prefix, sink);
}

/* ---- the mirror --------------------------------------------------------------------------------------------- */

bool park_topic_open(const struct park_topic_opts *opts, struct park_topic **ret_topic,
                     struct error *err)
{
    struct park_topic *t = mem_zalloc(1, sizeof *t);

    t->opts = *opts;
    t->topic = mem_strdup(opts->topic);
    t->sink = mem_strdup(opts->sink);
    if (!state_open_private(&t->state, err) ||
        !state_run(t->state, "CREATE TABLE lane_of(ref TEXT PRIMARY KEY, lane TEXT NOT NULL)",
                   err) ||
        !state_run(t->state, "CREATE TABLE asked(ref TEXT PRIMARY KEY, action INTEGER NOT NULL)",
                   err) ||
        !kafka_table_open(&opts->settings, opts->topic, &t->table, err)) {
        park_topic_close(t);
        return false;
    }
    *ret_topic = t;
    return true;
}

void park_topic_close(struct park_topic *t)
{
    if (t == NULL)
        return;
    kafka_table_close(t->table);
    state_close(t->state);
    free(t->topic);
    free(t->sink);
    free(t);
}

struct state *park_topic_state(struct park_topic *t)
{
    return t->state;
}

static bool unreadable(const struct park_topic *t, const struct kafka_table_entry *e,
                       struct error *err)
{
    return error_set(
        err, ERR_STOP, E_KAFKA_PARKED,
        "cannot read topic %s: the record at offset %lld (key \"%.*s\") is none of ours", t->topic,
        (long long)e->offset, e->key.n > 80 ? 80 : (int)e->key.n, e->key.p);
}

static bool find_id(struct park_topic *t, struct str ref, int64_t *ret_id, struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(t->state, &q, "SELECT id FROM parked WHERE ref = ?1", err))
        return false;
    state_bind_text(&q, 1, ref);
    if (!state_step(&q, &row, err))
        return false;
    if (row)
        *ret_id = state_int(&q, 0);
    state_end(&q);
    return true;
}

/* A request may have been read before its record, when that was rewritten since. */
static bool apply_asked(struct park_topic *t, struct str ref, struct error *err)
{
    return park_topic_run(t->state,
                          "UPDATE parked SET action ="
                          " coalesce((SELECT action FROM asked WHERE ref = ?1), 0) WHERE ref = ?1",
                          ref, err);
}

static bool take_asked(struct park_topic *t, struct str ref, enum park_action action,
                       struct error *err)
{
    struct state_query q;

    if (!state_query(t->state, &q, "INSERT OR REPLACE INTO asked(ref, action) VALUES(?1, ?2)", err))
        return false;
    state_bind_text(&q, 1, ref);
    state_bind_int(&q, 2, action);
    return state_finish(&q, err) && apply_asked(t, ref, err);
}

static bool take_parked(struct park_topic *t, const struct kafka_table_entry *e, struct str lane,
                        struct str ref, struct error *err)
{
    struct park_record r;

    if (!e->has_value)
        return park_topic_run(t->state, "DELETE FROM parked WHERE ref = ?1", ref, err) &&
               park_topic_run(t->state, "DELETE FROM lane_of WHERE ref = ?1", ref, err);
    if (!park_topic_decode(e->value, &r))
        return unreadable(t, e, err);
    if (r.id == 0) {
        r.id = e->offset + 1;
        if (!find_id(t, ref, &r.id,
                     err)) /* written twice, since the answer to the first was lost */
            return false;
    }
    r.action = PARK_NONE;
    return park_topic_put_row(t->state, t->sink, ref, &r, err) &&
           park_topic_run2(t->state, "INSERT OR REPLACE INTO lane_of(ref, lane) VALUES(?1, ?2)",
                           ref, lane, err) &&
           apply_asked(t, ref, err);
}

static bool take_value(struct park_topic *t, const struct kafka_table_entry *e, struct str lane,
                       struct str name, struct error *err)
{
    struct state_query q;

    if (!e->has_value)
        return park_topic_run2(t->state, "DELETE FROM sink_value WHERE sink = ?1 AND key = ?2",
                               lane, name, err);
    if (e->value.n < 1 || e->value.p[0] != PARK_TOPIC_VERSION)
        return unreadable(t, e, err);
    if (!state_query(t->state, &q,
                     "INSERT OR REPLACE INTO sink_value(sink, key, value) VALUES(?1, ?2, ?3)", err))
        return false;
    state_bind_text(&q, 1, lane);
    state_bind_text(&q, 2, name);
    state_bind_blob(&q, 3, str_make(e->value.p + 1, e->value.n - 1));
    return state_finish(&q, err);
}

static bool take_request(struct park_topic *t, const struct kafka_table_entry *e, struct str lane,
                         struct str ref, struct error *err)
{
    enum park_action action = !e->has_value                ? PARK_NONE
                              : str_is(e->value, "replay") ? PARK_REPLAY
                                                           : PARK_DROP;

    if (action == PARK_DROP && !str_is(e->value, "drop"))
        return unreadable(t, e, err);
    if (t->opts.request != NULL && action != PARK_NONE)
        t->opts.request(t->opts.ctx, lane, ref, action);
    return take_asked(t, ref, action, err);
}

/* "p|topic/partition|the rest, whatever it holds" */
static bool split_key(struct str key, char *ret_kind, struct str *ret_lane, struct str *ret_rest)
{
    struct str left;
    size_t n;

    if (key.n < 2 || key.p[1] != '|')
        return false;
    left = str_make(key.p + 2, key.n - 2);
    n = str_find(left, '|');
    if (n >= left.n)
        return false;
    *ret_kind = key.p[0];
    *ret_lane = str_make(left.p, n);
    *ret_rest = str_make(left.p + n + 1, left.n - n - 1);
    return true;
}

static bool take_entry(struct park_topic *t, const struct kafka_table_entry *e, struct error *err)
{
    struct str lane;
    struct str rest;
    char kind;

    if (split_key(e->key, &kind, &lane, &rest)) {
        switch (kind) {
        case 'p':
            return take_parked(t, e, lane, rest, err);
        case 'v':
            return take_value(t, e, lane, rest, err);
        case 'r':
            return take_request(t, e, lane, rest, err);
        default:
            break;
        }
    }
    return !e->has_value || unreadable(t, e, err);
}

bool park_topic_catch_up(struct park_topic *t, int stop_fd, struct error *err)
{
    bool at_end = false;

    while (!at_end) {
        struct kafka_table_entry e;
        bool found = true;

        if (wake_is_set(stop_fd))
            return error_cancel(err);
        for (int i = 0; found && i < FOLLOW_MAX; i++) {
            if (!kafka_table_next(t->table, CATCH_UP_MS, &found, &e, err) ||
                (found && !take_entry(t, &e, err)))
                return false;
        }
        if (!kafka_table_at_end(t->table, &at_end, err))
            return false;
    }
    return true;
}

bool park_topic_follow(struct park_topic *t, struct error *err)
{
    struct kafka_table_entry e;
    bool found = true;

    for (int i = 0; found && i < FOLLOW_MAX; i++) {
        if (!kafka_table_next(t->table, 0, &found, &e, err) || (found && !take_entry(t, &e, err)))
            return false;
    }
    return true;
}

/* ---- the dlq command --------------------------------------------------------------------------------------------- */

struct ask {
    struct kafka_table_writer *writer;
    struct buf key;
};

static bool put_request(struct ask *a, char kind, struct str lane, struct str ref, struct str value,
                        struct error *err)
{
    buf_clear(&a->key);
    buf_putf(&a->key, "%c|%.*s|", kind, STR_ARG(lane));
    buf_str(&a->key, ref);
    return kafka_table_put(a->writer, buf_view(&a->key), value, -1, NULL, err);
}

/* Rows of ref, lane and action. */
static bool put_requests(struct park_topic *t, struct ask *a, bool forget, const char *sql,
                         struct error *err)
{
    struct state_query q;
    bool ok = true;
    bool row;

    if (!state_query(t->state, &q, sql, err))
        return false;
    for (;;) {
        struct str value = STR_NONE;

        if (!state_step(&q, &row, err))
            return false;
        if (!row)
            break;
        if (!forget)
            value = state_int(&q, 2) == PARK_REPLAY ? STR("replay") : STR("drop");
        ok = put_request(a, forget ? 'p' : 'r', state_text(&q, 1), state_text(&q, 0), value, err);
        if (!ok)
            break;
    }
    state_end(&q);
    return ok;
}

bool park_topic_ask(struct park_topic *t, struct kafka_table_writer *writer, bool forget,
                    struct error *err)
{
    struct ask a = { .writer = writer };
    bool ok;

    buf_init(&a.key, LIMIT_PG_MESSAGE);
    ok = forget ? put_requests(t, &a, true,
                               "SELECT ref, lane, 0 FROM lane_of WHERE ref NOT IN"
                               " (SELECT ref FROM parked)",
                               err)
                : put_requests(t, &a, false,
                               "SELECT p.ref, lane, p.action FROM parked AS p JOIN lane_of AS l"
                               " ON l.ref = p.ref LEFT JOIN asked AS a ON a.ref = p.ref"
                               " WHERE p.action <> 0 AND p.action IS NOT a.action ORDER BY p.id",
                               err);
    buf_done(&a.key);
    return ok;
}
