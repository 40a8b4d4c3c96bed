/* SPDX-License-Identifier: Apache-2.0 */
/* Rows without a schema: what their columns are is what their values have been so far. */
#include "debezium/read_shape.h"

#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

/* Fields by the names of a row; replaced when a type widens. */
struct guess {
    const struct debezium_read_fields *fields;
};

/* The names in their order, each with its length. */
static bool put_names(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                      char kind, struct str schema, struct str table)
{
    buf_clear(&s->name);
    buf_u8(&s->name, (uint8_t)kind);
    debezium_shapes_put_part(s, schema);
    debezium_shapes_put_part(s, table);
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        size_t at = s->name.n;

        buf_le32(&s->name, 0);
        jsonread_string(j, i, &s->name);
        if (!buf_ok(&s->name))
            return false;
        buf_patch_le32(&s->name, at, (uint32_t)(s->name.n - at - 4));
    }
    return buf_ok(&s->name);
}

static bool copy_name(struct debezium_shapes *s, const struct jsonread *j, uint32_t token,
                      struct str *ret_name)
{
    struct buf b;

    buf_init(&b, jsonread_at(j, token)->n);
    jsonread_string(j, token, &b);
    if (b.n > 0 && b.n <= LIMIT_PG_NAME)
        *ret_name = arena_str(&s->arena, buf_view(&b));
    buf_done(&b);
    return ret_name->n > 0;
}

static int name_cmp(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static bool has_double(struct debezium_shapes *s, const struct debezium_read_field *items,
                       size_t count)
{
    struct arena_mark mark = arena_mark(&s->arena);
    struct str *names = arena_alloc(&s->arena, count * sizeof *names);
    bool found = false;

    for (size_t i = 0; i < count; i++)
        names[i] = items[i].name;
    qsort(names, count, sizeof *names, name_cmp);
    for (size_t i = 1; i < count; i++)
        found = found || str_eq(names[i - 1], names[i]);
    arena_rewind(&s->arena, mark);
    return found;
}

static bool add_fields(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                       struct debezium_read_fields **ret, const char **ret_why)
{
    size_t count = jsonread_at(j, object)->count;
    struct debezium_read_fields *fields;
    struct debezium_read_field *items;
    size_t n = 0;

    *ret_why = "it has more members than a table can have columns";
    if (count > LIMIT_PG_COLUMNS)
        return false;
    *ret_why = debezium_shapes_why_full;
    if (debezium_shapes_full(s, (count + 1) * (sizeof *items + sizeof(struct str)) +
                                    jsonread_at(j, object)->n + s->name.n))
        return false;
    fields = arena_zalloc(&s->arena, 1, sizeof *fields);
    items = arena_zalloc(&s->arena, count, sizeof *items);
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        *ret_why = "a member's name is empty or too long";
        items[n].optional = true;
        if (!copy_name(s, j, i, &items[n++].name))
            return false;
    }
    *ret_why = "two members have one name";
    if (has_double(s, items, count))
        return false;
    *fields = (struct debezium_read_fields){ s->next_id++, count, items };
    *ret = fields;
    return true;
}

/* Do the object's members have these fields' names, in their order? */
static bool same_names(const struct jsonread *j, uint32_t object,
                       const struct debezium_read_fields *fields)
{
    size_t n = 0;

    if (jsonread_at(j, object)->count != fields->count)
        return false;
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        if (!jsonread_is(j, i, fields->items[n++].name))
            return false;
    }
    return true;
}

static bool all_fit(const struct jsonread *j, uint32_t object,
                    const struct debezium_read_fields *fields)
{
    size_t n = 0;

    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        const struct debezium_read_type *type = fields->items[n++].type;

        if (debezium_read_join(type, debezium_read_guess(j, i + 1)) != type)
            return false;
    }
    return true;
}

/* The same names with types that take the object's values as well. */
static bool widen(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                  struct guess *g, const char **ret_why)
{
    size_t size = g->fields->count * sizeof *g->fields->items;
    struct debezium_read_fields *fields;
    struct debezium_read_field *items;
    size_t n = 0;

    *ret_why = debezium_shapes_why_full;
    if (debezium_shapes_full(s, size + sizeof *fields))
        return false;
    fields = arena_zalloc(&s->arena, 1, sizeof *fields);
    items = arena_zalloc(&s->arena, g->fields->count, sizeof *items);
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        items[n] = g->fields->items[n];
        items[n].type = debezium_read_join(items[n].type, debezium_read_guess(j, i + 1));
        n++;
    }
    *fields = (struct debezium_read_fields){ s->next_id++, n, items };
    g->fields = fields;
    return true;
}

static bool add_guess(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                      struct guess **ret, const char **ret_why)
{
    struct arena_mark mark = arena_mark(&s->arena);
    struct debezium_read_fields *fields;
    struct guess *g;

    if (!add_fields(s, j, object, &fields, ret_why)) {
        arena_rewind(&s->arena, mark);
        return false;
    }
    g = arena_zalloc(&s->arena, 1, sizeof *g);
    g->fields = fields;
    debezium_shapes_remember(s, &s->guessed, buf_view(&s->name), g);
    *ret = g;
    return true;
}

bool debezium_shapes_guess(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                           char kind, struct str schema, struct str table,
                           const struct debezium_read_fields **ret_fields, const char **ret_why)
{
    struct guess *g;

    *ret_why = "its names are too long";
    if (!put_names(s, j, object, kind, schema, table))
        return false;
    g = map_get(&s->guessed, buf_view(&s->name));
    if (g == NULL && !add_guess(s, j, object, &g, ret_why))
        return false;
    assert(same_names(j, object, g->fields));
    if (!all_fit(j, object, g->fields) && !widen(s, j, object, g, ret_why))
        return false;
    *ret_fields = g->fields;
    return true;
}
