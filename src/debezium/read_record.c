/* SPDX-License-Identifier: Apache-2.0 */
/* Where and when a change was made, and what is wrong with a record that is none. */
#include "debezium/read_record.h"

enum { TOPIC_SHOWN = 80, NAME_SHOWN = 64 };

static int shown(struct str s, int most)
{
    size_t n = s.n < (size_t)most ? s.n : (size_t)most;

    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* `where`: "key", "value", "after", ...; `field` may be none. */
bool debezium_record_reject(struct debezium_read_record *rec, const char *where, struct str field,
                            const char *why)
{
    struct str topic = rec->in->topic;

    return error_set(rec->err, ERR_REJECT, E_DEBEZIUM_RECORD,
                     "cannot read a record of topic %.*s (%s%s%.*s%s): %s",
                     shown(topic, TOPIC_SHOWN), topic.p != NULL ? topic.p : "", where,
                     field.n > 0 ? ", field \"" : "", shown(field, NAME_SHOWN),
                     field.n > 0 ? field.p : "", field.n > 0 ? "\"" : "", why);
}

bool debezium_record_reject_at(struct debezium_read_record *rec, const char *where, size_t at,
                               const char *why)
{
    struct str topic = rec->in->topic;

    return error_set(rec->err, ERR_REJECT, E_DEBEZIUM_RECORD,
                     "cannot read a record of topic %.*s (%s, byte %zu): %s",
                     shown(topic, TOPIC_SHOWN), topic.p != NULL ? topic.p : "", where, at, why);
}

/* The text of a string; one with escapes is copied into the arena. */
struct str debezium_record_text(struct debezium_read_record *rec, const struct jsonread *j,
                                uint32_t token)
{
    struct buf b;
    struct str s;

    if (!jsonread_at(j, token)->escaped)
        return jsonread_text(j, token);
    buf_init(&b, jsonread_at(j, token)->n);
    jsonread_string(j, token, &b);
    s = arena_str(rec->a, buf_view(&b));
    buf_done(&b);
    return s;
}

/* ---- the source block --------------------------------------------------------------------------- */

static bool take_integer(const struct jsonread *j, uint32_t token, int64_t *ret)
{
    return jsonread_at(j, token)->type == JSONREAD_NUMBER &&
           str_to_i64(jsonread_text(j, token), ret);
}

void debezium_record_time(struct change *c, int64_t value, int64_t us)
{
    int64_t time;

    if (!__builtin_mul_overflow(value, us, &time))
        c->commit_time_us = time;
}

/* Members that others lack or that are of another type say nothing. */
static void take_source(struct debezium_read_record *rec, uint32_t name, uint32_t token, bool *fine)
{
    const struct jsonread *j = rec->value.j;
    struct change *c = rec->c;
    int64_t n = 0;
    bool is_number = take_integer(j, token, &n);
    bool is_string = jsonread_at(j, token)->type == JSONREAD_STRING;

    if (is_string && jsonread_is(j, name, STR("schema"))) {
        rec->schema = debezium_record_text(rec, j, token);
    } else if (is_string && jsonread_is(j, name, STR("table"))) {
        rec->table = debezium_record_text(rec, j, token);
    } else if (is_number && jsonread_is(j, name, STR("ts_us"))) {
        debezium_record_time(c, n, 1);
        *fine = true;
    } else if (is_number && !*fine && jsonread_is(j, name, STR("ts_ms"))) {
        debezium_record_time(c, n, 1000);
    } else if (is_number && n > 0 && jsonread_is(j, name, STR("lsn"))) {
        c->lsn.v = (uint64_t)n;
    } else if (is_number && n > 0 && n <= UINT32_MAX && jsonread_is(j, name, STR("txId"))) {
        c->xid = (uint32_t)n;
    } else if (is_string && jsonread_is(j, name, STR("snapshot")) &&
               jsonread_is(j, token, STR("incremental"))) {
        c->flags |= CHANGE_INCREMENTAL;
    }
}

bool debezium_record_source(struct debezium_read_record *rec, uint32_t source)
{
    const struct jsonread *j = rec->value.j;
    bool fine = false;

    if (debezium_record_is(&rec->value, source, JSONREAD_NULL))
        return true;
    if (!debezium_record_is(&rec->value, source, JSONREAD_OBJECT))
        return debezium_record_reject(rec, "source", STR_NONE, "it is no object");
    for (uint32_t i = jsonread_first(j, source); i < jsonread_end(j, source);
         i = jsonread_next(j, i + 1))
        take_source(rec, i, i + 1, &fine);
    return true;
}

/* ---- what is not in the row --------------------------------------------------------------------- */

/* One of the fields or headers that ExtractNewRecordState adds. */
static void take_meta(struct debezium_read_record *rec, enum debezium_meta meta, struct str text)
{
    int64_t n = 0;
    bool is_number = str_to_i64(text, &n);

    if (meta == META_OP && text.n == 1)
        rec->op = text.p[0];
    else if (meta == META_DELETED && str_is(text, "true"))
        rec->op = 'd';
    else if (meta == META_SCHEMA && text.n > 0)
        rec->schema = text;
    else if (meta == META_TABLE && text.n > 0)
        rec->table = text;
    else if (meta == META_TS_US && is_number)
        debezium_record_time(rec->c, n, 1);
    else if (meta == META_TS_MS && is_number && rec->c->commit_time_us % 1000 == 0)
        debezium_record_time(rec->c, n, 1000);
    else if (meta == META_LSN && is_number && n > 0)
        rec->c->lsn.v = (uint64_t)n;
    else if (meta == META_TX && is_number && n > 0 && n <= UINT32_MAX)
        rec->c->xid = (uint32_t)n;
}

/* What a scalar says; n == 0: null, or something else. */
static struct str scalar_of(struct debezium_read_record *rec, const struct jsonread *j,
                            uint32_t token)
{
    switch (jsonread_at(j, token)->type) {
    case JSONREAD_STRING:
        return debezium_record_text(rec, j, token);
    case JSONREAD_NUMBER:
    case JSONREAD_TRUE:
    case JSONREAD_FALSE:
        return jsonread_text(j, token);
    default:
        return STR_NONE;
    }
}

/* Connect's SimpleHeaderConverter writes a text as it is, its JsonConverter as JSON, with a schema or without. */
static struct str header_text(struct debezium_read_record *rec, struct str value)
{
    struct jsonread *j = &rec->r->header;
    uint32_t token = 0;

    if (!jsonread_parse(j, value))
        return value;
    if (jsonread_at(j, 0)->type == JSONREAD_OBJECT &&
        !jsonread_member(j, 0, STR("payload"), &token))
        return STR_NONE;
    return scalar_of(rec, j, token);
}

void debezium_record_headers(struct debezium_read_record *rec)
{
    struct str prefix = str_from(rec->r->headers_prefix);

    for (size_t i = 0; i < rec->in->header_count; i++) {
        struct str name = rec->in->headers[i].name;
        enum debezium_meta meta;

        if (prefix.n == 0 || !str_starts(name, prefix))
            continue;
        meta = debezium_shapes_meta_of(str_make(name.p + prefix.n, name.n - prefix.n));
        if (meta != META_OTHER)
            take_meta(rec, meta, header_text(rec, rec->in->headers[i].value));
    }
}

void debezium_record_fields(struct debezium_read_record *rec)
{
    const struct jsonread *j = rec->value.j;
    struct str prefix = rec->r->shapes.meta_prefix;

    for (uint32_t i = jsonread_first(j, rec->value.payload);
         prefix.n > 0 && i < jsonread_end(j, rec->value.payload); i = jsonread_next(j, i + 1)) {
        if (!jsonread_at(j, i)->escaped && str_starts(jsonread_text(j, i), prefix))
            take_meta(rec, debezium_shapes_meta(&rec->r->shapes, jsonread_text(j, i)),
                      scalar_of(rec, j, i + 1));
    }
}
