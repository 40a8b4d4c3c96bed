/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v5 segments from a peer. The first byte chooses how the rest is used: as raw bytes (which the CRCs stop
 * early), or as a list of payloads that are framed with right CRCs, so that what lies behind them is
 * reached too. Whatever comes out is taken apart as envelopes.
 */
#include "base/limits.h"
#include "cql/segment.h"
#include "cql/wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Payloads of up to 255 bytes: length, whole or not, bytes. */
static void frame(struct rd *r, struct buf *raw)
{
    while (rd_left(r) > 2) {
        size_t n = rd_u8(r);
        bool whole = (rd_u8(r) & 1) != 0;
        struct str payload = rd_bytes(r, n < rd_left(r) ? n : rd_left(r));
        uint32_t header = (uint32_t)payload.n | (whole ? 1u << 17 : 0);
        uint32_t crc = cql_segment_crc24(header, 3);

        for (int i = 0; i < 3; i++)
            buf_u8(raw, (uint8_t)(header >> (8 * i)));
        for (int i = 0; i < 3; i++)
            buf_u8(raw, (uint8_t)(crc >> (8 * i)));
        buf_str(raw, payload);
        buf_le32(raw, cql_segment_crc32(payload.p, payload.n));
    }
}

static void take_envelopes(struct str in)
{
    struct cql_envelope e;
    struct error err;
    size_t size;

    while (cql_wire_take(in, &e, &size, &err) && size > 0) {
        struct rd r = cql_wire_message(&e);

        assert(size <= in.n && rd_left(&r) <= e.body.n);
        in = str_make(in.p + size, in.n - size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_make(str_make(data, size));
    bool framed = (rd_u8(&r) & 1) != 0;
    struct cql_unsegment u = { 0 };
    struct error err;
    struct buf raw;
    struct buf out;
    size_t taken = 0;

    buf_init(&raw, LIMIT_CQL_REPLY);
    buf_init(&out, LIMIT_CQL_REPLY);
    if (framed)
        frame(&r, &raw);
    else
        buf_put(&raw, r.p, rd_left(&r));
    if (cql_segment_take(&u, buf_view(&raw), &out, &taken, &err)) {
        assert(taken <= raw.n);
        take_envelopes(buf_view(&out));
    }
    buf_done(&raw);
    buf_done(&out);
    return 0;
}
