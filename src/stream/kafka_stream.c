/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in a partition. A position is {1, offset, hash of topic and partition}: positions of one partition order by
 * offset, and one of another partition, or of the log, is told apart by its hash.
 */
#include "stream/kafka_stream_private.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { EPOCH = 1 };

static uint64_t lane_hash(const char *topic, int32_t partition)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%s/%d", topic, (int)partition);

    return str_hash(str_make(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1));
}

struct position kafka_stream_position(const char *topic, int32_t partition, int64_t offset)
{
    return (struct position){ EPOCH, (uint32_t)lane_hash(topic, partition), { (uint64_t)offset } };
}

bool kafka_stream_offset(const char *topic, int32_t partition, struct position position,
                         int64_t *ret_offset)
{
    if (position.epoch != EPOCH || position.commit_end.v > INT64_MAX ||
        position.ordinal != (uint32_t)lane_hash(topic, partition))
        return false;
    *ret_offset = (int64_t)position.commit_end.v;
    return true;
}

struct position kafka_stream_at(const struct kafka_stream *s, int64_t offset)
{
    return kafka_stream_position(s->topic, s->opts.partition, offset);
}

/* ---- marks --------------------------------------------------------------------------------------------- */

void kafka_stream_mark(struct kafka_stream *s, int64_t offset, const struct kafka_note *note)
{
    s->marks_at = s->marks_at % (KAFKA_MARKS - 1) + 1;
    s->marks[s->marks_at] = (struct kafka_mark){ offset, *note };
}

const struct kafka_mark *kafka_stream_find_mark(const struct kafka_stream *s, int64_t offset)
{
    const struct kafka_mark *best = NULL;

    for (unsigned i = 0; i < KAFKA_MARKS; i++) {
        const struct kafka_mark *m = &s->marks[i];

        if (m->offset >= 0 && m->offset <= offset && m->note.known &&
            (best == NULL || m->offset > best->offset))
            best = m;
    }
    return best;
}

struct kafka_note kafka_stream_note(const struct stream *stream, int64_t offset)
{
    const struct kafka_stream *s = (const struct kafka_stream *)stream;
    const struct kafka_mark *m = kafka_stream_find_mark(s, offset);

    return m != NULL && m->offset == offset ? m->note : (struct kafka_note){ 0 };
}

void kafka_stream_committed(struct stream *stream, int64_t offset, const struct kafka_note *note)
{
    struct kafka_stream *s = (struct kafka_stream *)stream;

    s->marks[0] = (struct kafka_mark){ offset, *note };
}

int64_t kafka_stream_begin(int64_t offset, const struct kafka_note *note, int64_t low)
{
    bool look = note->known ? note->has_position && note->last : true;

    return look && offset > low ? offset - 1 : offset;
}

/* ---- the stream ----------------------------------------------------------------------------------------- */

static void stats(struct stream *stream, struct stream_stats *ret_stats)
{
    const struct kafka_stream *s = (const struct kafka_stream *)stream;

    *ret_stats = (struct stream_stats){ .oldest = kafka_stream_at(s, s->opts.offset) };
}

static void tail(struct stream *stream, struct stream_tail *ret_tail)
{
    const struct kafka_stream *s = (const struct kafka_stream *)stream;
    int64_t end = kafka_lane_end(s->partition);

    *ret_tail = (struct stream_tail){ .position = kafka_stream_at(s, end > 0 ? end : 0) };
}

static void close_stream(struct stream *stream)
{
    struct kafka_stream *s = (struct kafka_stream *)stream;

    kafka_lane_close(s->partition);
    debezium_reader_free(s->decoder);
    free(s->topic);
    free(s->schema);
    free(s->table);
    free(s);
}

static const struct stream_ops ops = {
    .name = "kafka",
    .tail = tail,
    .stats = stats,
    .close = close_stream,
    .reader_open = kafka_stream_reader_open,
    .read = kafka_stream_read,
    .relations = kafka_stream_relations,
    .lag_bytes = kafka_stream_lag_bytes,
    .reader_close = kafka_stream_reader_close,
};

struct stream *kafka_stream_open(const struct kafka_stream_opts *opts)
{
    struct kafka_stream *s = mem_zalloc(1, sizeof *s);
    struct debezium_reader_opts decoding = { .placeholder = opts->placeholder,
                                             .fields_prefix = opts->fields_prefix,
                                             .headers_prefix = opts->headers_prefix };

    s->stream.ops = &ops;
    s->opts = *opts;
    s->topic = mem_strdup(opts->topic);
    s->schema = opts->schema != NULL ? mem_strdup(opts->schema) : NULL;
    s->table = opts->table != NULL ? mem_strdup(opts->table) : NULL;
    decoding.schema = s->schema;
    decoding.table = s->table;
    s->decoder = debezium_reader_new(&decoding);
    s->partition = kafka_lane_open(opts->consumer, s->topic, opts->partition);
    s->at = opts->begin;
    for (unsigned i = 0; i < KAFKA_MARKS; i++)
        s->marks[i].offset = -1;
    s->marks[0] = (struct kafka_mark){ opts->offset, opts->note };
    return &s->stream;
}
