/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonread.h"

#include "base/limits.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { TOKENS_KEPT = 4096, WORD = 8, SURROGATE_HIGH = 0xd800, SURROGATE_LOW = 0xdc00 };

/* The containers that are open around the place being read. */
struct open {
    uint32_t token;
    bool object;
};

void jsonread_init(struct jsonread *j, size_t token_limit)
{
    *j = (struct jsonread){ .limit = token_limit };
}

void jsonread_done(struct jsonread *j)
{
    free(j->tokens);
    *j = (struct jsonread){ 0 };
}

static bool fault(struct jsonread *j, size_t at, const char *what)
{
    j->fault = what;
    j->fault_at = at;
    return false;
}

size_t jsonread_space(struct str text, size_t at)
{
    while (at < text.n &&
           (text.p[at] == ' ' || text.p[at] == '\n' || text.p[at] == '\r' || text.p[at] == '\t'))
        at++;
    return at;
}

static bool add(struct jsonread *j, size_t at, enum jsonread_type type)
{
    if (j->count == j->cap) {
        size_t cap = j->cap == 0 ? 256 : j->cap * 2;

        if (j->count >= j->limit)
            return fault(j, at, "it has too many values");
        j->cap = cap < j->limit ? cap : j->limit;
        j->tokens = mem_resize(j->tokens, j->cap, sizeof *j->tokens);
    }
    j->tokens[j->count] = (struct jsonread_token){ .at = (uint32_t)at,
                                                   .next = (uint32_t)j->count + 1,
                                                   .type = (uint8_t)type };
    j->count++;
    return true;
}

/* ---- strings ------------------------------------------------------------------------------------ */

/* Bytes that are neither a quote, nor a backslash, nor below space, nor above 0x7f: eight at a time. */
static size_t plain_bytes(const char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    size_t i = 0;

    for (; i + WORD <= n; i += WORD) {
        uint64_t w;
        uint64_t quote;
        uint64_t slash;
        uint64_t hits;

        memcpy(&w, p + i, WORD);
        quote = w ^ (ones * '"');
        slash = w ^ (ones * '\\');
        /* A byte that is hit sets its high bit; a false hit only stands above a true one. */
        hits =
            (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w) | w) &
            high;
        if (hits != 0)
            return i + (size_t)__builtin_ctzll(hits) / WORD;
    }
    while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20 &&
           (unsigned char)p[i] < 0x80)
        i++;
    return i;
}

/* The four digits behind \u. */
static bool unit_at(struct str text, size_t at, unsigned *ret_unit)
{
    unsigned v = 0;

    if (text.n < 4 || at > text.n - 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        int digit = str_hex_digit(text.p[at + i]);

        if (digit < 0)
            return false;
        v = v << 4 | (unsigned)digit;
    }
    *ret_unit = v;
    return true;
}

static bool is_high(unsigned unit)
{
    return unit >= SURROGATE_HIGH && unit < SURROGATE_LOW;
}

static bool is_low(unsigned unit)
{
    return unit >= SURROGATE_LOW && unit < 0xe000;
}

/* An escape whose backslash stands at *at; moves behind it. */
static bool escape(struct jsonread *j, size_t *at)
{
    size_t from = *at;
    unsigned unit;
    unsigned low;
    int c = from + 1 < j->text.n ? j->text.p[from + 1] : '\0';

    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return fault(j, from, "a backslash begins no escape");
    *at = from + 2;
    if (c != 'u')
        return true;
    if (!unit_at(j->text, *at, &unit))
        return fault(j, from, "\\u is not followed by four hexadecimal digits");
    *at += 4;
    if (unit == 0)
        return fault(j, from, "U+0000 has no place in a text");
    if (is_low(unit))
        return fault(j, from, "half of a surrogate pair stands alone");
    if (!is_high(unit))
        return true;
    if (*at + 2 > j->text.n || memcmp(j->text.p + *at, "\\u", 2) != 0 ||
        !unit_at(j->text, *at + 2, &low) || !is_low(low))
        return fault(j, from, "half of a surrogate pair stands alone");
    *at += 6;
    return true;
}

/* The string whose quote stands at *at, as a token. */
static bool string(struct jsonread *j, size_t *at)
{
    size_t from = *at + 1;
    size_t i = from;
    bool escaped = false;
    bool wide = false;
    struct jsonread_token *t;

    for (;;) {
        i += plain_bytes(j->text.p + i, j->text.n - i);
        if (i == j->text.n)
            return fault(j, *at, "a string does not end");
        if (j->text.p[i] == '"')
            break;
        if (j->text.p[i] == '\\') {
            escaped = true;
            if (!escape(j, &i))
                return false;
        } else if ((unsigned char)j->text.p[i] < 0x20) {
            return fault(j, i, "a control character stands in a string");
        } else {
            wide = true;
            i++;
        }
    }
    if (wide && !str_is_utf8(str_make(j->text.p + from, i - from)))
        return fault(j, from, "a string is not valid UTF-8");
    if (!add(j, from, JSONREAD_STRING))
        return false;
    t = &j->tokens[j->count - 1];
    t->n = (uint32_t)(i - from);
    t->escaped = escaped;
    *at = i + 1;
    return true;
}

/* ---- numbers and words -------------------------------------------------------------------------- */

static bool digit_at(struct str text, size_t at)
{
    return at < text.n && text.p[at] >= '0' && text.p[at] <= '9';
}

static size_t digits(struct str text, size_t at)
{
    while (digit_at(text, at))
        at++;
    return at;
}

static bool number(struct jsonread *j, size_t *at)
{
    struct str text = j->text;
    size_t i = *at;
    bool real = false;

    i += text.p[i] == '-' ? 1 : 0;
    if (!digit_at(text, i))
        return fault(j, *at, "here stands no JSON value");
    i = text.p[i] == '0' ? i + 1 : digits(text, i);
    if (i < text.n && text.p[i] == '.') {
        real = true;
        if (!digit_at(text, i + 1))
            return fault(j, *at, "a number lacks the digits behind its point");
        i = digits(text, i + 1);
    }
    if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
        real = true;
        i++;
        i += i < text.n && (text.p[i] == '+' || text.p[i] == '-') ? 1 : 0;
        if (!digit_at(text, i))
            return fault(j, *at, "a number lacks the digits of its exponent");
        i = digits(text, i);
    }
    if (!add(j, *at, JSONREAD_NUMBER))
        return false;
    j->tokens[j->count - 1].n = (uint32_t)(i - *at);
    j->tokens[j->count - 1].real = real;
    *at = i;
    return true;
}

static bool word(struct jsonread *j, size_t *at, struct str text, enum jsonread_type type)
{
    if (j->text.n - *at < text.n || memcmp(j->text.p + *at, text.p, text.n) != 0)
        return fault(j, *at, "here stands no JSON value");
    if (!add(j, *at, type))
        return false;
    j->tokens[j->count - 1].n = (uint32_t)text.n;
    *at += text.n;
    return true;
}

static bool scalar(struct jsonread *j, size_t *at)
{
    switch (j->text.p[*at]) {
    case '"':
        return string(j, at);
    case 't':
        return word(j, at, STR("true"), JSONREAD_TRUE);
    case 'f':
        return word(j, at, STR("false"), JSONREAD_FALSE);
    case 'n':
        return word(j, at, STR("null"), JSONREAD_NULL);
    default:
        return number(j, at);
    }
}

/* ---- containers --------------------------------------------------------------------------------- */

static bool byte_at(const struct jsonread *j, size_t at, char c)
{
    return at < j->text.n && j->text.p[at] == c;
}

/* A name, its colon, and the space behind it. */
static bool member_name(struct jsonread *j, size_t *at)
{
    *at = jsonread_space(j->text, *at);
    if (!byte_at(j, *at, '"'))
        return fault(j, *at, "here stands no member's name");
    if (!string(j, at))
        return false;
    *at = jsonread_space(j->text, *at);
    if (!byte_at(j, *at, ':'))
        return fault(j, *at, "a member's name is not followed by a colon");
    (*at)++;
    return true;
}

/* Everything that may stand behind a value: the ends of what is open, then a comma and the next member's
 * name. *depth 0: the outermost value is done. */
static bool behind(struct jsonread *j, size_t *at, const struct open *stack, unsigned *depth)
{
    while (*depth > 0) {
        const struct open *o = &stack[*depth - 1];

        j->tokens[o->token].count++;
        *at = jsonread_space(j->text, *at);
        if (byte_at(j, *at, ',')) {
            (*at)++;
            return !o->object || member_name(j, at);
        }
        if (!byte_at(j, *at, o->object ? '}' : ']'))
            return fault(j, *at, "a value is followed by neither a comma nor the end");
        (*at)++;
        j->tokens[o->token].n = (uint32_t)(*at - j->tokens[o->token].at);
        j->tokens[o->token].next = (uint32_t)j->count;
        (*depth)--;
    }
    return true;
}

/* '{' or '[' at *at. *ret_empty: it is closed at once. */
static bool open_container(struct jsonread *j, size_t *at, struct open *stack, unsigned *depth,
                           bool *ret_empty)
{
    bool object = j->text.p[*at] == '{';
    struct open o = { (uint32_t)j->count, object };

    if (*depth == LIMIT_JSON_DEPTH)
        return fault(j, *at, "it is nested too deep");
    if (!add(j, *at, object ? JSONREAD_OBJECT : JSONREAD_ARRAY))
        return false;
    *at = jsonread_space(j->text, *at + 1);
    *ret_empty = byte_at(j, *at, object ? '}' : ']');
    if (*ret_empty) {
        (*at)++;
        j->tokens[o.token].n = (uint32_t)(*at - j->tokens[o.token].at);
        return true;
    }
    stack[(*depth)++] = o;
    return !object || member_name(j, at);
}

bool jsonread_value(struct jsonread *j, size_t *at, uint32_t *ret_token)
{
    struct open stack[LIMIT_JSON_DEPTH];
    uint32_t token = (uint32_t)j->count;
    unsigned depth = 0;
    size_t i = *at;

    do {
        bool empty = true;

        i = jsonread_space(j->text, i);
        if (i == j->text.n)
            return fault(j, i, "it ends too soon");
        if (j->text.p[i] == '{' || j->text.p[i] == '[') {
            if (!open_container(j, &i, stack, &depth, &empty))
                return false;
        } else if (!scalar(j, &i)) {
            return false;
        }
        if (empty && !behind(j, &i, stack, &depth))
            return false;
    } while (depth > 0);
    *at = i;
    *ret_token = token;
    return true;
}

void jsonread_begin(struct jsonread *j, struct str text)
{
    if (j->cap > TOKENS_KEPT && j->count <= TOKENS_KEPT) {
        j->tokens = mem_resize(j->tokens, TOKENS_KEPT, sizeof *j->tokens);
        j->cap = TOKENS_KEPT;
    }
    j->text = text;
    j->count = 0;
}

bool jsonread_parse(struct jsonread *j, struct str text)
{
    uint32_t token;
    size_t at = 0;

    jsonread_begin(j, text);
    if (text.n > UINT32_MAX / 2)
        return fault(j, 0, "it is too large");
    if (!jsonread_value(j, &at, &token))
        return false;
    at = jsonread_space(text, at);
    return at == text.n || fault(j, at, "something stands behind the value");
}

/* ---- using it ----------------------------------------------------------------------------------- */

static void put_utf8(struct buf *b, unsigned c)
{
    if (c < 0x80) {
        buf_u8(b, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buf_u8(b, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_u8(b, (uint8_t)(0xe0 | c >> 12));
        } else {
            buf_u8(b, (uint8_t)(0xf0 | c >> 18));
            buf_u8(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        buf_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
}

/* The escape at `at`, which was checked; the offset behind it. */
static size_t put_escape(struct str s, size_t at, struct buf *b)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    char c = s.p[at + 1];
    unsigned unit = 0;
    unsigned low = 0;

    if (c != 'u') {
        const char *hit = strchr(from, c);

        buf_u8(b, (uint8_t)(hit != NULL ? to[hit - from] : c));
        return at + 2;
    }
    (void)unit_at(s, at + 2, &unit);
    if (!is_high(unit)) {
        put_utf8(b, unit);
        return at + 6;
    }
    (void)unit_at(s, at + 8, &low);
    put_utf8(b, 0x10000 + ((unit - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW));
    return at + 12;
}

void jsonread_string(const struct jsonread *j, uint32_t token, struct buf *b)
{
    struct str s = jsonread_text(j, token);
    size_t i = 0;

    assert(j->tokens[token].type == JSONREAD_STRING);
    if (!j->tokens[token].escaped) {
        buf_str(b, s);
        return;
    }
    while (i < s.n) {
        size_t plain = str_find(str_make(s.p + i, s.n - i), '\\');

        buf_put(b, s.p + i, plain);
        i += plain;
        if (i < s.n)
            i = put_escape(s, i, b);
    }
}

bool jsonread_is_escaped(const struct jsonread *j, uint32_t token, struct str text)
{
    struct buf b;
    bool same;

    /* An escape is never shorter than what it stands for. */
    if (j->tokens[token].n <= text.n)
        return false;
    buf_init(&b, j->tokens[token].n);
    jsonread_string(j, token, &b);
    same = str_eq(buf_view(&b), text);
    buf_done(&b);
    return same;
}

bool jsonread_member(const struct jsonread *j, uint32_t object, struct str name,
                     uint32_t *ret_value)
{
    if (j->tokens[object].type != JSONREAD_OBJECT)
        return false;
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        if (jsonread_is(j, i, name)) {
            *ret_value = i + 1;
            return true;
        }
    }
    return false;
}
