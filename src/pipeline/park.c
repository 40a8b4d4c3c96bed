/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/park.h"

#include "base/limits.h"
#include "model/frame.h"
#include "process/key.h"

#define COLUMNS                                                                                     \
    "id, sink, ref, position, key, key_text, op, relation, waiting, code, reason, payload, frames," \
    " parked_us, attempts, action"

static void put_frame(struct buf *b, size_t at)
{
    buf_patch_le32(b, at, (uint32_t)(b->n - at - 4));
}

/* A parked change must outlive the log, so it takes along what its frames refer to. */
static void put_frames(const struct change *c, struct buf *b)
{
    struct frame_tx tx = { .epoch = c->pos.epoch,
                           .xid = c->xid,
                           .commit_end = c->pos.commit_end,
                           .commit_lsn = c->commit_lsn,
                           .commit_time_us = c->commit_time_us,
                           .wts_base = c->wts - (int64_t)c->pos.ordinal,
                           .first_ordinal = c->pos.ordinal };
    size_t at = b->n;

    buf_le32(b, 0);
    frame_put_tx(b, &tx);
    put_frame(b, at);
    at = b->n;
    buf_le32(b, 0);
    frame_put_relation(b, c->rel);
    put_frame(b, at);
    at = b->n;
    buf_le32(b, 0);
    frame_put_change(b, c);
    put_frame(b, at);
}

static const struct relation *only_relation(void *ctx, uint32_t version)
{
    const struct relation *rel = ctx;

    return rel->version == version ? rel : NULL;
}

bool park_change(const struct park_record *r, struct arena *a, struct change *ret_change)
{
    struct rd rd = rd_make(r->frames);
    struct str tx_frame = rd_bytes(&rd, rd_le32(&rd));
    struct str rel_frame = rd_bytes(&rd, rd_le32(&rd));
    struct str change_frame = rd_bytes(&rd, rd_le32(&rd));
    const struct relation *rel;
    struct frame_tx tx;

    if (!rd_done(&rd) || !frame_get_tx(tx_frame, &tx) || !frame_get_relation(rel_frame, a, &rel) ||
        !frame_get_change(change_frame, only_relation, (void *)rel, a, ret_change))
        return false;
    frame_stamp(ret_change, &tx, tx.first_ordinal);
    return true;
}

struct texts {
    struct buf key;
    struct buf key_text;
    struct buf relation;
    struct buf frames;
    char position[POSITION_TEXT];
};

static void make_texts(struct texts *t, const struct change *c)
{
    buf_init(&t->key, LIMIT_PG_MESSAGE);
    buf_init(&t->key_text, 4 * KIB);
    buf_init(&t->relation, 4 * KIB);
    buf_init(&t->frames, LIMIT_LOG_RECORD + MIB);
    key_bytes(c, &t->key);
    key_text(c, &t->key_text);
    relation_name(c->rel, &t->relation);
    put_frames(c, &t->frames);
    (void)position_format(c->pos, t->position);
}

static void free_texts(struct texts *t)
{
    buf_done(&t->key);
    buf_done(&t->key_text);
    buf_done(&t->relation);
    buf_done(&t->frames);
}

static bool insert(struct state *st, const char *sink, const struct change *c,
                   const struct sink_reject *reject, const struct texts *t, int64_t now_us,
                   struct error *err)
{
    struct state_query q;
    char code[8];

    error_code_text(reject->code, code);
    if (!state_query(st, &q,
                     "INSERT INTO parked(sink, ref, position, key, key_text, op, relation, waiting,"
                     " code, reason, payload, frames, parked_us, attempts, action)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1, 0)"
                     " ON CONFLICT(sink, ref) DO NOTHING",
                     err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_text(&q, 2, str_from(reject->id != NULL ? reject->id : t->position));
    state_bind_text(&q, 3, str_from(t->position));
    state_bind_blob(&q, 4, buf_view(&t->key));
    state_bind_text(&q, 5, buf_view(&t->key_text));
    state_bind_text(&q, 6, str_from(change_op_name(c->op)));
    state_bind_text(&q, 7, buf_view(&t->relation));
    state_bind_int(&q, 8, reject->waiting ? 1 : 0);
    state_bind_text(&q, 9, str_from(code));
    state_bind_text(&q, 10, str_from(reject->reason != NULL ? reject->reason : ""));
    state_bind_blob(&q, 11, reject->payload);
    state_bind_blob(&q, 12, buf_view(&t->frames));
    state_bind_int(&q, 13, now_us);
    return state_finish(&q, err);
}

bool park_add(struct state *st, const char *sink, const struct change *c,
              const struct sink_reject *reject, int64_t now_us, struct error *err)
{
    struct texts t;
    bool ok;

    make_texts(&t, c);
    ok = insert(st, sink, c, reject, &t, now_us, err);
    free_texts(&t);
    return ok;
}

bool park_count(struct state *st, const char *sink, int64_t *ret_count, struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(st, &q, "SELECT count(*) FROM parked WHERE sink = ?1", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    if (!state_step(&q, &row, err))
        return false;
    *ret_count = row ? state_int(&q, 0) : 0;
    state_end(&q);
    return true;
}

static struct park_record read_record(struct state_query *q)
{
    return (struct park_record){
        .id = state_int(q, 0),
        .sink = state_text(q, 1),
        .ref = state_text(q, 2),
        .position = state_text(q, 3),
        .key = state_text(q, 4),
        .key_text = state_text(q, 5),
        .op = state_text(q, 6),
        .relation = state_text(q, 7),
        .waiting = state_int(q, 8) != 0,
        .code = state_text(q, 9),
        .reason = state_text(q, 10),
        .payload = state_text(q, 11),
        .frames = state_text(q, 12),
        .parked_us = state_int(q, 13),
        .attempts = state_int(q, 14),
        .action = (enum park_action)state_int(q, 15),
    };
}

bool park_each(struct state *st, const char *sink, struct str key,
               bool (*each)(void *ctx, const struct park_record *r), void *ctx, struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(st, &q,
                     "SELECT " COLUMNS " FROM parked WHERE (?1 = '' OR sink = ?1)"
                     " AND (?3 = 0 OR key = ?2) ORDER BY id",
                     err))
        return false;
    state_bind_text(&q, 1, sink != NULL ? str_from(sink) : STR(""));
    state_bind_blob(&q, 2, key);
    state_bind_int(&q, 3, key.p != NULL ? 1 : 0);
    for (;;) {
        struct park_record r;

        if (!state_step(&q, &row, err))
            return false;
        if (!row)
            break;
        r = read_record(&q);
        if (!each(ctx, &r))
            break;
    }
    state_end(&q);
    return true;
}

bool park_due_key(struct state *st, const char *sink, struct arena *a, struct str *ret_key,
                  struct error *err)
{
    struct state_query q;
    bool row;

    /* Only the oldest record of a key can move, so only it is asked. */
    if (!state_query(st, &q,
                     "SELECT key FROM parked AS p WHERE sink = ?1 AND (action <> 0 OR waiting = 1)"
                     " AND NOT EXISTS(SELECT 1 FROM parked AS e WHERE e.sink = ?1 AND e.key = p.key"
                     " AND e.id < p.id) ORDER BY id LIMIT 1",
                     err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    if (!state_step(&q, &row, err))
        return false;
    *ret_key = row ? arena_str(a, state_text(&q, 0)) : STR_NONE;
    state_end(&q);
    return true;
}

static const struct park_record *copy_record(const struct park_record *r, struct arena *a)
{
    struct park_record *copy = arena_alloc(a, sizeof *copy);
    struct str *texts[] = { &copy->sink,     &copy->ref,     &copy->position, &copy->key,
                            &copy->key_text, &copy->op,      &copy->relation, &copy->code,
                            &copy->reason,   &copy->payload, &copy->frames };

    *copy = *r;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = arena_str(a, *texts[i]);
    return copy;
}

static bool take_one(struct state_query *q, struct arena *a, const struct park_record **ret_record,
                     struct error *err)
{
    bool row;

    if (!state_step(q, &row, err))
        return false;
    *ret_record = NULL;
    if (row) {
        struct park_record r = read_record(q);

        *ret_record = copy_record(&r, a);
    }
    state_end(q);
    return true;
}

bool park_first(struct state *st, const char *sink, struct str key, struct arena *a,
                const struct park_record **ret_record, struct error *err)
{
    struct state_query q;

    if (!state_query(
            st, &q,
            "SELECT " COLUMNS " FROM parked WHERE sink = ?1 AND key = ?2 ORDER BY id LIMIT 1", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_blob(&q, 2, key);
    return take_one(&q, a, ret_record, err);
}

bool park_asked(struct state *st, const char *sink, struct arena *a,
                const struct park_record **ret_record, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q,
                     "SELECT " COLUMNS " FROM parked WHERE sink = ?1 AND action <> 0"
                     " ORDER BY id LIMIT 1",
                     err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    return take_one(&q, a, ret_record, err);
}

bool park_find(struct state *st, const char *sink, struct str ref, struct arena *a,
               const struct park_record **ret_record, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, "SELECT " COLUMNS " FROM parked WHERE sink = ?1 AND ref = ?2", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_text(&q, 2, ref);
    return take_one(&q, a, ret_record, err);
}

bool park_delete(struct state *st, int64_t id, struct error *err)
{
    struct state_query q;

    if (!state_durable(st, true, err) ||
        !state_query(st, &q, "DELETE FROM parked WHERE id = ?1", err))
        return false;
    state_bind_int(&q, 1, id);
    return state_finish(&q, err);
}

bool park_refused(struct state *st, int64_t id, const char *code, const char *reason,
                  struct error *err)
{
    struct state_query q;

    if (!state_durable(st, true, err) ||
        !state_query(
            st, &q,
            "UPDATE parked SET action = 0, waiting = 0, attempts = attempts + 1, code = ?2,"
            " reason = ?3 WHERE id = ?1",
            err))
        return false;
    state_bind_int(&q, 1, id);
    state_bind_text(&q, 2, str_from(code));
    state_bind_text(&q, 3, str_from(reason));
    return state_finish(&q, err);
}

bool park_request(struct state *st, const char *sink, int64_t id, enum park_action action,
                  int64_t *ret_count, struct error *err)
{
    struct state_query q;

    if (!state_durable(st, true, err) ||
        !state_query(st, &q,
                     "UPDATE parked SET action = ?3 WHERE sink = ?1 AND (?2 = 0 OR id = ?2)", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_int(&q, 2, id);
    state_bind_int(&q, 3, action);
    if (!state_finish(&q, err))
        return false;
    *ret_count = state_changed(st);
    return true;
}

bool park_request_ref(struct state *st, const char *sink, struct str ref, enum park_action action,
                      struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, "UPDATE parked SET action = ?3 WHERE sink = ?1 AND ref = ?2", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_text(&q, 2, ref);
    state_bind_int(&q, 3, action);
    return state_finish(&q, err);
}

bool park_forget(struct state *st, const char *sink, int64_t id, int64_t *ret_count,
                 struct error *err)
{
    struct state_query q;

    if (!state_durable(st, true, err) ||
        !state_query(st, &q, "DELETE FROM parked WHERE sink = ?1 AND (?2 = 0 OR id = ?2)", err))
        return false;
    state_bind_text(&q, 1, str_from(sink));
    state_bind_int(&q, 2, id);
    if (!state_finish(&q, err))
        return false;
    *ret_count = state_changed(st);
    return true;
}
