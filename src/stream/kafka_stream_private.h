/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_KAFKA_STREAM_PRIVATE_H
#define STREAM_KAFKA_STREAM_PRIVATE_H

/* Shared by kafka_stream.c (places and marks), kafka_stream_reader.c (records in order) and kafka_record.c (one
 * record). */

#include "base/limits.h"
#include "debezium/reader.h"
#include "stream/kafka_stream.h"

/* An offset, and what was known there. */
struct kafka_mark {
    int64_t offset; /* -1: unused */
    struct kafka_note note;
};

enum { KAFKA_MARKS = 8 };

struct kafka_stream {
    struct stream stream; /* first */
    struct kafka_stream_opts opts;
    char *topic;
    char *schema; /* or NULL */
    char *table;  /* or NULL */
    struct kafka_lane *partition;
    struct debezium_reader
        *decoder; /* numbers relations, so it lives as long as the sink that is told them */
    int64_t at;   /* offset of what the partition gives next */
    /* 0: what the group has committed; the others: ends of the last batches, in a ring */
    struct kafka_mark marks[KAFKA_MARKS];
    unsigned marks_at;
    uint64_t records; /* read so far, and their bytes: for an estimate of what is left */
    uint64_t bytes;
};

void kafka_stream_mark(struct kafka_stream *s, int64_t offset, const struct kafka_note *note);
/* The nearest at or below an offset; NULL when there is none. */
const struct kafka_mark *kafka_stream_find_mark(const struct kafka_stream *s, int64_t offset);
struct position kafka_stream_at(const struct kafka_stream *s, int64_t offset);

/* ---- one record (kafka_record.c): pure ----------------------------------------------------------------- */

enum { KAFKA_HEADERS_MAX = 64 };

/* What the headers say. */
struct kafka_facts {
    bool has_position;
    struct position position;
    unsigned part;
    bool has_wts;
    int64_t wts;
    bool has_commit;
    int64_t commit_time_us;
    uint32_t xid;
    struct debezium_input input;
    struct debezium_input_header headers[KAFKA_HEADERS_MAX];
};

/* Reads topic, key, value, time and headers of a record. ERR_REJECT E_DEBEZIUM_RECORD when one of our own headers makes
 * no sense; *ret_facts can be used for debezium_unreadable then. */
bool kafka_record_facts(struct str topic, const struct kafka_message *record,
                        const struct kafka_message_header *headers, size_t header_count,
                        struct kafka_facts *ret_facts, struct error *err) MUST_CHECK;
/* What names a change that came without a position. */
struct position kafka_record_position(struct str topic, int32_t partition, int64_t offset);

/* ---- kafka_stream_reader.c: the reader's half of struct stream_ops --------------------------------------- */

bool kafka_stream_reader_open(struct stream *stream, struct position from,
                              struct stream_reader **ret_reader, struct error *err);
bool kafka_stream_read(struct stream_reader *reader, const struct stream_want *want,
                       struct arena *a, struct batch *ret_batch, struct error *err);
void kafka_stream_relations(struct stream_reader *reader,
                            void (*each)(void *ctx, const struct relation *rel), void *ctx);
uint64_t kafka_stream_lag_bytes(struct stream_reader *reader, bool pending);
void kafka_stream_reader_close(struct stream_reader *reader);

#endif
