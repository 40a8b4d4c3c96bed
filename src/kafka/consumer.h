/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

/*
 * A member of a consumer group, and the partitions it is given, each read through a queue of its own.
 *
 * The coordinating thread:
 *     kafka_consumer_open -> kafka_consumer_subscribe -> kafka_consumer_poll()* -> kafka_consumer_close
 *     KAFKA_ASSIGNED: kafka_consumer_take with the offsets to begin at, then the partitions are read
 *     KAFKA_REVOKED, KAFKA_LOST: the readers end, then kafka_consumer_give
 * Until an event is answered, the group waits for this member (up to max.poll.interval.ms), and it is given no
 * other. KAFKA_LOST: others may have these partitions already, so nothing is committed for them any more.
 *
 * The thread of a partition, from take to give:
 *     kafka_lane_open -> kafka_lane_seek? -> kafka_lane_next()* -> kafka_lane_close
 *
 * The questions (committed, range, exists) and commit: any thread.
 *
 * Nothing is committed but by kafka_consumer_commit, and nothing is reset: a partition is read from the offset that
 * was asked for, or not at all. Errors as in client.h; from commit ERR_RETRY also while the group is
 * being arranged anew: whether the partition is still ours, the rebalance tells.
 * ERR_STOP E_KAFKA_OFFSET_GONE from next: a gap. ERR_RETRY E_KAFKA_TOPIC_MISSING from poll.
 */

#include "base/arena.h"
#include "kafka/client.h"

#include <stdint.h>

struct kafka_consumer;
struct kafka_lane;

struct kafka_consumer_opts {
    struct kafka_settings settings;
    const char *group;
};

/* One partition, and where in it. */
struct kafka_place {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

enum kafka_event { KAFKA_NOTHING, KAFKA_ASSIGNED, KAFKA_REVOKED, KAFKA_LOST };

bool kafka_consumer_open(const struct kafka_consumer_opts *opts,
                         struct kafka_consumer **ret_consumer, struct error *err) MUST_CHECK;
/* Leaves the group. All partitions are closed before. NULL is fine. */
void kafka_consumer_close(struct kafka_consumer *c);
/* The topics whose partitions the group shares; again when there are others. */
bool kafka_consumer_subscribe(struct kafka_consumer *c, const char *const *topics, size_t count,
                              struct error *err) MUST_CHECK;
/* Waits for an event. Its places are borrowed until it is answered. False: something to tell, which may pass. */
bool kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms, enum kafka_event *ret_event,
                         struct kafka_place **ret_places, size_t *ret_count,
                         struct error *err) MUST_CHECK;
/* Is the group being arranged anew? Then nothing can be committed. Any thread. */
bool kafka_consumer_is_joining(const struct kafka_consumer *c);
/* Answers KAFKA_ASSIGNED; the places of the event, with their offsets filled in. */
bool kafka_consumer_take(struct kafka_consumer *c, struct error *err) MUST_CHECK;
/* Answers KAFKA_REVOKED and KAFKA_LOST. */
bool kafka_consumer_give(struct kafka_consumer *c, struct error *err) MUST_CHECK;

/* Instead of subscribe, for who is no member: this partition is read from there, and no other. */
bool kafka_consumer_assign(struct kafka_consumer *c, const struct kafka_place *place,
                           struct error *err) MUST_CHECK;

/* What the group has committed for a partition; *ret_note in `a`. */
bool kafka_consumer_committed(struct kafka_consumer *c, const char *topic, int32_t partition,
                              struct arena *a, bool *ret_found, int64_t *ret_offset,
                              struct str *ret_note, struct error *err) MUST_CHECK;
/* The first offset that is there, and the one behind the last. */
bool kafka_consumer_range(struct kafka_consumer *c, const char *topic, int32_t partition,
                          int64_t *ret_low, int64_t *ret_high, struct error *err) MUST_CHECK;
/* How many partitions the topic has; 0: there is no such topic. */
bool kafka_consumer_partitions(struct kafka_consumer *c, const char *topic, int32_t *ret_count,
                               struct error *err) MUST_CHECK;
/* Durable when it returns. The note is text without NUL, at most LIMIT_KAFKA_NOTE bytes. */
bool kafka_consumer_commit(struct kafka_consumer *c, const struct kafka_place *place,
                           struct str note, struct error *err) MUST_CHECK;

/* ---- one partition ----------------------------------------------------------------------------------- */

struct kafka_message {
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    bool has_key;
    bool has_value;
    struct str key;
    struct str value;
    const void *message; /* for kafka_message_headers */
};

struct kafka_message_header {
    struct str name;
    struct str value;
};

/* The headers in their order, at most `max` of them; values that are null have p == NULL. */
size_t kafka_message_headers(const struct kafka_message *record,
                             struct kafka_message_header *ret_headers, size_t max);

enum kafka_next {
    KAFKA_NEXT_NONE,   /* the time is over, or stop was asked */
    KAFKA_NEXT_RECORD, /* ret_record; borrowed until the next call */
    KAFKA_NEXT_END     /* all that is there was given; ret_record->offset is the end */
};

struct kafka_lane *kafka_lane_open(struct kafka_consumer *c, const char *topic, int32_t partition);
void kafka_lane_close(struct kafka_lane *p);
/* Goes on at another offset. */
bool kafka_lane_seek(struct kafka_lane *p, int64_t offset, struct error *err) MUST_CHECK;
bool kafka_lane_next(struct kafka_lane *p, int timeout_ms, int stop_fd, enum kafka_next *ret_what,
                     struct kafka_message *ret_record, struct error *err) MUST_CHECK;
/* The end of the partition as last heard of; -1: not yet. */
int64_t kafka_lane_end(const struct kafka_lane *p);

#endif
