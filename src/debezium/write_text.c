/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts, bytes and bits. Jackson escapes only what it must: quote, backslash and the control characters
 * below 0x20, those without a letter of their own as \u00XX in capitals, and what is above U+FFFF as a pair of
 * surrogates; 0x7f and everything else stay.
 */
#include "debezium/write_put.h"

#include "debezium/write_type.h"

static const char hex_upper[] = "0123456789ABCDEF";
static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- strings ------------------------------------------------------------------------------------ */

/* Eight bytes at once: the top bit of each that is a quote, a backslash, a control character or above 0x7f. A
 * borrow may mark bytes above a marked one, so the lowest mark is always true. */
static uint64_t marks(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t v;
    uint64_t quote;
    uint64_t backslash;

    memcpy(&v, p, sizeof v);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        v = __builtin_bswap64(v);
    quote = v ^ (ones * '"');
    backslash = v ^ (ones * '\\');
    return (v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs;
}

static bool plain1(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How many bytes from the start need no escape. */
static size_t plain_run(struct str s)
{
    size_t i = 0;

    for (; s.n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t marked = marks(s.p + i);

        if (marked != 0)
            return i + (size_t)__builtin_ctzll(marked) / 8;
    }
    while (i < s.n && plain1(s.p[i]))
        i++;
    return i;
}

/* Length of the valid UTF-8 sequence at the start of s, 0 when there is none. */
static size_t sequence(struct str s)
{
    for (size_t n = 2; n <= 4 && n <= s.n; n++) {
        if (str_is_utf8(str_make(s.p, n)))
            return n;
    }
    return 0;
}

/* The run of valid UTF-8 from U+0080 to U+FFFF at the start of s. */
static size_t wide_run(struct str s)
{
    size_t i = 0;
    size_t n;

    while (i < s.n && (unsigned char)s.p[i] >= 0x80 && (unsigned char)s.p[i] < 0xf0 &&
           (n = sequence(str_make(s.p + i, s.n - i))) > 0)
        i += n;
    return i;
}

static void put_unit(struct buf *b, uint32_t unit)
{
    char code[6] = { '\\',
                     'u',
                     hex_upper[unit >> 12],
                     hex_upper[unit >> 8 & 15],
                     hex_upper[unit >> 4 & 15],
                     hex_upper[unit & 15] };

    buf_put(b, code, sizeof code);
}

/* A character above U+FFFF, as a surrogate pair; how many bytes it took, 0 when there is none. */
static size_t put_far(struct buf *b, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t point;

    if (p[0] < 0xf0 || sequence(s) != 4)
        return 0;
    point = (p[0] & 7u) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 | (p[3] & 63u);
    put_unit(b, 0xd800 + ((point - 0x10000) >> 10));
    put_unit(b, 0xdc00 + ((point - 0x10000) & 0x3ff));
    return 4;
}

static void put_escape(struct buf *b, char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if (letters[i] == c) {
            char pair[2] = { '\\', letters[i + 1] };

            buf_put(b, pair, sizeof pair);
            return;
        }
    }
    if ((unsigned char)c >= 0x80) {
        BUF_LIT(b, "\xEF\xBF\xBD");
    } else {
        put_unit(b, (unsigned char)c);
    }
}

/* Seven plain ones, and one that is escaped. */
enum { EIGHT = sizeof(uint64_t), MOST = EIGHT + 1 };

/* As long as eight bytes are left and eight fit: all are copied, as many count as need no escape, and a quote or a
 * backslash behind them is written at once. JSON in a column is full of quotes. Returns how many were taken. */
static size_t put_eights(struct buf *b, struct str s)
{
    size_t i = 0;

    while (s.n - i >= EIGHT && buf_has_room(b, MOST)) {
        uint64_t marked = marks(s.p + i);
        size_t plain = marked != 0 ? (size_t)__builtin_ctzll(marked) / 8 : EIGHT;
        char *to = b->p + b->n;
        char c;

        memcpy(to, s.p + i, EIGHT);
        b->n += plain;
        i += plain;
        if (plain == EIGHT)
            continue;
        c = s.p[i];
        if (c != '"' && c != '\\')
            break;
        to[plain] = '\\';
        to[plain + 1] = c;
        b->n += 2;
        i++;
    }
    return i;
}

/* The last of them, fewer than eight, where the eight that end there need no escape: those before it stand already
 * just as they are. */
static bool put_end(struct buf *b, struct str s, size_t done)
{
    size_t left = s.n - done;

    if (s.n < EIGHT || left >= EIGHT || !buf_has_room(b, left) || marks(s.p + s.n - EIGHT) != 0)
        return false;
    memcpy(b->p + b->n + left - EIGHT, s.p + s.n - EIGHT, EIGHT);
    b->n += left;
    return true;
}

void debezium_json_escaped(struct buf *b, struct str s)
{
    while (s.n > 0) {
        size_t n = put_eights(b, s);

        if (put_end(b, s, n))
            return;
        s = str_make(s.p + n, s.n - n);
        if (s.n == 0)
            return;
        n = (unsigned char)s.p[0] >= 0x80 ? wide_run(s) : plain_run(s);
        if (n > 0)
            buf_put(b, s.p, n);
        else
            n = put_far(b, s);
        if (n == 0) {
            put_escape(b, s.p[0]);
            n = 1;
        }
        s = str_make(s.p + n, s.n - n);
    }
}

void debezium_json_string(struct buf *b, struct str s)
{
    BUF_LIT(b, "\"");
    debezium_json_escaped(b, s);
    BUF_LIT(b, "\"");
}

bool debezium_put_string(const struct debezium_type *type, struct str text, struct buf *out,
                         const char **ret_why)
{
    (void)type;
    (void)ret_why;
    debezium_json_string(out, text);
    return true;
}

/* "t" and "f"; a default's expression says true and false. */
bool debezium_put_boolean(const struct debezium_type *type, struct str text, struct buf *out,
                          const char **ret_why)
{
    (void)type;
    if (str_is(text, "t") || str_is(text, "true")) {
        BUF_LIT(out, "true");
    } else if (str_is(text, "f") || str_is(text, "false")) {
        BUF_LIT(out, "false");
    } else {
        *ret_why = "it is no boolean";
        return false;
    }
    return true;
}

/* ---- bytes -------------------------------------------------------------------------------------- */

void debezium_base64(struct buf *b, const unsigned char *bytes, size_t n, bool url)
{
    const char *digits = url ? base64_url : base64_standard;
    char *to = buf_reserve(b, (n + 2) / 3 * 4);
    size_t at = 0;

    if (to == NULL)
        return;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                     (left > 2 ? bytes[i + 2] : 0);

        to[at] = digits[v >> 18];
        to[at + 1] = digits[v >> 12 & 63];
        to[at + 2] = digits[v >> 6 & 63];
        to[at + 3] = digits[v & 63];
        if (left < 2)
            to[at + 2] = '=';
        if (left < 3)
            to[at + 3] = '=';
        at += 4;
    }
    buf_added(b, at);
}

static const char why_bytea[] = "it is not a bytea in hex form";

/* "\x6869" as base64 between quotes. Three bytes are decoded at a time. */
static bool put_base64(struct str text, bool url, struct buf *out, const char **ret_why)
{
    *ret_why = why_bytea;
    if (!str_starts(text, STR("\\x")) || text.n % 2 != 0)
        return false;
    BUF_LIT(out, "\"");
    for (size_t at = 2; at < text.n; at += 6) {
        unsigned char group[3];
        size_t n = 0;

        for (size_t i = at; i < at + 6 && i < text.n; i += 2) {
            int high = str_hex_digit(text.p[i]);
            int low = str_hex_digit(text.p[i + 1]);

            if (high < 0 || low < 0)
                return false;
            group[n++] = (unsigned char)(high << 4 | low);
        }
        debezium_base64(out, group, n, url);
    }
    BUF_LIT(out, "\"");
    return true;
}

bool debezium_put_bytea(const struct debezium_type *type, struct str text, struct buf *out,
                        const char **ret_why)
{
    (void)type;
    return put_base64(text, false, out, ret_why);
}

bool debezium_put_bytea_base64(const struct debezium_type *type, struct str text, struct buf *out,
                               const char **ret_why)
{
    (void)type;
    return put_base64(text, false, out, ret_why);
}

bool debezium_put_bytea_base64_url(const struct debezium_type *type, struct str text,
                                   struct buf *out, const char **ret_why)
{
    (void)type;
    return put_base64(text, true, out, ret_why);
}

bool debezium_put_bytea_hex(const struct debezium_type *type, struct str text, struct buf *out,
                            const char **ret_why)
{
    (void)type;
    *ret_why = why_bytea;
    if (!str_starts(text, STR("\\x")) || text.n % 2 != 0)
        return false;
    debezium_json_string(out, str_make(text.p + 2, text.n - 2));
    return true;
}

/* ---- bits --------------------------------------------------------------------------------------- */

static bool are_bits(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '0' && text.p[i] != '1')
            return false;
    }
    return true;
}

/* bit(1) */
bool debezium_put_bit(const struct debezium_type *type, struct str text, struct buf *out,
                      const char **ret_why)
{
    (void)type;
    *ret_why = "it is no bit";
    if (text.n > 1 || !are_bits(text))
        return false;
    if (str_is(text, "1"))
        BUF_LIT(out, "true");
    else
        BUF_LIT(out, "false");
    return true;
}

/* The last bit is the lowest one of the first byte; bytes of zeros at the end are left out. */
bool debezium_put_bits(const struct debezium_type *type, struct str text, struct buf *out,
                       const char **ret_why)
{
    size_t skip = 0;
    size_t n;

    (void)type;
    *ret_why = "it is no bit string";
    if (!are_bits(text))
        return false;
    while (skip < text.n && text.p[skip] == '0')
        skip++;
    n = (text.n - skip + 7) / 8;
    BUF_LIT(out, "\"");
    for (size_t at = 0; at < n; at += 3) {
        unsigned char group[3] = { 0, 0, 0 };
        size_t count = n - at < 3 ? n - at : 3;

        for (size_t bit = at * 8; bit < (at + count) * 8 && bit < text.n; bit++) {
            if (text.p[text.n - 1 - bit] == '1')
                group[bit / 8 - at] |= (unsigned char)(1u << bit % 8);
        }
        debezium_base64(out, group, count, false);
    }
    BUF_LIT(out, "\"");
    return true;
}
