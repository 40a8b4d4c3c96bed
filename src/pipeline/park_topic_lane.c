/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of one lane. Tables beside those of state.db:
 *   changed    what was changed and is not written yet; filled by triggers, so that nothing is forgotten
 *   asked      records with a request that still stands in the topic
 * A sink's value is stored as u8 version = 1 | bytes.
 */
#include "pipeline/park_topic_private.h"

#include "base/limits.h"
#include "pipeline/checkpoint.h"

/* ---- a lane's database ---------------------------------------------------------------------------------------- */

static const char *const lane_tables[] = {
    "CREATE TABLE changed(kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(kind, name))",
    "CREATE TABLE asked(ref TEXT PRIMARY KEY)",
    "CREATE TRIGGER parked_in AFTER INSERT ON parked BEGIN"
    " INSERT OR IGNORE INTO changed VALUES('p', new.ref); END",
    "CREATE TRIGGER parked_again AFTER UPDATE OF attempts ON parked BEGIN"
    " INSERT OR IGNORE INTO changed VALUES('p', new.ref); END",
    "CREATE TRIGGER parked_out AFTER DELETE ON parked BEGIN"
    " INSERT OR IGNORE INTO changed VALUES('p', old.ref); END",
    "CREATE TRIGGER value_in AFTER INSERT ON sink_value BEGIN"
    " INSERT OR IGNORE INTO changed VALUES('v', new.key); END",
};

struct copy {
    struct state *to;
    const char *sink;
    struct str lane;
    struct error *err;
    bool ok;
};

static bool copy_parked(struct park_topic *t, struct copy *c)
{
    struct state_query q;
    bool row;

    if (!state_query(t->state, &q,
                     "SELECT id, p.ref, position, key, key_text, op, relation, waiting, code,"
                     " reason, payload, frames, parked_us, attempts, action FROM parked AS p"
                     " JOIN lane_of AS l ON l.ref = p.ref WHERE l.lane = ?1 ORDER BY id",
                     c->err))
        return false;
    state_bind_text(&q, 1, c->lane);
    for (;;) {
        struct park_record r = { 0 };

        if (!state_step(&q, &row, c->err))
            return false;
        if (!row)
            break;
        r.id = state_int(&q, 0);
        r.position = state_text(&q, 2);
        r.key = state_text(&q, 3);
        r.key_text = state_text(&q, 4);
        r.op = state_text(&q, 5);
        r.relation = state_text(&q, 6);
        r.waiting = state_int(&q, 7) != 0;
        r.code = state_text(&q, 8);
        r.reason = state_text(&q, 9);
        r.payload = state_text(&q, 10);
        r.frames = state_text(&q, 11);
        r.parked_us = state_int(&q, 12);
        r.attempts = state_int(&q, 13);
        r.action = (enum park_action)state_int(&q, 14);
        if (!park_topic_put_row(c->to, c->sink, state_text(&q, 1), &r, c->err))
            return false;
    }
    state_end(&q);
    return true;
}

static bool copy_values(struct park_topic *t, struct copy *c)
{
    struct state_query from;
    struct state_query to;
    bool row;

    if (!state_query(t->state, &from, "SELECT key, value FROM sink_value WHERE sink = ?1", c->err))
        return false;
    state_bind_text(&from, 1, c->lane);
    for (;;) {
        if (!state_step(&from, &row, c->err))
            return false;
        if (!row)
            break;
        if (!state_query(c->to, &to, "INSERT INTO sink_value(sink, key, value) VALUES(?1, ?2, ?3)",
                         c->err))
            return false;
        state_bind_text(&to, 1, str_from(c->sink));
        state_bind_text(&to, 2, state_text(&from, 0));
        state_bind_blob(&to, 3, state_text(&from, 1));
        if (!state_finish(&to, c->err))
            return false;
    }
    state_end(&from);
    return true;
}

/* Records that are parked from now on get a high number first. */
static bool begin_numbers(struct state *st, struct error *err)
{
    return state_run(st, "DELETE FROM sqlite_sequence WHERE name = 'parked'", err) &&
           state_run(st,
                     "INSERT INTO sqlite_sequence(name, seq) VALUES('parked', 1152921504606846976)",
                     err);
}

static bool fill_lane(struct park_topic *t, struct copy *c)
{
    if (t != NULL && (!copy_parked(t, c) || !copy_values(t, c)))
        return false;
    for (size_t i = 0; i < sizeof lane_tables / sizeof lane_tables[0]; i++) {
        if (!state_run(c->to, lane_tables[i], c->err))
            return false;
    }
    return state_run(c->to, "INSERT INTO asked SELECT ref FROM parked WHERE action <> 0", c->err) &&
           begin_numbers(c->to, c->err);
}

bool park_topic_lane(struct park_topic *t, const char *sink, const char *lane,
                     struct state **ret_state, struct error *err)
{
    struct copy c = { .sink = sink, .lane = str_from(lane), .err = err };

    if (!state_open_private(&c.to, err))
        return false;
    if (!fill_lane(t, &c)) {
        state_close(c.to);
        return false;
    }
    *ret_state = c.to;
    return true;
}

bool park_topic_asked(struct state *lane_state, const char *sink, struct str ref,
                      enum park_action action, struct error *err)
{
    return park_request_ref(lane_state, sink, ref, action, err) &&
           park_topic_run(lane_state, "INSERT OR IGNORE INTO asked VALUES(?1)", ref, err);
}

bool park_topic_is_changed(struct state *lane_state, bool *ret_changed, struct error *err)
{
    struct state_query q;

    if (!state_query(lane_state, &q, "SELECT 1 FROM changed LIMIT 1", err) ||
        !state_step(&q, ret_changed, err))
        return false;
    state_end(&q);
    return true;
}

/* ---- writing back ---------------------------------------------------------------------------------------------- */

struct flush {
    struct state *state;
    const char *sink;
    const char *lane;
    struct kafka_table_writer *writer;
    int stop_fd;
    struct buf key;
    struct buf value;
    struct arena arena;
};

static struct str make_key(struct flush *f, char kind, struct str name)
{
    buf_clear(&f->key);
    buf_putf(&f->key, "%c|%s|", kind, f->lane);
    buf_str(&f->key, name);
    return buf_view(&f->key);
}

/* Its number is where it came to lie. */
static bool number(struct flush *f, struct str ref, int64_t id, struct error *err)
{
    struct state_query q;

    if (!state_query(f->state, &q, "UPDATE parked SET id = ?2 WHERE ref = ?1", err))
        return false;
    state_bind_text(&q, 1, ref);
    state_bind_int(&q, 2, id);
    return state_finish(&q, err);
}

static bool was_asked(struct flush *f, struct str ref, bool *ret_asked, struct error *err)
{
    struct state_query q;

    if (!state_query(f->state, &q, "SELECT 1 FROM asked WHERE ref = ?1", err))
        return false;
    state_bind_text(&q, 1, ref);
    if (!state_step(&q, ret_asked, err))
        return false;
    state_end(&q);
    return true;
}

/* A request that was carried out, or whose record is gone, is taken away. */
static bool flush_request(struct flush *f, struct str ref, struct error *err)
{
    bool asked;

    if (!was_asked(f, ref, &asked, err))
        return false;
    return !asked ||
           (kafka_table_put(f->writer, make_key(f, 'r', ref), STR_NONE, f->stop_fd, NULL, err) &&
            park_topic_run(f->state, "DELETE FROM asked WHERE ref = ?1", ref, err));
}

static bool flush_parked(struct flush *f, struct str ref, struct error *err)
{
    const struct park_record *r;
    int64_t offset;

    if (!park_find(f->state, f->sink, ref, &f->arena, &r, err))
        return false;
    buf_clear(&f->value);
    if (r != NULL)
        park_topic_encode(r, &f->value);
    if (!kafka_table_put(f->writer, make_key(f, 'p', ref),
                         r != NULL ? buf_view(&f->value) : STR_NONE, f->stop_fd, &offset, err))
        return false;
    if (r != NULL && r->id >= PARK_TOPIC_UNWRITTEN && !number(f, ref, offset + 1, err))
        return false;
    return (r != NULL && r->action != PARK_NONE) || flush_request(f, ref, err);
}

static bool flush_value(struct flush *f, struct str name, struct error *err)
{
    struct checkpoint_store ctx = { f->state, f->sink };
    struct sink_store store = checkpoint_store(&ctx);
    struct str value;

    if (!store.get(store.ctx, name.p, &f->arena, &value, err))
        return false;
    buf_clear(&f->value);
    buf_u8(&f->value, PARK_TOPIC_VERSION);
    buf_str(&f->value, value);
    return kafka_table_put(f->writer, make_key(f, 'v', name), buf_view(&f->value), f->stop_fd, NULL,
                           err);
}

/* *ret_kind.n == 0: nothing is left. */
static bool next_changed(struct flush *f, struct str *ret_kind, struct str *ret_name,
                         struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(f->state, &q, "SELECT kind, name FROM changed ORDER BY rowid LIMIT 1", err) ||
        !state_step(&q, &row, err))
        return false;
    *ret_kind = row ? arena_str(&f->arena, state_text(&q, 0)) : STR_NONE;
    *ret_name = row ? arena_str(&f->arena, state_text(&q, 1)) : STR_NONE;
    state_end(&q);
    return true;
}

static bool flush_all(struct flush *f, struct error *err)
{
    for (;;) {
        struct str kind;
        struct str name;

        arena_reset(&f->arena);
        if (!next_changed(f, &kind, &name, err))
            return false;
        if (kind.n == 0)
            return true;
        if (str_is(kind, "p") ? !flush_parked(f, name, err) : !flush_value(f, name, err))
            return false;
        if (!park_topic_run2(f->state, "DELETE FROM changed WHERE kind = ?1 AND name = ?2", kind,
                             name, err))
            return false;
    }
}

bool park_topic_flush(struct state *lane_state, const char *sink, const char *lane,
                      struct kafka_table_writer *writer, int stop_fd, struct error *err)
{
    struct flush f = { lane_state, sink, lane, writer, stop_fd, { 0 }, { 0 }, { 0 } };
    bool ok;

    buf_init(&f.key, LIMIT_PG_MESSAGE);
    buf_init(&f.value, 2 * LIMIT_LOG_RECORD);
    arena_init(&f.arena, LIMIT_ARENA);
    ok = flush_all(&f, err);
    buf_done(&f.key);
    buf_done(&f.value);
    arena_done(&f.arena);
    return ok;
}
