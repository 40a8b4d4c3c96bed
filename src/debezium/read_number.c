/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as PostgreSQL writes them.
 *
 *   numeric            123.4500                    all digits, no exponent
 *   double precision   0.1  1e+15  -1e-05          the fewest digits that give the value back; an exponent
 *   real               0.1  1e+06                  from 10^15 (real: 10^6) on and below 10^-4
 *
 * Java writes 1.0E10 and, before JDK 19, sometimes more digits than are needed.
 */
#include "debezium/read_type.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BEFORE_POINT = 131072, /* digits of a numeric (PostgreSQL, numeric types) */
    BEHIND_POINT = 16383,
    FLOAT_TEXT = 64,
    GROUP_DIGITS = 9, /* of a group of a decimal number in 32 bits */
    DECIMAL_BYTES = (BEFORE_POINT + BEHIND_POINT) / 2, /* 2.4 digits a byte */
};

static const char why_range[] = "it is out of its type's range";

/* strtod must not listen to whatever LC_NUMERIC a library has set. */
static locale_t c_locale;

__attribute__((constructor)) static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* ---- a JSON number in parts --------------------------------------------------------------------- */

/* digits d1 d2 ... without the point, which stands behind the first `point` of them. */
struct number {
    bool negative;
    struct str whole;
    struct str fraction;
    int64_t exponent;
};

static bool take_number(struct str text, struct number *ret)
{
    struct number n = { .exponent = 0 };
    size_t e = str_find(text, 'e') < text.n ? str_find(text, 'e') : str_find(text, 'E');
    size_t dot;

    if (e < text.n) {
        size_t from = e + 1 + (text.p[e + 1] == '+' ? 1 : 0);

        if (!str_to_i64(str_make(text.p + from, text.n - from), &n.exponent) ||
            n.exponent < -1000000 || n.exponent > 1000000)
            return false;
    }
    n.negative = text.p[0] == '-';
    text = str_make(text.p + (n.negative ? 1 : 0), e - (n.negative ? 1 : 0));
    dot = str_find(text, '.');
    n.whole = str_make(text.p, dot);
    if (dot < text.n)
        n.fraction = str_make(text.p + dot + 1, text.n - dot - 1);
    *ret = n;
    return true;
}

static void put_zeros(struct buf *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        buf_u8(out, '0');
}

static bool is_zero(const struct number *n)
{
    struct str parts[] = { n->whole, n->fraction };

    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < parts[k].n; i++) {
            if (parts[k].p[i] != '0')
                return false;
        }
    }
    return true;
}

/* The digit at place i of whole and fraction together; '0' outside of them. */
static char digit_of(const struct number *n, int64_t i)
{
    if (i < 0 || i >= (int64_t)(n->whole.n + n->fraction.n))
        return '0';
    if (i < (int64_t)n->whole.n)
        return n->whole.p[i];
    return n->fraction.p[i - (int64_t)n->whole.n];
}

bool debezium_read_numeric(struct str text, struct buf *out, const char **ret_why)
{
    struct number n;
    int64_t point;  /* digits before the point, leading zeros included */
    int64_t behind; /* and behind it */
    int64_t i = 0;

    *ret_why = why_range;
    if (!take_number(text, &n))
        return false;
    point = (int64_t)n.whole.n + n.exponent;
    behind = (int64_t)n.fraction.n - n.exponent;
    behind = behind < 0 ? 0 : behind;
    if (point > BEFORE_POINT || behind > BEHIND_POINT)
        return false;
    if (n.negative && !is_zero(&n))
        buf_u8(out, '-');
    while (i < point - 1 && digit_of(&n, i) == '0')
        i++;
    if (point <= 0)
        buf_u8(out, '0');
    for (; i < point; i++)
        buf_u8(out, (uint8_t)digit_of(&n, i));
    if (behind > 0)
        buf_u8(out, '.');
    for (int64_t k = 0; k < behind; k++)
        buf_u8(out, (uint8_t)digit_of(&n, point + k));
    return true;
}

/* ---- floats ------------------------------------------------------------------------------------- */

static const char *const specials[] = { "NaN", "Infinity", "-Infinity" };

struct shortest {
    char digits[24]; /* without point and trailing zeros */
    int count;
    int exponent; /* of the first digit: d.ddd x 10^exponent */
    bool negative;
};

static bool gives_back(const char *text, bool single, double value)
{
    char *end;

    if (single)
        return strtof_l(text, &end, c_locale) == (float)value;
    return strtod_l(text, &end, c_locale) == value;
}

static void take_printed(const char *text, struct shortest *s)
{
    const char *p = text;

    s->count = 0;
    s->negative = *p == '-';
    for (p += s->negative ? 1 : 0; *p != 'e' && *p != '\0'; p++) {
        if (*p >= '0' && *p <= '9' && s->count < (int)sizeof s->digits)
            s->digits[s->count++] = *p;
    }
    {
        int64_t e = 0;

        (void)str_to_i64(str_from(*p == 'e' ? p + (p[1] == '+' ? 2 : 1) : "0"), &e);
        s->exponent = (int)e;
    }
    while (s->count > 1 && s->digits[s->count - 1] == '0')
        s->count--;
}

/* Precisions in turn, from the one that every value of that many digits survives. Below the normal range
 * fewer may do. */
static void find_shortest(double value, bool single, struct shortest *s)
{
    int most = single ? 9 : 17;
    int digits = single ? 6 : 15;
    char text[FLOAT_TEXT];

    if (fabs(value) < (single ? 1.2e-38 : 2.3e-308))
        digits = 1;
    for (; digits <= most; digits++) {
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, value);
        if (gives_back(text, single, value))
            break;
    }
    take_printed(text, s);
}

static void put_digits(const struct shortest *s, int from, int to, struct buf *out)
{
    for (int i = from; i < to; i++)
        buf_u8(out, (uint8_t)(i >= 0 && i < s->count ? s->digits[i] : '0'));
}

static void put_shortest(const struct shortest *s, bool single, struct buf *out)
{
    if (s->negative)
        buf_u8(out, '-');
    if (s->exponent < -4 || s->exponent >= (single ? 6 : 15)) {
        put_digits(s, 0, 1, out);
        if (s->count > 1)
            buf_u8(out, '.');
        put_digits(s, 1, s->count, out);
        buf_putf(out, "e%c%02d", s->exponent < 0 ? '-' : '+', abs(s->exponent));
        return;
    }
    if (s->exponent < 0)
        buf_u8(out, '0');
    put_digits(s, 0, s->exponent + 1, out);
    if (s->count > s->exponent + 1)
        buf_u8(out, '.');
    put_digits(s, s->exponent + 1, s->count, out);
}

/* A number of so few digits that they are the shortest themselves. */
static bool take_short(struct str text, bool single, struct shortest *s)
{
    struct number n;
    int64_t total;
    int64_t first = 0;
    int64_t last;

    if (text.n > FLOAT_TEXT || !take_number(text, &n))
        return false;
    total = (int64_t)(n.whole.n + n.fraction.n);
    last = total;
    while (first < total && digit_of(&n, first) == '0')
        first++;
    while (last > first && digit_of(&n, last - 1) == '0')
        last--;
    if (last - first > (single ? 6 : 15))
        return false;
    s->negative = n.negative;
    s->count = 0;
    for (int64_t i = first; i < last; i++)
        s->digits[s->count++] = digit_of(&n, i);
    s->exponent = (int)((int64_t)n.whole.n - 1 - first + n.exponent);
    if (s->count == 0) {
        s->digits[s->count++] = '0';
        s->exponent = 0;
    }
    return s->exponent > (single ? -37 : -300) && s->exponent < (single ? 37 : 300);
}

bool debezium_read_float(struct str text, bool single, struct buf *out, const char **ret_why)
{
    struct shortest s;
    struct number n;
    char copy[1100]; /* the longest exact text of a double has 1,075 digits */
    char *end;
    double value;

    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (str_is(text, specials[i])) {
            buf_str(out, text);
            return true;
        }
    }
    *ret_why = "it is no number";
    if (!json_is_number(text))
        return false;
    if (take_short(text, single, &s)) {
        put_shortest(&s, single, out);
        return true;
    }
    if (!str_copy(text, copy, sizeof copy))
        return false;
    value = single ? (double)strtof_l(copy, &end, c_locale) : strtod_l(copy, &end, c_locale);
    if (*end != '\0')
        return false;
    *ret_why = why_range;
    if (isinf(value) || (value == 0 && take_number(text, &n) && !is_zero(&n)))
        return false;
    find_shortest(value, single, &s);
    put_shortest(&s, single, out);
    return true;
}

/* ---- decimals ----------------------------------------------------------------------------------- */

/* The absolute value of a number in two's complement as 32-bit words, lowest first. */
static uint32_t *take_words(struct str bytes, bool negative, size_t *ret_count)
{
    size_t count = (bytes.n + 3) / 4;
    uint32_t *words = mem_zalloc(count + 1, sizeof *words);
    uint64_t carry = negative ? 1 : 0;

    for (size_t i = 0; i < bytes.n; i++)
        words[i / 4] |= (uint32_t)(unsigned char)bytes.p[bytes.n - 1 - i] << (8 * (i % 4));
    if (negative) {
        if (bytes.n % 4 != 0)
            words[count - 1] |= UINT32_MAX << (8 * (bytes.n % 4));
        for (size_t i = 0; i < count; i++) {
            carry += (uint32_t)~words[i];
            words[i] = (uint32_t)carry;
            carry >>= 32;
        }
        words[count] = (uint32_t)carry;
        count += carry != 0 ? 1 : 0;
    }
    while (count > 0 && words[count - 1] == 0)
        count--;
    *ret_count = count;
    return words;
}

/* Divides by 10^9 in place; the remainder. */
static uint32_t divide(uint32_t *words, size_t *count)
{
    uint64_t rest = 0;

    for (size_t i = *count; i > 0; i--) {
        uint64_t v = rest << 32 | words[i - 1];

        words[i - 1] = (uint32_t)(v / 1000000000u);
        rest = v % 1000000000u;
    }
    while (*count > 0 && words[*count - 1] == 0)
        (*count)--;
    return (uint32_t)rest;
}

/* Digits, lowest first; at least one. */
static void put_reversed(uint32_t *words, size_t count, struct buf *digits)
{
    do {
        uint32_t group = divide(words, &count);

        for (int i = 0; i < GROUP_DIGITS && (count > 0 || group > 0 || i == 0); i++) {
            buf_u8(digits, (uint8_t)('0' + group % 10));
            group /= 10;
        }
    } while (count > 0);
}

static void put_unscaled(const struct buf *digits, int64_t scale, struct buf *out)
{
    int64_t n = (int64_t)digits->n;
    bool zero = n == 1 && digits->p[0] == '0';

    if (n <= scale)
        buf_u8(out, '0');
    for (int64_t i = n - 1; i >= scale && i >= 0; i--)
        buf_u8(out, (uint8_t)digits->p[i]);
    if (scale < 0 && !zero)
        put_zeros(out, -scale);
    if (scale > 0)
        buf_u8(out, '.');
    for (int64_t i = scale - 1; i >= 0; i--)
        buf_u8(out, (uint8_t)(i < n ? digits->p[i] : '0'));
}

bool debezium_read_decimal(struct str bytes, int64_t scale, struct buf *out, const char **ret_why)
{
    bool negative = bytes.n > 0 && (unsigned char)bytes.p[0] >= 0x80;
    struct buf digits;
    uint32_t *words;
    size_t count;
    bool fits;

    *ret_why = "it has no bytes";
    if (bytes.n == 0)
        return false;
    *ret_why = why_range;
    if (bytes.n > DECIMAL_BYTES)
        return false;
    words = take_words(bytes, negative, &count);
    buf_init(&digits, 4 * (size_t)DECIMAL_BYTES);
    put_reversed(words, count, &digits);
    free(words);
    fits = (int64_t)digits.n - scale <= BEFORE_POINT;
    if (fits && negative)
        buf_u8(out, '-');
    if (fits)
        put_unscaled(&digits, scale, out);
    buf_done(&digits);
    return fits;
}
