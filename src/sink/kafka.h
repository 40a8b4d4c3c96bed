/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_H
#define SINK_KAFKA_H

/*
 * The publisher: the sink that brings every change from the log into Kafka, as Debezium's records. Not in the list of
 * sinks that a user chooses from; with `stream: {kafka: ...}` capture has one. Its conf is the whole struct config.
 *
 * Its place is kept in state.db, and each partition's own last record says what is there: an interrupted production
 * goes on without a repeat. What a partition holds only rises.
 */

#include "sink/sink.h"

extern const struct sink_ops sink_kafka_ops;

/* The newest position and the highest write stamp over the ends of all topics of the pipeline; all zero when there is
 * none. Connects; for a capture that takes over from another machine. */
bool sink_kafka_ends(const struct config *config, int stop_fd, struct position *ret_last,
                     int64_t *ret_wts, struct error *err) MUST_CHECK;
/* The i-th topic that the pipeline's records may be in; false behind the last. */
bool sink_kafka_topic(const struct config *config, size_t i, struct buf *ret);

#endif
