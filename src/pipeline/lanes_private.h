/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_LANES_PRIVATE_H
#define PIPELINE_LANES_PRIVATE_H

/* Shared by lanes.c (the group), lane.c (one partition), lanes_trial.c (a first look) and lanes_progress.c. */

#include "base/wake.h"
#include "kafka/consumer.h"
#include "pipeline/deliver.h"
#include "pipeline/lanes.h"
#include "pipeline/park_topic.h"
#include "pipeline/thread.h"
#include "stream/kafka_stream.h"

#include <pthread.h>
#include <stdatomic.h>

struct lanes_topic {
    const char *name;
    const char *schema; /* NULL: a topic that others write; the records say it */
    const char *table;
};

struct lane_request {
    char *ref; /* owned */
    enum park_action action;
};

struct lane {
    struct lanes *owner;
    const struct lanes_topic *topic;
    int32_t partition;
    char *name; /* "topic/partition" */
    struct stream *stream;
    struct wake stop;
    struct thread thread;
    struct deliver_lane link;
    struct deliver deliver;
    bool deliver_ready;
    atomic_bool lost; /* somebody else may have the partition */

    /* deliver thread */
    int64_t committed;
    struct kafka_note note; /* what was committed with it */

    /* any thread, under the lock */
    pthread_mutex_t lock;
    struct lane_request *requests;
    size_t request_count, request_cap;
};

struct lanes {
    struct lanes_opts opts;
    struct arena arena; /* texts that live as long as this */
    struct kafka_settings settings;
    const char *group;
    struct lanes_topic *topics;
    size_t topic_count;
    char *park_name; /* of the topic of parked records */
    struct wake stop;
    struct wake
        late; /* lanes that were asked to end and still have something to store: it is too late */
    struct thread thread;

    /* coordinating thread */
    struct kafka_consumer *consumer;
    struct park_topic *park; /* NULL: not opened yet, there is nothing in it */
    struct backoff backoff;
    int64_t failed_us;     /* when something could not be done, last; 0: all is well */
    bool tried;            /* the target could be used, with the shapes below */
    unsigned tried_shapes; /* their generation */
    int64_t try_after_us;  /* not again before; monotonic */

    /* any thread, under the lock: the list for reading, the coordinating thread changes it */
    pthread_mutex_t lock;
    struct lane **items;
    size_t count, cap;
    struct progress_sink closed; /* what lanes that are gone have done */
    struct progress progress;    /* of the group itself: state and error */

    pthread_mutex_t writer_lock;
    struct kafka_table_writer *writer; /* NULL: nothing was written yet */
};

/* Where a lane begins. */
struct lane_start {
    bool found; /* the group had an offset */
    int64_t offset;
    int64_t begin; /* where the partition is taken */
    struct kafka_note note;
};

/* ---- lane.c; coordinating thread ---- */

/* The partition is taken; its thread runs when this returns. */
bool lane_open(struct lanes *l, const struct lanes_topic *topic, int32_t partition,
               const struct lane_start *start, struct lane **ret_lane,
               struct error *err) MUST_CHECK;
void lane_ask_to_stop(struct lane *lane, bool lost);
/* Waits for the thread. */
void lane_close(struct lane *lane);
void lane_request(struct lane *lane, struct str ref, enum park_action action);

/* ---- lanes_trial.c; coordinating thread ---- */

/* Opens and closes the sink, when that was not done yet, or not with the shapes as they are now. *ret_looked: it was
 * time to, and went well or not. Errors of sink_ops.open and relation. */
bool lanes_try_target(struct lanes *l, bool *ret_looked, struct error *err) MUST_CHECK;

/* ---- lanes_progress.c ---- */

void lanes_add_progress(struct progress_sink *sum, const struct progress_sink *p);

#endif
