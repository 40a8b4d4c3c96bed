/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PRODUCER_PRIVATE_H
#define KAFKA_PRODUCER_PRIVATE_H

/* Inside of the kafka room: what topics.c does on a producer's connection. */

#include "base/map.h"
#include "kafka/client_private.h"
#include "kafka/producer.h"

struct kafka_producer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *reports; /* delivery reports and errors */
    int stop_fd;
    struct map topics;    /* name -> rd_kafka_topic_t */
    uint64_t outstanding; /* records without a report */
    bool broken;
    bool blamed;              /* `last` is what a record failed with: nothing later says more */
    rd_kafka_resp_err_t last; /* what librdkafka complained about since the last report */
    char last_text[200];
    uint64_t *too_large;
    size_t too_large_count, too_large_cap;
};

/* The best reason there is for something that did not happen in time. */
bool kafka_producer_late(struct kafka_producer *p, const char *what, struct error *err);
/* Takes what is in the queue of reports, waiting at most so long for the first. */
void kafka_producer_poll(struct kafka_producer *p, int timeout_ms);

#endif
