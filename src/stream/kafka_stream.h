/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_KAFKA_STREAM_H
#define STREAM_KAFKA_STREAM_H

/*
 * One partition of a topic in Debezium's format as a stream (stream/stream.h), its reader's half only: records
 * become changes. One reader at a time; everything in the partition's own thread.
 *
 * Positions of the stream (change.at, batch.before and .after) are made of the offset: all up to offset n - 1 is
 * kafka_stream_position(s, n). What names a change (change.pos) is its position in PostgreSQL's history, from the
 * header that the capture side writes; for records that others write it is made of partition and offset.
 *
 * A record whose position in the history is at or below the last one taken is a repeat and is dropped; so is what is
 * no change. One that makes no sense becomes a change that can only be parked (CHANGE_UNREADABLE).
 *
 * Write stamps come from the header; where there is none, max(the one before + 1, commit time). For that, and to know
 * repeats, a reader must know how the record before its first one ended: the note, which is kept with the position.
 * Where there is no note for a position, that one record is read to find it out.
 *
 * Errors of reading: ERR_STOP E_KAFKA_OFFSET_GONE, _BEYOND_END, _RECREATED, _TOPIC_GONE, _POSITION for a gap; those
 * of kafka/consumer.h.
 */

#include "kafka/consumer.h"
#include "stream/kafka_note.h"
#include "stream/stream.h"

struct kafka_stream_opts {
    struct kafka_consumer *consumer; /* the partition is taken already */
    const char *topic;
    int32_t partition;
    int64_t begin;  /* the offset it was taken at: kafka_stream_begin(position, &note) */
    int64_t offset; /* what the group has committed, and the note with it */
    struct kafka_note note;
    /* The table that the topic is made of, for records that do not say; NULL: not known */
    const char *schema;
    const char *table;
    /* of the format; NULL: Debezium's default */
    const char *placeholder;
    const char *fields_prefix;
    const char *headers_prefix;
};

/* Where a partition must be taken to go on at `offset`: the record before it is looked at, when the note says what it
 * must be. */
int64_t kafka_stream_begin(int64_t offset, const struct kafka_note *note, int64_t low);

struct stream *kafka_stream_open(const struct kafka_stream_opts *opts);

/* The position of "all below this offset" in that partition, and back; false: it is none of this partition. */
struct position kafka_stream_position(const char *topic, int32_t partition, int64_t offset);
bool kafka_stream_offset(const char *topic, int32_t partition, struct position position,
                         int64_t *ret_offset);

/* What the reader knew at a position that it has given out lately; note.known false: not any more. */
struct kafka_note kafka_stream_note(const struct stream *s, int64_t offset);
/* The group has committed this: a reader that must begin anew, begins there. */
void kafka_stream_committed(struct stream *s, int64_t offset, const struct kafka_note *note);

#endif
