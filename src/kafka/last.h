/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_LAST_H
#define KAFKA_LAST_H

/*
 * The last record of each partition of a topic: where a producer goes on, and what a compacted topic with one key
 * says.
 *
 *     kafka_last_open -> kafka_last_read(topic)* -> kafka_last_close
 *
 * No group is joined and nothing is committed. One thread.
 */

#include "kafka/producer.h"

struct kafka_last;

struct kafka_last_record {
    bool found; /* else the partition is empty, or all of it is gone again */
    int64_t offset;
    bool has_key, has_value;
    struct str key, value;
    const struct kafka_header *headers; /* in the record's order */
    size_t header_count;
};

bool kafka_last_open(const struct kafka_settings *settings, int stop_fd,
                     struct kafka_last **ret_last, struct error *err) MUST_CHECK;
void kafka_last_close(struct kafka_last *l);
/* Fills partitions 0 to count - 1; everything lives in `a`. */
bool kafka_last_read(struct kafka_last *l, const char *topic, int32_t count, struct arena *a,
                     struct kafka_last_record *ret_records, struct error *err) MUST_CHECK;

/* The value of the record's last header of that name; p NULL when there is none. */
struct str kafka_last_header(const struct kafka_last_record *r, const char *name);

#endif
