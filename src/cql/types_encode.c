/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of PostgreSQL, as text, into the bytes of its CQL type (native_protocol_v5.spec 6), and the
 * error that names what does not fit. Numbers, times and arrays have files of their own.
 */
#include "cql/types_impl.h"

#include "base/limits.h"
#include "model/pgtype.h"

#include <arpa/inet.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

enum { FLOAT_TEXT = 64, SHOWN = 48, TYPE_SHOWN = 64 };

/* strtod must not listen to whatever LC_NUMERIC a library has set. */
static locale_t c_locale;

__attribute__((constructor)) static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static bool put_text(struct str text, struct buf *out, const char **ret_why)
{
    *ret_why = "it is not valid UTF-8";
    if (!str_is_utf8(text))
        return false;
    buf_str(out, text);
    return true;
}

static bool put_ascii(struct str text, struct buf *out, const char **ret_why)
{
    *ret_why = "it holds more than 7-bit ASCII";
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x80)
            return false;
    }
    buf_str(out, text);
    return true;
}

static bool put_boolean(struct str text, struct buf *out, const char **ret_why)
{
    *ret_why = "it is not t or f";
    if (!str_is(text, "t") && !str_is(text, "f"))
        return false;
    buf_u8(out, text.p[0] == 't');
    return true;
}

/* Only what PostgreSQL writes: no hexadecimal, no "inf", no spaces. */
static bool is_float_text(struct str s)
{
    bool digit = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c >= '0' && c <= '9')
            digit = true;
        else if (c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E')
            return false;
    }
    return digit && s.n < FLOAT_TEXT;
}

/* `single`: the text is a real's, the shortest that gives back the same 32 bits. */
static bool parse_float(struct str text, bool single, double *ret_value)
{
    char copy[FLOAT_TEXT];
    char *end;

    if (str_is(text, "NaN")) {
        *ret_value = (double)NAN;
    } else if (str_is(text, "Infinity")) {
        *ret_value = HUGE_VAL;
    } else if (str_is(text, "-Infinity")) {
        *ret_value = -HUGE_VAL;
    } else {
        if (!is_float_text(text) || !str_copy(text, copy, sizeof copy))
            return false;
        *ret_value =
            single ? (double)strtof_l(copy, &end, c_locale) : strtod_l(copy, &end, c_locale);
        return *end == '\0' && !isinf(*ret_value);
    }
    return true;
}

static bool put_float(struct str text, struct buf *out, const char **ret_why)
{
    double wide;
    float value;
    uint32_t bits;

    *ret_why = "it is not a number of single precision";
    if (!parse_float(text, true, &wide))
        return false;
    value = (float)wide;
    memcpy(&bits, &value, sizeof bits);
    buf_be32(out, bits);
    return true;
}

static bool put_double(bool single, struct str text, struct buf *out, const char **ret_why)
{
    double value;
    uint64_t bits;

    *ret_why = "it is not a number of double precision";
    if (!parse_float(text, single, &value))
        return false;
    memcpy(&bits, &value, sizeof bits);
    buf_be64(out, bits);
    return true;
}

/* An even number of hexadecimal digits. */
static bool put_hex(struct str hex, struct buf *out)
{
    char *p = hex.n % 2 == 0 ? buf_reserve(out, hex.n / 2) : NULL;

    if (p == NULL)
        return false;
    for (size_t i = 0; i < hex.n; i += 2) {
        int high = str_hex_digit(hex.p[i]);
        int low = str_hex_digit(hex.p[i + 1]);

        if (high < 0 || low < 0)
            return false;
        p[i / 2] = (char)(high << 4 | low);
    }
    buf_added(out, hex.n / 2);
    return true;
}

static bool put_blob(struct str text, struct buf *out, const char **ret_why)
{
    *ret_why = "it is not in PostgreSQL's hex form";
    if (!str_starts(text, STR("\\x")))
        return false;
    return text.n == 2 || put_hex(str_make(text.p + 2, text.n - 2), out);
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool put_uuid(struct str text, bool time, struct buf *out, const char **ret_why)
{
    char hex[32];
    size_t n = 0;

    *ret_why = "it is not a uuid";
    if (text.n != 36)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash != (text.p[i] == '-'))
            return false;
        if (!dash)
            hex[n++] = text.p[i];
    }
    if (!put_hex(str_make(hex, n), out))
        return false;
    *ret_why = "a timeuuid is a uuid of version 1";
    return !time || text.p[14] == '1';
}

/* Only whole addresses: what stands for a network would lose its mask. */
static bool put_inet(struct str text, struct buf *out, const char **ret_why)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[16];
    size_t slash = str_find(text, '/');
    bool v6 = str_find(text, ':') < text.n;

    *ret_why = "it has a network mask, which CQL cannot keep";
    if (slash < text.n && !str_is(str_make(text.p + slash, text.n - slash), v6 ? "/128" : "/32"))
        return false;
    *ret_why = "it is not an address";
    if (!str_copy(str_make(text.p, slash), copy, sizeof copy) || strlen(copy) != slash)
        return false;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, copy, address) != 1)
        return false;
    buf_put(out, address, v6 ? 16 : 4);
    return true;
}

bool cql_types_put_scalar(enum cql_types_from from, enum cql_type_id id, struct str text,
                          struct buf *out, const char **ret_why)
{
    if (from == FROM_LOOSE || from == FROM_LOOSE_NUMBER)
        return cql_types_put_loose(from == FROM_LOOSE_NUMBER, id, text, out, ret_why);
    switch (id) {
    case CQL_TEXT:
        return put_text(text, out, ret_why);
    case CQL_ASCII:
        return put_ascii(text, out, ret_why);
    case CQL_BIGINT:
        return cql_types_put_integer(text, 8, out, ret_why);
    case CQL_INT:
        return cql_types_put_integer(text, 4, out, ret_why);
    case CQL_SMALLINT:
        return cql_types_put_integer(text, 2, out, ret_why);
    case CQL_TINYINT:
        return cql_types_put_integer(text, 1, out, ret_why);
    case CQL_VARINT:
        return cql_types_put_varint(text, out, ret_why);
    case CQL_DECIMAL:
        return cql_types_put_decimal(text, out, ret_why);
    case CQL_FLOAT:
        return put_float(text, out, ret_why);
    case CQL_DOUBLE:
        return put_double(from == FROM_FLOAT4, text, out, ret_why);
    case CQL_BOOLEAN:
        return put_boolean(text, out, ret_why);
    case CQL_BLOB:
        return put_blob(text, out, ret_why);
    case CQL_UUID:
    case CQL_TIMEUUID:
        return put_uuid(text, id == CQL_TIMEUUID, out, ret_why);
    case CQL_TIMESTAMP:
        return cql_types_put_timestamp(text, out, ret_why);
    case CQL_DATE:
        return cql_types_put_date(text, out, ret_why);
    case CQL_TIME:
        return cql_types_put_time(text, out, ret_why);
    case CQL_DURATION:
        return cql_types_put_duration(text, out, ret_why);
    case CQL_INET:
        return put_inet(text, out, ret_why);
    default: /* refused by cql_types_fit */
        *ret_why = "the type cannot be written";
        return false;
    }
}

/* The start of the value, cut between characters, without control characters. */
static const char *show_value(struct str text, char shown[SHOWN + 4])
{
    size_t n = text.n < SHOWN ? text.n : SHOWN;

    while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        shown[i] = text.p[i];
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)shown[i] < 0x20 || shown[i] == 0x7f)
            shown[i] = '?';
    }
    memcpy(shown + n, n < text.n ? "..." : "", n < text.n ? 4 : 1);
    return shown;
}

static bool refuse(const struct column *col, const struct cql_type *type, struct str text,
                   const char *why, struct error *err)
{
    char value[SHOWN + 4];
    char source[TYPE_SHOWN];
    const char *name = pgtype_name(col->type_oid);
    struct buf target;

    if (col->type_name.n > 0 || name == NULL)
        (void)str_copy(col->type_name, source, sizeof source);
    else
        (void)str_copy(str_from(name), source, sizeof source);
    buf_init(&target, LIMIT_CQL_TYPE_TEXT);
    cql_types_text(type, &target);
    (void)error_set(err, ERR_REJECT, E_CQL_VALUE,
                    "cannot write column \"%.*s\" (value '%s', %s) as CQL %.*s: %s",
                    (int)(col->name.n < SHOWN ? col->name.n : SHOWN), col->name.p,
                    show_value(text, value), source,
                    (int)(target.n < TYPE_SHOWN ? target.n : TYPE_SHOWN), buf_cstr(&target), why);
    buf_done(&target);
    return false;
}

bool cql_types_encode(const struct column *col, const struct cql_type *type, struct str text,
                      struct buf *out, struct error *err)
{
    const char *why = NULL;
    const size_t before = out->n;
    const bool failed = out->failed;
    bool ok;

    if (type->id == CQL_LIST || type->id == CQL_SET || type->id == CQL_VECTOR) {
        struct column element = cql_types_element(col);

        if (cql_types_from(col) == FROM_LOOSE)
            ok = cql_types_put_loose_array(type, text, out, &why);
        else
            ok = cql_types_put_array(cql_types_from(&element), type, text, out, &why);
    } else {
        ok = cql_types_put_scalar(cql_types_from(col), type->id, text, out, &why);
    }
    if (ok && !buf_ok(out)) {
        ok = false;
        why = "it is too large";
    }
    if (ok)
        return true;
    out->n = before;
    out->failed = failed;
    return refuse(col, type, text, why, err);
}
