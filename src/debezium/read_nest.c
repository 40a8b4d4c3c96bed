/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values with others in them:
 *
 *   array    {1,NULL,"a \"b\"",{...}}     quoted where array_out() would
 *   hstore   "k"=>"v", "k2"=>NULL
 */
#include "debezium/read_type.h"

#include "base/limits.h"

enum { ARRAY_DEPTH = 6 /* MAXDIM of PostgreSQL */ };

static bool is_type(const struct jsonread *j, uint32_t token, enum jsonread_type type)
{
    return jsonread_at(j, token)->type == type;
}

/* In quotes, with a backslash before quotes and backslashes. */
static void put_quoted(struct str s, struct buf *out)
{
    buf_u8(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_u8(out, '\\');
        buf_u8(out, (uint8_t)s.p[i]);
    }
    buf_u8(out, '"');
}

static void put_quoted_string(const struct jsonread *j, uint32_t token, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, jsonread_at(j, token)->n);
    jsonread_string(j, token, &plain);
    put_quoted(buf_view(&plain), out);
    buf_done(&plain);
}

bool debezium_read_hstore(const struct jsonread *j, uint32_t token, struct buf *out,
                          const char **ret_why)
{
    *ret_why = "it is no map of strings";
    if (!is_type(j, token, JSONREAD_OBJECT))
        return false;
    for (uint32_t i = jsonread_first(j, token); i < jsonread_end(j, token);
         i = jsonread_next(j, i + 1)) {
        if (i != jsonread_first(j, token))
            buf_str(out, STR(", "));
        put_quoted_string(j, i, out);
        buf_str(out, STR("=>"));
        if (is_type(j, i + 1, JSONREAD_NULL))
            buf_str(out, STR("NULL"));
        else if (is_type(j, i + 1, JSONREAD_STRING))
            put_quoted_string(j, i + 1, out);
        else
            return false;
    }
    return true;
}

/* array_out(): quoted when empty, NULL, or with a character that means something. */
static bool wants_quotes(struct str s)
{
    static const char null[] = "null";
    bool is_null = s.n == 4;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || c == ' ' ||
            (c >= '\t' && c <= '\r'))
            return true;
        is_null = is_null && (c | 0x20) == null[i];
    }
    return s.n == 0 || is_null;
}

static bool put_item(const struct jsonread *j, uint32_t token,
                     const struct debezium_read_type *type, struct buf *item, struct buf *out,
                     const char **ret_why)
{
    if (is_type(j, token, JSONREAD_NULL)) {
        buf_str(out, STR("NULL"));
        return true;
    }
    buf_clear(item);
    if (!debezium_read_value(j, token, type, item, ret_why))
        return false;
    *ret_why = "it is too large";
    if (!buf_ok(item))
        return false;
    if (wants_quotes(buf_view(item)))
        put_quoted(buf_view(item), out);
    else
        buf_str(out, buf_view(item));
    return true;
}

/* The items of an array that is open at `token`, whose type is known; nested ones open further ones. The
 * schema says one dimension for any number of them. */
static bool put_items(const struct jsonread *j, uint32_t token,
                      const struct debezium_read_type *type, struct buf *item, struct buf *out,
                      const char **ret_why)
{
    uint32_t ends[ARRAY_DEPTH];
    uint32_t i = jsonread_first(j, token);
    unsigned depth = 1;
    bool first = true;

    ends[0] = jsonread_end(j, token);
    buf_u8(out, '{');
    while (depth > 0) {
        if (i == ends[depth - 1]) {
            buf_u8(out, '}');
            depth--;
            first = false;
            continue;
        }
        if (!first)
            buf_u8(out, ',');
        first = false;
        if (is_type(j, i, JSONREAD_ARRAY)) {
            *ret_why = "its arrays are nested too deep";
            if (depth == ARRAY_DEPTH)
                return false;
            buf_u8(out, '{');
            ends[depth++] = jsonread_end(j, i);
            i = jsonread_first(j, i);
            first = true;
            continue;
        }
        if (!put_item(j, i, type, item, out, ret_why))
            return false;
        i = jsonread_next(j, i);
    }
    return true;
}

bool debezium_read_array(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why)
{
    struct buf item;
    bool ok;

    *ret_why = "it is no array";
    if (!is_type(j, token, JSONREAD_ARRAY))
        return false;
    while (type->as == READ_ARRAY)
        type = type->items;
    buf_init(&item, LIMIT_PG_MESSAGE);
    ok = put_items(j, token, type, &item, out, ret_why);
    buf_done(&item);
    return ok;
}
