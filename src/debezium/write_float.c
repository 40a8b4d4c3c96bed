/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point as Java writes it: 1.0, 0.001, 1.0E-4, 9999999.0, 1.0E7, 4.9E-324; NaN and the infinities as
 * strings. PostgreSQL's text has the fewest digits that give the value back (extra_float_digits above 0), which
 * is what Java prints too, so only the form changes. Two exceptions. Java always writes two digits at least,
 * and of a value with one significant digit (the smallest ones) the nearest two: 5e-324 is 4.9E-324. And
 * Java before 19 prints one digit too many, or a neighbour, for some values; those are written right here.
 */
#include "debezium/write_type.h"

#include "base/mem.h"
#include "base/rd.h"

#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 17, TEXT_MAX = 40, PLAIN_MAX = 7, PLAIN_MIN = -3 };

struct decimal {
    bool negative;
    char digits[DIGITS_MAX]; /* without zeros at either end */
    size_t count;            /* 0: zero */
    int exponent;            /* value = 0.DIGITS * 10^exponent */
};

/* The digits around the point, up to an exponent. False: no number, or too many digits. */
static bool take_digits(struct rd *r, struct decimal *d)
{
    bool point = false;
    size_t zeros = 0;
    size_t seen = 0;

    for (; rd_left(r) > 0; (void)rd_u8(r)) {
        char c = (char)rd_peek(r);

        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        seen++;
        if (c == '0') {
            zeros += d->count > 0 ? 1 : 0;
            d->exponent += point ? (d->count > 0 ? 0 : -1) : (d->count > 0 ? 1 : 0);
            continue;
        }
        if (d->count + zeros + 1 > DIGITS_MAX)
            return false;
        memset(d->digits + d->count, '0', zeros);
        d->count += zeros;
        zeros = 0;
        d->digits[d->count++] = c;
        d->exponent += point ? 0 : 1;
    }
    return seen > 0;
}

static bool take_exponent(struct rd *r, struct decimal *d)
{
    bool negative;
    int64_t e;

    if (rd_left(r) == 0)
        return true;
    if ((rd_peek(r) | 0x20) != 'e')
        return false;
    (void)rd_u8(r);
    negative = rd_peek(r) == '-';
    if (negative || rd_peek(r) == '+')
        (void)rd_u8(r);
    if (rd_left(r) > 4 || !str_to_i64(rd_bytes(r, rd_left(r)), &e))
        return false;
    d->exponent += (int)(negative ? -e : e);
    return true;
}

static bool parse(struct str text, struct decimal *ret_decimal)
{
    struct rd r = rd_make(text);
    struct decimal d = { .negative = rd_peek(&r) == '-' };

    if (d.negative)
        (void)rd_u8(&r);
    if (!take_digits(&r, &d) || !take_exponent(&r, &d))
        return false;
    *ret_decimal = d;
    return true;
}

static void put_zeros(struct buf *out, int count)
{
    while (count-- > 0)
        BUF_LIT(out, "0");
}

static void put_plain(const struct decimal *d, struct buf *out)
{
    size_t whole = d->exponent > 0 ? (size_t)d->exponent : 0;
    size_t taken = whole < d->count ? whole : d->count;

    if (whole == 0)
        BUF_LIT(out, "0");
    buf_put(out, d->digits, taken);
    put_zeros(out, (int)(whole - taken));
    BUF_LIT(out, ".");
    put_zeros(out, -d->exponent);
    if (taken < d->count)
        buf_put(out, d->digits + taken, d->count - taken);
    else
        BUF_LIT(out, "0");
}

static void put_scientific(const struct decimal *d, struct buf *out)
{
    buf_put(out, d->digits, 1);
    BUF_LIT(out, ".");
    if (d->count > 1)
        buf_put(out, d->digits + 1, d->count - 1);
    else
        BUF_LIT(out, "0");
    BUF_LIT(out, "E");
    buf_dec(out, d->exponent - 1);
}

static void put(const struct decimal *d, struct buf *out)
{
    if (d->negative)
        BUF_LIT(out, "-");
    if (d->count == 0)
        BUF_LIT(out, "0.0");
    else if (d->exponent > PLAIN_MIN && d->exponent <= PLAIN_MAX)
        put_plain(d, out);
    else
        put_scientific(d, out);
}

/* The smallest values, whose one digit is not the nearest of two. */
static void sharpen(struct decimal *d, bool single)
{
    char text[TEXT_MAX];
    double v;

    if (d->count != 1 || d->exponent > (single ? -37 : -307))
        return;
    (void)snprintf(text, sizeof text, "0.%ce%d", d->digits[0], d->exponent);
    v = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    (void)snprintf(text, sizeof text, "%.1e", v);
    *d = (struct decimal){ .negative = d->negative };
    (void)parse(str_from(text), d);
}

/* The fewest digits that give the value back, from `least` on. */
static void put_shortest(double v, bool single, struct buf *out)
{
    char text[TEXT_MAX];

    /* The smallest values have fewer. */
    bool small = v > (single ? -1.2e-38 : -2.3e-308) && v < (single ? 1.2e-38 : 2.3e-308);

    for (int digits = small ? 1 : single ? 6 : 15; digits <= DIGITS_MAX; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
            break;
    }
    (void)debezium_java_float(str_from(text), single, out);
}

static bool put_special(double v, struct buf *out)
{
    if (__builtin_isnan(v))
        BUF_LIT(out, "\"NaN\"");
    else if (__builtin_isinf(v))
        debezium_json_string(out, v < 0 ? STR("-Infinity") : STR("Infinity"));
    else
        return false;
    return true;
}

bool debezium_java_parse(struct str text, bool single, struct buf *out)
{
    char *copy = mem_strndup(text);
    char *end;
    double v = single ? (double)strtof(copy, &end) : strtod(copy, &end);
    bool whole = *end == '\0' && end != copy;

    free(copy);
    if (whole && !put_special(v, out))
        put_shortest(v, single, out);
    return whole;
}

bool debezium_java_float(struct str text, bool single, struct buf *out)
{
    struct decimal d;

    if (str_is(text, "NaN") || str_is(text, "Infinity") || str_is(text, "-Infinity")) {
        debezium_json_string(out, text);
        return true;
    }
    if (!parse(text, &d))
        return debezium_java_parse(text, single, out);
    sharpen(&d, single);
    put(&d, out);
    return true;
}

void debezium_java_double(double v, struct buf *out)
{
    if (!put_special(v, out))
        put_shortest(v, false, out);
}

static const char why_float[] = "it is not a number";

bool debezium_put_float(const struct debezium_type *type, struct str text, struct buf *out,
                        const char **ret_why)
{
    (void)type;
    *ret_why = why_float;
    return debezium_java_float(text, true, out);
}

bool debezium_put_double(const struct debezium_type *type, struct str text, struct buf *out,
                         const char **ret_why)
{
    (void)type;
    *ret_why = why_float;
    return debezium_java_float(text, false, out);
}
