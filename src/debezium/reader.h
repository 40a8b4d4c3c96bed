/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READER_H
#define DEBEZIUM_READER_H

/*
 * Debezium's records as changes: envelope or unwrapped, with or without schemas, from the real connector or
 * from ours. Pure; every length, depth and type is checked.
 *
 *     debezium_reader_new(&opts) -> debezium_read(r, &input, arena, &kind, &change, err)* -> debezium_reader_free
 *
 * With schemas, columns get the PostgreSQL type that the schema stands for, and the values PostgreSQL's text of
 * it. Without, a column's type follows its JSON value: integer -> bigint, other numbers -> numeric, boolean,
 * object and array -> jsonb, string -> PG_UNKNOWN, which the sinks read as whatever the target's column is. A
 * field of an unwrapped row that begins with the prefix of add.fields is no column.
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
    const char *placeholder;
    const char *fields_prefix; /* of add.fields */
    /* The topic's table, for records that do not say (unwrapped ones). */
    const char *schema;
    const char *table;
};

struct debezium_input {
    struct str topic;
    bool has_key;
    bool has_value;
    struct str key;
    struct str value;
    int64_t timestamp_ms; /* of the Kafka record: the commit time where the value has none */
    struct str op_header; /* our own headers (docs/kafka.md); n == 0: none */
    struct str unchanged_header;
};

enum debezium_kind {
    DEBEZIUM_CHANGE,
    DEBEZIUM_NOTHING /* a tombstone behind its delete, a heartbeat, transaction metadata */
};

struct debezium_reader *debezium_reader_new(const struct debezium_reader_opts *opts);
void debezium_reader_free(struct debezium_reader *r);

/* Fills op, flags, rel, before, after, commit_time_us, xid, lsn; the caller adds positions and the write
 * stamp. */
bool debezium_read(struct debezium_reader *r, const struct debezium_input *input, struct arena *a,
                   enum debezium_kind *ret_kind, struct change *ret_change,
                   struct error *err) MUST_CHECK;

#endif
