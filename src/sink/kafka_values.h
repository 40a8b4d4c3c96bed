/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_VALUES_H
#define SINK_KAFKA_VALUES_H

/*
 * The values of a batch, where they were encoded, until the batch is acknowledged: what is lent to the producer is not
 * copied, and the memory serves the next batch.
 *
 *     sink_kafka_values_lent per record -> sink_kafka_values_back, once nothing is on its way
 *
 * One thread.
 */

#include "debezium/writer.h"

struct sink_kafka_values {
    struct debezium_value *items; /* owned */
    size_t used, count;
    size_t held; /* bytes of the used ones */
};

void sink_kafka_values_init(struct sink_kafka_values *v);
void sink_kafka_values_done(struct sink_kafka_values *v);
/* The writer's last value was lent: it stays where it is until back. */
void sink_kafka_values_lent(struct sink_kafka_values *v, struct debezium_writer *w);
/* All of them may be written over. More memory than most batches need is given back. */
void sink_kafka_values_back(struct sink_kafka_values *v);

#endif
