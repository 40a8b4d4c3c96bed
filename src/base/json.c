/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/limits.h"
#include "base/rd.h"

#include <stdio.h>

static const char hex[] = "0123456789abcdef";

/* What a byte needs: 0 copy, 'u' \u00XX, 'x' check as UTF-8, else the letter behind the backslash. */
static char class_of(unsigned char c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        if (c < 0x20 || c == 0x7f)
            return 'u';
        return c >= 0x80 ? 'x' : '\0';
    }
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

void json_escaped(struct buf *b, struct str s)
{
    size_t from = 0;
    size_t i = 0;

    if (s.n == 0)
        return; /* s.p may be NULL */
    while (i < s.n) {
        char c = class_of((unsigned char)s.p[i]);
        size_t n;

        if (c == '\0') {
            i++;
            continue;
        }
        n = c == 'x' ? sequence(str_make(s.p + i, s.n - i)) : 0;
        if (n > 0) {
            i += n;
            continue;
        }
        buf_put(b, s.p + from, i - from);
        if (c == 'x') {
            buf_text(b, "\xEF\xBF\xBD");
        } else if (c == 'u') {
            buf_text(b, "\\u00");
            buf_u8(b, (uint8_t)hex[(unsigned char)s.p[i] >> 4]);
            buf_u8(b, (uint8_t)hex[s.p[i] & 15]);
        } else {
            buf_u8(b, '\\');
            buf_u8(b, (uint8_t)c);
        }
        from = ++i;
    }
    buf_put(b, s.p + from, s.n - from);
}

void json_string(struct buf *b, struct str s)
{
    buf_u8(b, '"');
    json_escaped(b, s);
    buf_u8(b, '"');
}

void json_key(struct buf *b, bool *first, const char *name)
{
    if (!*first)
        buf_u8(b, ',');
    *first = false;
    json_string(b, str_from(name));
    buf_u8(b, ':');
}

static bool digit_next(const struct rd *r)
{
    return rd_peek(r) >= '0' && rd_peek(r) <= '9';
}

static bool digits(struct rd *r)
{
    if (!digit_next(r))
        return false;
    while (digit_next(r))
        (void)rd_u8(r);
    return true;
}

static bool number(struct rd *r)
{
    if (rd_peek(r) == '-')
        (void)rd_u8(r);
    if (rd_peek(r) == '0')
        (void)rd_u8(r);
    else if (!digits(r))
        return false;
    if (rd_peek(r) == '.') {
        (void)rd_u8(r);
        if (!digits(r))
            return false;
    }
    if (rd_peek(r) == 'e' || rd_peek(r) == 'E') {
        (void)rd_u8(r);
        if (rd_peek(r) == '+' || rd_peek(r) == '-')
            (void)rd_u8(r);
        return digits(r);
    }
    return true;
}

bool json_is_number(struct str s)
{
    struct rd r = rd_make(s);

    return number(&r) && rd_done(&r);
}

static void spaces(struct rd *r)
{
    while (rd_left(r) > 0 && strchr(" \t\r\n", rd_peek(r)) != NULL && rd_peek(r) != 0)
        (void)rd_u8(r);
}

static bool word(struct rd *r, struct str text)
{
    return str_eq(rd_bytes(r, text.n), text) && rd_ok(r);
}

static bool string(struct rd *r)
{
    if (rd_u8(r) != '"')
        return false;
    while (rd_ok(r)) {
        uint8_t c = rd_u8(r);
        uint64_t unit;

        if (c == '"')
            return rd_ok(r);
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        c = rd_u8(r);
        if (c == 'u') {
            if (!str_to_hex64(rd_bytes(r, 4), &unit))
                return false;
        } else if (c == 0 || strchr("\"\\/bfnrt", c) == NULL) {
            return false;
        }
    }
    return false;
}

/* Iterative, with one bit a level: is it an object? */
static bool scalar(struct rd *r)
{
    switch (rd_peek(r)) {
    case '"':
        return string(r);
    case 't':
        return word(r, STR("true"));
    case 'f':
        return word(r, STR("false"));
    case 'n':
        return word(r, STR("null"));
    default:
        return number(r);
    }
}

static bool member_name(struct rd *r)
{
    spaces(r);
    if (!string(r))
        return false;
    spaces(r);
    return rd_u8(r) == ':';
}

bool json_is_valid(struct str s)
{
    struct rd r = rd_make(s);
    bool object[LIMIT_JSON_DEPTH];
    unsigned depth = 0;

    if (!str_is_utf8(s))
        return false;
    for (;;) {
        uint8_t open;

        /* A value. */
        spaces(&r);
        open = rd_peek(&r);
        if (open == '{' || open == '[') {
            (void)rd_u8(&r);
            spaces(&r);
            if (depth == LIMIT_JSON_DEPTH)
                return false;
            object[depth++] = open == '{';
            if (rd_peek(&r) != (open == '{' ? '}' : ']')) {
                if (open == '{' && !member_name(&r))
                    return false;
                continue;
            }
        } else if (!scalar(&r)) {
            return false;
        }
        /* What may follow a value: the ends of what is open, then a comma or the end. */
        spaces(&r);
        while (depth > 0 && rd_peek(&r) == (object[depth - 1] ? '}' : ']')) {
            (void)rd_u8(&r);
            depth--;
            spaces(&r);
        }
        if (depth == 0)
            return rd_done(&r);
        if (rd_u8(&r) != ',')
            return false;
        if (object[depth - 1] && !member_name(&r))
            return false;
    }
}
