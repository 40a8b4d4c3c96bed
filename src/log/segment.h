/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_SEGMENT_H
#define LOG_SEGMENT_H

/*
 * The bytes of a segment file: its header, the headers of its batches, the framing of records, and
 * its name. Pure encoding and decoding; segment.c draws the layout. Any thread.
 */

#include "base/buf.h"
#include "base/limits.h"
#include "base/rd.h"

#include <stdint.h>

enum { SEGMENT_VERSION = 1, SEGMENT_HEADER = 64, SEGMENT_BATCH_HEADER = 48 };
/* "0123456789abcdef.seg" and its NUL */
enum { SEGMENT_NAME = 21 };

#define SEGMENT_BATCH_MAGIC 0xB7C3A55Du /* bytes 5D A5 C3 B7: no text, no UTF-8 */
#define SEGMENT_PAYLOAD_MAX (LIMIT_LOG_RECORD + 2 * LIMIT_LOG_BATCH)

enum segment_batch_flags { SEGMENT_COMMIT = 1 };

struct segment_header {
    uint32_t version;
    uint64_t base;
    int64_t created_us;
    uint32_t link; /* crc of the last batch header before this segment */
};

enum segment_header_state {
    SEGMENT_HEADER_OK,
    SEGMENT_HEADER_BAD,  /* not a segment header, or damaged */
    SEGMENT_HEADER_NEWER /* whole, written by a newer version */
};

struct segment_batch {
    uint64_t pos;
    uint64_t synced_upto;
    uint32_t payload_n;
    uint32_t record_count;
    uint32_t flags;
    uint32_t link; /* crc of the batch header before this one; 0 at the very beginning */
    uint32_t payload_crc;
    uint32_t crc; /* of this header; set by encoding and decoding */
};

void segment_header_encode(const struct segment_header *h, unsigned char bytes[SEGMENT_HEADER]);
enum segment_header_state segment_header_decode(const unsigned char bytes[SEGMENT_HEADER],
                                                struct segment_header *ret_header);

/* Sets b->crc. */
void segment_batch_encode(struct segment_batch *b, unsigned char bytes[SEGMENT_BATCH_HEADER]);
/* Magic, checksum of the header, and limits. The payload's checksum is the caller's to check. */
bool segment_batch_decode(const unsigned char bytes[SEGMENT_BATCH_HEADER],
                          struct segment_batch *ret_batch);

/* Bytes a record of n bytes takes in a payload. */
size_t segment_record_size(size_t n);
void segment_record_put(struct buf *b, struct str record);
/* The next record of a payload; false when it does not decode. */
bool segment_record_get(struct rd *r, struct str *ret_record);
/* Are there exactly record_count whole records in the payload? */
bool segment_payload_ok(struct str payload, uint32_t record_count);

void segment_name(uint64_t base, char name[SEGMENT_NAME]);
bool segment_name_parse(const char *name, uint64_t *ret_base);

#endif
