/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/write_shape.h"

#include "base/limits.h"
#include "base/mem.h"
#include "debezium/write_default.h"
#include "debezium/write_schema.h"
#include "debezium/writer.h"

#include <stdlib.h>

/* ---- keys --------------------------------------------------------------------------------------- */

/* Columns in the order of the primary key; without what the catalog knows, in that of the table. */
static uint32_t *primary_columns(const struct relation *rel, struct arena *a, size_t *ret_count)
{
    uint32_t *columns = arena_zalloc(a, rel->column_count, sizeof *columns);
    size_t count = 0;
    bool ordered;

    for (uint32_t order = 1; order <= rel->column_count; order++) {
        for (uint32_t i = 0; i < rel->column_count; i++) {
            if (rel->columns[i].key_order == order)
                columns[count++] = i;
        }
    }
    ordered = count > 0;
    for (uint32_t i = 0; i < rel->column_count && !ordered; i++) {
        if (rel->columns[i].primary_key)
            columns[count++] = i;
    }
    *ret_count = count;
    return columns;
}

static uint32_t *identity_columns(const struct relation *rel, struct arena *a, size_t *ret_count)
{
    uint32_t *columns = arena_zalloc(a, rel->column_count, sizeof *columns);

    *ret_count = 0;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (rel->columns[i].identity)
            columns[(*ret_count)++] = i;
    }
    return columns;
}

static bool all_in_identity(const struct relation *rel, const uint32_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!rel->columns[columns[i]].identity)
            return false;
    }
    return true;
}

static struct str member(struct str name, bool first, struct arena *a)
{
    struct buf b;
    struct str text;

    buf_init(&b, SIZE_MAX / 2);
    if (!first)
        buf_u8(&b, ',');
    debezium_json_string(&b, name);
    buf_u8(&b, ':');
    text = arena_str(a, buf_view(&b));
    buf_done(&b);
    return text;
}

/* ---- schemas ------------------------------------------------------------------------------------ */

static void put_column_schema(struct buf *b, const struct debezium_shape_column *c)
{
    const struct debezium_schema_opts opts = { .optional = !c->not_null,
                                               .fallback = c->fallback,
                                               .field = c->name };

    debezium_schema(b, c->type, &opts);
}

static void key_open(struct debezium_shape *s, const struct debezium_format *f,
                     struct debezium_shape_key *key)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    if (f->key_schemas) {
        buf_text(&b, "{\"schema\":{\"type\":\"struct\",\"fields\":[");
        for (size_t i = 0; i < key->count; i++) {
            if (i > 0)
                buf_u8(&b, ',');
            put_column_schema(&b, &s->columns[key->columns[i]]);
        }
        buf_text(&b, "],\"optional\":false,\"name\":\"");
        debezium_json_escaped(&b, s->topic);
        buf_text(&b, ".Key\"},\"payload\":");
    }
    buf_u8(&b, '{');
    key->open = arena_str(&s->arena, buf_view(&b));
    key->members = arena_zalloc(&s->arena, key->count, sizeof *key->members);
    for (size_t i = 0; i < key->count; i++)
        key->members[i] = member(s->columns[key->columns[i]].name, i == 0, &s->arena);
    buf_done(&b);
}

static void put_columns(struct buf *b, const struct debezium_shape *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0)
            buf_u8(b, ',');
        put_column_schema(b, &s->columns[i]);
    }
}

/* The row's: what `before` and `after` are. */
static void put_row_schema(struct buf *b, const struct debezium_shape *s, const char *field)
{
    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    put_columns(b, s);
    buf_text(b, "],\"optional\":true,\"name\":\"");
    debezium_json_escaped(b, s->topic);
    buf_text(b, ".Value\"");
    if (field != NULL) {
        buf_text(b, ",\"field\":\"");
        buf_text(b, field);
        buf_u8(b, '"');
    }
    buf_u8(b, '}');
}

static void put_envelope_schema(struct buf *b, const struct debezium_shape *s,
                                const struct debezium_format *f)
{
    bool old = f->compat == DEBEZIUM_2_5;

    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    put_row_schema(b, s, "before");
    buf_u8(b, ',');
    put_row_schema(b, s, "after");
    buf_u8(b, ',');
    debezium_schema_source(b, (enum debezium_compat)f->compat);
    buf_u8(b, ',');
    if (!old) {
        debezium_schema_transaction(b);
        buf_u8(b, ',');
    }
    debezium_schema_plain(b, "string", false, "op");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", true, "ts_ms");
    buf_u8(b, ',');
    if (old) {
        debezium_schema_transaction(b);
    } else {
        debezium_schema_plain(b, "int64", true, "ts_us");
        buf_u8(b, ',');
        debezium_schema_plain(b, "int64", true, "ts_ns");
    }
    buf_text(b, "],\"optional\":false,\"name\":\"");
    debezium_json_escaped(b, s->topic);
    buf_text(b, old ? ".Envelope\",\"version\":1}" : ".Envelope\",\"version\":2}");
}

/* An added field's: of the envelope, or as that of the column that it names. */
static void put_added_schema(struct buf *b, const struct debezium_shape *s,
                             const struct debezium_format *f,
                             const struct debezium_unwrap_item *item)
{
    if (item->what != UNWRAP_COLUMN_BEFORE && item->what != UNWRAP_COLUMN_AFTER) {
        buf_u8(b, ',');
        debezium_unwrap_schema(b, f, item);
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct debezium_schema_opts opts = { .optional = true, .field = item->name };

        if (!str_eq(s->columns[i].name, item->column))
            continue;
        buf_u8(b, ',');
        debezium_schema(b, s->columns[i].type, &opts);
    }
}

static void put_unwrapped_schema(struct buf *b, const struct debezium_shape *s,
                                 const struct debezium_format *f,
                                 const struct debezium_unwrap_plan *plan)
{
    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    put_columns(b, s);
    if (debezium_unwrap_rewrites(f)) {
        buf_u8(b, ',');
        debezium_schema_plain(b, "string", true, "__deleted");
    }
    for (size_t i = 0; i < plan->field_count; i++)
        put_added_schema(b, s, f, &plan->fields[i]);
    buf_text(b, "],\"optional\":false,\"name\":\"");
    debezium_json_escaped(b, s->topic);
    buf_text(b, ".Value\"}");
}

static void value_open(struct debezium_shape *s, const struct debezium_format *f,
                       const struct debezium_unwrap_plan *plan)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    if (f->value_schemas) {
        buf_text(&b, "{\"schema\":");
        if (f->unwrap.on)
            put_unwrapped_schema(&b, s, f, plan);
        else
            put_envelope_schema(&b, s, f);
        buf_text(&b, ",\"payload\":");
    }
    buf_text(&b, f->unwrap.on ? "{" : "{\"before\":");
    s->value_open = arena_str(&s->arena, buf_view(&b));
    buf_clear(&b);
    if (f->value_schemas) {
        buf_text(&b, "{\"schema\":");
        put_row_schema(&b, s, NULL);
        buf_text(&b, ",\"payload\":null}");
    } else {
        buf_text(&b, "null");
    }
    s->null_value = arena_str(&s->arena, buf_view(&b));
    buf_done(&b);
}

/* ---- source ------------------------------------------------------------------------------------- */

const char *debezium_shape_version(const struct debezium_format *f)
{
    if (f->version != NULL)
        return f->version;
    return f->compat == DEBEZIUM_2_5 ? "2.5.4.Final" : "3.3.1.Final";
}

void debezium_shape_source_open(struct buf *b, const struct debezium_format *f)
{
    buf_text(b, ",\"source\":{\"version\":");
    debezium_json_string(b, str_from(debezium_shape_version(f)));
    buf_text(b, ",\"connector\":\"postgresql\",\"name\":");
    debezium_json_string(b, str_from(f->prefix));
    buf_text(b, ",\"ts_ms\":");
}

static void source_parts(struct debezium_shape *s, const struct debezium_format *f,
                         const struct relation *rel)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    debezium_shape_source_open(&b, f);
    s->source_open = arena_str(&s->arena, buf_view(&b));
    buf_clear(&b);
    buf_text(&b, ",\"schema\":");
    debezium_json_string(&b, rel->schema);
    buf_text(&b, ",\"table\":");
    debezium_json_string(&b, rel->table);
    buf_text(&b, ",\"txId\":");
    s->source_table = arena_str(&s->arena, buf_view(&b));
    buf_done(&b);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void fill_columns(struct debezium_shape *s, const struct debezium_format *f,
                         const struct relation *rel)
{
    s->count = rel->column_count;
    s->columns = arena_zalloc(&s->arena, s->count, sizeof *s->columns);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *from = &rel->columns[i];
        struct debezium_shape_column *c = &s->columns[i];

        c->name = arena_str(&s->arena, from->name);
        c->member = member(from->name, i == 0, &s->arena);
        c->type = debezium_type_of(f, from, &s->arena);
        c->not_null = from->not_null || from->primary_key;
        c->fallback = debezium_default(f, from, c->type, &s->arena);
    }
}

static void fill_keys(struct debezium_shape *s, const struct debezium_format *f,
                      const struct relation *rel)
{
    s->key.columns = primary_columns(rel, &s->arena, &s->key.count);
    if (s->key.count == 0 && rel->identity == RELATION_IDENTITY_INDEX)
        s->key.columns = identity_columns(rel, &s->arena, &s->key.count);
    key_open(s, f, &s->key);
    if (rel->identity == RELATION_IDENTITY_INDEX &&
        !all_in_identity(rel, s->key.columns, s->key.count)) {
        s->identity.columns = identity_columns(rel, &s->arena, &s->identity.count);
        key_open(s, f, &s->identity);
    }
}

struct debezium_shape *debezium_shape_new(const struct debezium_format *f,
                                          const struct debezium_unwrap_plan *plan,
                                          const struct relation *rel)
{
    struct debezium_shape *s = mem_zalloc(1, sizeof *s);
    struct buf topic;

    arena_init(&s->arena, LIMIT_ARENA);
    s->oid = rel->oid;
    s->version = rel->version;
    buf_init(&topic, LIMIT_PG_NAME);
    debezium_topic(f->prefix, rel->schema, rel->table, &topic);
    s->topic = arena_str(&s->arena, buf_view(&topic));
    buf_done(&topic);
    fill_columns(s, f, rel);
    fill_keys(s, f, rel);
    value_open(s, f, plan);
    source_parts(s, f, rel);
    return s;
}

void debezium_shape_free(struct debezium_shape *s)
{
    if (s == NULL)
        return;
    arena_done(&s->arena);
    free(s);
}
