/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window, seen from the stream. A key is the values of the primary key's columns, in the key's order,
 * found by name in each relation that rows come in: a partition may have them in other places.
 */
#include "pipeline/incremental.h"

#include "base/limits.h"
#include "base/mem.h"
#include "postgres/catalog.h"

#include <stdlib.h>

enum { SIGNAL_COLUMNS = 3 };

bool incremental_open(struct state *st, const struct config_source *source,
                      struct incremental **ret_incremental, struct error *err)
{
    struct incremental *inc;

    *ret_incremental = NULL;
    if (source->signal_table == NULL)
        return true;
    inc = mem_zalloc(1, sizeof *inc);
    inc->state = st;
    inc->source = source;
    inc->seen = mem_zalloc(INCREMENTAL_SEEN, sizeof *inc->seen);
    arena_init(&inc->names, MIB);
    arena_init(&inc->arena, LIMIT_ARENA);
    arena_init(&inc->tx, LIMIT_ARENA);
    map_init(&inc->by_key);
    if (!incremental_store_open(st, err)) {
        incremental_close(inc);
        return false;
    }
    /* The configuration was checked: it has the form. */
    (void)postgres_name_split(source->signal_table, &inc->names, &inc->signal_schema,
                              &inc->signal_table);
    *ret_incremental = inc;
    return true;
}

void incremental_close(struct incremental *inc)
{
    if (inc == NULL)
        return;
    map_done(&inc->by_key);
    arena_done(&inc->tx);
    arena_done(&inc->arena);
    arena_done(&inc->names);
    free(inc->seen);
    free(inc);
}

void incremental_forget(struct incremental *inc)
{
    inc->closing = false;
    inc->signals = NULL;
    inc->signal_count = 0;
    inc->signal_cap = 0;
    if (inc->tx.used > 0)
        arena_reset(&inc->tx);
}

bool incremental_begin(struct incremental *inc, struct lsn tail, struct error *err)
{
    incremental_forget(inc);
    inc->window = INCREMENTAL_CLOSED;
    inc->work = true;
    inc->is_first = true;
    inc->appended = (struct lsn){ 0 };
    return incremental_store_resolve(inc->state, tail, err);
}

/* ---- signals ----------------------------------------------------------------------------------- */

bool incremental_is_signal(const struct incremental *inc, const struct relation *rel)
{
    return str_eq(rel->table, inc->signal_table) && str_eq(rel->schema, inc->signal_schema);
}

/* By place, as Debezium takes them: id, type, data. */
void incremental_signal(struct incremental *inc, const struct pgoutput_row *row)
{
    struct incremental_signal *s;

    if (row->after == NULL || row->before_kind != CHANGE_BEFORE_NONE ||
        row->after_count < SIGNAL_COLUMNS || row->after[1].kind != VALUE_TEXT)
        return;
    inc->signals = arena_grow(&inc->tx, inc->signals, inc->signal_count, &inc->signal_cap,
                              sizeof *inc->signals);
    s = &inc->signals[inc->signal_count++];
    *s = (struct incremental_signal){ .type = arena_str(&inc->tx, row->after[1].text) };
    if (row->after[2].kind == VALUE_TEXT)
        s->data = arena_str(&inc->tx, row->after[2].text);
}

/* ---- changes within the window ------------------------------------------------------------------- */

static bool is_of_window(const struct incremental *inc, const struct relation *rel)
{
    return inc->window == INCREMENTAL_OPEN && !inc->spoiled &&
           str_eq(rel->table, inc->rel->table) && str_eq(rel->schema, inc->rel->schema);
}

/* Where the key's columns stand in `rel`; false when one is missing. */
static bool find_key(struct incremental *inc, const struct relation *rel)
{
    const struct relation *own = inc->plan.rel;
    uint32_t n = 0;

    if (inc->seen_rel == rel)
        return true;
    for (uint32_t i = 0; i < inc->plan.order_count; i++) {
        const struct column *c = &own->columns[inc->plan.order[i]];

        if (!c->primary_key)
            continue;
        inc->key_at[n] = relation_column(rel, c->name);
        if (inc->key_at[n++] == rel->column_count)
            return false;
    }
    inc->seen_rel = rel;
    return true;
}

/* The number of the key's columns. */
static uint32_t key_count(const struct incremental *inc)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < inc->plan.order_count; i++)
        n += inc->plan.rel->columns[inc->plan.order[i]].primary_key ? 1 : 0;
    return n;
}

/* False when a value is not known. */
static bool key_of(const struct incremental *inc, const struct value *row, struct buf *b)
{
    uint32_t n = key_count(inc);

    buf_clear(b);
    for (uint32_t i = 0; i < n; i++) {
        struct value v = row[inc->key_at[i]];

        if (v.kind != VALUE_TEXT)
            return false;
        buf_varint(b, v.text.n);
        buf_str(b, v.text);
    }
    return true;
}

static void drop(struct incremental *inc, const struct value *row)
{
    uintptr_t at = 0;
    struct buf key;

    buf_init(&key, LIMIT_PG_MESSAGE);
    if (key_of(inc, row, &key))
        at = (uintptr_t)map_get(&inc->by_key, buf_view(&key));
    else
        inc->spoiled = true;
    buf_done(&key);
    if (at > 0)
        inc->gone[at - 1] = true;
}

/* Does an old row of that kind tell the primary key? One of a replica identity that is another index
 * does not. */
static bool tells_key(const struct incremental *inc, const struct relation *rel,
                      enum change_before kind)
{
    uint32_t n = key_count(inc);

    if (kind == CHANGE_BEFORE_FULL)
        return true;
    for (uint32_t i = 0; i < n; i++) {
        if (!rel->columns[inc->key_at[i]].identity)
            return false;
    }
    return true;
}

void incremental_row(struct incremental *inc, const struct relation *rel,
                     const struct pgoutput_row *row, bool is_insert)
{
    if (!is_of_window(inc, rel))
        return;
    if (!find_key(inc, rel) || (!is_insert && !tells_key(inc, rel, row->before_kind))) {
        inc->spoiled = true;
        return;
    }
    if (row->before_kind != CHANGE_BEFORE_NONE)
        drop(inc, row->before);
    if (row->after != NULL)
        drop(inc, row->after);
}

void incremental_truncate(struct incremental *inc, const struct relation *rel)
{
    for (size_t i = 0; is_of_window(inc, rel) && i < inc->count; i++)
        inc->gone[i] = true;
}

bool incremental_index(struct incremental *inc)
{
    struct buf key;
    bool ok;

    inc->key_at = arena_zalloc(&inc->arena, inc->plan.order_count, sizeof *inc->key_at);
    inc->gone = arena_zalloc(&inc->arena, inc->count, sizeof *inc->gone);
    inc->seen_rel = NULL;
    map_clear(&inc->by_key);
    ok = find_key(inc, inc->rel);
    buf_init(&key, LIMIT_PG_MESSAGE);
    for (size_t i = 0; i < inc->count && ok; i++) {
        ok = key_of(inc, inc->rows[i], &key);
        if (ok)
            (void)map_put(&inc->by_key, buf_view(&key), (void *)(uintptr_t)(i + 1));
    }
    buf_done(&key);
    return ok;
}

/* ---- the watermark ------------------------------------------------------------------------------ */

bool incremental_message(struct incremental *inc, const struct pgoutput_message *m)
{
    if (!str_is(m->prefix, INCREMENTAL_PREFIX))
        return false;
    if (inc->window != INCREMENTAL_CLOSED && str_is(m->content, inc->mark))
        inc->closing = true;
    return true;
}

bool incremental_next_row(const struct incremental *inc, size_t *at, const struct value **ret_row)
{
    if (!inc->closing || inc->window != INCREMENTAL_OPEN || inc->spoiled)
        return false;
    while (*at < inc->count && inc->gone[*at])
        (*at)++;
    if (*at == inc->count)
        return false;
    *ret_row = inc->rows[(*at)++];
    return true;
}

/* The place of the chunk's last row: where the next one begins. */
static struct str last_place(struct incremental *inc)
{
    const struct value *row = inc->rows[inc->count - 1];
    struct str *texts = arena_zalloc(&inc->arena, inc->plan.order_count, sizeof *texts);
    struct str place;
    struct buf b;

    for (uint32_t i = 0; i < inc->plan.order_count; i++)
        texts[i] = row[inc->plan.order[i]].text;
    buf_init(&b, LIMIT_PG_MESSAGE);
    incremental_put_place(&b, texts, inc->plan.order_count);
    place = arena_str(&inc->arena, buf_view(&b));
    buf_done(&b);
    return place;
}

bool incremental_commit(struct incremental *inc, struct lsn commit_end, struct error *err)
{
    struct incremental_table *t = &inc->table;
    const struct value *row;

    if (inc->signal_count > 0 &&
        !incremental_store_signals(inc->state, commit_end, inc->signals, inc->signal_count, err))
        return false;
    if (!inc->closing || inc->window != INCREMENTAL_OPEN || inc->spoiled)
        return true;
    t->next_rows = t->rows;
    for (size_t at = 0; incremental_next_row(inc, &at, &row);)
        t->next_rows++;
    t->next = inc->is_last ? STR_NONE : last_place(inc);
    t->closing = commit_end;
    return incremental_store_close(inc->state, t, err);
}

void incremental_taken(struct incremental *inc, uint32_t xid, struct lsn commit_end, bool with_rows)
{
    inc->seen[xid % INCREMENTAL_SEEN] = xid;
    if (!inc->any_seen || (int32_t)(xid - inc->newest) > 0)
        inc->newest = xid;
    inc->any_seen = true;
    if (inc->signal_count > 0)
        inc->work = true;
    if (inc->closing) {
        if (inc->window == INCREMENTAL_FIRST)
            inc->is_first = false;
        else if (with_rows)
            inc->appended = commit_end;
        inc->window = INCREMENTAL_CLOSED;
    }
    incremental_forget(inc);
}

bool incremental_sees_all(const struct incremental *inc,
                          const struct postgres_chunk_snapshot *snapshot)
{
    if (inc->any_seen && (int32_t)(inc->newest - snapshot->xmax) >= 0)
        return false;
    for (size_t i = 0; i < snapshot->running_count; i++) {
        uint32_t xid = snapshot->running[i];

        if (inc->seen[xid % INCREMENTAL_SEEN] == xid)
            return false;
    }
    return true;
}

void incremental_put_place(struct buf *b, const struct str *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_varint(b, texts[i].n);
        buf_str(b, texts[i]);
    }
}

bool incremental_get_place(struct str place, struct str *texts, uint32_t count)
{
    struct rd r = rd_make(place);

    for (uint32_t i = 0; i < count; i++)
        texts[i] = rd_varstr(&r, LIMIT_PG_MESSAGE);
    return rd_done(&r);
}
