/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_SEGMENT_H
#define CQL_SEGMENT_H

/*
 * The outer framing of protocol v5, without compression (native_protocol_v5.spec section 2): envelopes
 * travel in segments whose header and payload are checked by CRCs. Pure; owned by one thread.
 *
 * Any error means that the position in the stream is lost: the connection must be closed, and what
 * became of the requests in flight is not known. ERR_RETRY, E_CQL_PROTOCOL.
 */

#include "base/buf.h"
#include "base/error.h"

enum {
    CQL_SEGMENT_HEADER = 6,
    CQL_SEGMENT_TRAILER = 4,
    CQL_SEGMENT_PAYLOAD = 131071 /* 17 bits */
};

/* Appends `envelopes` (whole ones) to `out`: as many as fit in each segment, and an envelope that fits in
 * none as a row of slices. */
void cql_segment_put(struct buf *out, struct str envelopes);

/* Reading: takes segments, gives a stream of whole and partial envelopes. */
struct cql_unsegment {
    uint64_t missing; /* bytes of a sliced envelope that are still to come */
};

/* Takes every whole segment at the start of `in`, appends the payloads to `out` and sets *ret_taken to the
 * bytes used. Checks both CRCs, that whole envelopes fill a self-contained segment exactly, and that
 * slices of an envelope follow each other. */
bool cql_segment_take(struct cql_unsegment *u, struct str in, struct buf *out, size_t *ret_taken,
                      struct error *err) MUST_CHECK;

/* For tests. */
uint32_t cql_segment_crc24(uint64_t header, size_t bytes);
uint32_t cql_segment_crc32(const void *p, size_t n);

#endif
