/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITER_H
#define DEBEZIUM_WRITER_H

/*
 * Changes as Debezium's records: the bytes of key and value that the real connector and Kafka Connect's
 * JsonConverter write for the same change, but for wall-clock fields, and but for what they lose or corrupt
 * (docs/kafka.md lists it). Pure: the time is given.
 *
 *     debezium_writer_new(&format) -> debezium_write(w, &change, &moment, &records, err)* -> debezium_writer_free
 *
 * The parts of a schema that do not change from row to row are rendered once per relation version and kept.
 * Everything in *ret_records is owned by the writer and lives until its next call, unless it is taken. One thread.
 *
 * Errors: ERR_REJECT E_DEBEZIUM_VALUE naming column and value: the format cannot hold it.
 */

#include "base/buf.h"
#include "base/error.h"
#include "debezium/format.h"
#include "model/change.h"

struct debezium_writer;

struct debezium_header {
    struct str name;
    struct str value; /* as Connect's SimpleHeaderConverter writes it; p == NULL: null */
};

enum { DEBEZIUM_RECORDS_MAX = 2, DEBEZIUM_HEADERS_MAX = 64 };

struct debezium_record {
    struct str topic; /* terminated */
    bool has_key;     /* else null */
    bool has_value;   /* else null: a tombstone */
    struct str key;
    struct str value;
    struct debezium_header headers[DEBEZIUM_HEADERS_MAX];
    size_t header_count;
};

/* At most a delete and its tombstone; none for what the format leaves out (a truncate, an unwrapped delete, the
 * delete of a moved key whose insert becomes an update because both have the same key). */
struct debezium_records {
    struct debezium_record items[DEBEZIUM_RECORDS_MAX];
    size_t count;
    bool joined; /* the delete of such a moved key: the two halves are one event */
};

enum debezium_snapshot {
    DEBEZIUM_SNAPSHOT_FALSE,
    DEBEZIUM_SNAPSHOT_TRUE,
    DEBEZIUM_SNAPSHOT_FIRST,
    DEBEZIUM_SNAPSHOT_FIRST_IN_COLLECTION,
    DEBEZIUM_SNAPSHOT_LAST_IN_COLLECTION,
    DEBEZIUM_SNAPSHOT_LAST,
    DEBEZIUM_SNAPSHOT_INCREMENTAL
};

/* What a record says of its surroundings. */
struct debezium_moment {
    int64_t now_us; /* wall clock: ts_ms, ts_us, ts_ns of the envelope */
    /* End LSN of the commit of the transaction before this one, or the LSN of a logical message outside
     * transactions where one came since; 0: none yet, and for rows of a snapshot. */
    struct lsn last_commit;
    enum debezium_snapshot snapshot;
    /* The other half of a moved key (CHANGE_KEY_MOVED): for the delete the insert behind it, for the insert
     * the delete before it; else NULL. */
    const struct change *pair;
    /* provide.transaction.metadata: place in the transaction and in its table, from 1; 0: not known */
    uint64_t total_order;
    uint64_t collection_order;
};

/* The memory of a value. What opens all values of a table, its schema above all, stays in it and is not written again
 * for the next one: that is most of a record. */
struct debezium_value {
    struct buf bytes;
    uint64_t opening; /* which one its first bytes are, by the writer's own count; 0: none */
};

void debezium_value_init(struct debezium_value *v);
void debezium_value_done(struct debezium_value *v);

struct debezium_writer *debezium_writer_new(const struct debezium_format *format);
void debezium_writer_free(struct debezium_writer *w);

bool debezium_write(struct debezium_writer *w, const struct change *c,
                    const struct debezium_moment *m, struct debezium_records *ret_records,
                    struct error *err) MUST_CHECK;

/* Can the value of the record, of those just written, be taken? Some lie where more than one record needs them. */
bool debezium_writer_gives(const struct debezium_writer *w, const struct debezium_record *r);
/* Exchanges its memory for that of `spare`, into which the next value is written then. The record's text stays where
 * it is. */
void debezium_writer_take(struct debezium_writer *w, struct debezium_value *spare);

/* <prefix>.<schema>.<table>, every character outside [A-Za-z0-9._-] as _, at most 249 bytes; terminated. */
void debezium_topic(const char *prefix, struct str schema, struct str table, struct buf *ret);
/* "schema.table" at its first dot; without one the schema is public. Borrowed. */
void debezium_table_split(struct str name, struct str *ret_schema, struct str *ret_table);
/* The topic of the table of that name. */
void debezium_table_topic(const char *prefix, struct str name, struct buf *ret);

/* ---- records that are no change ------------------------------------------------------------------ */

struct debezium_collection {
    struct str name; /* "public.events" */
    uint64_t events;
};

/* BEGIN and END of a transaction, on <prefix>.transaction. `lsn` is that of the first record and of the
 * commit. END: collections in the order they first appeared; they are written in the real one's. */
bool debezium_write_begin(struct debezium_writer *w, uint32_t xid, struct lsn lsn,
                          int64_t commit_time_us, struct debezium_record *ret_record,
                          struct error *err) MUST_CHECK;
bool debezium_write_end(struct debezium_writer *w, uint32_t xid, struct lsn lsn,
                        int64_t commit_time_us, const struct debezium_collection *collections,
                        size_t count, struct debezium_record *ret_record,
                        struct error *err) MUST_CHECK;
/* On <heartbeat_prefix>.<prefix>. */
void debezium_write_heartbeat(struct debezium_writer *w, int64_t now_us,
                              struct debezium_record *ret_record);

#endif
