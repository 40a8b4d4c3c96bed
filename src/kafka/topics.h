/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H

/*
 * Which topics there are, and making them. On a producer's connection and thread; each call waits for the brokers'
 * answer, up to some seconds, and until stop is asked.
 *
 * Nothing here makes the brokers create a topic by themselves.
 */

#include "kafka/producer.h"

struct kafka_topic_opts {
    int32_t partitions;
    int replication;                      /* -1: as the brokers do by default */
    const struct kafka_property *configs; /* "cleanup.policy" and the like; may be NULL */
    size_t config_count;
};

/* *ret_count 0: there is no such topic. */
bool kafka_topic_partitions(struct kafka_producer *p, const char *name, int32_t *ret_count,
                            struct error *err) MUST_CHECK;
/* True also when somebody else was faster. Returns when the topic can be written to. */
bool kafka_topic_create(struct kafka_producer *p, const char *name,
                        const struct kafka_topic_opts *opts, int32_t *ret_count,
                        struct error *err) MUST_CHECK;

/* Of a topic that was not found: would that make it? Asks the brokers, and nothing is made. ERR_STOP E_KAFKA_PERMISSION
 * also when it is there, and hidden from the user. */
bool kafka_topic_may_create(struct kafka_producer *p, const char *name,
                            const struct kafka_topic_opts *opts, struct error *err) MUST_CHECK;

#endif
