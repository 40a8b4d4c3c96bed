/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/read_shape.h"

#include "base/limits.h"
#include "model/pgtype.h"

const char debezium_shapes_why_full[] =
    "its shape is one more than a reader remembers (32 MiB of them)";

void debezium_shapes_init(struct debezium_shapes *s, struct str meta_prefix)
{
    *s = (struct debezium_shapes){ .meta_prefix = meta_prefix, .next_version = 1, .next_id = 1 };
    arena_init(&s->arena, 4 * LIMIT_DEBEZIUM_SHAPES);
    map_init(&s->schemas);
    map_init(&s->guessed);
    map_init(&s->shapes);
    map_init(&s->tables);
    buf_init(&s->name, LIMIT_PG_MESSAGE);
}

void debezium_shapes_done(struct debezium_shapes *s)
{
    map_done(&s->schemas);
    map_done(&s->guessed);
    map_done(&s->shapes);
    map_done(&s->tables);
    buf_done(&s->name);
    arena_done(&s->arena);
}

bool debezium_shapes_full(const struct debezium_shapes *s, size_t wanted)
{
    return wanted > LIMIT_DEBEZIUM_SHAPES ||
           s->arena.used + s->mapped > LIMIT_DEBEZIUM_SHAPES - wanted;
}

void debezium_shapes_remember(struct debezium_shapes *s, struct map *m, struct str key, void *value)
{
    if (!map_has(m, key))
        s->mapped += key.n + 2 * sizeof(struct map_slot);
    (void)map_put(m, key, value);
}

void debezium_shapes_put_part(struct debezium_shapes *s, struct str part)
{
    buf_varint(&s->name, part.n);
    buf_str(&s->name, part);
}

/* ---- relations ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum debezium_meta meta;
} metas[] = {
    { "op", META_OP },
    { "deleted", META_DELETED },
    { "schema", META_SCHEMA },
    { "source_schema", META_SCHEMA },
    { "table", META_TABLE },
    { "source_table", META_TABLE },
    { "source_ts_us", META_TS_US },
    { "source_ts_ms", META_TS_MS },
    { "txId", META_TX },
    { "source_txId", META_TX },
    { "lsn", META_LSN },
    { "source_lsn", META_LSN },
};

enum debezium_meta debezium_shapes_meta(const struct debezium_shapes *s, struct str name)
{
    if (s->meta_prefix.n == 0 || !str_starts(name, s->meta_prefix))
        return META_COLUMN;
    return debezium_shapes_meta_of(str_make(name.p + s->meta_prefix.n, name.n - s->meta_prefix.n));
}

enum debezium_meta debezium_shapes_meta_of(struct str name)
{
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        if (str_is(name, metas[i].name))
            return metas[i].meta;
    }
    return META_OTHER;
}

static const struct column unknown = {
    .type_oid = PG_UNKNOWN, .typmod = -1, .type_name = STR("unknown"), .type_kind = 'p'
};

static void set_column(struct column *col, const struct debezium_read_field *field, bool schema)
{
    *col = field->type != NULL ? field->type->column : unknown;
    col->name = field->name;
    col->not_null = schema && !field->optional;
}

struct making {
    struct debezium_shapes *s;
    struct debezium_shape *shape;
    struct relation *rel;
    struct column *columns;
};

static void add_row(struct making *m, bool unwrapped)
{
    const struct debezium_read_fields *row = m->shape->row;
    struct debezium_slot *slots = arena_zalloc(&m->s->arena, row->count, sizeof *slots);

    for (size_t i = 0; i < row->count; i++) {
        slots[i].meta = unwrapped ? debezium_shapes_meta(m->s, row->items[i].name) : META_COLUMN;
        slots[i].column = DEBEZIUM_NO_COLUMN;
        if (slots[i].meta != META_COLUMN)
            continue;
        slots[i].column = m->rel->column_count++;
        set_column(&m->columns[slots[i].column], &row->items[i], true);
    }
    m->shape->row_slots = slots;
}

/* A member of the key that the row lacks becomes a column of its own. */
static void add_key(struct making *m)
{
    const struct debezium_read_fields *key = m->shape->key;
    uint32_t *key_columns = arena_zalloc(&m->s->arena, key->count, sizeof *key_columns);

    for (size_t i = 0; i < key->count; i++) {
        uint32_t at = relation_column(m->rel, key->items[i].name);

        if (at == m->rel->column_count) {
            m->rel->column_count++;
            set_column(&m->columns[at], &key->items[i], true);
        }
        m->columns[at].identity = true;
        m->columns[at].primary_key = true;
        m->columns[at].key_order = (uint16_t)(i + 1);
        key_columns[i] = at;
    }
    m->shape->key_columns = key_columns;
}

static bool make_shape(struct debezium_shapes *s, const struct debezium_read_fields *row,
                       const struct debezium_read_fields *key, bool unwrapped, struct str schema,
                       struct str table, struct debezium_shape **ret, const char **ret_why)
{
    size_t count = (row != NULL ? row->count : 0) + (key != NULL ? key->count : 0);
    struct making m = { .s = s };

    *ret_why = debezium_shapes_why_full;
    if (debezium_shapes_full(s, (count + 1) * (sizeof *m.columns + sizeof(struct debezium_slot)) +
                                    KIB) ||
        s->next_version == LIMIT_PG_RELATIONS)
        return false;
    m.shape = arena_zalloc(&s->arena, 1, sizeof *m.shape);
    m.rel = arena_zalloc(&s->arena, 1, sizeof *m.rel);
    m.columns = arena_zalloc(&s->arena, count, sizeof *m.columns);
    *m.shape =
        (struct debezium_shape){ .rel = m.rel, .unwrapped = unwrapped, .row = row, .key = key };
    *m.rel = (struct relation){ .version = s->next_version,
                                .schema = arena_str(&s->arena, schema),
                                .table = arena_str(&s->arena, table),
                                .identity = RELATION_IDENTITY_FULL,
                                .columns = m.columns };
    if (row != NULL)
        add_row(&m, unwrapped);
    if (key != NULL)
        add_key(&m);
    *ret_why = "row and key have more members than a table can have columns";
    if (m.rel->column_count > LIMIT_PG_COLUMNS)
        return false;
    s->next_version++;
    *ret = m.shape;
    return true;
}

static bool is_last(const struct debezium_shapes *s, const struct debezium_read_fields *row,
                    const struct debezium_read_fields *key, struct str schema, struct str table)
{
    return s->last != NULL && s->last->row == row && s->last->key == key &&
           str_eq(s->last->rel->table, table) && str_eq(s->last->rel->schema, schema);
}

static void put_table(struct debezium_shapes *s, struct str schema, struct str table)
{
    debezium_shapes_put_part(s, schema);
    debezium_shapes_put_part(s, table);
}

bool debezium_shapes_find(struct debezium_shapes *s, const struct debezium_read_fields *row,
                          const struct debezium_read_fields *key, bool unwrapped, struct str schema,
                          struct str table, const struct debezium_shape **ret_shape,
                          const char **ret_why)
{
    struct debezium_shape *shape;
    size_t names;

    if (is_last(s, row, key, schema, table)) {
        s->last_row = row != NULL ? s->last : s->last_row;
        *ret_shape = s->last;
        return true;
    }
    buf_clear(&s->name);
    put_table(s, schema, table);
    names = s->name.n;
    buf_le32(&s->name, row != NULL ? row->id : 0);
    buf_le32(&s->name, key != NULL ? key->id : 0);
    shape = map_get(&s->shapes, buf_view(&s->name));
    if (shape == NULL) {
        struct arena_mark mark = arena_mark(&s->arena);

        if (!make_shape(s, row, key, unwrapped, schema, table, &shape, ret_why)) {
            arena_rewind(&s->arena, mark);
            return false;
        }
        debezium_shapes_remember(s, &s->shapes, buf_view(&s->name), shape);
    }
    s->name.n = names;
    if (row != NULL) {
        s->last_row = shape;
        debezium_shapes_remember(s, &s->tables, buf_view(&s->name), shape);
    }
    s->last = shape;
    *ret_shape = shape;
    return true;
}

const struct debezium_shape *debezium_shapes_latest(const struct debezium_shapes *s,
                                                    struct str schema, struct str table)
{
    struct buf name;
    const struct debezium_shape *shape;

    buf_init(&name, LIMIT_PG_MESSAGE);
    buf_varint(&name, schema.n);
    buf_str(&name, schema);
    buf_varint(&name, table.n);
    buf_str(&name, table);
    shape = map_get(&s->tables, buf_view(&name));
    buf_done(&name);
    return shape;
}
