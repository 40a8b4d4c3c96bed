/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

/*
 * An idempotent producer that waits for all replicas in sync, and that never leaves a hole: when a record cannot be
 * written, none behind it is (enable.gapless.guarantee).
 *
 *     kafka_producer_open -> kafka_producer_topic -> kafka_produce(record)* -> kafka_producer_wait -> ...close
 *
 * wait: true = every record so far is acknowledged. ERR_RETRY while the producer is whole = not yet, call again.
 * Once it is broken (kafka_producer_broken) nobody knows what of the last records was written: close it, look at the
 * partitions' ends (kafka/topics.h), open another and go on from there.
 *
 * Key, value and headers are copied, but for a value that is lent. One thread, but for librdkafka's own.
 */

#include "base/clock.h"
#include "kafka/client.h"

struct kafka_producer;
struct kafka_topic; /* belongs to its producer */

struct kafka_producer_opts {
    const struct kafka_settings *settings;
    const char *compression;
    int64_t linger_ms;
    size_t batch_bytes; /* of one batch; 0: one record a batch */
    int stop_fd;
};

struct kafka_header {
    const char *name;
    struct str value;
};

struct kafka_record {
    struct kafka_topic *topic;
    int32_t partition;
    bool has_key; /* else null */
    bool has_value;
    bool lent; /* the value stays where it is until wait was true or the producer is closed */
    struct str key;
    struct str value;
    const struct kafka_header *headers;
    size_t header_count;
    int64_t time_ms; /* the record's own time; 0: now */
    uint64_t mark;   /* the caller's name for it, when it was too large */
};

/* Connects in the background; errors show in wait. ERR_STOP when librdkafka refuses the settings. */
bool kafka_producer_open(const struct kafka_producer_opts *opts,
                         struct kafka_producer **ret_producer, struct error *err) MUST_CHECK;
/* What was not acknowledged may or may not be written. */
void kafka_producer_close(struct kafka_producer *p);

/* Lives until close. */
struct kafka_topic *kafka_producer_topic(struct kafka_producer *p, const char *name);
/* ERR_REJECT E_KAFKA_TOO_LARGE: above message.max.bytes. Waits while the queue is full: as wait. */
bool kafka_produce(struct kafka_producer *p, const struct kafka_record *r,
                   struct error *err) MUST_CHECK;
bool kafka_producer_wait(struct kafka_producer *p, int timeout_ms, struct error *err) MUST_CHECK;
bool kafka_producer_broken(const struct kafka_producer *p);
/* Marks of records that the brokers found too large. They go in batches: with more than one record in a batch,
 * any of them may be the cause. */
const uint64_t *kafka_producer_too_large(const struct kafka_producer *p, size_t *ret_count);

#endif
