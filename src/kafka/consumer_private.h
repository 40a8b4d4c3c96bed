/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONSUMER_PRIVATE_H
#define KAFKA_CONSUMER_PRIVATE_H

/* Shared by consumer.c and lane.c. */

#include "kafka/client_private.h"
#include "kafka/consumer.h"

struct kafka_consumer {
    rd_kafka_t *rk;
    /* coordinating thread only */
    bool closing;
    enum kafka_event event;                   /* not answered yet */
    rd_kafka_topic_partition_list_t *pending; /* its partitions */
    struct kafka_place *places;               /* the same, as they are shown; owned */
};

bool kafka_topic_missing(struct error *err, const char *topic);

#endif
