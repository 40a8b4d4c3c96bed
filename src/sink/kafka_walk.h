/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_WALK_H
#define SINK_KAFKA_WALK_H

/*
 * What a record says of its surroundings, which no change knows of itself: the commit before it, its place in its
 * transaction, the first and the last row of a snapshot. Walks the changes in order. Pure.
 *
 *     sink_kafka_walk_step(w, batch, i, &moment) for each i in order; the caller adds now_us
 *
 * A batch that is tried again is walked again from a copy made before it.
 */

#include "debezium/writer.h"

struct sink_kafka_walk {
    const struct debezium_format *format;
    bool started; /* there was a change before, maybe in another process: */
    struct sink_kafka_before {
        struct position pos;
        struct str schema, table; /* owned; not known of another process's */
    } before;
    struct lsn last_commit; /* of the transaction before the one walked in; 0: none */
    struct lsn ended;       /* what last_commit becomes with the next transaction */
    uint64_t total;         /* records of the transaction, with provide.transaction.metadata */
    struct debezium_collection *collections; /* names are owned */
    size_t collection_count, collection_cap;
};

void sink_kafka_walk_init(struct sink_kafka_walk *w, const struct debezium_format *format);
void sink_kafka_walk_done(struct sink_kafka_walk *w);
void sink_kafka_walk_copy(struct sink_kafka_walk *to, const struct sink_kafka_walk *from);

/* Does the change begin, or end, its transaction? A snapshot is none. */
bool sink_kafka_walk_begins(const struct sink_kafka_walk *w, const struct change *c);
bool sink_kafka_walk_ends(const struct batch *b, size_t at);

void sink_kafka_walk_step(struct sink_kafka_walk *w, const struct batch *b, size_t at,
                          struct debezium_moment *ret_moment);

/* The change just walked is no event of its own (debezium_records.joined): it is not counted. */
void sink_kafka_walk_joined(struct sink_kafka_walk *w, const struct change *c);

/* The counts of the transaction that another process began. */
void sink_kafka_walk_set_counts(struct sink_kafka_walk *w, uint64_t total,
                                const struct debezium_collection *collections, size_t count);

#endif
