/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All numbers are little endian. docs/log-format.md has the same with an example.
 *
 * Segment file, named by its base in 16 hex digits and ".seg":
 *      0  8  "MSINKLOG"
 *      8  4  format version, 1
 *     12  4  size of this header, 64
 *     16  8  base: position of this header's first byte in the whole log
 *     24  8  created: microseconds since 1970 UTC
 *     32  4  link: checksum of the last batch header before this segment, 0 for the first
 *     36 24  zero
 *     60  4  CRC-32C of bytes 0 to 59
 *     64     batches, one behind the other, to the end of the file
 *
 * Batch:
 *      0  4  magic, 5D A5 C3 B7
 *      4  4  CRC-32C of bytes 8 to 47
 *      8  8  position of this header in the whole log
 *     16  8  synced_upto: all of the log below this was durable when this batch was written
 *     24  4  bytes of payload
 *     28  4  number of records
 *     32  4  flags: 1 COMMIT, the last record ends a unit
 *     36  4  link: checksum of the batch header before this one, 0 for the very first
 *     40  4  CRC-32C of the payload
 *     44  4  zero
 *     48     payload: per record its length as varint (LEB128) and its bytes
 *
 * The header has a checksum of its own, so that its synced_upto is known even when the payload behind it
 * was torn. The link chains the batches: bytes that an abort or a crash left behind never pass for the
 * continuation of what was written over them.
 */
#include "log/segment.h"

#include "base/crc32c.h"

#include <stdio.h>

static const char segment_magic[8] = "MSINKLOG";

enum { SEGMENT_CRC_AT = 60, BATCH_CRC_FROM = 8 };

static unsigned char *put(unsigned char *p, const void *v, size_t n)
{
    memcpy(p, v, n);
    return p + n;
}

void segment_header_encode(const struct segment_header *h, unsigned char bytes[SEGMENT_HEADER])
{
    const uint32_t size = SEGMENT_HEADER;
    unsigned char *p = bytes;
    uint32_t crc;

    memset(bytes, 0, SEGMENT_HEADER);
    p = put(p, segment_magic, sizeof segment_magic);
    p = put(p, &h->version, sizeof h->version);
    p = put(p, &size, sizeof size);
    p = put(p, &h->base, sizeof h->base);
    p = put(p, &h->created_us, sizeof h->created_us);
    (void)put(p, &h->link, sizeof h->link);
    crc = crc32c(0, bytes, SEGMENT_CRC_AT);
    (void)put(bytes + SEGMENT_CRC_AT, &crc, sizeof crc);
}

enum segment_header_state segment_header_decode(const unsigned char bytes[SEGMENT_HEADER],
                                                struct segment_header *ret_header)
{
    struct rd r = rd_make(str_make(bytes, SEGMENT_HEADER));
    struct str magic = rd_bytes(&r, sizeof segment_magic);
    struct segment_header h;
    uint32_t size;
    uint32_t crc;

    h.version = rd_le32(&r);
    size = rd_le32(&r);
    h.base = rd_le64(&r);
    h.created_us = (int64_t)rd_le64(&r);
    h.link = rd_le32(&r);
    memcpy(&crc, bytes + SEGMENT_CRC_AT, sizeof crc);
    if (!str_eq(magic, str_make(segment_magic, sizeof segment_magic)) ||
        crc != crc32c(0, bytes, SEGMENT_CRC_AT))
        return SEGMENT_HEADER_BAD;
    /* Every version keeps magic, version and the place of the checksum. */
    if (h.version > SEGMENT_VERSION)
        return SEGMENT_HEADER_NEWER;
    if (h.version != SEGMENT_VERSION || size != SEGMENT_HEADER)
        return SEGMENT_HEADER_BAD;
    *ret_header = h;
    return SEGMENT_HEADER_OK;
}

void segment_batch_encode(struct segment_batch *b, unsigned char bytes[SEGMENT_BATCH_HEADER])
{
    const uint32_t magic = SEGMENT_BATCH_MAGIC;
    const uint32_t zero = 0;
    unsigned char *p = bytes + BATCH_CRC_FROM;

    p = put(p, &b->pos, sizeof b->pos);
    p = put(p, &b->synced_upto, sizeof b->synced_upto);
    p = put(p, &b->payload_n, sizeof b->payload_n);
    p = put(p, &b->record_count, sizeof b->record_count);
    p = put(p, &b->flags, sizeof b->flags);
    p = put(p, &b->link, sizeof b->link);
    p = put(p, &b->payload_crc, sizeof b->payload_crc);
    (void)put(p, &zero, sizeof zero);
    b->crc = crc32c(0, bytes + BATCH_CRC_FROM, SEGMENT_BATCH_HEADER - BATCH_CRC_FROM);
    p = put(bytes, &magic, sizeof magic);
    (void)put(p, &b->crc, sizeof b->crc);
}

bool segment_batch_decode(const unsigned char bytes[SEGMENT_BATCH_HEADER],
                          struct segment_batch *ret_batch)
{
    struct rd r = rd_make(str_make(bytes, SEGMENT_BATCH_HEADER));
    uint32_t magic = rd_le32(&r);
    struct segment_batch b;

    b.crc = rd_le32(&r);
    b.pos = rd_le64(&r);
    b.synced_upto = rd_le64(&r);
    b.payload_n = rd_le32(&r);
    b.record_count = rd_le32(&r);
    b.flags = rd_le32(&r);
    b.link = rd_le32(&r);
    b.payload_crc = rd_le32(&r);
    if (magic != SEGMENT_BATCH_MAGIC || b.payload_n > SEGMENT_PAYLOAD_MAX ||
        b.crc != crc32c(0, bytes + BATCH_CRC_FROM, SEGMENT_BATCH_HEADER - BATCH_CRC_FROM))
        return false;
    *ret_batch = b;
    return true;
}

size_t segment_record_size(size_t n)
{
    size_t size = n + 1;

    for (size_t left = n >> 7; left > 0; left >>= 7)
        size++;
    return size;
}

void segment_record_put(struct buf *b, struct str record)
{
    buf_varint(b, record.n);
    buf_str(b, record);
}

bool segment_record_get(struct rd *r, struct str *ret_record)
{
    struct str record = rd_varstr(r, LIMIT_LOG_RECORD);

    if (!rd_ok(r))
        return false;
    *ret_record = record;
    return true;
}

bool segment_payload_ok(struct str payload, uint32_t record_count)
{
    struct rd r = rd_make(payload);
    struct str record;

    for (uint32_t i = 0; i < record_count; i++) {
        if (!segment_record_get(&r, &record))
            return false;
    }
    return rd_done(&r);
}

void segment_name(uint64_t base, char name[SEGMENT_NAME])
{
    (void)snprintf(name, SEGMENT_NAME, "%016llx.seg", (unsigned long long)base);
}

bool segment_name_parse(const char *name, uint64_t *ret_base)
{
    struct str s = str_from(name);
    char again[SEGMENT_NAME];
    uint64_t base;

    if (s.n != SEGMENT_NAME - 1 || !str_to_hex64(str_make(s.p, 16), &base))
        return false;
    segment_name(base, again); /* small letters, and the suffix */
    if (!str_is(s, again))
        return false;
    *ret_base = base;
    return true;
}
