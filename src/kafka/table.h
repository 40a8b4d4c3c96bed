/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TABLE_H
#define KAFKA_TABLE_H

/*
 * A small compacted topic of one partition, used as a map: the last value of each key counts, a record without a value
 * takes the key away. It is read from its beginning, and followed.
 *
 *     kafka_table_open -> kafka_table_next()* -> kafka_table_close              reading
 *     kafka_table_writer_open -> kafka_table_put()* -> kafka_table_writer_close writing; makes the topic if missing
 *
 * One thread each. Errors as in client.h; a topic that is not there reads as an empty one.
 */

#include "kafka/client.h"

#include <stdint.h>

struct kafka_table;
struct kafka_table_writer;

struct kafka_table_entry {
    int64_t offset;
    struct str key;
    bool has_value; /* else the key is taken away */
    struct str value;
};

/* Does no I/O yet. */
bool kafka_table_open(const struct kafka_settings *settings, const char *topic,
                      struct kafka_table **ret_table, struct error *err) MUST_CHECK;
void kafka_table_close(struct kafka_table *t);
/* The next record, borrowed until the next call; waits for it if it lies before the end that was asked for last.
 * *ret_found false: none has come in that time. */
bool kafka_table_next(struct kafka_table *t, int timeout_ms, bool *ret_found,
                      struct kafka_table_entry *ret_entry, struct error *err) MUST_CHECK;
/* Has all been read that was there when the reading began, or when the end was asked for last? */
bool kafka_table_is_read(const struct kafka_table *t);
/* Asks the broker for the end of the topic: has all been read? */
bool kafka_table_at_end(struct kafka_table *t, bool *ret_at_end, struct error *err) MUST_CHECK;

struct kafka_table_writer_opts {
    struct kafka_settings settings;
    const char *topic;
    int64_t replication; /* -1: as the broker does by default */
    bool create;
};

/* The topic is made with the first put. */
bool kafka_table_writer_open(const struct kafka_table_writer_opts *opts,
                             struct kafka_table_writer **ret_writer, struct error *err) MUST_CHECK;
void kafka_table_writer_close(struct kafka_table_writer *w);
/* Durable on all replicas in sync when it returns. value.p NULL: takes the key away. *ret_offset may be NULL. */
bool kafka_table_put(struct kafka_table_writer *w, struct str key, struct str value, int stop_fd,
                     int64_t *ret_offset, struct error *err) MUST_CHECK;

#endif
