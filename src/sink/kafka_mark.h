/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_MARK_H
#define SINK_KAFKA_MARK_H

/*
 * Where a record in Kafka stands in the history, and the headers that say it (docs/kafka.md). A change may have a
 * second record behind its own, a delete its tombstone: place 1. Within a partition marks only rise. Pure.
 */

#include "base/buf.h"
#include "kafka/producer.h"
#include "model/change.h"

#define SINK_KAFKA_POSITION  "multisink.position"
#define SINK_KAFKA_WTS       "multisink.wts"
#define SINK_KAFKA_OP        "multisink.op"
#define SINK_KAFKA_COMMIT    "multisink.commit"
#define SINK_KAFKA_UNCHANGED "multisink.unchanged"
#define SINK_KAFKA_PARKED    "multisink.parked"

struct sink_kafka_mark {
    struct position pos;
    uint32_t place;
};

/* From place 2 on: records that were parked and are sent again, behind all others of the partition. */
enum { SINK_KAFKA_REPLAYED = 2 };

static inline int sink_kafka_mark_cmp(struct sink_kafka_mark a, struct sink_kafka_mark b)
{
    int order = position_cmp(a.pos, b.pos);

    return order != 0 ? order : (a.place > b.place) - (a.place < b.place);
}

/* "1/0/16B3748/3", "1/0/16B3748/3/1" */
enum { SINK_KAFKA_MARK_TEXT = 64 };
struct str sink_kafka_mark_format(struct sink_kafka_mark mark, char text[SINK_KAFKA_MARK_TEXT]);
bool sink_kafka_mark_parse(struct str s, struct sink_kafka_mark *ret_mark);

/* "c", "u", "d", "r", "t", "m" */
struct str sink_kafka_op(enum change_op op);
/* Names of the unchanged columns, joined by commas; with %, commas and control characters as %XX. */
void sink_kafka_unchanged(const struct change *c, struct buf *b);

#endif
