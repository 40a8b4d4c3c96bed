/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of a parked record: u8 version = 1 | varint id, 0: the record's own offset + 1 | varint waiting, parked_us,
 * attempts | position, key, key_text, op, relation, code, reason, payload, frames, each with a varint length.
 */
#include "pipeline/park_topic_private.h"

#include "base/limits.h"

/* ---- the stored form --------------------------------------------------------------------------------------- */

static void put_text(struct buf *b, struct str s)
{
    buf_varint(b, s.n);
    buf_str(b, s);
}

void park_topic_encode(const struct park_record *r, struct buf *b)
{
    buf_u8(b, PARK_TOPIC_VERSION);
    buf_varint(b, r->id < PARK_TOPIC_UNWRITTEN ? (uint64_t)r->id : 0);
    buf_varint(b, r->waiting ? 1 : 0);
    buf_varint(b, (uint64_t)r->parked_us);
    buf_varint(b, (uint64_t)r->attempts);
    put_text(b, r->position);
    put_text(b, r->key);
    put_text(b, r->key_text);
    put_text(b, r->op);
    put_text(b, r->relation);
    put_text(b, r->code);
    put_text(b, r->reason);
    put_text(b, r->payload);
    put_text(b, r->frames);
}

bool park_topic_decode(struct str value, struct park_record *ret_record)
{
    struct rd rd = rd_make(value);
    struct park_record r = { 0 };
    uint8_t version = rd_u8(&rd);
    uint64_t numbers[4];
    struct str *texts[] = { &r.position, &r.key,    &r.key_text, &r.op,    &r.relation,
                            &r.code,     &r.reason, &r.payload,  &r.frames };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        numbers[i] = rd_varint(&rd);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = rd_varstr(&rd, LIMIT_LOG_RECORD + MIB);
    if (!rd_done(&rd) || version != PARK_TOPIC_VERSION ||
        numbers[0] >= (uint64_t)PARK_TOPIC_UNWRITTEN || numbers[2] > INT64_MAX ||
        numbers[3] > INT64_MAX)
        return false;
    r.id = (int64_t)numbers[0];
    r.waiting = numbers[1] != 0;
    r.parked_us = (int64_t)numbers[2];
    r.attempts = (int64_t)numbers[3];
    *ret_record = r;
    return true;
}

/* ---- both kinds of databases -------------------------------------------------------------------------------- */

bool park_topic_put_row(struct state *st, const char *sink, struct str ref,
                        const struct park_record *r, struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q,
                     "INSERT OR REPLACE INTO parked(id, sink, ref, position, key, key_text, op,"
                     " relation, waiting, code, reason, payload, frames, parked_us, attempts,"
                     " action) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                     " ?15, ?16)",
                     err))
        return false;
    state_bind_int(&q, 1, r->id);
    state_bind_text(&q, 2, str_from(sink));
    state_bind_text(&q, 3, ref);
    state_bind_text(&q, 4, r->position);
    state_bind_blob(&q, 5, r->key);
    state_bind_text(&q, 6, r->key_text);
    state_bind_text(&q, 7, r->op);
    state_bind_text(&q, 8, r->relation);
    state_bind_int(&q, 9, r->waiting ? 1 : 0);
    state_bind_text(&q, 10, r->code);
    state_bind_text(&q, 11, r->reason);
    state_bind_blob(&q, 12, r->payload);
    state_bind_blob(&q, 13, r->frames);
    state_bind_int(&q, 14, r->parked_us);
    state_bind_int(&q, 15, r->attempts);
    state_bind_int(&q, 16, r->action);
    return state_finish(&q, err);
}

bool park_topic_run2(struct state *st, const char *sql, struct str first, struct str second,
                     struct error *err)
{
    struct state_query q;

    if (!state_query(st, &q, sql, err))
        return false;
    state_bind_text(&q, 1, first);
    if (second.p != NULL)
        state_bind_text(&q, 2, second);
    return state_finish(&q, err);
}

bool park_topic_run(struct state *st, const char *sql, struct str text, struct error *err)
{
    return park_topic_run2(st, sql, text, STR_NONE, err);
}
