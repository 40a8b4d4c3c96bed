/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value's text form decides nothing by itself: the column's type does, and the text is then checked.
 * Text that is not what its type promises (another date style, a broken array) is written as a JSON
 * string, so that whatever comes in, valid JSON goes out and no value is lost or altered.
 *
 * PostgreSQL's text forms read here:
 *
 *   boolean      t | f
 *   bytea        \x then two hex digits a byte
 *   timestamptz  YYYY-MM-DD hh:mm:ss[.f]+00         (more digits for years above 9999; " BC" behind)
 */
#include "process/rowjson_scalar.h"

#include "base/json.h"
#include "base/limits.h"
#include "model/pgtype.h"

enum {
    JSON_AROUND =
        16,         /* levels that are put around a nested document: arrays, row, envelope, batch */
    HEX_GROUP = 6,  /* hex digits that make one group of base64 */
    HEX_PREFIX = 2, /* "\x" */
};

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Up to three bytes as hex, in the high bits of 24; -1 when a digit is none. */
static int32_t hex_group(const char *p, size_t digits)
{
    uint32_t v = 0;

    for (size_t i = 0; i < HEX_GROUP; i++) {
        int digit = i < digits ? nibble(p[i]) : 0;

        if (digit < 0)
            return -1;
        v = v << 4 | (uint32_t)digit;
    }
    return (int32_t)v;
}

/* False, with nothing written, when the text is not PostgreSQL's hex form. */
static bool put_bytea(struct str text, struct buf *b)
{
    const char *p = text.p + HEX_PREFIX;
    size_t left = text.n - HEX_PREFIX;
    size_t at = 0;
    char *to;

    if (!str_starts(text, STR("\\x")) || left % 2 != 0)
        return false;
    to = buf_reserve(b, (left + HEX_GROUP - 1) / HEX_GROUP * 4 + 2);
    if (to == NULL)
        return true; /* past the ceiling; the buf says so */
    to[at++] = '"';
    for (; left > 0; p += HEX_GROUP) {
        size_t digits = left < HEX_GROUP ? left : HEX_GROUP;
        int32_t v = hex_group(p, digits);

        if (v < 0)
            return false;
        to[at++] = base64_digits[v >> 18 & 63];
        to[at++] = base64_digits[v >> 12 & 63];
        to[at++] = (char)(digits > 2 ? base64_digits[v >> 6 & 63] : '=');
        to[at++] = (char)(digits > 4 ? base64_digits[v & 63] : '=');
        left -= digits;
    }
    to[at++] = '"';
    buf_added(b, at);
    return true;
}

static bool all_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
    }
    return n > 0;
}

/* Does `text` start with a date and go on with a time, up to `end`? *ret_space: what is between them. */
static bool is_timestamp(struct str text, size_t end, size_t *ret_space)
{
    size_t at = str_find(text, ' ');

    if (at < 10 || end < at + 9 || end > text.n)
        return false;
    if (text.p[at - 3] != '-' || text.p[at - 6] != '-' || !all_digits(text.p, at - 6) ||
        !all_digits(text.p + at - 5, 2) || !all_digits(text.p + at - 2, 2))
        return false;
    for (size_t i = at + 1; i < end; i++) {
        if ((text.p[i] < '0' || text.p[i] > '9') && text.p[i] != ':' && text.p[i] != '.')
            return false;
    }
    *ret_space = at;
    return true;
}

/* "2026-11-22 10:23:27.5" with a 'T' in its middle; `zone` is what must follow, and becomes a Z.
 * False, with nothing written, for anything else: infinity, BC, other zones. */
static bool put_timestamp(struct str text, struct str zone, struct buf *b)
{
    size_t end = text.n >= zone.n ? text.n - zone.n : 0;
    size_t space;
    char *to;

    if (!is_timestamp(text, end, &space) || !str_eq(str_make(text.p + end, zone.n), zone))
        return false;
    to = buf_reserve(b, end + 3);
    if (to == NULL)
        return true;
    to[0] = '"';
    memcpy(to + 1, text.p, end);
    to[1 + space] = 'T';
    if (zone.n > 0)
        to[1 + end++] = 'Z';
    to[1 + end] = '"';
    buf_added(b, end + 2);
    return true;
}

/* Deepest nesting of brackets outside strings; exact for valid JSON. */
static size_t json_depth(struct str text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            i += c == '\\' ? 1 : 0;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

/* Can it stand inside our own JSON as it is? */
static bool json_fits(struct str text)
{
    return json_is_valid(text) && json_depth(text) <= LIMIT_JSON_DEPTH - JSON_AROUND;
}

/* A json column keeps the line ends it was written with; they are spaces between tokens, and a row
 * must stay on one line. */
static void one_line(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' || p[i] == '\r')
            p[i] = ' ';
    }
}

static bool put_json(struct str text, struct buf *b)
{
    char *to;

    if (!json_fits(text))
        return false;
    to = buf_reserve(b, text.n);
    if (to == NULL)
        return true;
    memcpy(to, text.p, text.n);
    one_line(to, text.n);
    buf_added(b, text.n);
    return true;
}

/* False, with nothing written, when the text is not what the type promises. */
static bool put_typed(uint32_t type_oid, struct str text, struct buf *b)
{
    switch (type_oid) {
    case PG_BOOL:
        if (!str_is(text, "t") && !str_is(text, "f"))
            return false;
        buf_str(b, text.p[0] == 't' ? STR("true") : STR("false"));
        return true;
    case PG_INT2:
    case PG_INT4:
    case PG_INT8:
    case PG_OID:
    case PG_FLOAT4:
    case PG_FLOAT8:
    case PG_NUMERIC:
        if (!json_is_number(text))
            return false;
        buf_str(b, text);
        return true;
    case PG_JSON:
    case PG_JSONB:
        return put_json(text, b);
    case PG_BYTEA:
        return put_bytea(text, b);
    case PG_TIMESTAMPTZ:
        return put_timestamp(text, STR("+00"), b);
    case PG_TIMESTAMP:
        return put_timestamp(text, STR(""), b);
    default:
        return false;
    }
}

void rowjson_scalar(uint32_t type_oid, struct str text, struct buf *b)
{
    if (!put_typed(type_oid, text, b))
        json_string(b, text);
}

/* Takes the escapes out behind the end of the buf and then looks whether it is a document. */
static bool put_escaped_json(struct str raw, struct buf *b)
{
    char *to = buf_reserve(b, raw.n);
    size_t n = 0;

    if (to == NULL)
        return true;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '\\' && i + 1 < raw.n)
            i++;
        to[n++] = raw.p[i];
    }
    if (!json_fits(str_make(to, n)))
        return false;
    one_line(to, n);
    buf_added(b, n);
    return true;
}

void rowjson_scalar_escaped(uint32_t type_oid, struct str raw, struct buf *b)
{
    size_t from = 0;

    if ((type_oid == PG_JSON || type_oid == PG_JSONB) && put_escaped_json(raw, b))
        return;
    /* Only bytea's first byte is a backslash, and it has no other. */
    if (type_oid == PG_BYTEA && put_bytea(str_make(raw.p + 1, raw.n - 1), b))
        return;
    buf_u8(b, '"');
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] != '\\')
            continue;
        json_escaped(b, str_make(raw.p + from, i - from));
        from = ++i; /* the byte behind it stands for itself */
    }
    json_escaped(b, str_make(raw.p + from, raw.n - from));
    buf_u8(b, '"');
}
