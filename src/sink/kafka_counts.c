/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For each position:
 *
 *     u32 epoch | u64 commit_end | u32 ordinal | varint total | varint collections
 *     per collection: varint events | varint length | name
 */
#include "sink/kafka_counts.h"

#include "base/limits.h"
#include "base/rd.h"

void sink_kafka_counts_put(const struct sink_kafka_walk *w, struct position at, struct buf *b)
{
    size_t count = w->collection_count;

    if (count > LIMIT_KAFKA_COLLECTIONS)
        count = 0; /* then the counts of such a transaction begin anew behind a crash */
    buf_le32(b, at.epoch);
    buf_le64(b, at.commit_end.v);
    buf_le32(b, at.ordinal);
    buf_varint(b, w->total);
    buf_varint(b, count);
    for (size_t i = 0; i < count; i++) {
        buf_varint(b, w->collections[i].events);
        buf_varint(b, w->collections[i].name.n);
        buf_str(b, w->collections[i].name);
    }
}

/* One block; taken over when it is that of the position. */
static void get_block(struct rd *r, struct position at, struct sink_kafka_walk *w)
{
    struct debezium_collection collections[LIMIT_KAFKA_COLLECTIONS];
    struct position kept = { .epoch = rd_le32(r) };
    uint64_t total, count;

    kept.commit_end.v = rd_le64(r);
    kept.ordinal = rd_le32(r);
    total = rd_varint(r);
    count = rd_varint(r);
    if (count > LIMIT_KAFKA_COLLECTIONS)
        (void)rd_fail(r);
    for (uint64_t i = 0; i < count && rd_ok(r); i++) {
        uint64_t length;

        collections[i].events = rd_varint(r);
        length = rd_varint(r);
        collections[i].name = rd_bytes(r, length <= LIMIT_KAFKA_TOPIC ? (size_t)length : SIZE_MAX);
    }
    if (rd_ok(r) && position_cmp(kept, at) == 0)
        sink_kafka_walk_set_counts(w, total, collections, (size_t)count);
}

bool sink_kafka_counts_get(struct str kept, struct position at, struct sink_kafka_walk *w)
{
    struct rd r = rd_make(kept);

    while (rd_ok(&r) && rd_left(&r) > 0)
        get_block(&r, at, w);
    return rd_ok(&r);
}
