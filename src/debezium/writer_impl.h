/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITER_IMPL_H
#define DEBEZIUM_WRITER_IMPL_H

/*
 * What the files of writer.h share.
 */

#include "base/map.h"
#include "debezium/write_shape.h"
#include "debezium/writer.h"

/* Where a header's value stands in `texts`, which may move while it grows. */
struct debezium_header_at {
    struct str name;
    size_t start;
    size_t n;
    bool null;
};

struct debezium_header_list {
    struct debezium_header_at items[DEBEZIUM_HEADERS_MAX];
    size_t count;
};

struct debezium_writer {
    struct debezium_format format;
    struct debezium_unwrap_plan plan;
    struct map shapes; /* by oid: the latest version of each table */
    struct debezium_shape *last;
    struct buf key;
    struct debezium_value value;
    uint64_t openings; /* counted so far */
    struct buf texts;  /* of headers */
    struct debezium_header_list headers[DEBEZIUM_RECORDS_MAX];
    struct buf topic;       /* of records that are of no table */
    struct buf source_open; /* theirs */
    struct str db;          /* ,"db":"D","sequence":"[ */
    struct arena arena;     /* of what is above */
};

/* A change on its way to a record. */
struct debezium_event {
    const struct debezium_shape *shape; /* NULL: a logical message */
    const struct relation *rel;
    const struct change *change;
    const struct debezium_moment *moment;
    char op;              /* c u d r t m */
    int64_t source_us;    /* of source.ts_* */
    struct change joined; /* both halves of a moved key whose key stays; `change` then */
};

/* ---- write_part.c ----------------------------------------------------------------------------- */

/* The members of a row without its braces. `whole`: every value is known or marked; else NULL stands for what
 * is not known. An unchanged value is taken from `older` where that has it (may be NULL). */
bool debezium_part_row(const struct debezium_writer *w, const struct debezium_event *e,
                       const struct value *row, const struct value *older, struct buf *b,
                       struct error *err) MUST_CHECK;
bool debezium_part_key(const struct debezium_writer *w, const struct debezium_event *e,
                       const struct debezium_shape_key *key, const struct value *row,
                       const struct value *older, struct buf *b, struct error *err) MUST_CHECK;
void debezium_part_source(const struct debezium_writer *w, const struct debezium_event *e,
                          struct buf *b);
void debezium_part_transaction(const struct debezium_writer *w, const struct debezium_event *e,
                               struct buf *b);
/* Both go behind the shape's value_open. */
bool debezium_part_envelope(const struct debezium_writer *w, const struct debezium_event *e,
                            struct buf *b, struct error *err) MUST_CHECK;
/* `row`: after, or before for a delete that is rewritten. */
bool debezium_part_unwrapped(const struct debezium_writer *w, const struct debezium_event *e,
                             const struct value *row, struct buf *b, struct error *err) MUST_CHECK;
const char *debezium_part_snapshot(const struct debezium_event *e);
/* `["1","2"]` with the quotes as they stand in a JSON string when `escaped`. */
void debezium_part_sequence(const struct debezium_event *e, bool escaped, struct buf *b);
struct lsn debezium_part_lsn(const struct debezium_event *e);

/* ---- write_header.c ----------------------------------------------------------------------------- */

/* A member of the envelope as JSON, for add.fields. */
void debezium_added_json(const struct debezium_writer *w, const struct debezium_event *e,
                         enum debezium_unwrap_what what, struct buf *b);
/* The headers of the event's record `which`: the moved key's, the context's (from 3.3 on) and add.headers. */
bool debezium_headers(struct debezium_writer *w, const struct debezium_event *e, size_t which,
                      bool tombstone, struct error *err) MUST_CHECK;
/* Puts them into the record, once no more are to come. */
void debezium_headers_give(const struct debezium_writer *w, size_t which,
                           struct debezium_record *r);

/* ---- write_message.c ---------------------------------------------------------------------------- */

bool debezium_message(struct debezium_writer *w, const struct debezium_event *e,
                      struct debezium_record *r, struct error *err) MUST_CHECK;

#endif
