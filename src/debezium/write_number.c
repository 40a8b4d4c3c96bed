/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact numbers.
 *
 *   int2, int4, int8, oid   as they are
 *   numeric(p,s)            base64 of the unscaled value: two's complement, big-endian, as short as can be
 *   numeric                 {"scale":s,"value":base64} with the zeros at the end of the fraction dropped
 *   money                   as numeric(_,2), from the text of lc_monetary: -$1,234.50
 *
 * An unscaled value goes through limbs of 32 bits, nine digits at a time; 300 digits need no allocation.
 */
#include "debezium/write_type.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

enum { CHUNK = 9, CHUNK_FACTOR = 1000000000, STACK_LIMBS = 32, MONEY_TEXT = 64 };

static const char why_number[] = "it is not a number";
static const char why_special[] = "NaN and infinity have no form there";
static const char why_long[] = "it has too many digits";
static const char why_fraction[] = "it has more digits behind the point than its type";

bool debezium_put_integer(const struct debezium_type *type, struct str text, struct buf *out,
                          const char **ret_why)
{
    size_t at = text.n > 0 && text.p[0] == '-' ? 1 : 0;

    (void)type;
    *ret_why = "it is not an integer";
    if (at == text.n)
        return false;
    for (size_t i = at; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    buf_str(out, text);
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct number {
    bool negative;
    struct str whole;
    struct str fraction;
};

static bool is_special(struct str s)
{
    return str_is(s, "NaN") || str_is(s, "Infinity") || str_is(s, "-Infinity");
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return true;
}

static bool parse_number(struct str text, struct number *ret_number, const char **ret_why)
{
    struct number n = { .negative = text.n > 0 && text.p[0] == '-' };
    struct str digits = n.negative ? str_make(text.p + 1, text.n - 1) : text;
    size_t point = str_find(digits, '.');

    *ret_why = why_number;
    n.whole = str_make(digits.p, point);
    n.fraction = point < digits.n ? str_make(digits.p + point + 1, digits.n - point - 1) : STR_NONE;
    if (digits.n == 0 || n.whole.n + n.fraction.n == 0 || !all_digits(n.whole) ||
        !all_digits(n.fraction))
        return false;
    *ret_why = why_long;
    if (n.whole.n + n.fraction.n > LIMIT_PG_NUMERIC_DIGITS)
        return false;
    *ret_number = n;
    return true;
}

/* ---- the unscaled value -------------------------------------------------------------------------- */

static char digit_at(const struct number *n, size_t i)
{
    if (i < n->whole.n)
        return n->whole.p[i];
    i -= n->whole.n;
    if (i < n->fraction.n)
        return n->fraction.p[i];
    return '0';
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

/* The value of the first `count` digits, lowest limb first. */
static size_t to_limbs(const struct number *number, size_t count, uint32_t *limbs)
{
    size_t n = 0;
    uint32_t chunk = 0;
    uint32_t factor = 1;

    for (size_t i = 0; i < count; i++) {
        chunk = chunk * 10 + (uint32_t)(digit_at(number, i) - '0');
        factor *= 10;
        if (factor == CHUNK_FACTOR) {
            n = multiply_add(limbs, n, factor, chunk);
            chunk = 0;
            factor = 1;
        }
    }
    return multiply_add(limbs, n, factor, chunk);
}

/* Base64 of the limbs as a signed number; `bytes` has room for 4 * count + 1. */
static void put_limbs(const uint32_t *limbs, size_t count, bool negative, unsigned char *bytes,
                      struct buf *out)
{
    size_t size = count * 4 + 1; /* a byte for the sign */
    size_t skip = 0;
    unsigned carry = 1;

    bytes[0] = 0;
    for (size_t i = 0; i < count * 4; i++)
        bytes[size - 1 - i] = (unsigned char)(limbs[i / 4] >> (i % 4 * 8));
    for (size_t i = size; negative && i > 0; i--) {
        carry += (unsigned char)~bytes[i - 1];
        bytes[i - 1] = (unsigned char)carry;
        carry >>= 8;
    }
    while (skip + 1 < size && ((bytes[skip] == 0x00 && bytes[skip + 1] < 0x80) ||
                               (bytes[skip] == 0xff && bytes[skip + 1] >= 0x80)))
        skip++;
    debezium_base64(out, bytes + skip, size - skip, false);
}

/* Base64 of number * 10^scale, which must be whole. */
static bool put_unscaled(const struct number *number, int32_t scale, struct buf *out,
                         const char **ret_why)
{
    int64_t digits = (int64_t)number->whole.n + scale;
    size_t count = digits > 0 ? (size_t)digits : 0;
    uint32_t stack[STACK_LIMBS];
    unsigned char stack_bytes[STACK_LIMBS * 4 + 1];
    size_t need = count / CHUNK + 2;
    size_t n;

    *ret_why = why_fraction;
    for (size_t i = count; i < number->whole.n + number->fraction.n; i++) {
        if (digit_at(number, i) != '0')
            return false;
    }
    if (need <= STACK_LIMBS) {
        n = to_limbs(number, count, stack);
        put_limbs(stack, n, number->negative, stack_bytes, out);
    } else {
        uint32_t *limbs = mem_zalloc(need, sizeof *limbs);
        unsigned char *bytes = mem_zalloc(need * 4 + 1, 1);

        n = to_limbs(number, count, limbs);
        put_limbs(limbs, n, number->negative, bytes, out);
        free(bytes);
        free(limbs);
    }
    return true;
}

/* ---- numeric ------------------------------------------------------------------------------------ */

bool debezium_put_decimal(const struct debezium_type *type, struct str text, struct buf *out,
                          const char **ret_why)
{
    struct number number;

    if (is_special(text))
        return debezium_misfit(type, text, out, ret_why, why_special);
    if (!parse_number(text, &number, ret_why))
        return false;
    BUF_LIT(out, "\"");
    if (!put_unscaled(&number, type->digits, out, ret_why))
        return false;
    BUF_LIT(out, "\"");
    return true;
}

bool debezium_put_variable_decimal(const struct debezium_type *type, struct str text,
                                   struct buf *out, const char **ret_why)
{
    struct number number;

    if (is_special(text))
        return debezium_misfit(type, text, out, ret_why, why_special);
    if (!parse_number(text, &number, ret_why))
        return false;
    while (number.fraction.n > 0 && number.fraction.p[number.fraction.n - 1] == '0')
        number.fraction.n--;
    BUF_LIT(out, "{\"scale\":");
    buf_udec(out, number.fraction.n);
    BUF_LIT(out, ",\"value\":\"");
    if (!put_unscaled(&number, (int32_t)number.fraction.n, out, ret_why))
        return false;
    BUF_LIT(out, "\"}");
    return true;
}

bool debezium_put_decimal_string(const struct debezium_type *type, struct str text, struct buf *out,
                                 const char **ret_why)
{
    struct number number;

    if (str_is(text, "NaN")) {
        BUF_LIT(out, "\"NAN\"");
    } else if (str_is(text, "Infinity")) {
        BUF_LIT(out, "\"POSITIVE_INFINITY\"");
    } else if (str_is(text, "-Infinity")) {
        BUF_LIT(out, "\"NEGATIVE_INFINITY\"");
    } else {
        if (!parse_number(text, &number, ret_why))
            return false;
        BUF_LIT(out, "\"");
        buf_str(out, text);
        if (number.fraction.n == 0 && type->digits > 0)
            BUF_LIT(out, ".");
        for (size_t i = number.fraction.n; type->digits > 0 && i < (size_t)type->digits; i++)
            BUF_LIT(out, "0");
        BUF_LIT(out, "\"");
    }
    return true;
}

bool debezium_put_decimal_double(const struct debezium_type *type, struct str text, struct buf *out,
                                 const char **ret_why)
{
    struct number number;
    char *copy;
    double v;

    if (is_special(text))
        return debezium_java_float(text, false, out);
    if (!parse_number(text, &number, ret_why))
        return false;
    copy = mem_strndup(text);
    v = strtod(copy, NULL);
    free(copy);
    if (__builtin_isinf(v))
        return debezium_misfit(type, text, out, ret_why, "it is out of a double's range");
    debezium_java_double(v, out);
    return true;
}

/* ---- money -------------------------------------------------------------------------------------- */

/* The place of the decimal point among the separators of a money text: the last one, unless three digits
 * follow it (then it parts thousands), or text.n. */
static size_t money_point(struct str text)
{
    size_t digits = 0;

    for (size_t i = text.n; i > 0; i--) {
        char c = text.p[i - 1];

        if (c >= '0' && c <= '9')
            digits++;
        else if (c == '.' || c == ',')
            return digits == 3 ? text.n : i - 1;
    }
    return text.n;
}

/* [-]digits[.digits] of a money text, terminated. */
static bool money_number(struct str text, char number[MONEY_TEXT])
{
    size_t point = money_point(text);
    bool negative = str_find(text, '-') < text.n || str_find(text, '(') < text.n;
    size_t n = 0;

    if (negative)
        number[n++] = '-';
    for (size_t i = 0; i < text.n; i++) {
        if (i != point && (text.p[i] < '0' || text.p[i] > '9'))
            continue;
        if (n + 1 == MONEY_TEXT)
            return false;
        number[n] = text.p[i];
        if (i == point)
            number[n] = '.';
        n++;
    }
    number[n] = '\0';
    return n > (negative ? 1u : 0u);
}

/* Drops digits behind the point beyond `keep`, rounding half up (away from zero). */
static void round_half_up(char number[MONEY_TEXT], size_t keep)
{
    char *point = strchr(number, '.');
    char *at;
    bool up;

    if (point == NULL || strlen(point + 1) <= keep)
        return;
    up = point[1 + keep] >= '5';
    point[1 + keep] = '\0';
    if (keep == 0)
        *point = '\0';
    for (at = number + strlen(number); up && at > number; at--) {
        if (at[-1] == '.' || at[-1] == '-')
            continue;
        up = at[-1] == '9';
        at[-1] = "1234567890"[at[-1] - '0'];
    }
    if (up) { /* 99.9 -> 100 */
        at = number + (number[0] == '-' ? 1 : 0);
        memmove(at + 1, at, strlen(at) + 1);
        *at = '1';
    }
}

static const char why_money[] = "it is not an amount of money";

bool debezium_put_money(const struct debezium_type *type, struct str text, struct buf *out,
                        const char **ret_why)
{
    char number[MONEY_TEXT + 1];

    *ret_why = why_money;
    if (!money_number(text, number))
        return false;
    round_half_up(number, (size_t)type->digits);
    return debezium_put_decimal(type, str_from(number), out, ret_why);
}

bool debezium_put_money_string(const struct debezium_type *type, struct str text, struct buf *out,
                               const char **ret_why)
{
    char number[MONEY_TEXT];

    (void)type;
    *ret_why = why_money;
    if (!money_number(text, number))
        return false;
    debezium_json_string(out, str_from(number));
    return true;
}

bool debezium_put_money_double(const struct debezium_type *type, struct str text, struct buf *out,
                               const char **ret_why)
{
    char number[MONEY_TEXT];

    (void)type;
    *ret_why = why_money;
    if (!money_number(text, number))
        return false;
    debezium_java_double(strtod(number, NULL), out);
    return true;
}
