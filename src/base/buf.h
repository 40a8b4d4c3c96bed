/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growing byte buffer with a ceiling.
 *
 *     struct buf b;
 *     buf_init(&b, LIMIT_HTTP_BODY);
 *     buf_str(&b, STR("{"));  buf_putf(&b, "%d", n);  ...
 *     if (!buf_ok(&b)) return error_set(...);       -- one check at the end
 *     buf_done(&b);
 *
 * A write that would pass the ceiling is dropped and sets `failed`, which sticks until buf_clear.
 * Memory that cannot be had ends the process (error_out_of_memory). Owned by one thread.
 */

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *p;      /* owned; NULL until the first write */
    size_t n;     /* bytes used */
    size_t cap;   /* bytes allocated */
    size_t limit; /* ceiling for n */
    bool failed;
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);
/* Empty and usable again; keeps the memory. */
void buf_clear(struct buf *b);
/* As buf_clear, and gives memory back when more than `keep` bytes are held. */
void buf_shrink(struct buf *b, size_t keep);

/* Makes room for n more bytes and returns where they go, or NULL past the ceiling. The bytes count
 * only after buf_added(). */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_added(struct buf *b, size_t n)
{
    b->n += n;
}

/* memcpy without the call for what is mostly put, names and short values: from both ends, which meet or overlap. */
static inline void buf_copy(char *to, const char *from, size_t n)
{
    if (n > 32) {
        memcpy(to, from, n);
    } else if (n >= 16) {
        memcpy(to, from, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
}

/* Is there room for so many, and a terminator? Nearly always, and then no call is needed. */
static inline bool buf_has_room(const struct buf *b, size_t n)
{
    return !b->failed && b->cap - b->n > n && n <= b->limit && b->n <= b->limit - n;
}

void buf_put_slowly(struct buf *b, const void *p, size_t n);
static inline void buf_put(struct buf *b, const void *p, size_t n)
{
    if (!buf_has_room(b, n)) {
        buf_put_slowly(b, p, n);
        return;
    }
    buf_copy(b->p + b->n, p, n);
    b->n += n;
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, 1);
}

#define BUF_LIT(b, literal) buf_put(b, "" literal, sizeof(literal) - 1)

void buf_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_le64(struct buf *b, uint64_t v);
/* LEB128, 1 to 10 bytes. */
void buf_varint_long(struct buf *b, uint64_t v);
static inline void buf_varint(struct buf *b, uint64_t v)
{
    if (v < 0x80)
        buf_u8(b, (uint8_t)v);
    else
        buf_varint_long(b, v);
}
/* Decimal digits. */
void buf_dec(struct buf *b, int64_t v);
void buf_udec(struct buf *b, uint64_t v);

/* In quotes of that kind, with each such quote inside doubled, as SQL and CQL want it. */
void buf_quoted(struct buf *b, struct str s, char quote);

static inline void buf_str(struct buf *b, struct str s)
{
    buf_put(b, s.p, s.n);
}

static inline void buf_text(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

/* Overwrites bytes already written, for length fields; at + 4 <= b->n. */
void buf_patch_be32(struct buf *b, size_t at, uint32_t v);
void buf_patch_le32(struct buf *b, size_t at, uint32_t v);

/* Drops the first n bytes (n <= b->n); the rest moves down. */
void buf_consume(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

/* Borrowed; valid until the next change of b. */
static inline struct str buf_view(const struct buf *b)
{
    return str_make(b->p, b->n);
}

/* Terminated text; borrowed as buf_view. The terminator is not counted in n. */
const char *buf_cstr(struct buf *b);

#endif
