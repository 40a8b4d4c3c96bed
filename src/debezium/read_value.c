/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field's JSON value as PostgreSQL writes a value of its type:
 *
 *   bytea    \x6869        bit(3)   011        point  (1.5,2)        geometry  EWKB in hex
 *
 * Numbers, times, arrays and maps have files of their own.
 */
#include "debezium/read_type.h"

#include "base/json.h"
#include "base/limits.h"

#include <assert.h>

static const char why_string[] = "it is no string";
static const char why_integer[] = "it is no whole number";
static const char why_base64[] = "it is not base64";

static bool is_type(const struct jsonread *j, uint32_t token, enum jsonread_type type)
{
    return jsonread_at(j, token)->type == type;
}

/* ---- bytes -------------------------------------------------------------------------------------- */

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool debezium_read_base64(struct str text, struct buf *out)
{
    size_t pads = 0;

    if (text.n % 4 != 0)
        return false;
    while (pads < 2 && pads < text.n && text.p[text.n - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.n; i += 4) {
        uint32_t group = 0;
        size_t bytes = i + 4 == text.n ? 3 - pads : 3;

        for (size_t k = 0; k < 4; k++) {
            int v = k <= bytes ? sextet(text.p[i + k]) : 0;

            if (v < 0)
                return false;
            group = group << 6 | (uint32_t)v;
        }
        if (bytes < 3 && (group & (bytes == 1 ? 0xffffu : 0xffu)) != 0)
            return false; /* bits that stand for nothing */
        for (size_t k = 0; k < bytes; k++)
            buf_u8(out, (uint8_t)(group >> (16 - 8 * k)));
    }
    return true;
}

/* The bytes that a base64 string stands for, behind what *out holds. */
static bool take_bytes(const struct jsonread *j, uint32_t token, struct buf *out,
                       const char **ret_why)
{
    *ret_why = is_type(j, token, JSONREAD_STRING) ? why_base64 : why_string;
    if (!is_type(j, token, JSONREAD_STRING))
        return false;
    /* Of the alphabet only the slash is ever escaped, and Jackson does not. */
    if (jsonread_at(j, token)->escaped) {
        struct buf plain;
        bool ok;

        buf_init(&plain, jsonread_at(j, token)->n);
        jsonread_string(j, token, &plain);
        ok = debezium_read_base64(buf_view(&plain), out);
        buf_done(&plain);
        return ok;
    }
    return debezium_read_base64(jsonread_text(j, token), out);
}

static void put_hex(struct str bytes, const char *digits, struct buf *out)
{
    char *p = buf_reserve(out, 2 * bytes.n);

    if (p == NULL)
        return;
    for (size_t i = 0; i < bytes.n; i++) {
        p[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
        p[2 * i + 1] = digits[bytes.p[i] & 15];
    }
    buf_added(out, 2 * bytes.n);
}

/* A schema may say a length of ten million for a value of two bytes: the zeros are put as one block. */
static void put_bits(struct str bytes, uint32_t length, struct buf *out)
{
    size_t n = length;
    char *digits;

    if (length == 0) { /* of any length: without the zeros in front, which nobody knows */
        n = 8 * bytes.n;
        while (n > 1 && ((unsigned char)bytes.p[(n - 1) / 8] >> ((n - 1) % 8) & 1) == 0)
            n--;
    }
    digits = buf_reserve(out, n);
    if (digits == NULL)
        return;
    memset(digits, '0', n);
    for (size_t bit = 0; bit < n && bit / 8 < bytes.n; bit++) {
        if (((unsigned char)bytes.p[bit / 8] >> (bit % 8) & 1) != 0)
            digits[n - 1 - bit] = '1';
    }
    buf_added(out, n);
}

/* Does a bit beyond the length stand at one? */
static bool bits_beyond(struct str bytes, uint32_t length)
{
    for (size_t i = length == 0 ? bytes.n * 8 : length; i < bytes.n * 8; i++) {
        if (((unsigned char)bytes.p[i / 8] >> (i % 8) & 1) != 0)
            return true;
    }
    return false;
}

/* What the bytes become is written behind them; then they are taken out. */
static bool from_bytes(const struct jsonread *j, uint32_t token,
                       const struct debezium_read_type *type, struct buf *out, const char **ret_why)
{
    struct buf raw;
    struct str bytes;
    bool ok;

    buf_init(&raw, jsonread_at(j, token)->n);
    ok = take_bytes(j, token, &raw, ret_why);
    bytes = str_make(raw.p != NULL ? raw.p : "", raw.n);
    if (ok && type->as == READ_DECIMAL) {
        ok = debezium_read_decimal(bytes, type->scale, out, ret_why);
    } else if (ok && type->as == READ_BITS) {
        *ret_why = "it has more bits than its type";
        ok = !bits_beyond(bytes, type->length);
        if (ok)
            put_bits(bytes, type->length, out);
    } else if (ok && type->as == READ_GEOMETRY) {
        put_hex(bytes, "0123456789ABCDEF", out);
    } else if (ok) {
        buf_str(out, STR("\\x"));
        put_hex(bytes, "0123456789abcdef", out);
    }
    buf_done(&raw);
    return ok;
}

/* ---- structs ------------------------------------------------------------------------------------ */

static bool take_integer(const struct jsonread *j, uint32_t token, int64_t *ret_value)
{
    return is_type(j, token, JSONREAD_NUMBER) && str_to_i64(jsonread_text(j, token), ret_value);
}

static bool from_variable(const struct jsonread *j, uint32_t token, struct buf *out,
                          const char **ret_why)
{
    struct debezium_read_type type = { .as = READ_DECIMAL };
    uint32_t part;
    uint32_t value;
    int64_t scale;

    *ret_why = "it is no struct of a scale and a value";
    if (!jsonread_member(j, token, STR("scale"), &part) || !take_integer(j, part, &scale) ||
        !jsonread_member(j, token, STR("value"), &value))
        return false;
    *ret_why = "its scale is none that a numeric can have";
    if (scale < -131072 || scale > 16383)
        return false;
    type.scale = (int32_t)scale;
    return from_bytes(j, value, &type, out, ret_why);
}

/* A number, or Jackson's string for what JSON has no number for. */
static bool is_number(const struct jsonread *j, uint32_t token)
{
    if (is_type(j, token, JSONREAD_STRING))
        return !json_is_number(jsonread_text(j, token));
    return is_type(j, token, JSONREAD_NUMBER);
}

static bool put_coordinate(const struct jsonread *j, uint32_t token, struct str name,
                           struct buf *out, const char **ret_why)
{
    uint32_t part;

    *ret_why = "it is no struct of the numbers x and y";
    if (!jsonread_member(j, token, name, &part) || !is_number(j, part))
        return false;
    return debezium_read_float(jsonread_text(j, part), false, out, ret_why);
}

static bool from_point(const struct jsonread *j, uint32_t token, struct buf *out,
                       const char **ret_why)
{
    buf_u8(out, '(');
    if (!put_coordinate(j, token, STR("x"), out, ret_why))
        return false;
    buf_u8(out, ',');
    if (!put_coordinate(j, token, STR("y"), out, ret_why))
        return false;
    buf_u8(out, ')');
    return true;
}

static bool from_geometry(const struct jsonread *j, uint32_t token, struct buf *out,
                          const char **ret_why)
{
    static const struct debezium_read_type type = { .as = READ_GEOMETRY };
    uint32_t wkb;

    *ret_why = "it is no struct with a wkb";
    if (!jsonread_member(j, token, STR("wkb"), &wkb))
        return false;
    return from_bytes(j, wkb, &type, out, ret_why);
}

/* ---- scalars ------------------------------------------------------------------------------------ */

static bool from_boolean(const struct jsonread *j, uint32_t token, struct buf *out,
                         const char **ret_why)
{
    bool yes = is_type(j, token, JSONREAD_TRUE);

    *ret_why = "it is neither true nor false";
    if (!yes && !is_type(j, token, JSONREAD_FALSE))
        return false;
    buf_u8(out, yes ? 't' : 'f');
    return true;
}

static bool from_integer(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why)
{
    int64_t value;

    *ret_why = why_integer;
    if (!is_type(j, token, JSONREAD_NUMBER) || jsonread_at(j, token)->real)
        return false;
    *ret_why = "it is out of its type's range";
    if (!take_integer(j, token, &value) || value < type->min || value > -(type->min + 1))
        return false;
    buf_dec(out, value);
    return true;
}

static bool from_number(const struct jsonread *j, uint32_t token,
                        const struct debezium_read_type *type, struct buf *out,
                        const char **ret_why)
{
    struct str text = jsonread_text(j, token);

    *ret_why = "it is no number";
    if (type->as == READ_NUMERIC)
        return is_type(j, token, JSONREAD_NUMBER) && debezium_read_numeric(text, out, ret_why);
    if (!is_number(j, token))
        return false;
    return debezium_read_float(text, type->as == READ_REAL, out, ret_why);
}

static bool from_count(const struct jsonread *j, uint32_t token,
                       const struct debezium_read_type *type, struct buf *out, const char **ret_why)
{
    int64_t value;

    *ret_why = why_integer;
    if (!take_integer(j, token, &value))
        return false;
    switch (type->as) {
    case READ_DATE:
        return debezium_read_date(value, out, ret_why);
    case READ_TIME:
        return debezium_read_time(value, type->unit, out, ret_why);
    case READ_TIMESTAMP:
        return debezium_read_timestamp(value, type->unit, out, ret_why);
    default:
        return debezium_read_duration(value, type->unit, out, ret_why);
    }
}

static bool from_string(const struct jsonread *j, uint32_t token,
                        const struct debezium_read_type *type, struct buf *out,
                        const char **ret_why)
{
    *ret_why = why_string;
    if (!is_type(j, token, JSONREAD_STRING))
        return false;
    if (type->as == READ_TEXT) {
        jsonread_string(j, token, out);
        return true;
    }
    if (type->as == READ_INTERVAL)
        return debezium_read_interval(jsonread_text(j, token), out, ret_why);
    return debezium_read_iso(jsonread_text(j, token), type->as, out, ret_why);
}

/* A string as it is; other values as PostgreSQL would write them. */
static bool from_loose(const struct jsonread *j, uint32_t token, struct buf *out,
                       const char **ret_why)
{
    const struct debezium_read_type *type = debezium_read_guess(j, token);

    assert(type != NULL);
    if (type->as != READ_LOOSE)
        return debezium_read_value(j, token, type, out, ret_why);
    jsonread_string(j, token, out);
    return true;
}

static bool from_decimal(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why)
{
    if (is_type(j, token, JSONREAD_NUMBER)) /* decimal.format=NUMERIC */
        return debezium_read_numeric(jsonread_text(j, token), out, ret_why);
    return from_bytes(j, token, type, out, ret_why);
}

static void put_raw(const struct jsonread *j, uint32_t token, struct buf *out)
{
    const struct jsonread_token *t = jsonread_at(j, token);
    size_t quote = t->type == JSONREAD_STRING ? 1 : 0;

    buf_str(out, str_make(j->text.p + t->at - quote, t->n + 2 * quote));
}

bool debezium_read_value(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why)
{
    switch (type->as) {
    case READ_LOOSE:
        return from_loose(j, token, out, ret_why);
    case READ_JSON:
        put_raw(j, token, out);
        return true;
    case READ_BOOLEAN:
        return from_boolean(j, token, out, ret_why);
    case READ_INTEGER:
        return from_integer(j, token, type, out, ret_why);
    case READ_REAL:
    case READ_DOUBLE:
    case READ_NUMERIC:
        return from_number(j, token, type, out, ret_why);
    case READ_DECIMAL:
        return from_decimal(j, token, type, out, ret_why);
    case READ_BYTES:
    case READ_BITS:
        return from_bytes(j, token, type, out, ret_why);
    case READ_VARIABLE:
        return from_variable(j, token, out, ret_why);
    case READ_DATE:
    case READ_TIME:
    case READ_TIMESTAMP:
    case READ_DURATION:
        return from_count(j, token, type, out, ret_why);
    case READ_TEXT:
    case READ_INTERVAL:
    case READ_ISO_DATE:
    case READ_ISO_TIME:
    case READ_ISO_TIMESTAMP:
    case READ_ZONED_TIME:
    case READ_ZONED_TIMESTAMP:
        return from_string(j, token, type, out, ret_why);
    case READ_POINT:
        return from_point(j, token, out, ret_why);
    case READ_GEOMETRY:
        return from_geometry(j, token, out, ret_why);
    case READ_HSTORE:
        return debezium_read_hstore(j, token, out, ret_why);
    case READ_ARRAY:
        return debezium_read_array(j, token, type, out, ret_why);
    }
    return false;
}
