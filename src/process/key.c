/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_bytes:   varint length, schema | varint length, table | then for each column of the key
 *              kind (u8: 0 null, 1 unchanged, 2 text) and, for text, varint length, text
 *
 * Which columns: those of a replica identity of its own (USING INDEX), because a delete knows no
 * others; else the primary key; else the identity's; else all.
 */
#include "process/key.h"

enum { SHOWN_VALUE_BYTES = 60 };

enum key_source { KEY_PRIMARY, KEY_IDENTITY, KEY_ROW };

static enum key_source choose(const struct relation *rel)
{
    bool identity = false;
    bool primary = false;

    for (uint32_t i = 0; i < rel->column_count; i++) {
        identity = identity || rel->columns[i].identity;
        primary = primary || rel->columns[i].primary_key;
    }
    if (identity && rel->identity == RELATION_IDENTITY_INDEX)
        return KEY_IDENTITY;
    if (primary)
        return KEY_PRIMARY;
    return identity ? KEY_IDENTITY : KEY_ROW;
}

static bool in_key(const struct column *col, enum key_source source)
{
    return source == KEY_ROW || (source == KEY_PRIMARY ? col->primary_key : col->identity);
}

/* A key column too large to be sent again with an update that leaves it alone is in the old row. */
static struct value key_value(const struct change *c, uint32_t column)
{
    struct value v = change_row(c)[column];

    if (v.kind == VALUE_UNCHANGED && c->before != NULL)
        return c->before[column];
    return v;
}

void key_bytes(const struct change *c, struct buf *b)
{
    const struct relation *rel = c->rel;
    enum key_source source = choose(rel);

    buf_varint(b, rel->schema.n);
    buf_str(b, rel->schema);
    buf_varint(b, rel->table.n);
    buf_str(b, rel->table);
    if (change_row(c) == NULL)
        return;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        struct value v;

        if (!in_key(&rel->columns[i], source))
            continue;
        v = key_value(c, i);
        buf_u8(b, (uint8_t)v.kind);
        if (v.kind == VALUE_TEXT) {
            buf_varint(b, v.text.n);
            buf_str(b, v.text);
        }
    }
}

/* A cut never splits a character. */
static void put_shown(struct str text, struct buf *b)
{
    size_t n = text.n;

    if (n > SHOWN_VALUE_BYTES) {
        n = SHOWN_VALUE_BYTES;
        while (n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80)
            n--;
    }
    buf_put(b, text.p, n);
    if (n < text.n)
        buf_text(b, "...");
}

void key_text(const struct change *c, struct buf *b)
{
    const struct relation *rel = c->rel;
    enum key_source source = choose(rel);
    bool first = true;

    if (change_row(c) == NULL) {
        buf_text(b, "the whole table");
        return;
    }
    for (uint32_t i = 0; i < rel->column_count; i++) {
        struct value v;

        if (!in_key(&rel->columns[i], source))
            continue;
        v = key_value(c, i);
        if (!first)
            buf_text(b, ", ");
        first = false;
        put_shown(rel->columns[i].name, b);
        buf_u8(b, '=');
        if (v.kind == VALUE_TEXT)
            put_shown(v.text, b);
        else
            buf_text(b, v.kind == VALUE_NULL ? "null" : "(unchanged)");
    }
}
