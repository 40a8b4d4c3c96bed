/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of which nobody said what they stand for: texts and numbers of a topic without schemas, strings whose
 * schema says no more than that. They are read as what the target's column is.
 *
 *   timestamp   2024-02-29T10:34:56.123456Z, PostgreSQL's own form, or a number of microseconds since 1970
 *   date        2024-02-29, 2024-02-29Z, or a number of days since 1970
 *   time        10:34:56.5, 10:34:56.5Z, or a number of microseconds
 *   duration    PostgreSQL's form, or a number of microseconds
 *   boolean     true, false, t, f
 *   blob        base64, or PostgreSQL's hex form
 *   list, set   PostgreSQL's array form, or a JSON array
 *   others      as PostgreSQL writes them
 *
 * A number of microseconds and days is what Debezium writes by default (MicroTimestamp, MicroTime, MicroDuration,
 * Date); only what came as a number is read so, never a text of digits.
 */
#include "cql/types_impl.h"

#include "base/jsonread.h"
#include "base/limits.h"

#include <stdio.h>

enum { TIME_TEXT = 64 };

static const int64_t DAY_US = INT64_C(86400000000);

/* ---- numbers that count time --------------------------------------------------------------------- */

/* As PostgreSQL would write the interval. */
static bool put_seconds(int64_t us, struct buf *out, const char **ret_why)
{
    uint64_t n = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    uint64_t seconds = n / 1000000;
    char text[TIME_TEXT];

    (void)snprintf(text, sizeof text, "%s%02llu:%02llu:%02llu.%06llu", us < 0 ? "-" : "",
                   (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
                   (unsigned long long)(seconds % 60), (unsigned long long)(n % 1000000));
    return cql_types_put_duration(str_from(text), out, ret_why);
}

static bool put_count(enum cql_type_id id, struct str text, struct buf *out, const char **ret_why)
{
    int64_t n;

    *ret_why = "it is no whole number";
    if (!str_to_i64(text, &n))
        return false;
    *ret_why = "it is out of the type's range";
    switch (id) {
    case CQL_TIMESTAMP: /* down to the millisecond, as everywhere */
        buf_be64(out, (uint64_t)(n / 1000 - (n % 1000 < 0 ? 1 : 0)));
        return true;
    case CQL_DATE:
        if (n < INT32_MIN || n > INT32_MAX)
            return false;
        buf_be32(out, (uint32_t)(n + (INT64_C(1) << 31)));
        return true;
    case CQL_TIME:
        if (n < 0 || n >= DAY_US)
            return false;
        buf_be64(out, (uint64_t)n * 1000);
        return true;
    default:
        return put_seconds(n, out, ret_why);
    }
}

static bool is_time(enum cql_type_id id)
{
    return id == CQL_TIMESTAMP || id == CQL_DATE || id == CQL_TIME || id == CQL_DURATION;
}

/* ---- texts -------------------------------------------------------------------------------------- */

/* ISO 8601 as Java writes it becomes PostgreSQL's: a space for the T, no Z. */
static bool put_iso(enum cql_type_id id, struct str text, struct buf *out, const char **ret_why)
{
    char copy[TIME_TEXT];
    struct str plain;

    if (!str_copy(text, copy, sizeof copy)) {
        *ret_why = "it is no time";
        return false;
    }
    plain = str_make(copy, text.n);
    if (plain.n > 0 && copy[plain.n - 1] == 'Z')
        plain.n--;
    if (str_find(plain, 'T') < plain.n)
        copy[str_find(plain, 'T')] = ' ';
    if (id == CQL_TIMESTAMP)
        return cql_types_put_timestamp(plain, out, ret_why);
    if (id == CQL_DATE)
        return cql_types_put_date(plain, out, ret_why);
    return cql_types_put_time(plain, out, ret_why);
}

static bool put_boolean(struct str text, struct buf *out, const char **ret_why)
{
    bool yes = str_is(text, "t") || str_is(text, "true");

    *ret_why = "it is neither true nor false";
    if (!yes && !str_is(text, "f") && !str_is(text, "false"))
        return false;
    buf_u8(out, yes);
    return true;
}

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

static bool put_base64(struct str text, struct buf *out, const char **ret_why)
{
    size_t pads = 0;
    uint32_t group = 0;

    *ret_why = "it is neither base64 nor in PostgreSQL's hex form";
    while (pads < 2 && pads < text.n && text.p[text.n - 1 - pads] == '=')
        pads++;
    if (text.n % 4 != 0)
        return false;
    for (size_t i = 0; i < text.n - pads; i++) {
        int v = sextet(text.p[i]);

        if (v < 0)
            return false;
        group = group << 6 | (uint32_t)v;
        if (i % 4 > 0)
            buf_u8(out, (uint8_t)(group >> (6 - 2 * (i % 4))));
    }
    return pads == 0 || (group & (pads == 1 ? 3u : 15u)) == 0;
}

bool cql_types_put_loose(bool number, enum cql_type_id id, struct str text, struct buf *out,
                         const char **ret_why)
{
    if (number && is_time(id))
        return put_count(id, text, out, ret_why);
    switch (id) {
    case CQL_TIMESTAMP:
    case CQL_DATE:
    case CQL_TIME:
        return put_iso(id, text, out, ret_why);
    case CQL_BOOLEAN:
        return put_boolean(text, out, ret_why);
    case CQL_BLOB:
        if (!str_starts(text, STR("\\x")))
            return put_base64(text, out, ret_why);
        break;
    default:
        break;
    }
    return cql_types_put_scalar(FROM_OTHER, id, text, out, ret_why);
}

/* ---- arrays ------------------------------------------------------------------------------------- */

/* In quotes, with a backslash before quotes and backslashes. */
static void put_quoted(const struct jsonread *j, uint32_t token, struct buf *literal)
{
    struct buf plain;

    buf_init(&plain, jsonread_at(j, token)->n);
    jsonread_string(j, token, &plain);
    buf_u8(literal, '"');
    for (size_t i = 0; i < plain.n; i++) {
        if (plain.p[i] == '"' || plain.p[i] == '\\')
            buf_u8(literal, '\\');
        buf_u8(literal, (uint8_t)plain.p[i]);
    }
    buf_u8(literal, '"');
    buf_done(&plain);
}

/* False for an object, which no list can hold. */
static bool put_element(const struct jsonread *j, uint32_t token, struct buf *literal)
{
    switch (jsonread_at(j, token)->type) {
    case JSONREAD_STRING:
        put_quoted(j, token, literal);
        return true;
    case JSONREAD_NULL:
        buf_text(literal, "NULL");
        return true;
    case JSONREAD_OBJECT:
        return false;
    default:
        buf_str(literal, jsonread_text(j, token));
        return true;
    }
}

/* The array at token 0 as PostgreSQL writes one. */
static bool put_literal(const struct jsonread *j, struct buf *literal)
{
    uint32_t ends[LIMIT_CQL_TYPE_DEPTH];
    uint32_t i = jsonread_first(j, 0);
    unsigned depth = 1;
    bool first = true;

    ends[0] = jsonread_end(j, 0);
    buf_u8(literal, '{');
    while (depth > 0) {
        if (i == ends[depth - 1]) {
            buf_u8(literal, '}');
            depth--;
            first = false;
            continue;
        }
        if (!first)
            buf_u8(literal, ',');
        first = jsonread_at(j, i)->type == JSONREAD_ARRAY;
        if (first) {
            if (depth == LIMIT_CQL_TYPE_DEPTH)
                return false;
            buf_u8(literal, '{');
            ends[depth++] = jsonread_end(j, i);
            i = jsonread_first(j, i);
        } else if (put_element(j, i, literal)) {
            i = jsonread_next(j, i);
        } else {
            return false;
        }
    }
    return true;
}

bool cql_types_put_loose_array(const struct cql_type *type, struct str text, struct buf *out,
                               const char **ret_why)
{
    struct jsonread j;
    struct buf literal;
    bool ok;

    if (text.n == 0 || text.p[0] != '[')
        return cql_types_put_array(FROM_LOOSE, type, text, out, ret_why);
    *ret_why = "it is not an array";
    jsonread_init(&j, LIMIT_JSON_TOKENS);
    buf_init(&literal, LIMIT_PG_MESSAGE);
    ok = jsonread_parse(&j, text) && put_literal(&j, &literal) && buf_ok(&literal) &&
         cql_types_put_array(FROM_LOOSE, type, buf_view(&literal), out, ret_why);
    buf_done(&literal);
    jsonread_done(&j);
    return ok;
}
