/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_COUNTS_H
#define SINK_KAFKA_COUNTS_H

/*
 * The counts of a transaction (provide.transaction.metadata) that a batch ends within, kept so that a process that
 * goes on in the middle counts on. What is kept speaks for two positions, that before the batch and that behind it:
 * nobody knows at which of them the next process begins. Pure.
 */

#include "sink/kafka_walk.h"

void sink_kafka_counts_put(const struct sink_kafka_walk *w, struct position at, struct buf *b);
/* Sets the counts of `w` when those for `at` are kept; else leaves them alone. False: it is not of that form. */
bool sink_kafka_counts_get(struct str kept, struct position at, struct sink_kafka_walk *w);

#endif
