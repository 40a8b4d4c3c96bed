/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment, all numbers little-endian (unlike the envelopes inside):
 *
 *     0                 3                 6                     6+n          10+n
 *     +-----------------+-----------------+---------------- - - +-------------+
 *     | n:17 whole:1 -:6|      CRC24      | payload, n bytes    |    CRC32    |
 *     +-----------------+-----------------+---------------- - - +-------------+
 *
 * whole = 1: the payload is one or more whole envelopes. whole = 0: it is a slice of one large envelope,
 * and the next segments bring the rest. CRC24 is over the first three bytes; CRC32 is zlib's over the
 * payload, started with the four bytes FA 2D 55 CA, which the specification forgets to say
 * (org.apache.cassandra.net.Crc).
 */
#include "cql/segment.h"

#include "base/limits.h"
#include "cql/wire.h"

#include <zlib.h>

#define CRC24_INIT 0x875060u
#define CRC24_POLY 0x1974F0Bu

enum { WHOLE = 1 << 17, LENGTH_BITS = 3 };

uint32_t cql_segment_crc24(uint64_t header, size_t bytes)
{
    uint32_t crc = CRC24_INIT;

    for (; bytes > 0; bytes--, header >>= 8) {
        crc ^= (uint32_t)(header & 0xFF) << 16;
        for (int bit = 0; bit < 8; bit++) {
            crc <<= 1;
            if ((crc & 0x1000000) != 0)
                crc ^= CRC24_POLY;
        }
    }
    return crc & 0xFFFFFF;
}

uint32_t cql_segment_crc32(const void *p, size_t n)
{
    static const unsigned char start[] = { 0xFA, 0x2D, 0x55, 0xCA };
    uLong crc = crc32_z(crc32_z(0, NULL, 0), start, sizeof start);

    return (uint32_t)crc32_z(crc, p, n);
}

static void put_le24(struct buf *b, uint32_t v)
{
    unsigned char bytes[3] = { (unsigned char)v, (unsigned char)(v >> 8),
                               (unsigned char)(v >> 16) };

    buf_put(b, bytes, sizeof bytes);
}

static void put_one(struct buf *out, struct str payload, bool whole)
{
    uint32_t header = (uint32_t)payload.n | (whole ? (uint32_t)WHOLE : 0);

    put_le24(out, header);
    put_le24(out, cql_segment_crc24(header, LENGTH_BITS));
    buf_str(out, payload);
    buf_le32(out, cql_segment_crc32(payload.p, payload.n));
}

static void put_slices(struct buf *out, struct str envelope)
{
    while (envelope.n > 0) {
        size_t n = envelope.n < CQL_SEGMENT_PAYLOAD ? envelope.n : CQL_SEGMENT_PAYLOAD;

        put_one(out, str_make(envelope.p, n), false);
        envelope = str_make(envelope.p + n, envelope.n - n);
    }
}

void cql_segment_put(struct buf *out, struct str envelopes)
{
    while (envelopes.n > 0) {
        size_t n = 0;

        while (n + CQL_WIRE_HEADER <= envelopes.n) {
            uint64_t size = cql_wire_size(envelopes.p + n);

            if (n + size > CQL_SEGMENT_PAYLOAD || n + size > envelopes.n)
                break;
            n += (size_t)size;
        }
        if (n > 0) {
            put_one(out, str_make(envelopes.p, n), true);
        } else {
            n = (size_t)cql_wire_size(envelopes.p);
            put_slices(out, str_make(envelopes.p, n));
        }
        envelopes = str_make(envelopes.p + n, envelopes.n - n);
    }
}

static uint32_t le24(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static bool bad(struct error *err, const char *what)
{
    return error_set(err, ERR_RETRY, E_CQL_PROTOCOL, "cannot read answer (protocol v5 segment): %s",
                     what);
}

/* A self-contained payload must end where its last envelope ends. */
static bool check_whole(struct cql_unsegment *u, struct str payload, struct error *err)
{
    if (u->missing > 0)
        return bad(err, "whole envelopes in the middle of a sliced one");
    while (payload.n > 0) {
        uint64_t size;

        if (payload.n < CQL_WIRE_HEADER)
            return bad(err, "an envelope's header is cut");
        size = cql_wire_size(payload.p);
        if (size > payload.n)
            return bad(err, "an envelope is cut");
        payload = str_make(payload.p + size, payload.n - (size_t)size);
    }
    return true;
}

static bool check_slice(struct cql_unsegment *u, struct str payload, struct error *err)
{
    if (payload.n == 0)
        return bad(err, "an empty slice");
    if (u->missing == 0) {
        if (payload.n < CQL_WIRE_HEADER)
            return bad(err, "the first slice is shorter than an envelope's header");
        u->missing = cql_wire_size(payload.p);
        if (u->missing > LIMIT_CQL_REPLY + CQL_WIRE_HEADER)
            return bad(err, "a sliced envelope is above the limit");
    }
    if (payload.n > u->missing)
        return bad(err, "a slice is longer than its envelope");
    u->missing -= payload.n;
    return true;
}

bool cql_segment_take(struct cql_unsegment *u, struct str in, struct buf *out, size_t *ret_taken,
                      struct error *err)
{
    size_t at = 0;

    while (in.n - at >= CQL_SEGMENT_HEADER) {
        const unsigned char *p = (const unsigned char *)in.p + at;
        uint32_t header = le24(p);
        size_t n = header & CQL_SEGMENT_PAYLOAD;
        struct str payload = str_make(p + CQL_SEGMENT_HEADER, n);
        uint32_t crc;

        if (le24(p + 3) != cql_segment_crc24(header, LENGTH_BITS))
            return bad(err, "the header's CRC is wrong");
        if (in.n - at < CQL_SEGMENT_HEADER + n + CQL_SEGMENT_TRAILER)
            break;
        memcpy(&crc, payload.p + n, sizeof crc);
        if (crc != cql_segment_crc32(payload.p, n))
            return bad(err, "the payload's CRC is wrong");
        if ((header & WHOLE) != 0 ? !check_whole(u, payload, err) : !check_slice(u, payload, err))
            return false;
        buf_str(out, payload);
        at += CQL_SEGMENT_HEADER + n + CQL_SEGMENT_TRAILER;
    }
    if (!buf_ok(out))
        return bad(err, "more bytes are waiting than may be kept");
    *ret_taken = at;
    return true;
}
