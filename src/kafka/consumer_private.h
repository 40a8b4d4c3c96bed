/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONSUMER_PRIVATE_H
#define KAFKA_CONSUMER_PRIVATE_H

/* Shared by consumer.c and lane.c. */

#include "kafka/client_private.h"
#include "kafka/consumer.h"

#include <stdatomic.h>

struct kafka_consumer {
    rd_kafka_t *rk;
    atomic_bool joined; /* a JoinGroup went out, ever */
    atomic_llong
        joining_us; /* since when the group is being arranged anew, monotonic; 0: it is not */
    /* coordinating thread only */
    bool closing;
    bool served;                              /* there was an assignment, be it empty */
    enum kafka_event event;                   /* not answered yet */
    rd_kafka_topic_partition_list_t *pending; /* its partitions */
    struct kafka_place *places;               /* the same, as they are shown; owned */
};

bool kafka_topic_missing(struct error *err, const char *topic);

#endif
