/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's text form of arrays (array_out() in arrayfuncs.c):
 *
 *   array        [l:u]...= {item,item,...}          the part up to '=' only with unusual bounds
 *     item       { ... } | "text with \" and \\" | bare text | NULL
 *
 * What is no such text becomes a JSON string, like scalars that are not what their type promises.
 */
#include "process/rowjson.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/rd.h"
#include "process/rowjson_scalar.h"

enum {
    ARRAY_DEPTH = 6, /* MAXDIM of PostgreSQL */
    PG_BOX = 603,    /* the one type whose arrays are written with ';' */
};

/* ---- arrays ------------------------------------------------------------------------------------ */

/* What stands between the quotes of an item; escapes are still in it. */
static bool quoted_item(struct rd *r, struct str *ret_raw, bool *ret_escaped)
{
    const unsigned char *from;
    bool escaped = false;

    (void)rd_u8(r);
    from = r->p;
    while (rd_left(r) > 0) {
        uint8_t c = rd_u8(r);

        if (c == '"') {
            *ret_raw = str_make(from, (size_t)(r->p - 1 - from));
            *ret_escaped = escaped;
            return true;
        }
        if (c == '\\') {
            escaped = true;
            (void)rd_u8(r);
        }
    }
    return false;
}

static struct str bare_item(struct rd *r)
{
    const unsigned char *from = r->p;

    while (rd_left(r) > 0 && rd_peek(r) != ',' && rd_peek(r) != '}')
        (void)rd_u8(r);
    return str_make(from, (size_t)(r->p - from));
}

static bool put_item(struct rd *r, uint32_t type_oid, struct buf *b)
{
    struct str raw;
    bool escaped;

    if (rd_peek(r) != '"') {
        raw = bare_item(r);
        if (str_is(raw, "NULL"))
            buf_str(b, STR("null"));
        else if (raw.n > 0)
            rowjson_scalar(type_oid, raw, b);
        return raw.n > 0;
    }
    if (!quoted_item(r, &raw, &escaped))
        return false;
    if (escaped)
        rowjson_scalar_escaped(type_oid, raw, b);
    else
        rowjson_scalar(type_oid, raw, b);
    return true;
}

static void skip_bounds(struct rd *r)
{
    if (rd_peek(r) != '[')
        return;
    while (rd_left(r) > 0 && rd_u8(r) != '=')
        continue;
}

/* Iterative: an item, or brackets opening before it, then brackets closing and a comma behind it. */
static bool put_items(struct rd *r, uint32_t type_oid, struct buf *b)
{
    unsigned depth = 0;

    for (;;) {
        if (rd_peek(r) == '{') {
            (void)rd_u8(r);
            buf_u8(b, '[');
            if (++depth > ARRAY_DEPTH)
                return false;
            if (rd_peek(r) != '}')
                continue;
        } else if (depth == 0 || !put_item(r, type_oid, b)) {
            return false;
        }
        while (depth > 0 && rd_peek(r) == '}') {
            (void)rd_u8(r);
            buf_u8(b, ']');
            depth--;
        }
        if (depth == 0)
            return rd_done(r);
        if (rd_u8(r) != ',')
            return false;
        buf_u8(b, ',');
    }
}

static bool put_array(uint32_t element_oid, struct str text, struct buf *b)
{
    struct rd r = rd_make(text);
    size_t start = b->n;

    if (element_oid == PG_BOX)
        return false;
    skip_bounds(&r);
    if (put_items(&r, element_oid, b))
        return true;
    b->n = start;
    return false;
}

/* ---- rows -------------------------------------------------------------------------------------- */

void rowjson_value(const struct column *col, struct value v, struct buf *b)
{
    if (v.kind != VALUE_TEXT)
        buf_str(b, STR("null"));
    else if (col->element_oid == 0)
        rowjson_scalar(col->type_oid, v.text, b);
    else if (!put_array(col->element_oid, v.text, b))
        json_string(b, v.text);
}

void rowjson_object(const struct relation *rel, const struct value *row, bool key_only,
                    struct buf *b)
{
    char open = '{';

    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *col = &rel->columns[i];

        if (row[i].kind == VALUE_UNCHANGED || (key_only && !col->identity))
            continue;
        buf_u8(b, (uint8_t)open);
        open = ',';
        json_string(b, col->name);
        buf_u8(b, ':');
        rowjson_value(col, row[i], b);
    }
    if (open == '{')
        buf_u8(b, '{');
    buf_u8(b, '}');
}

static void put_row(const char *name, const struct change *c, const struct value *row,
                    bool key_only, struct buf *b)
{
    buf_putf(b, ",\"%s\":", name);
    if (row == NULL)
        buf_str(b, STR("null"));
    else
        rowjson_object(c->rel, row, key_only, b);
}

static void put_unchanged(const struct change *c, struct buf *b)
{
    bool first = true;

    for (uint32_t i = 0; c->after != NULL && i < c->rel->column_count; i++) {
        if (c->after[i].kind != VALUE_UNCHANGED)
            continue;
        buf_str(b, first ? STR(",\"unchanged\":[") : STR(","));
        first = false;
        json_string(b, c->rel->columns[i].name);
    }
    if (!first)
        buf_u8(b, ']');
}

void rowjson_change(const struct change *c, struct buf *b)
{
    char position[POSITION_TEXT];
    char time[CLOCK_TEXT];
    const struct value *before = c->before_kind != CHANGE_BEFORE_NONE ? c->before : NULL;

    buf_putf(b, "{\"position\":\"%s\",\"op\":\"%s\",\"schema\":", position_format(c->pos, position),
             change_op_name(c->op));
    json_string(b, c->rel->schema);
    buf_str(b, STR(",\"table\":"));
    json_string(b, c->rel->table);
    buf_putf(b, ",\"commit_time\":\"%s\",\"xid\":%u,\"wts\":%lld",
             clock_format_us(c->commit_time_us, time), c->xid, (long long)c->wts);
    put_row("before", c, before, c->before_kind == CHANGE_BEFORE_KEY, b);
    put_row("after", c, c->after, false, b);
    put_unchanged(c, b);
    buf_u8(b, '}');
}
