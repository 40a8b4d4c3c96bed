/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

static const char *const phase_names[] = { "creating", "snapshot", "streaming" };

static bool damaged(const char *what, struct error *err)
{
    return error_set(err, ERR_CORRUPT, E_STATE_BAD, "cannot read state.db: %s makes no sense",
                     what);
}

const char *checkpoint_phase_name(enum checkpoint_phase phase)
{
    return phase_names[phase];
}

bool checkpoint_phase_parse(struct str name, enum checkpoint_phase *ret_phase)
{
    for (size_t i = 0; i < sizeof phase_names / sizeof phase_names[0]; i++) {
        if (str_is(name, phase_names[i])) {
            *ret_phase = (enum checkpoint_phase)i;
            return true;
        }
    }
    return false;
}

static bool read_source(struct state_query *q, struct checkpoint_source *ret_source)
{
    struct checkpoint_source s = { 0 };
    int64_t epoch = state_int(q, 0);

    if (epoch < 1 || epoch > UINT32_MAX || !str_to_u64(state_text(q, 1), &s.system_id) ||
        !checkpoint_phase_parse(state_text(q, 5), &s.phase))
        return false;
    s.epoch = (uint32_t)epoch;
    s.timeline = (uint32_t)state_int(q, 2);
    s.slot_txns = (uint64_t)state_int(q, 6);
    if (!str_copy(state_text(q, 3), s.database, sizeof s.database) ||
        !str_copy(state_text(q, 4), s.slot, sizeof s.slot))
        return false;
    *ret_source = s;
    return true;
}

bool checkpoint_get_source(struct state *st, bool *ret_found, struct checkpoint_source *ret_source,
                           struct error *err)
{
    struct state_query q;
    bool row;
    bool ok;

    if (!state_query(st, &q,
                     "SELECT epoch, system_id, timeline, database, slot, phase, slot_txns"
                     " FROM source",
                     err) ||
        !state_step(&q, &row, err))
        return false;
    ok = !row || read_source(&q, ret_source);
    state_end(&q);
    if (!ok)
        return damaged("the source's identity", err);
    *ret_found = row;
    return true;
}

bool checkpoint_set_source(struct state *st, const struct checkpoint_source *source,
                           struct error *err)
{
    struct state_query q;
    char system_id[24];

    (void)snprintf(system_id, sizeof system_id, "%" PRIu64, source->system_id);
    if (!state_durable(st, true, err) ||
        !state_query(st, &q,
                     "INSERT OR REPLACE INTO source(id, epoch, system_id, timeline, database, slot,"
                     " phase, slot_txns) VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     err))
        return false;
    state_bind_int(&q, 1, source->epoch);
    state_bind_text(&q, 2, str_from(system_id));
    state_bind_int(&q, 3, source->timeline);
    state_bind_text(&q, 4, str_from(source->database));
    state_bind_text(&q, 5, str_from(source->slot));
    state_bind_text(&q, 6, str_from(phase_names[source->phase]));
    state_bind_int(&q, 7, (int64_t)source->slot_txns);
    return state_finish(&q, err);
}

bool checkpoint_forget(struct state *st, const char *sink, struct error *err)
{
    struct state_query q;

    if (!state_durable(st, true, err) || !state_run(st, "DELETE FROM source", err) ||
        !state_query(st, &q, "DELETE FROM sink WHERE name = ?1", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    return state_finish(&q, err);
}

/* Version 4 of RFC 9562: random but for six bits. */
static bool make_uuid(char ret_uuid[CHECKPOINT_WRITER], struct error *err)
{
    unsigned char r[16];

    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        return error_sys(err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot get random bytes");
    (void)snprintf(ret_uuid, CHECKPOINT_WRITER,
                   "%02x%02x%02x%02x-%02x%02x-4%x%02x-%x%x%02x-%02x%02x%02x%02x%02x%02x", r[0],
                   r[1], r[2], r[3], r[4], r[5], r[6] & 15u, r[7], 8u | (r[8] & 3u), r[8] >> 4,
                   r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    return true;
}

/* The table is made here, so that a directory without a stream in Kafka does not have it. */
bool checkpoint_writer(struct state *st, char ret_writer[CHECKPOINT_WRITER], struct error *err)
{
    struct state_query q;
    bool row;
    bool ok;

    if (!make_uuid(ret_writer, err) || !state_durable(st, true, err) ||
        !state_run(st,
                   "CREATE TABLE IF NOT EXISTS writer(id INTEGER PRIMARY KEY CHECK(id = 1),"
                   " uuid TEXT NOT NULL)",
                   err) ||
        !state_query(st, &q, "INSERT OR IGNORE INTO writer(id, uuid) VALUES(1, ?1)", err))
        return false;
    state_bind_text(&q, 1, str_from(ret_writer));
    if (!state_finish(&q, err) || !state_query(st, &q, "SELECT uuid FROM writer", err) ||
        !state_step(&q, &row, err))
        return false;
    ok = row && str_copy(state_text(&q, 0), ret_writer, CHECKPOINT_WRITER);
    state_end(&q);
    return ok || damaged("the writer's name", err);
}

bool checkpoint_get_position(struct state *st, const char *sink, bool *ret_found,
                             struct position *ret_position, bool *ret_started, struct error *err)
{
    struct state_query q;
    bool row;
    bool ok;

    if (!state_query(st, &q, "SELECT position, started FROM sink WHERE name = ?1", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    if (!state_step(&q, &row, err))
        return false;
    ok = !row || position_parse(state_text(&q, 0), ret_position);
    *ret_started = row && state_int(&q, 1) != 0;
    state_end(&q);
    if (!ok)
        return damaged("a sink's position", err);
    *ret_found = row;
    return true;
}

bool checkpoint_set_position(struct state *st, const char *sink, struct position position,
                             bool started, struct error *err)
{
    struct state_query q;
    char text[POSITION_TEXT];

    if (!state_durable(st, false, err) ||
        !state_query(
            st, &q, "INSERT OR REPLACE INTO sink(name, position, started) VALUES(?1, ?2, ?3)", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_text(&q, 2, str_from(position_format(position, text)));
    state_bind_int(&q, 3, started ? 1 : 0);
    return state_finish(&q, err);
}

static bool store_put(void *ctx, const char *key, struct str value, struct error *err)
{
    struct checkpoint_store *store = ctx;
    struct state_query q;

    if (!state_durable(store->st, true, err) ||
        !state_query(store->st, &q,
                     "INSERT OR REPLACE INTO sink_value(sink, key, value) VALUES(?1, ?2, ?3)", err))
        return false;
    state_bind_text(&q, 1, str_from(store->sink));
    state_bind_text(&q, 2, str_from(key));
    state_bind_blob(&q, 3, value);
    return state_finish(&q, err);
}

static bool store_get(void *ctx, const char *key, struct arena *a, struct str *ret_value,
                      struct error *err)
{
    struct checkpoint_store *store = ctx;
    struct state_query q;
    bool row;

    if (!state_query(store->st, &q, "SELECT value FROM sink_value WHERE sink = ?1 AND key = ?2",
                     err))
        return false;
    state_bind_text(&q, 1, str_from(store->sink));
    state_bind_text(&q, 2, str_from(key));
    if (!state_step(&q, &row, err))
        return false;
    *ret_value = row ? arena_str(a, state_text(&q, 0)) : STR_NONE;
    state_end(&q);
    return true;
}

struct sink_store checkpoint_store(struct checkpoint_store *ctx)
{
    return (struct sink_store){ ctx, store_put, store_get };
}
