/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

size_t str_find(struct str s, char c)
{
    const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_copy(struct str s, char *ret_text, size_t size)
{
    size_t n = s.n < size ? s.n : size - 1;

    if (n > 0)
        memcpy(ret_text, s.p, n);
    ret_text[n] = '\0';
    return n == s.n;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

bool str_to_u64(struct str s, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.n == 0 || s.n > 20)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    uint64_t value;
    bool negative = s.n > 0 && s.p[0] == '-';

    if (negative) {
        s.p++;
        s.n--;
    }
    if (!str_to_u64(s, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
        return false;
    *ret_value = negative ? (int64_t)(0u - value) : (int64_t)value;
    return true;
}

bool str_to_port(struct str s, uint16_t *ret_port)
{
    uint64_t value;

    if (!str_to_u64(s, &value) || value == 0 || value > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)value;
    return true;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool str_to_hex64(struct str s, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.n == 0 || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int digit = str_hex_digit(s.p[i]);

        if (digit < 0)
            return false;
        value = (value << 4) | (uint64_t)digit;
    }
    *ret_value = value;
    return true;
}

void str_put_hex(char *to, uint64_t value, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        to[i - 1] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

bool str_percent_decode(struct str s, char *to)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        uint64_t byte = (unsigned char)s.p[i];

        if (s.p[i] == '%') {
            if (s.n - i < 3 || !str_to_hex64(str_make(s.p + i + 1, 2), &byte))
                return false;
            i += 2;
        }
        if (byte == 0)
            return false;
        to[n++] = (char)byte;
    }
    to[n] = '\0';
    return true;
}

/* Length of the valid sequence at p, 0 when there is none. The ranges are table 3-7 of the Unicode
 * standard, which leaves out surrogates and over-long forms. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    size_t n;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        n = 2;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF)
        n = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        n = 4;
    else
        return 0;
    if (left < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        size_t n = utf8_sequence(p + i, s.n - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

unsigned str_distance(struct str a, struct str b)
{
    enum { SIDE_MAX = 64 };
    unsigned rows[3][SIDE_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    a.n = a.n > SIDE_MAX ? SIDE_MAX : a.n;
    b.n = b.n > SIDE_MAX ? SIDE_MAX : b.n;
    for (unsigned j = 0; j <= b.n; j++) {
        before[j] = 0;
        last[j] = j;
    }
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *spare = before;

        now[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            unsigned cost = a.p[i - 1] == b.p[j - 1] ? 0 : 1;

            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        before = last;
        last = now;
        now = spare;
    }
    return last[b.n];
}
