/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies (native_protocol_v5.spec section 4.1). v4 and v5 differ in three places: the query flags are a
 * byte in v4 and an int in v5; EXECUTE names the id of the result's metadata in v5; PREPARE ends with
 * flags in v5.
 *
 *     QUERY     [long string] <params>
 *     PREPARE   [long string] (v5: flags int)
 *     EXECUTE   id [short bytes] (v5: result id [short bytes]) <params>
 *     <params>  consistency short, flags, (count short, values), (timestamp long)
 *     <value>   length int, bytes; length -1 is null, -2 is unset
 */
#include "cql/request.h"

#include <assert.h>

enum query_flag { VALUES = 0x01, TIMESTAMP = 0x20 };

enum { LENGTH_NULL = -1, LENGTH_UNSET = -2 };

void cql_request_options(struct buf *b, unsigned version, uint16_t stream)
{
    cql_wire_end(b, cql_wire_begin(b, version, stream, CQL_OP_OPTIONS));
}

static void put_pair(struct buf *b, const char *key, const char *value)
{
    cql_wire_put_string(b, str_from(key));
    cql_wire_put_string(b, str_from(value));
}

void cql_request_startup(struct buf *b, unsigned version, uint16_t stream,
                         const char *application_name)
{
    size_t at = cql_wire_begin(b, version, stream, CQL_OP_STARTUP);

    buf_be16(b, application_name != NULL ? 4 : 3);
    put_pair(b, "CQL_VERSION", "3.0.0");
    put_pair(b, "DRIVER_NAME", "multisink");
    put_pair(b, "DRIVER_VERSION", MULTISINK_VERSION);
    if (application_name != NULL)
        put_pair(b, "APPLICATION_NAME", application_name);
    cql_wire_end(b, at);
}

void cql_request_auth(struct buf *b, unsigned version, uint16_t stream, struct str username,
                      struct str password)
{
    size_t at = cql_wire_begin(b, version, stream, CQL_OP_AUTH_RESPONSE);

    buf_be32(b, (uint32_t)(username.n + password.n + 2));
    buf_u8(b, 0);
    buf_str(b, username);
    buf_u8(b, 0);
    buf_str(b, password);
    cql_wire_end(b, at);
}

void cql_request_register(struct buf *b, unsigned version, uint16_t stream)
{
    size_t at = cql_wire_begin(b, version, stream, CQL_OP_REGISTER);

    buf_be16(b, 3);
    cql_wire_put_string(b, STR("TOPOLOGY_CHANGE"));
    cql_wire_put_string(b, STR("STATUS_CHANGE"));
    cql_wire_put_string(b, STR("SCHEMA_CHANGE"));
    cql_wire_end(b, at);
}

static void put_flags(struct buf *b, unsigned version, uint32_t flags)
{
    if (version >= 5)
        buf_be32(b, flags);
    else
        buf_u8(b, (uint8_t)flags);
}

void cql_request_query(struct buf *b, unsigned version, uint16_t stream, struct str text,
                       enum cql_consistency consistency)
{
    size_t at = cql_wire_begin(b, version, stream, CQL_OP_QUERY);

    cql_wire_put_long_string(b, text);
    buf_be16(b, (uint16_t)consistency);
    put_flags(b, version, 0);
    cql_wire_end(b, at);
}

void cql_request_prepare(struct buf *b, unsigned version, uint16_t stream, struct str text)
{
    size_t at = cql_wire_begin(b, version, stream, CQL_OP_PREPARE);

    cql_wire_put_long_string(b, text);
    if (version >= 5)
        buf_be32(b, 0);
    cql_wire_end(b, at);
}

uint64_t cql_request_execute_size(const struct cql_execute *x, unsigned version)
{
    uint64_t size = CQL_WIRE_HEADER + 2 + x->id.n + 2 + 2 + 8;

    size += version >= 5 ? 4 + 2 + x->result_id.n : 1;
    for (size_t i = 0; i < x->value_count; i++)
        size += 4 + (x->values[i].p != NULL ? (uint64_t)x->values[i].n : 0);
    return size;
}

static unsigned char *be16(unsigned char *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *be32(unsigned char *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *be64(unsigned char *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static unsigned char *bytes(unsigned char *p, struct str s)
{
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static unsigned char *value(unsigned char *p, struct str v)
{
    if (v.p == NULL)
        return be32(p, (uint32_t)(v.n == 0 ? LENGTH_NULL : LENGTH_UNSET));
    return bytes(be32(p, (uint32_t)v.n), v);
}

/* The one request that is made for every row: sized first, then written in one go. */
void cql_request_execute(struct buf *b, unsigned version, uint16_t stream,
                         const struct cql_execute *x)
{
    uint64_t size = cql_request_execute_size(x, version);
    uint32_t flags = VALUES | TIMESTAMP;
    unsigned char *start = (unsigned char *)buf_reserve(b, size);
    unsigned char *p = start;

    if (p == NULL)
        return;
    assert(x->value_count <= UINT16_MAX);
    *p++ = (unsigned char)version;
    *p++ = 0;
    p = be16(p, stream);
    *p++ = CQL_OP_EXECUTE;
    p = be32(p, (uint32_t)(size - CQL_WIRE_HEADER));
    p = bytes(be16(p, (uint16_t)x->id.n), x->id);
    if (version >= 5)
        p = bytes(be16(p, (uint16_t)x->result_id.n), x->result_id);
    p = be16(p, (uint16_t)x->consistency);
    if (version >= 5)
        p = be32(p, flags);
    else
        *p++ = (unsigned char)flags;
    p = be16(p, (uint16_t)x->value_count);
    for (size_t i = 0; i < x->value_count; i++)
        p = value(p, x->values[i]);
    p = be64(p, (uint64_t)x->timestamp_us);
    assert(p == start + size);
    buf_added(b, size);
}
