/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READER_H
#define DEBEZIUM_READER_H

/*
 * Debezium's records as changes: envelope or unwrapped, with or without schemas, from the real connector or
 * from ours. Pure; every length, depth and type is checked. docs/kafka.md says what becomes of what.
 *
 *     debezium_reader_new(&opts) -> debezium_read(r, &input, arena, &kind, &change, err)* -> debezium_reader_free
 *
 * One reader per partition, given every record of it in order: a tombstone directly behind the delete of its
 * key is nothing, any other is a delete. Before the first record, it is given earlier ones, their changes
 * unused, until debezium_reader_is_ready: a tombstone has no columns, and a reader that starts at one does not
 * know its table's.
 *
 * With schemas, columns get the PostgreSQL type that the schema stands for, and the values PostgreSQL's text of
 * it; a plain string, which may be a text as well as an address or a number, is PG_UNKNOWN. Without, a column's
 * type follows its JSON value: integer -> bigint, other numbers -> numeric, boolean, object and array -> jsonb,
 * string -> PG_UNKNOWN, which the sinks read as whatever the target's column is; their type_kind is 'p'. A field of an unwrapped row
 * that begins with the prefix of add.fields is no column.
 *
 * Columns of the key are the primary key and the identity. What a table's replica identity is, no record says:
 * relations carry RELATION_IDENTITY_FULL, with only the key's columns marked, and each change says in
 * before_kind what it knows.
 *
 * Relations are made per table and shape, numbered by the reader, and live until it is freed. Texts of a change
 * live in the arena. One thread.
 *
 * The placeholder of an unchanged TOAST value becomes VALUE_UNCHANGED where our own header says so, or, from the
 * real connector, where the whole value is the placeholder.
 *
 * Errors: ERR_REJECT E_DEBEZIUM_RECORD with what and where: the record makes no sense and never will.
 */

#include "base/error.h"
#include "model/change.h"

struct debezium_reader;

struct debezium_reader_opts {
    const char *placeholder;    /* NULL: Debezium's default */
    const char *fields_prefix;  /* of add.fields; NULL: "__" */
    const char *headers_prefix; /* of add.headers; NULL: "__" */
    bool hex;                   /* binary.handling.mode=hex: contents of logical messages are */
    /* The topic's table, for records that do not say (unwrapped ones). */
    const char *schema;
    const char *table;
};

/* A header as Kafka carries it. */
struct debezium_input_header {
    struct str name;
    struct str value;
};

struct debezium_input {
    struct str topic;
    bool has_key;
    bool has_value;
    struct str key;
    struct str value;
    int64_t timestamp_ms; /* of the Kafka record: the commit time where the value has none */
    /* Our own headers (docs/kafka.md); n == 0: none. */
    bool ours;            /* multisink.position is there: placeholders are named, never guessed */
    struct str op_header; /* multisink.op: Debezium's letter */
    struct str unchanged_header;
    struct str
        before_header; /* multisink.before: "key" or "full", how much of the old row is known */
    bool key_moved;    /* __debezium.newkey or .oldkey is there */
    /* All of them, for those that add.headers makes; may be none. */
    const struct debezium_input_header *headers;
    size_t header_count;
};

enum debezium_kind {
    DEBEZIUM_CHANGE,
    DEBEZIUM_NOTHING /* a tombstone behind its delete, a heartbeat, transaction metadata */
};

struct debezium_reader *debezium_reader_new(const struct debezium_reader_opts *opts);
void debezium_reader_free(struct debezium_reader *r);
/* Has it seen a row, so that it knows what a tombstone's columns are? */
bool debezium_reader_is_ready(const struct debezium_reader *r);

/* Fills op, flags, rel, before, after, commit_time_us, xid, lsn; the caller adds positions and the write
 * stamp. */
bool debezium_read(struct debezium_reader *r, const struct debezium_input *input, struct arena *a,
                   enum debezium_kind *ret_kind, struct change *ret_change,
                   struct error *err) MUST_CHECK;

/* A record that cannot be read, as a change that can only be parked (CHANGE_UNREADABLE): its relation has no name
 * and the columns topic, key, value (bytea; the first 16 MiB) and reason. The caller adds positions, stamps and
 * times. */
void debezium_unreadable(const struct debezium_input *input, const char *reason, struct arena *a,
                         struct change *ret_change);

#endif
