/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a change to its records. The bytes of a value go into one buffer that keeps its memory, so that in the
 * steady state nothing is allocated: fixed parts are copied from the shape, values encoded behind them.
 */
#include "debezium/writer.h"

#include "base/limits.h"
#include "base/mem.h"
#include "debezium/writer_impl.h"

#include <stdlib.h>

enum { TOPIC_MAX = 249, KEEP = 4 * 1024 * 1024 };

/* ---- life --------------------------------------------------------------------------------------- */

static void render_fixed(struct debezium_writer *w)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    buf_text(&b, "\",\"db\":");
    debezium_json_string(&b, str_from(w->format.database));
    buf_text(&b, ",\"sequence\":\"");
    w->db = arena_str(&w->arena, buf_view(&b));
    buf_done(&b);
    debezium_shape_source_open(&w->source_open, &w->format);
}

struct debezium_writer *debezium_writer_new(const struct debezium_format *format)
{
    struct debezium_writer *w = mem_zalloc(1, sizeof *w);

    w->format = *format;
    map_init(&w->shapes);
    arena_init(&w->arena, LIMIT_ARENA);
    buf_init(&w->key, LIMIT_DEBEZIUM_RECORD);
    debezium_value_init(&w->value);
    buf_init(&w->texts, LIMIT_DEBEZIUM_RECORD);
    buf_init(&w->topic, LIMIT_PG_NAME);
    buf_init(&w->source_open, LIMIT_CONFIG_FILE);
    debezium_unwrap_plan_init(&w->plan, &w->format);
    render_fixed(w);
    return w;
}

void debezium_writer_free(struct debezium_writer *w)
{
    if (w == NULL)
        return;
    for (struct map_slot *s = map_next(&w->shapes, NULL); s != NULL; s = map_next(&w->shapes, s))
        debezium_shape_free(s->value);
    map_done(&w->shapes);
    debezium_unwrap_plan_done(&w->plan);
    buf_done(&w->key);
    debezium_value_done(&w->value);
    buf_done(&w->texts);
    buf_done(&w->topic);
    buf_done(&w->source_open);
    arena_done(&w->arena);
    free(w);
}

/* A table's older version goes when a newer one comes; one that comes again is rendered again. */
static const struct debezium_shape *shape_of(struct debezium_writer *w, const struct relation *rel)
{
    struct debezium_shape *s = w->last;

    if (s != NULL && s->version == rel->version && s->oid == rel->oid)
        return s;
    s = map_get(&w->shapes, MAP_KEY(rel->oid));
    if (s == NULL || s->version != rel->version) {
        s = debezium_shape_new(&w->format, &w->plan, rel);
        s->opening = ++w->openings;
        debezium_shape_free(map_put(&w->shapes, MAP_KEY(rel->oid), s));
    }
    w->last = s;
    return s;
}

void debezium_value_init(struct debezium_value *v)
{
    *v = (struct debezium_value){ .opening = 0 };
    buf_init(&v->bytes, LIMIT_DEBEZIUM_RECORD);
}

void debezium_value_done(struct debezium_value *v)
{
    buf_done(&v->bytes);
    v->opening = 0;
}

static void clear_value(struct debezium_value *v)
{
    buf_shrink(&v->bytes, KEEP);
    if (v->bytes.p == NULL)
        v->opening = 0;
}

bool debezium_writer_gives(const struct debezium_writer *w, const struct debezium_record *r)
{
    return r->has_value && r->value.p == w->value.bytes.p;
}

void debezium_writer_take(struct debezium_writer *w, struct debezium_value *spare)
{
    struct debezium_value value = w->value;

    w->value = *spare;
    *spare = value;
}

void debezium_topic(const char *prefix, struct str schema, struct str table, struct buf *ret)
{
    const struct str parts[] = { str_from(prefix), STR("."), schema, STR("."), table };

    buf_clear(ret);
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t i = 0; i < parts[p].n && ret->n < TOPIC_MAX; i++) {
            unsigned char c = (unsigned char)parts[p].p[i];
            bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';

            if ((c & 0xc0) == 0x80)
                continue; /* of a character that was replaced at its first byte */
            buf_u8(ret, kept ? c : '_');
            /* Java counts UTF-16 units, of which a character beyond U+FFFF has two. */
            if (c >= 0xf0 && ret->n < TOPIC_MAX)
                buf_u8(ret, '_');
        }
    }
    (void)buf_cstr(ret);
}

void debezium_table_split(struct str name, struct str *ret_schema, struct str *ret_table)
{
    size_t dot = str_find(name, '.');
    bool plain = dot == name.n;

    *ret_schema = plain ? STR("public") : str_make(name.p, dot);
    *ret_table = plain ? name : str_make(name.p + dot + 1, name.n - dot - 1);
}

void debezium_table_topic(const char *prefix, struct str name, struct buf *ret)
{
    struct str schema;
    struct str table;

    debezium_table_split(name, &schema, &table);
    debezium_topic(prefix, schema, table, ret);
}

/* ---- records ------------------------------------------------------------------------------------ */

static bool too_large(const struct debezium_event *e, struct error *err)
{
    return error_set(err, ERR_REJECT, E_DEBEZIUM_VALUE,
                     "cannot write a row of %.*s.%.*s: its record is larger than %zu bytes",
                     STR_ARG(e->rel->schema), STR_ARG(e->rel->table), LIMIT_DEBEZIUM_RECORD);
}

/* The key of the event's record: none for a table without one and for a truncate. */
static bool put_key(struct debezium_writer *w, const struct debezium_event *e, bool *ret_has,
                    struct error *err)
{
    const struct change *c = e->change;
    bool gone = e->op == 'd';
    const struct value *row = gone ? c->before : c->after;
    const struct debezium_shape_key *key = &e->shape->key;

    /* Of a deleted row only the replica identity's columns are known. */
    if (gone && c->before_kind == CHANGE_BEFORE_KEY && e->shape->identity.count > 0)
        key = &e->shape->identity;
    *ret_has = row != NULL && key->count > 0;
    if (!*ret_has)
        return true;
    return debezium_part_key(w, e, key, row, gone ? NULL : c->before, &w->key, err);
}

static struct debezium_record *add_record(struct debezium_writer *w, const struct debezium_event *e,
                                          struct debezium_records *rs, bool has_key)
{
    struct debezium_record *r = &rs->items[rs->count++];

    r->topic = e->shape->topic;
    r->has_key = has_key;
    r->key = has_key ? buf_view(&w->key) : STR_NONE;
    r->has_value = false;
    r->value = STR_NONE;
    r->header_count = 0;
    return r;
}

/* What ExtractNewRecordState makes of a delete, and of the tombstone behind it. */
struct fate {
    bool row;       /* the old row, marked as deleted */
    bool null;      /* null with a schema */
    bool nothing;   /* a null for good, in the delete's place */
    bool tombstone; /* and the tombstone */
};

static struct fate fate_of(const struct debezium_writer *w, const struct debezium_event *e)
{
    const struct debezium_format *f = &w->format;
    bool known = e->change->before != NULL;

    if (!f->unwrap.on)
        return (struct fate){ .row = true, .tombstone = f->tombstones };
    switch (f->unwrap.deletes) {
    case DEBEZIUM_DELETES_TOMBSTONE:
        return (struct fate){ .tombstone = f->tombstones };
    case DEBEZIUM_DELETES_REWRITE:
        return (struct fate){ .row = known, .null = !known };
    case DEBEZIUM_DELETES_REWRITE_WITH_TOMBSTONE:
        return (struct fate){ .row = known, .null = !known, .tombstone = f->tombstones };
    case DEBEZIUM_DELETES_TO_TOMBSTONE:
        return (struct fate){ .nothing = true };
    case DEBEZIUM_DELETES_NONE:
        return (struct fate){ .null = true, .tombstone = f->tombstones };
    case DEBEZIUM_DELETES_NONE_ONLY:
        return (struct fate){ .null = true };
    default:
        return (struct fate){ 0 };
    }
}

static void open_value(struct debezium_value *v, const struct debezium_shape *s)
{
    if (v->opening == s->opening) {
        buf_added(&v->bytes, s->value_open.n);
        return;
    }
    buf_str(&v->bytes, s->value_open);
    v->opening = buf_ok(&v->bytes) ? s->opening : 0;
}

static bool put_value(struct debezium_writer *w, const struct debezium_event *e, struct error *err)
{
    const struct value *row = e->op == 'd' ? e->change->before : e->change->after;

    open_value(&w->value, e->shape);
    if (!w->format.unwrap.on)
        return debezium_part_envelope(w, e, &w->value.bytes, err);
    return debezium_part_unwrapped(w, e, row, &w->value.bytes, err);
}

static bool write_delete(struct debezium_writer *w, const struct debezium_event *e, bool has_key,
                         struct debezium_records *rs, struct error *err)
{
    struct fate fate = fate_of(w, e);

    if (fate.row || fate.null || fate.nothing) {
        struct debezium_record *r = add_record(w, e, rs, has_key);

        r->has_value = !fate.nothing;
        r->value = e->shape->null_value;
        if (fate.row && !put_value(w, e, err))
            return false;
        if (fate.row)
            r->value = buf_view(&w->value.bytes);
        if (!debezium_headers(w, e, rs->count - 1, false, err))
            return false;
    }
    if (fate.tombstone) {
        (void)add_record(w, e, rs, has_key);
        if (!debezium_headers(w, e, rs->count - 1, true, err))
            return false;
    }
    return true;
}

static bool write_row(struct debezium_writer *w, const struct debezium_event *e, bool has_key,
                      struct debezium_records *rs, struct error *err)
{
    struct debezium_record *r = add_record(w, e, rs, has_key);

    if (!put_value(w, e, err))
        return false;
    r->has_value = true;
    r->value = buf_view(&w->value.bytes);
    return debezium_headers(w, e, 0, false, err);
}

static char op_of(const struct change *c)
{
    switch (c->op) {
    case CHANGE_UPDATE:
        return 'u';
    case CHANGE_DELETE:
        return 'd';
    case CHANGE_TRUNCATE:
        return 't';
    case CHANGE_SNAPSHOT:
        return 'r';
    case CHANGE_MESSAGE:
        return 'm';
    default:
        return 'c';
    }
}

/* The two halves of a moved key may have the same key: 1.5 and 1.50, or the columns that moved were others of the
 * replica identity. Then there is one update. */
static bool key_stays(struct debezium_writer *w, const struct debezium_event *e, bool *ret_stays,
                      struct error *err)
{
    const struct change *pair = e->moment->pair;
    const struct debezium_shape_key *key = &e->shape->key;
    const struct value *old = e->op == 'd' ? e->change->before : pair->before;
    const struct value *new = e->op == 'd' ? pair->after : e->change->after;
    struct str half[2];

    *ret_stays = false;
    if (old == NULL || new == NULL || e->shape->identity.count > 0)
        return true;
    buf_clear(&w->texts);
    if (!debezium_part_key(w, e, key, old, NULL, &w->texts, err))
        return false;
    half[0].n = w->texts.n;
    if (!debezium_part_key(w, e, key, new, old, &w->texts, err))
        return false;
    half[0].p = w->texts.p;
    half[1] = str_make(w->texts.p + half[0].n, w->texts.n - half[0].n);
    *ret_stays = str_eq(half[0], half[1]);
    buf_clear(&w->texts);
    return true;
}

/* As one change, the insert's half with the old row; *ret_silent for the delete's. */
static bool join_halves(struct debezium_writer *w, struct debezium_event *e, bool *ret_silent,
                        struct error *err)
{
    bool stays;

    *ret_silent = false;
    if ((e->change->flags & CHANGE_KEY_MOVED) == 0 || e->moment->pair == NULL)
        return true;
    if (!key_stays(w, e, &stays, err))
        return false;
    *ret_silent = stays && e->op == 'd';
    if (!stays || e->op == 'd')
        return true;
    e->joined = *e->change;
    e->joined.op = CHANGE_UPDATE;
    e->joined.flags &= ~(unsigned)CHANGE_KEY_MOVED;
    e->joined.before = e->moment->pair->before;
    e->joined.before_kind = e->moment->pair->before_kind;
    e->change = &e->joined;
    e->op = 'u';
    return true;
}

static bool write_event(struct debezium_writer *w, struct debezium_event *e,
                        struct debezium_records *rs, struct error *err)
{
    bool silent;
    bool has_key;

    if (e->op == 't' && (w->format.unwrap.on || !w->format.truncates))
        return true;
    if (e->op == 'm') {
        rs->count = 1;
        if (!debezium_message(w, e, &rs->items[0], err))
            return false;
        debezium_headers_give(w, 0, &rs->items[0]);
        return true;
    }
    e->shape = shape_of(w, e->rel);
    if (!join_halves(w, e, &silent, err))
        return false;
    rs->joined = silent;
    if (silent)
        return true;
    if (!put_key(w, e, &has_key, err))
        return false;
    if (e->op == 'd' ? !write_delete(w, e, has_key, rs, err) : !write_row(w, e, has_key, rs, err))
        return false;
    for (size_t i = 0; i < rs->count; i++)
        debezium_headers_give(w, i, &rs->items[i]);
    return true;
}

bool debezium_write(struct debezium_writer *w, const struct change *c,
                    const struct debezium_moment *m, struct debezium_records *ret_records,
                    struct error *err)
{
    struct debezium_event e = { .rel = c->rel, .change = c, .moment = m, .op = op_of(c) };

    e.source_us = c->commit_time_us != 0 ? c->commit_time_us : m->now_us;
    ret_records->count = 0;
    ret_records->joined = false;
    buf_shrink(&w->key, KEEP);
    clear_value(&w->value);
    buf_clear(&w->texts);
    if (write_event(w, &e, ret_records, err)) {
        if (buf_ok(&w->key) && buf_ok(&w->value.bytes) && buf_ok(&w->texts))
            return true;
        (void)too_large(&e, err);
    }
    ret_records->count = 0;
    return false;
}
