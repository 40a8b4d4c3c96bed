/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 256 };

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){ .limit = limit };
}

void buf_done(struct buf *b)
{
    if (b == NULL)
        return;
    free(b->p);
    *b = (struct buf){ .limit = b->limit };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void buf_shrink(struct buf *b, size_t keep)
{
    if (b->cap > keep) {
        free(b->p);
        b->p = NULL;
        b->cap = 0;
    }
    buf_clear(b);
}

static void grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : FIRST_CAP;
    char *p;

    while (cap < need)
        cap += cap / 2 + 1;
    p = realloc(b->p, cap);
    if (p == NULL)
        error_out_of_memory(cap);
    b->p = p;
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed || n > b->limit || b->n > b->limit - n) {
        b->failed = true;
        return NULL;
    }
    /* One byte more than asked for: room for the terminator of buf_cstr. */
    if (b->n + n + 1 > b->cap)
        grow(b, b->n + n + 1);
    return b->p + b->n;
}

void buf_put_slowly(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);

    if (to == NULL || n == 0)
        return;
    memcpy(to, p, n);
    b->n += n;
}

void buf_putf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    int n;
    char *to;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
    } else {
        to = buf_reserve(b, (size_t)n);
        if (to != NULL) {
            (void)vsnprintf(to, (size_t)n + 1, fmt, again);
            b->n += (size_t)n;
        }
    }
    va_end(again);
}

void buf_be16(struct buf *b, uint16_t v)
{
    uint16_t wire = __builtin_bswap16(v);

    buf_put(b, &wire, sizeof wire);
}

void buf_be32(struct buf *b, uint32_t v)
{
    uint32_t wire = __builtin_bswap32(v);

    buf_put(b, &wire, sizeof wire);
}

void buf_be64(struct buf *b, uint64_t v)
{
    uint64_t wire = __builtin_bswap64(v);

    buf_put(b, &wire, sizeof wire);
}

void buf_le16(struct buf *b, uint16_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_le32(struct buf *b, uint32_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_le64(struct buf *b, uint64_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_varint_long(struct buf *b, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (unsigned char)v;
    buf_put(b, bytes, n);
}

void buf_udec(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;

    while (v >= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * v, 2);
    } else {
        digits[--at] = (char)('0' + v);
    }
    buf_put_slowly(b, digits + at, sizeof digits - at);
}

void buf_dec(struct buf *b, int64_t v)
{
    if (v < 0) {
        buf_u8(b, '-');
        buf_udec(b, 0u - (uint64_t)v);
    } else {
        buf_udec(b, (uint64_t)v);
    }
}

void buf_quoted(struct buf *b, struct str s, char quote)
{
    buf_u8(b, (uint8_t)quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote)
            buf_u8(b, (uint8_t)quote);
        buf_u8(b, (uint8_t)s.p[i]);
    }
    buf_u8(b, (uint8_t)quote);
}

void buf_patch_be32(struct buf *b, size_t at, uint32_t v)
{
    buf_patch_le32(b, at, __builtin_bswap32(v));
}

void buf_patch_le32(struct buf *b, size_t at, uint32_t v)
{
    if (b->failed)
        return;
    assert(at + sizeof v <= b->n);
    memcpy(b->p + at, &v, sizeof v);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
    if (b->p == NULL)
        return "";
    b->p[b->n] = '\0';
    return b->p;
}
