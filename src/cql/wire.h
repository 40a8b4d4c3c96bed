/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_WIRE_H
#define CQL_WIRE_H

/*
 * The envelope and the primitive notations of Cassandra's native protocol, v4 and v5
 * (native_protocol_v5.spec sections 2 and 3). Pure: bytes in, bytes out. Any thread.
 *
 * Readers work on an rd and fail with it; writers append to a buf and fail with it.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/rd.h"

enum cql_opcode {
    CQL_OP_ERROR = 0x00,
    CQL_OP_STARTUP = 0x01,
    CQL_OP_READY = 0x02,
    CQL_OP_AUTHENTICATE = 0x03,
    CQL_OP_OPTIONS = 0x05,
    CQL_OP_SUPPORTED = 0x06,
    CQL_OP_QUERY = 0x07,
    CQL_OP_RESULT = 0x08,
    CQL_OP_PREPARE = 0x09,
    CQL_OP_EXECUTE = 0x0A,
    CQL_OP_REGISTER = 0x0B,
    CQL_OP_EVENT = 0x0C,
    CQL_OP_AUTH_CHALLENGE = 0x0E,
    CQL_OP_AUTH_RESPONSE = 0x0F,
    CQL_OP_AUTH_SUCCESS = 0x10
};

enum cql_envelope_flag {
    CQL_FLAG_COMPRESSED = 0x01,
    CQL_FLAG_TRACING = 0x02,
    CQL_FLAG_PAYLOAD = 0x04,
    CQL_FLAG_WARNING = 0x08
};

enum { CQL_WIRE_HEADER = 9 };

struct cql_envelope {
    uint8_t version; /* without the direction bit */
    uint8_t flags;
    int16_t stream; /* -1: an event */
    uint8_t opcode;
    struct str body; /* borrowed from the input */
};

/* The answer at the start of `in`. *ret_size is its whole size, or 0 when more bytes are needed (then
 * *ret_envelope is untouched). A request instead of an answer, a version we never speak, or a body
 * above LIMIT_CQL_REPLY is ERR_RETRY, E_CQL_PROTOCOL: the connection is of no more use. */
bool cql_wire_take(struct str in, struct cql_envelope *ret_envelope, size_t *ret_size,
                   struct error *err) MUST_CHECK;
/* Size of the envelope that starts with these nine bytes, by its own length field. */
uint64_t cql_wire_size(const char header[CQL_WIRE_HEADER]);

/* Writes a request's header and returns where it stands, for cql_wire_end, which fills the length. */
size_t cql_wire_begin(struct buf *b, unsigned version, uint16_t stream, enum cql_opcode opcode);
void cql_wire_end(struct buf *b, size_t at);

struct str cql_wire_string(struct rd *r); /* [string], [short bytes] */
struct str cql_wire_bytes(struct rd *r);  /* [bytes]; null is p == NULL */
uint32_t cql_wire_count(struct rd *r,
                        uint32_t limit); /* [int] as a count; negative or above: bad */
/* Steps over [string list], [bytes map] or a tracing id, whichever the envelope's flags announce, and
 * stands at the message itself. */
struct rd cql_wire_message(const struct cql_envelope *e);

void cql_wire_put_string(struct buf *b, struct str s); /* [string], [short bytes]; n <= 65535 */
void cql_wire_put_long_string(struct buf *b, struct str s); /* [long string], [bytes] */

#endif
