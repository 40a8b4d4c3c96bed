/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a partition in order. Reading begins at the nearest mark at or below the wanted offset, or one record
 * before it; what lies below the wanted offset is read to learn from and given to nobody.
 */
#include "stream/kafka_stream_private.h"

#include "base/mem.h"

#include <stdlib.h>

struct kafka_stream_reader {
    struct stream_reader reader; /* first */
    struct kafka_stream *stream;
    int64_t from; /* what lies below was had before */
    int64_t next; /* behind the last record taken */
    int64_t batch_at;
    struct kafka_note note; /* of all below `next` */
    bool check;             /* the first record must be the one that `note` tells of */
    struct change *changes; /* the batch being put together */
    size_t count, cap;
};

static struct kafka_stream_reader *self(struct stream_reader *reader)
{
    return (struct kafka_stream_reader *)reader;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

static bool check_range(const struct kafka_stream *s, int64_t offset, int64_t *ret_low,
                        struct error *err)
{
    const char *topic = s->topic;
    int partition = (int)s->opts.partition;
    int64_t high;

    if (!kafka_consumer_range(s->opts.consumer, topic, s->opts.partition, ret_low, &high, err))
        return false;
    if (offset > high)
        return error_set(err, ERR_STOP, E_KAFKA_BEYOND_END,
                         "cannot go on in %s/%d at offset %lld: the partition ends at %lld", topic,
                         partition, (long long)offset, (long long)high);
    if (offset < *ret_low)
        return error_set(err, ERR_STOP, E_KAFKA_OFFSET_GONE,
                         "cannot go on in %s/%d at offset %lld: the partition begins at %lld",
                         topic, partition, (long long)offset, (long long)*ret_low);
    return true;
}

/* Where to begin, with what is known there. */
static int64_t find_begin(struct kafka_stream_reader *r, int64_t low)
{
    const struct kafka_mark *mark = kafka_stream_find_mark(r->stream, r->from);
    const struct kafka_note nothing = { 0 };

    if (mark == NULL || mark->offset < low) {
        r->note = nothing;
        return kafka_stream_begin(r->from, &nothing, low);
    }
    r->note = mark->note;
    if (mark->offset == r->stream->at) /* it was read by ourselves just now */
        return mark->offset;
    r->next = kafka_stream_begin(mark->offset, &mark->note, low);
    r->check = r->next < mark->offset;
    return r->next;
}

bool kafka_stream_reader_open(struct stream *stream, struct position from,
                              struct stream_reader **ret_reader, struct error *err)
{
    struct kafka_stream *s = (struct kafka_stream *)stream;
    struct kafka_stream_reader *r;
    char text[POSITION_TEXT];
    int64_t offset;
    int64_t low;

    if (!kafka_stream_offset(s->topic, s->opts.partition, from, &offset))
        return error_set(err, ERR_STOP, E_KAFKA_PLACE,
                         "cannot read %s/%d from %s: that is no position of this partition",
                         s->topic, (int)s->opts.partition, position_format(from, text));
    if (!check_range(s, offset, &low, err))
        return false;
    r = mem_zalloc(1, sizeof *r);
    r->reader.stream = stream;
    r->stream = s;
    r->from = offset;
    r->next = find_begin(r, low);
    if (r->next != s->at && !kafka_lane_seek(s->partition, r->next, err)) {
        s->at = -1;
        free(r);
        return false;
    }
    s->at = r->next;
    r->batch_at = offset;
    *ret_reader = &r->reader;
    return true;
}

void kafka_stream_reader_close(struct stream_reader *reader)
{
    free(reader);
}

/* ---- one record ------------------------------------------------------------------------------------------ */

/* -1, 0, 1: the record's place in the history against the last one taken. */
static int compare_place(const struct kafka_facts *f, const struct kafka_note *note)
{
    int order = position_cmp(f->position, note->position);

    return order != 0 ? order : (f->part > note->part) - (f->part < note->part);
}

/* The record before the first one is the one that the note was made behind? */
static bool check_first(struct kafka_stream_reader *r, const struct kafka_message *record,
                        const struct kafka_facts *f, struct error *err)
{
    const struct kafka_stream *s = r->stream;
    char had[POSITION_TEXT];
    char has[POSITION_TEXT];
    bool expected = record->offset == r->next; /* else it was compacted away */

    r->check = false;
    if (!expected || (f->has_position && compare_place(f, &r->note) == 0))
        return true;
    return error_set(
        err, ERR_STOP, E_KAFKA_RECREATED,
        "cannot go on in %s/%d: the record at offset %lld was that of %s and is that of %s",
        s->topic, (int)s->opts.partition, (long long)record->offset,
        position_format(r->note.position, had),
        f->has_position ? position_format(f->position, has) : "another writer");
}

static void stamp(struct kafka_stream_reader *r, const struct kafka_message *record,
                  const struct kafka_facts *f, struct change *c)
{
    struct kafka_note *note = &r->note;

    if (f->has_commit) {
        c->commit_time_us = f->commit_time_us;
        c->xid = f->xid;
    }
    c->wts = f->has_wts                      ? f->wts
             : c->commit_time_us > note->wts ? c->commit_time_us
                                             : note->wts + 1;
    c->at = kafka_stream_at(r->stream, record->offset + 1);
    c->pos = f->has_position
                 ? f->position
                 : kafka_record_position(f->input.topic, r->stream->opts.partition, record->offset);
    if (c->wts > note->wts)
        note->wts = c->wts;
}

static void note_place(struct kafka_note *note, const struct kafka_facts *f)
{
    note->known = true;
    note->last = f->has_position;
    if (!f->has_position)
        return;
    note->has_position = true;
    note->position = f->position;
    note->part = f->part;
}

/* *ret_change is filled when *ret_is_change. */
static void decode(struct kafka_stream_reader *r, const struct kafka_facts *f, bool readable,
                   struct error *why, struct arena *a, bool *ret_is_change,
                   struct change *ret_change)
{
    enum debezium_kind kind = DEBEZIUM_CHANGE;

    if (f->has_position && f->part > 0 && !f->input.has_value) { /* the tombstone behind a delete */
        *ret_is_change = false;
        return;
    }
    readable = readable && debezium_read(r->stream->decoder, &f->input, a, &kind, ret_change, why);
    if (!readable) {
        *ret_change = (struct change){ 0 };
        debezium_unreadable(&f->input, why->msg, a, ret_change);
        ret_change->commit_time_us = f->input.timestamp_ms > 0 ? f->input.timestamp_ms * 1000 : 0;
    }
    *ret_is_change = kind == DEBEZIUM_CHANGE;
}

static bool take(struct kafka_stream_reader *r, const struct kafka_message *record, struct arena *a,
                 struct error *err)
{
    struct kafka_stream *s = r->stream;
    struct kafka_message_header headers[KAFKA_HEADERS_MAX];
    size_t header_count = kafka_message_headers(record, headers, KAFKA_HEADERS_MAX);
    struct change c = { 0 };
    struct kafka_facts f;
    struct error why;
    bool readable = kafka_record_facts(str_from(s->topic), record, headers, header_count, &f, &why);
    bool is_change;

    if (r->check && !check_first(r, record, &f, err))
        return false;
    r->next = record->offset + 1;
    s->at = r->next;
    s->records++;
    s->bytes += record->key.n + record->value.n;
    if (f.has_position && r->note.has_position && compare_place(&f, &r->note) <= 0) {
        r->note.last = r->note.last && compare_place(&f, &r->note) == 0;
        return true; /* a repeat, or the record that was checked */
    }
    decode(r, &f, readable, &why, a, &is_change, &c);
    if (is_change)
        stamp(r, record, &f, &c);
    note_place(&r->note, &f);
    if (!is_change || record->offset < r->from)
        return true;
    r->changes = arena_grow(a, r->changes, r->count, &r->cap, sizeof *r->changes);
    r->changes[r->count++] = c;
    return true;
}

/* ---- a batch ---------------------------------------------------------------------------------------------- */

/* Reads on until the batch is full, or nothing more is there. Records that are no change count as well, so that a long
 * run of them moves the position. */
static bool gather(struct kafka_stream_reader *r, const struct stream_want *want, struct arena *a,
                   struct error *err)
{
    size_t used = a->used;

    for (size_t seen = 0; seen < want->rows_max && a->used - used < want->bytes_max; seen++) {
        struct kafka_message record;
        enum kafka_next what;

        if (!kafka_lane_next(r->stream->partition, seen == 0 ? want->wait_ms : 0, want->stop_fd,
                             &what, &record, err))
            return false;
        if (what == KAFKA_NEXT_NONE)
            break;
        if (what == KAFKA_NEXT_RECORD && !take(r, &record, a, err))
            return false;
        if (what == KAFKA_NEXT_END && record.offset > r->next) {
            r->next = record.offset; /* markers and compacted records lie before it */
            r->stream->at = record.offset;
            r->note.last = false;
        }
    }
    return true;
}

bool kafka_stream_read(struct stream_reader *reader, const struct stream_want *want,
                       struct arena *a, struct batch *ret_batch, struct error *err)
{
    struct kafka_stream_reader *r = self(reader);
    int64_t before = r->next > r->from ? r->next : r->from;
    int64_t after;

    r->changes = NULL;
    r->count = 0;
    r->cap = 0;
    r->batch_at = before;
    if (!gather(r, want, a, err)) {
        r->stream->at = -1; /* what was taken out of the queue is lost: seek */
        return false;
    }
    after = r->next > r->from ? r->next : r->from;
    if (r->next >= r->from && r->note.known)
        kafka_stream_mark(r->stream, after, &r->note);
    *ret_batch = (struct batch){ .arena = a,
                                 .changes = r->changes,
                                 .count = r->count,
                                 .before = kafka_stream_at(r->stream, before),
                                 .after = kafka_stream_at(r->stream, after) };
    return true;
}

void kafka_stream_relations(struct stream_reader *reader,
                            void (*each)(void *ctx, const struct relation *rel), void *ctx)
{
    (void)reader; /* they come with the records */
    (void)each;
    (void)ctx;
}

/* Brokers count records, not bytes: what is left is estimated from what was read. */
uint64_t kafka_stream_lag_bytes(struct stream_reader *reader, bool pending)
{
    const struct kafka_stream_reader *r = self(reader);
    const struct kafka_stream *s = r->stream;
    int64_t at = pending ? r->batch_at : r->next;
    int64_t end = kafka_lane_end(s->partition);
    uint64_t each = s->records > 0 ? s->bytes / s->records : 0;

    if (end <= at)
        return 0;
    return (uint64_t)(end - at) * (each > 0 ? each : 1);
}
