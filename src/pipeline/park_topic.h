/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_PARK_TOPIC_H
#define PIPELINE_PARK_TOPIC_H

/*
 * What a sink on Kafka keeps beside its offsets, for all its partitions and on no machine in particular: the compacted
 * topic <topic_prefix>.<sink>.parked. Three kinds of keys, each with the lane ("topic/partition") it belongs to:
 *
 *     p|LANE|REF    a parked record (park.h)
 *     v|LANE|NAME   a value that the sink remembers (sink_store)
 *     r|LANE|REF    what a person asked to do with a parked record: "replay" or "drop"
 *
 * In the process it is mirrored into a private database, so that park.h is used as it is: one for all lanes, to look at
 * and to copy from (struct park_topic), and one for each lane that runs (park_topic_lane), whose deliver thread changes
 * it; what it has changed is written back by park_topic_flush, durably.
 *
 * A parked record's number is the offset of its first appearance, plus one: the same everywhere.
 *
 * Errors: those of kafka/table.h and state.h; ERR_STOP E_KAFKA_PARKED when a record of the topic makes no sense.
 */

#include "kafka/table.h"
#include "pipeline/park.h"

struct park_topic;

struct park_topic_opts {
    struct kafka_settings settings;
    const char *topic;
    const char *sink;
    /* Called for each request as it is read; may be NULL. */
    void (*request)(void *ctx, struct str lane, struct str ref, enum park_action action);
    void *ctx;
};

/* "<prefix>.<sink>.parked", to free(). */
char *park_topic_name(const char *prefix, const char *sink);

bool park_topic_open(const struct park_topic_opts *opts, struct park_topic **ret_topic,
                     struct error *err) MUST_CHECK;
void park_topic_close(struct park_topic *t);
/* Reads what is there now, to its end. */
bool park_topic_catch_up(struct park_topic *t, int stop_fd, struct error *err) MUST_CHECK;
/* Reads what has come since, without waiting. */
bool park_topic_follow(struct park_topic *t, struct error *err) MUST_CHECK;
/* All parked records of the sink; requests stand in their `action`. */
struct state *park_topic_state(struct park_topic *t);

/* A lane's own database, with what the topic holds of the lane (t may be NULL: nothing). */
bool park_topic_lane(struct park_topic *t, const char *sink, const char *lane,
                     struct state **ret_state, struct error *err) MUST_CHECK;
/* A request that has come for a record of the lane. */
bool park_topic_asked(struct state *lane_state, const char *sink, struct str ref,
                      enum park_action action, struct error *err) MUST_CHECK;
bool park_topic_is_changed(struct state *lane_state, bool *ret_changed,
                           struct error *err) MUST_CHECK;
/* Writes what was changed in a lane's database since the last time. */
bool park_topic_flush(struct state *lane_state, const char *sink, const char *lane,
                      struct kafka_table_writer *writer, int stop_fd, struct error *err) MUST_CHECK;

/* For the dlq command: writes what park_request has left in the mirror, so that whoever has the lane carries it out.
 * Records of a sink that nobody serves any more are taken away with `forget`. */
bool park_topic_ask(struct park_topic *t, struct kafka_table_writer *writer, bool forget,
                    struct error *err) MUST_CHECK;

/* The stored form of a parked record; pure. */
void park_topic_encode(const struct park_record *r, struct buf *b);
bool park_topic_decode(struct str value, struct park_record *ret_record);

#endif
