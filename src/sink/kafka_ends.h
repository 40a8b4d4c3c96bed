/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_ENDS_H
#define SINK_KAFKA_ENDS_H

/* What the last records of partitions say: how far each has come, and what the newest of them all knows. */

#include "kafka/last.h"
#include "sink/kafka_mark.h"

/* The newest record of all partitions that were looked at. */
struct sink_kafka_newest {
    bool found;
    struct sink_kafka_mark mark;
    int64_t wts;
    bool streamed;          /* not a row of a first snapshot */
    struct lsn last_commit; /* as its `sequence` says */
};

/* Fills ret_done, one mark a partition (all zero: nothing there), and moves *newest. A record without our headers says
 * nothing: it is somebody else's. */
bool sink_kafka_ends_read(struct kafka_last *last, const char *topic, int32_t count,
                          struct arena *scratch, struct sink_kafka_mark *ret_done,
                          struct sink_kafka_newest *newest, struct error *err) MUST_CHECK;

/* Debezium's envelope: the first of `sequence`, and whether the row was streamed. */
void sink_kafka_ends_look(struct str value, struct lsn *ret_last_commit, bool *ret_streamed);

#endif
