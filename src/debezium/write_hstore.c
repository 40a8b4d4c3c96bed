/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hstore: "a"=>"1", "b"=>NULL as {"a":"1","b":null}, the object itself or a string of it.
 *
 * Debezium reads it into a java.util.HashMap and writes it in that map's order.
 */
#include "debezium/write_type.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "debezium/write_java.h"

#include <stdlib.h>

enum { STACK_PAIRS = 32 };

struct pair {
    struct str key; /* between its quotes, with its escapes */
    struct str value;
    bool null;
    uint32_t hash;
    size_t ordinal;
};

struct pairs {
    struct pair *items;
    size_t count;
    size_t cap;
    struct pair stack[STACK_PAIRS];
};

/* ---- reading ------------------------------------------------------------------------------------ */

static bool take_text(struct rd *r, struct str text)
{
    return str_eq(rd_bytes(r, text.n), text) && rd_ok(r);
}

static bool take_quoted(struct rd *r, struct str *ret_text)
{
    const char *start;

    if (!take_text(r, STR("\"")))
        return false;
    start = (const char *)r->p;
    while (rd_left(r) > 0 && rd_peek(r) != '"') {
        if (rd_u8(r) == '\\')
            (void)rd_u8(r);
    }
    *ret_text = str_make(start, (size_t)((const char *)r->p - start));
    return take_text(r, STR("\""));
}

/* The text without its escapes. */
static uint32_t hash_of(struct str s)
{
    struct debezium_java_hash h = { 0 };
    size_t run;

    while ((run = str_find(s, '\\')) < s.n) {
        debezium_java_hash_add(&h, str_make(s.p, run));
        if (run + 1 < s.n)
            debezium_java_hash_add(&h, str_make(s.p + run + 1, 1));
        run = run + 2 < s.n ? run + 2 : s.n;
        s = str_make(s.p + run, s.n - run);
    }
    debezium_java_hash_add(&h, s);
    return h.v;
}

static void add(struct pairs *pairs, struct pair pair)
{
    if (pairs->count == pairs->cap) {
        bool on_stack = pairs->items == pairs->stack;
        struct pair *items =
            mem_resize(on_stack ? NULL : pairs->items, 2 * pairs->cap, sizeof *items);

        if (on_stack)
            memcpy(items, pairs->stack, sizeof pairs->stack);
        pairs->items = items;
        pairs->cap *= 2;
    }
    pair.ordinal = pairs->count;
    pairs->items[pairs->count++] = pair;
}

static bool parse(struct str text, struct pairs *pairs)
{
    struct rd r = rd_make(text);

    while (rd_left(&r) > 0) {
        struct pair pair = { 0 };

        if (pairs->count > 0 && !take_text(&r, STR(", ")))
            return false;
        if (!take_quoted(&r, &pair.key) || !take_text(&r, STR("=>")))
            return false;
        pair.null = rd_peek(&r) == 'N';
        if (pair.null ? !take_text(&r, STR("NULL")) : !take_quoted(&r, &pair.value))
            return false;
        pair.hash = hash_of(pair.key);
        add(pairs, pair);
    }
    return rd_ok(&r);
}

static int bucket_cmp(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void sort_as_java(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        pairs->items[i].hash = debezium_java_bucket(pairs->items[i].hash, pairs->count);
    qsort(pairs->items, pairs->count, sizeof *pairs->items, bucket_cmp);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_string(struct buf *out, struct str s)
{
    BUF_LIT(out, "\"");
    while (s.n > 0) {
        size_t run = str_find(s, '\\');

        debezium_json_escaped(out, str_make(s.p, run));
        if (run + 1 < s.n)
            debezium_json_escaped(out, str_make(s.p + run + 1, 1));
        run = run + 2 < s.n ? run + 2 : s.n;
        s = str_make(s.p + run, s.n - run);
    }
    BUF_LIT(out, "\"");
}

bool debezium_put_hstore_map(const struct debezium_type *type, struct str text, struct buf *out,
                             const char **ret_why)
{
    struct pairs pairs = { .cap = STACK_PAIRS };
    bool ok;

    (void)type;
    pairs.items = pairs.stack;
    ok = parse(text, &pairs);
    if (ok) {
        sort_as_java(&pairs);
        BUF_LIT(out, "{");
        for (size_t i = 0; i < pairs.count; i++) {
            if (i > 0)
                BUF_LIT(out, ",");
            put_string(out, pairs.items[i].key);
            BUF_LIT(out, ":");
            if (pairs.items[i].null)
                BUF_LIT(out, "null");
            else
                put_string(out, pairs.items[i].value);
        }
        BUF_LIT(out, "}");
    }
    if (pairs.items != pairs.stack)
        free(pairs.items);
    *ret_why = "it is not an hstore";
    return ok;
}

bool debezium_put_hstore_json(const struct debezium_type *type, struct str text, struct buf *out,
                              const char **ret_why)
{
    struct buf object;
    bool ok;

    buf_init(&object, 2 * LIMIT_PG_MESSAGE);
    ok = debezium_put_hstore_map(type, text, &object, ret_why);
    if (ok && !buf_ok(&object)) {
        *ret_why = "it is too large";
        ok = false;
    }
    if (ok)
        debezium_json_string(out, buf_view(&object));
    buf_done(&object);
    return ok;
}
