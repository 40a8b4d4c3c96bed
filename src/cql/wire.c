/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An envelope, all numbers big-endian:
 *
 *     0        1        2        3        4        5                          9
 *     +--------+--------+--------+--------+--------+--------+--------+--------+ - - -
 *     |version | flags  |     stream      | opcode |          length          | body
 *     +--------+--------+--------+--------+--------+--------+--------+--------+ - - -
 *
 * The version has its top bit set in answers. The body of an answer starts with what the flags announce:
 * tracing id (16 bytes), warnings (a list of strings), payload (a map of bytes), then the message. Bytes
 * behind the message are to be ignored (section 1 of the specification).
 */
#include "cql/wire.h"

#include "base/limits.h"

#include <assert.h>

enum { ANSWER = 0x80, TRACING_ID = 16, VERSION_MIN = 3, VERSION_MAX = 6 };

uint64_t cql_wire_size(const char header[CQL_WIRE_HEADER])
{
    uint32_t length;

    memcpy(&length, header + 5, sizeof length);
    return (uint64_t)CQL_WIRE_HEADER + __builtin_bswap32(length);
}

bool cql_wire_take(struct str in, struct cql_envelope *ret_envelope, size_t *ret_size,
                   struct error *err)
{
    struct rd r = rd_make(in);
    struct cql_envelope e;
    uint8_t version;
    uint32_t length;

    if (in.n < CQL_WIRE_HEADER) {
        *ret_size = 0;
        return true;
    }
    version = rd_u8(&r);
    e.version = version & (uint8_t)~ANSWER;
    e.flags = rd_u8(&r);
    e.stream = (int16_t)rd_be16(&r);
    e.opcode = rd_u8(&r);
    length = rd_be32(&r);
    /* A node that refuses our version may answer in its own, hence the range. */
    if ((version & ANSWER) == 0 || e.version < VERSION_MIN || e.version > VERSION_MAX)
        return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                         "cannot read answer (first byte 0x%02x): not Cassandra's native protocol",
                         version);
    if (length > LIMIT_CQL_REPLY)
        return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                         "cannot read answer (opcode 0x%02x): %u bytes are above the limit of %zu",
                         e.opcode, length, (size_t)LIMIT_CQL_REPLY);
    if (rd_left(&r) < length) {
        *ret_size = 0;
        return true;
    }
    e.body = rd_bytes(&r, length);
    *ret_envelope = e;
    *ret_size = CQL_WIRE_HEADER + (size_t)length;
    return true;
}

size_t cql_wire_begin(struct buf *b, unsigned version, uint16_t stream, enum cql_opcode opcode)
{
    size_t at = b->n;
    unsigned char *p = (unsigned char *)buf_reserve(b, CQL_WIRE_HEADER);

    if (p == NULL)
        return at;
    p[0] = (unsigned char)version;
    p[1] = 0;
    p[2] = (unsigned char)(stream >> 8);
    p[3] = (unsigned char)stream;
    p[4] = (unsigned char)opcode;
    memset(p + 5, 0, 4);
    buf_added(b, CQL_WIRE_HEADER);
    return at;
}

void cql_wire_end(struct buf *b, size_t at)
{
    if (buf_ok(b))
        buf_patch_be32(b, at + 5, (uint32_t)(b->n - at - CQL_WIRE_HEADER));
}

struct str cql_wire_string(struct rd *r)
{
    return rd_bytes(r, rd_be16(r));
}

struct str cql_wire_bytes(struct rd *r)
{
    int32_t n = (int32_t)rd_be32(r);

    if (n < 0)
        return STR_NONE;
    return rd_bytes(r, (size_t)n);
}

uint32_t cql_wire_count(struct rd *r, uint32_t limit)
{
    uint32_t n = rd_be32(r);

    if (n > limit) {
        rd_fail(r);
        return 0;
    }
    return n;
}

struct rd cql_wire_message(const struct cql_envelope *e)
{
    struct rd r = rd_make(e->body);

    if ((e->flags & CQL_FLAG_COMPRESSED) != 0) /* never asked for; v5 ignores the flag */
        (void)(e->version >= 5 || rd_fail(&r));
    if ((e->flags & CQL_FLAG_TRACING) != 0)
        (void)rd_bytes(&r, TRACING_ID);
    if ((e->flags & CQL_FLAG_WARNING) != 0) {
        for (uint16_t n = rd_be16(&r); n > 0 && rd_ok(&r); n--)
            (void)cql_wire_string(&r);
    }
    if ((e->flags & CQL_FLAG_PAYLOAD) != 0) {
        for (uint16_t n = rd_be16(&r); n > 0 && rd_ok(&r); n--) {
            (void)cql_wire_string(&r);
            (void)cql_wire_bytes(&r);
        }
    }
    return r;
}

void cql_wire_put_string(struct buf *b, struct str s)
{
    assert(s.n <= UINT16_MAX);
    buf_be16(b, (uint16_t)s.n);
    buf_str(b, s);
}

void cql_wire_put_long_string(struct buf *b, struct str s)
{
    assert(s.n <= INT32_MAX);
    buf_be32(b, (uint32_t)s.n);
    buf_str(b, s);
}
