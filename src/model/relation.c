/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored form of a relation; varint = LEB128, text = varint length and bytes:
 *
 *   varint version | varint oid | u8 identity | text schema | text table | varint column_count
 *   per column: text name | varint type_oid | u32le typmod | text type_name | varint element_oid
 *               | u8 type_kind | u8 flags (1 identity, 2 primary key, 4 not null)
 *   with FLAG_CATALOG (128) in the identity, then per column what only the catalog knows:
 *                 varint key_order | u8 element_kind | varint base_oid | u32le base_typmod
 *               | text default_text | text labels
 */
#include "model/relation.h"

#include "base/limits.h"

enum { FLAG_IDENTITY = 1, FLAG_PRIMARY_KEY = 2, FLAG_NOT_NULL = 4, FLAG_CATALOG = 128 };

uint32_t relation_column(const struct relation *rel, struct str name)
{
    uint32_t i = 0;

    while (i < rel->column_count && !str_eq(rel->columns[i].name, name))
        i++;
    return i;
}

static bool column_same(const struct column *a, const struct column *b)
{
    return str_eq(a->name, b->name) && a->type_oid == b->type_oid && a->typmod == b->typmod &&
           str_eq(a->type_name, b->type_name) && a->element_oid == b->element_oid &&
           a->type_kind == b->type_kind && a->identity == b->identity &&
           a->primary_key == b->primary_key && a->not_null == b->not_null &&
           a->key_order == b->key_order && a->element_kind == b->element_kind &&
           a->base_oid == b->base_oid && a->base_typmod == b->base_typmod &&
           str_eq(a->default_text, b->default_text) && str_eq(a->labels, b->labels);
}

bool relation_same(const struct relation *a, const struct relation *b)
{
    if (a->oid != b->oid || a->identity != b->identity || a->column_count != b->column_count ||
        !str_eq(a->schema, b->schema) || !str_eq(a->table, b->table))
        return false;
    for (uint32_t i = 0; i < a->column_count; i++) {
        if (!column_same(&a->columns[i], &b->columns[i]))
            return false;
    }
    return true;
}

bool relation_has_primary_key(const struct relation *rel)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (rel->columns[i].primary_key)
            return true;
    }
    return false;
}

const struct relation *relation_copy(const struct relation *rel, struct arena *a)
{
    struct relation *copy = arena_alloc(a, sizeof *copy);
    struct column *columns = arena_zalloc(a, rel->column_count, sizeof *columns);

    *copy = *rel;
    copy->schema = arena_str(a, rel->schema);
    copy->table = arena_str(a, rel->table);
    copy->columns = columns;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        columns[i] = rel->columns[i];
        columns[i].name = arena_str(a, rel->columns[i].name);
        columns[i].type_name = arena_str(a, rel->columns[i].type_name);
        columns[i].default_text = arena_str(a, rel->columns[i].default_text);
        columns[i].labels = arena_str(a, rel->columns[i].labels);
    }
    return copy;
}

static bool is_plain(struct str name)
{
    if (name.n == 0 || (name.p[0] >= '0' && name.p[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static void put_name(struct buf *b, struct str name)
{
    if (is_plain(name))
        buf_str(b, name);
    else
        buf_quoted(b, name, '"');
}

void relation_name(const struct relation *rel, struct buf *b)
{
    put_name(b, rel->schema);
    buf_u8(b, '.');
    put_name(b, rel->table);
}

static void put_text(struct buf *b, struct str s)
{
    buf_varint(b, s.n);
    buf_str(b, s);
}

static bool catalog_knows(const struct column *c)
{
    return c->key_order != 0 || c->element_kind != 0 || c->base_oid != 0 || c->base_typmod != 0 ||
           c->default_text.n > 0 || c->labels.n > 0;
}

static bool has_catalog(const struct relation *rel)
{
    uint32_t i = 0;

    while (i < rel->column_count && !catalog_knows(&rel->columns[i]))
        i++;
    return i < rel->column_count;
}

static void put_catalog(const struct relation *rel, struct buf *b)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *c = &rel->columns[i];

        buf_varint(b, c->key_order);
        buf_u8(b, (uint8_t)c->element_kind);
        buf_varint(b, c->base_oid);
        buf_le32(b, (uint32_t)c->base_typmod);
        put_text(b, c->default_text);
        put_text(b, c->labels);
    }
}

void relation_encode(const struct relation *rel, struct buf *b)
{
    bool catalog = has_catalog(rel);

    buf_varint(b, rel->version);
    buf_varint(b, rel->oid);
    buf_u8(b, (uint8_t)((uint8_t)rel->identity | (catalog ? FLAG_CATALOG : 0)));
    put_text(b, rel->schema);
    put_text(b, rel->table);
    buf_varint(b, rel->column_count);
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *c = &rel->columns[i];

        put_text(b, c->name);
        buf_varint(b, c->type_oid);
        buf_le32(b, (uint32_t)c->typmod);
        put_text(b, c->type_name);
        buf_varint(b, c->element_oid);
        buf_u8(b, (uint8_t)c->type_kind);
        buf_u8(b, (uint8_t)((c->identity ? FLAG_IDENTITY : 0) |
                            (c->primary_key ? FLAG_PRIMARY_KEY : 0) |
                            (c->not_null ? FLAG_NOT_NULL : 0)));
    }
    if (catalog)
        put_catalog(rel, b);
}

static uint32_t varint32(struct rd *r)
{
    uint64_t v = rd_varint(r);

    if (v > UINT32_MAX) {
        (void)rd_fail(r);
        return 0;
    }
    return (uint32_t)v;
}

static void get_column(struct rd *r, struct arena *a, struct column *c)
{
    uint8_t flags;

    c->name = arena_str(a, rd_varstr(r, LIMIT_PG_NAME));
    c->type_oid = varint32(r);
    c->typmod = (int32_t)rd_le32(r);
    c->type_name = arena_str(a, rd_varstr(r, LIMIT_PG_NAME));
    c->element_oid = varint32(r);
    c->type_kind = (char)rd_u8(r);
    flags = rd_u8(r);
    c->identity = (flags & FLAG_IDENTITY) != 0;
    c->primary_key = (flags & FLAG_PRIMARY_KEY) != 0;
    c->not_null = (flags & FLAG_NOT_NULL) != 0;
}

static void get_catalog(struct rd *r, struct arena *a, struct column *c)
{
    uint32_t key_order = varint32(r);

    if (key_order > LIMIT_PG_COLUMNS)
        (void)rd_fail(r);
    c->key_order = (uint16_t)key_order;
    c->element_kind = (char)rd_u8(r);
    c->base_oid = varint32(r);
    c->base_typmod = (int32_t)rd_le32(r);
    c->default_text = arena_str(a, rd_varstr(r, LIMIT_PG_DEFAULT));
    c->labels = arena_str(a, rd_varstr(r, LIMIT_PG_LABELS));
}

static bool identity_known(uint8_t identity)
{
    return identity == RELATION_IDENTITY_DEFAULT || identity == RELATION_IDENTITY_NOTHING ||
           identity == RELATION_IDENTITY_FULL || identity == RELATION_IDENTITY_INDEX;
}

bool relation_decode(struct rd *r, struct arena *a, const struct relation **ret_rel)
{
    struct relation *rel = arena_zalloc(a, 1, sizeof *rel);
    struct column *columns;
    uint8_t identity;
    bool catalog;

    rel->version = varint32(r);
    rel->oid = varint32(r);
    identity = rd_u8(r);
    catalog = (identity & FLAG_CATALOG) != 0;
    identity &= (uint8_t)~FLAG_CATALOG;
    rel->schema = arena_str(a, rd_varstr(r, LIMIT_PG_NAME));
    rel->table = arena_str(a, rd_varstr(r, LIMIT_PG_NAME));
    rel->column_count = varint32(r);
    if (!rd_ok(r) || !identity_known(identity) || rel->column_count > LIMIT_PG_COLUMNS)
        return rd_fail(r);
    rel->identity = (enum relation_identity)identity;
    columns = arena_zalloc(a, rel->column_count, sizeof *columns);
    for (uint32_t i = 0; i < rel->column_count; i++)
        get_column(r, a, &columns[i]);
    for (uint32_t i = 0; catalog && i < rel->column_count; i++)
        get_catalog(r, a, &columns[i]);
    if (!rd_ok(r))
        return false;
    rel->columns = columns;
    *ret_rel = rel;
    return true;
}
