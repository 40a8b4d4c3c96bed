/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_TARGET_H
#define SINK_KAFKA_TARGET_H

/*
 * The topics of a pipeline as something that is written to in order: what lies at or below the last record of its
 * partition is there already and is not written again.
 *
 *     init -> ensure -> put* -> wait -> done
 *
 * After a failure the producer may be gone; ensure opens another one and looks at the partitions' ends anew, and the
 * same records come again. One thread.
 */

#include "base/map.h"
#include "config/config.h"
#include "sink/kafka_ends.h"

struct sink_kafka_topic {
    struct kafka_topic *handle;
    int32_t count;                /* of partitions */
    struct sink_kafka_mark *done; /* of each: the last record that was given to the producer */
};

struct sink_kafka_target {
    const struct config *config;
    int stop_fd;
    struct kafka_settings settings;
    struct kafka_producer *producer; /* NULL: none, or it broke */
    size_t batch_bytes;              /* gets less when the brokers find batches too large */
    struct map topics;               /* name -> struct sink_kafka_topic */
    struct str recent_name;          /* the topic of the last record; borrowed from the map */
    struct sink_kafka_topic *recent;
    int64_t looked_us; /* when the topics were last looked at, monotonic */
    struct sink_kafka_newest newest;
    struct arena arena;   /* settings */
    struct arena scratch; /* while ends are read */
};

struct sink_kafka_put {
    const char *topic; /* terminated */
    struct sink_kafka_mark mark;
    bool ordered;               /* else it has no place in the history: a heartbeat */
    struct kafka_record record; /* without topic and partition */
    bool produced;              /* set by put: else it is in Kafka already */
};

void sink_kafka_target_init(struct sink_kafka_target *t, const struct config *config, int stop_fd);
void sink_kafka_target_done(struct sink_kafka_target *t);
/* A producer, and the ends of the topics that are there. Nothing to do when there is one. */
bool sink_kafka_target_ensure(struct sink_kafka_target *t, struct error *err) MUST_CHECK;
/* The topic is there, or is made if the configuration says so. */
bool sink_kafka_target_make(struct sink_kafka_target *t, const char *topic,
                            struct error *err) MUST_CHECK;
/* ERR_REJECT: too large. */
bool sink_kafka_target_put(struct sink_kafka_target *t, struct sink_kafka_put *put,
                           struct error *err) MUST_CHECK;
/* Where a record would stand behind all that its partition holds: for parked ones. */
bool sink_kafka_target_end(struct sink_kafka_target *t, const char *topic,
                           const struct kafka_record *r, struct sink_kafka_mark *ret_mark,
                           struct error *err) MUST_CHECK;
/* Everything is acknowledged. */
bool sink_kafka_target_wait(struct sink_kafka_target *t, struct error *err) MUST_CHECK;
/* After a failed put or wait, gives a broken producer up. True: the brokers found a record too large that was alone in
 * its batch: *ret_mark, its kafka_record.mark. */
bool sink_kafka_target_settle(struct sink_kafka_target *t, uint64_t *ret_mark);

#endif
