/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_LANES_H
#define PIPELINE_LANES_H

/*
 * One sink on a stream in Kafka. Its consumer group shares the partitions of its topics among all processes that run
 * this pipeline; each partition that is given to this process is a lane: a deliver thread with its own reader, position
 * and instance of the sink (lane.c). A coordinating thread owns the group's connection.
 *
 *     lanes_open -> lanes_start -> lanes_stop -> lanes_join -> lanes_close       main thread
 *
 * A partition that is to be given up: its lane finishes or abandons the batch, stores its offset, closes, and only then
 * the group hears of it. One that is lost already (this process was stopped, or cut off, for too long) is abandoned
 * without storing anything: somebody else has it.
 *
 * An error that stops a lane is shown in the sink's progress and stops nothing else. A target that cannot be used at all,
 * or that a table does not fit, is told at the start, whether there is a partition yet or not (lanes_trial.c); it stops the
 * sink.
 */

#include "base/clock.h"
#include "config/config.h"
#include "pipeline/progress.h"
#include "pipeline/shapes.h"
#include "sink/sink.h"

struct lanes;

struct lanes_opts {
    const struct config *config;
    const struct config_sink *sink;
    const struct sink_ops *ops;
    struct shapes *shapes; /* of the captured tables, where this process captures them; NULL */
    bool makes_topics;     /* this process does, so that one that is missing is on its way */
    const struct clock *clock;
};

/* Speaks to nobody yet. */
bool lanes_open(const struct lanes_opts *opts, struct lanes **ret_lanes,
                struct error *err) MUST_CHECK;
/* Nothing when the sink is paused by the configuration. */
bool lanes_start(struct lanes *l, struct error *err) MUST_CHECK;
/* Asks; does not wait. */
void lanes_stop(struct lanes *l);
/* Waits for all threads; the group is left then. */
void lanes_join(struct lanes *l);
/* NULL is fine. */
void lanes_close(struct lanes *l);

/* All of them summed up, as one sink; `position` says nothing. Any thread. */
void lanes_progress(struct lanes *l, struct progress_sink *ret);
/* Each partition that is here now, as "topic/partition". Any thread. */
void lanes_each(struct lanes *l,
                void (*each)(void *ctx, const char *name, const struct progress_sink *p),
                void *ctx);

#endif
