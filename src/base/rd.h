/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_RD_H
#define BASE_RD_H

/*
 * A bounded reader over borrowed bytes: decode without checks, then check once.
 *
 *     struct rd r = rd_make(bytes);
 *     uint32_t id = rd_be32(&r);  struct str name = rd_cstr(&r, LIMIT_PG_NAME);
 *     if (!rd_ok(&r)) return error_set(...);
 *
 * Reading past the end, or a length above its ceiling, sets `bad`, which sticks; from then on every
 * read gives 0 or an empty str. A value that was read may be used only after rd_ok was looked at.
 * What is handed out points into the given bytes. Owned by one thread.
 */

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct rd {
    const unsigned char *p;
    const unsigned char *end;
    const unsigned char *start;
    bool bad;
};

static inline struct rd rd_make(struct str s)
{
    /* Empty bytes may come without an address, and nothing may be added to a null pointer. */
    const unsigned char *p = (const unsigned char *)(s.p != NULL ? s.p : "");

    return (struct rd){ p, p + s.n, p, false };
}

static inline bool rd_ok(const struct rd *r)
{
    return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->p);
}

/* Bytes taken so far: where a decoder stands when it reports an error. */
static inline size_t rd_offset(const struct rd *r)
{
    return (size_t)(r->p - r->start);
}

/* Everything read and nothing left over. */
static inline bool rd_done(const struct rd *r)
{
    return !r->bad && r->p == r->end;
}

static inline bool rd_fail(struct rd *r)
{
    r->bad = true;
    r->p = r->end;
    return false;
}

static inline bool rd_has(struct rd *r, size_t n)
{
    return !r->bad && rd_left(r) >= n ? true : rd_fail(r);
}

static inline uint8_t rd_u8(struct rd *r)
{
    return rd_has(r, 1) ? *r->p++ : 0;
}

/* The next byte without taking it; 0 at the end (which is not an error). */
static inline uint8_t rd_peek(const struct rd *r)
{
    return rd_left(r) > 0 ? *r->p : 0;
}

static inline uint16_t rd_le16(struct rd *r)
{
    uint16_t v = 0;

    if (rd_has(r, sizeof v)) {
        memcpy(&v, r->p, sizeof v);
        r->p += sizeof v;
    }
    return v;
}

static inline uint32_t rd_le32(struct rd *r)
{
    uint32_t v = 0;

    if (rd_has(r, sizeof v)) {
        memcpy(&v, r->p, sizeof v);
        r->p += sizeof v;
    }
    return v;
}

static inline uint64_t rd_le64(struct rd *r)
{
    uint64_t v = 0;

    if (rd_has(r, sizeof v)) {
        memcpy(&v, r->p, sizeof v);
        r->p += sizeof v;
    }
    return v;
}

static inline uint16_t rd_be16(struct rd *r)
{
    return __builtin_bswap16(rd_le16(r));
}

static inline uint32_t rd_be32(struct rd *r)
{
    return __builtin_bswap32(rd_le32(r));
}

static inline uint64_t rd_be64(struct rd *r)
{
    return __builtin_bswap64(rd_le64(r));
}

static inline struct str rd_bytes(struct rd *r, size_t n)
{
    struct str s = STR_NONE;

    if (rd_has(r, n)) {
        s = str_make(r->p, n);
        r->p += n;
    }
    return s;
}

/* ---- text ---- */

/* Takes the character if it is the next one. */
static inline bool rd_take(struct rd *r, char c)
{
    if (rd_left(r) == 0 || *r->p != (unsigned char)c)
        return false;
    r->p++;
    return true;
}

/* The next character must be this one. */
static inline void rd_expect(struct rd *r, char c)
{
    if (!rd_take(r, c))
        (void)rd_fail(r);
}

/* A number of min to max decimal digits; max is at most 18. */
static inline int64_t rd_digits(struct rd *r, unsigned min, unsigned max)
{
    int64_t v = 0;
    unsigned n = 0;

    while (n < max && rd_left(r) > 0 && *r->p >= '0' && *r->p <= '9') {
        v = v * 10 + (*r->p++ - '0');
        n++;
    }
    if (n < min)
        (void)rd_fail(r);
    return rd_ok(r) ? v : 0;
}

/* ---- more bytes ---- */

/* LEB128 as written by buf_varint; more than 64 bits is bad. */
uint64_t rd_varint(struct rd *r);
/* A length as varint and that many bytes; above `limit` is bad. */
struct str rd_varstr(struct rd *r, size_t limit);
/* Text up to its NUL, which is taken and not part of the result; longer than `limit` is bad. */
struct str rd_cstr(struct rd *r, size_t limit);

#endif
