/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers with all their digits.
 *
 *   varint   two's complement, big-endian, as short as it can be: 127 = 7f, 128 = 00 80, -129 = ff 7f
 *   decimal  scale(int32) varint(unscaled); value = unscaled * 10^-scale; 1.23 = 00000002 7b
 *
 * PostgreSQL writes a numeric as [-]digits[.digits], "NaN", "Infinity" or "-Infinity". More than 18
 * digits go through limbs of 32 bits, nine digits at a time.
 */
#include "cql/types_impl.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

enum { CHUNK = 9, SMALL_DIGITS = 18 };

struct number {
    bool negative;
    struct str digits; /* with the point, if there is one; without sign and leading zeros */
    size_t count;      /* of digits */
    size_t behind;     /* of those, behind the point */
};

static const char why_number[] = "it is not a number";
static const char why_special[] = "NaN and infinity have no form there";
static const char why_long[] = "it has too many digits";

static bool is_special(struct str s)
{
    return str_is(s, "NaN") || str_is(s, "Infinity") || str_is(s, "-Infinity");
}

static bool parse_number(struct str text, struct number *ret_number, const char **ret_why)
{
    struct number n = { .negative = text.n > 0 && text.p[0] == '-' };
    size_t at = n.negative ? 1 : 0;
    size_t point = text.n;

    *ret_why = is_special(text) ? why_special : why_number;
    if (at == text.n)
        return false;
    for (size_t i = at; i < text.n; i++) {
        if (text.p[i] == '.' && point == text.n && i > at && i + 1 < text.n)
            point = i;
        else if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    n.behind = point < text.n ? text.n - point - 1 : 0;
    while (at < text.n && (text.p[at] == '0' || text.p[at] == '.'))
        at++;
    n.digits = str_make(text.p + at, text.n - at);
    n.count = n.digits.n - (point < text.n && point >= at ? 1 : 0);
    *ret_why = why_long;
    if (n.count > LIMIT_PG_NUMERIC_DIGITS || n.behind > LIMIT_PG_NUMERIC_DIGITS)
        return false;
    *ret_number = n;
    return true;
}

/* limbs = limbs * factor + add; returns the new count of limbs. */
static size_t multiply_add(uint32_t *limbs, size_t n, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)limbs[i] * factor;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0)
        limbs[n++] = (uint32_t)carry;
    return n;
}

/* The value of the digits, least significant limb first. */
static size_t to_limbs(struct str digits, uint32_t *limbs)
{
    size_t n = 0;
    uint32_t chunk = 0;
    uint32_t factor = 1;

    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] == '.')
            continue;
        chunk = chunk * 10 + (uint32_t)(digits.p[i] - '0');
        factor *= 10;
        if (factor == 1000000000) {
            n = multiply_add(limbs, n, factor, chunk);
            chunk = 0;
            factor = 1;
        }
    }
    return multiply_add(limbs, n, factor, chunk);
}

/* Drops bytes that only repeat the sign. `bytes` is big-endian two's complement, n > 0. */
static void put_shortest(const unsigned char *bytes, size_t n, struct buf *out)
{
    while (n > 1 &&
           ((bytes[0] == 0x00 && bytes[1] < 0x80) || (bytes[0] == 0xff && bytes[1] >= 0x80))) {
        bytes++;
        n--;
    }
    buf_put(out, bytes, n);
}

static void put_small(const struct number *number, struct buf *out)
{
    unsigned char bytes[8];
    uint64_t v = 0;

    for (size_t i = 0; i < number->digits.n; i++) {
        if (number->digits.p[i] != '.')
            v = v * 10 + (uint64_t)(number->digits.p[i] - '0');
    }
    if (number->negative)
        v = 0 - v;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(v >> (56 - 8 * i));
    put_shortest(bytes, sizeof bytes, out);
}

static void put_large(const struct number *number, struct buf *out)
{
    uint32_t *limbs = mem_zalloc(number->count / CHUNK + 2, sizeof *limbs);
    size_t count = to_limbs(number->digits, limbs);
    size_t size = count * 4 + 1; /* a byte for the sign */
    unsigned char *bytes = mem_zalloc(size, 1);
    unsigned carry = 1;

    for (size_t i = 0; i < count * 4; i++)
        bytes[size - 1 - i] = (unsigned char)(limbs[i / 4] >> (i % 4 * 8));
    for (size_t i = size; number->negative && i > 0; i--) {
        carry += (unsigned char)~bytes[i - 1];
        bytes[i - 1] = (unsigned char)carry;
        carry >>= 8;
    }
    put_shortest(bytes, size, out);
    free(bytes);
    free(limbs);
}

static void put_unscaled(const struct number *number, struct buf *out)
{
    if (number->count <= SMALL_DIGITS)
        put_small(number, out);
    else
        put_large(number, out);
}

bool cql_types_put_decimal(struct str text, struct buf *out, const char **ret_why)
{
    struct number number;

    if (!parse_number(text, &number, ret_why))
        return false;
    buf_be32(out, (uint32_t)number.behind);
    put_unscaled(&number, out);
    return true;
}

bool cql_types_put_varint(struct str text, struct buf *out, const char **ret_why)
{
    struct number number;
    size_t whole;

    if (!parse_number(text, &number, ret_why))
        return false;
    /* A fraction of zeros is no fraction. */
    if (number.behind > 0) {
        for (size_t i = text.n - number.behind; i < text.n; i++) {
            if (text.p[i] != '0') {
                *ret_why = "it has digits behind the point";
                return false;
            }
        }
        whole = text.n - number.behind - 1;
        if (!parse_number(str_make(text.p, whole), &number, ret_why))
            return false;
    }
    put_unscaled(&number, out);
    return true;
}

bool cql_types_put_integer(struct str text, unsigned bytes, struct buf *out, const char **ret_why)
{
    int64_t v;
    int64_t max = INT64_MAX >> (64 - 8 * bytes);

    *ret_why = is_special(text) ? why_special : "it is not an integer in the type's range";
    if (!str_to_i64(text, &v) || v > max || v < -max - 1)
        return false;
    switch (bytes) {
    case 1:
        buf_u8(out, (uint8_t)v);
        break;
    case 2:
        buf_be16(out, (uint16_t)v);
        break;
    case 4:
        buf_be32(out, (uint32_t)v);
        break;
    default:
        buf_be64(out, (uint64_t)v);
    }
    return true;
}
