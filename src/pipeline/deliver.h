/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_DELIVER_H
#define PIPELINE_DELIVER_H

/*
 * The deliver thread of one sink: read a batch from the stream, select, write, park what is refused,
 * move the position. The only place that decides whether to try again, park or stop.
 *
 *  (4) A sink's position moves only after the sink said that everything up to it is durable there, or
 *      it was parked durably here.
 *
 * A sink that keeps its position at the target is asked for it after every doubt, and followed, back
 * as well as forth: a target that lost its last second gets it again from the stream.
 *
 * A slow, broken or paused sink delays nobody: each has its own thread, reader and position.
 */

#include "base/clock.h"
#include "base/map.h"
#include "base/wake.h"
#include "config/config.h"
#include "pipeline/backoff.h"
#include "pipeline/checkpoint.h"
#include "pipeline/park.h"
#include "pipeline/progress.h"
#include "pipeline/shapes.h"
#include "sink/sink.h"
#include "stream/stream.h"

/* One partition of a stream in Kafka: what a sink of the log keeps in state.db is kept elsewhere (lane.c). All calls
 * come from the deliver thread. */
struct deliver_lane {
    void *ctx;
    const char *name;    /* "topic/partition" */
    struct state *state; /* the lane's own, a mirror; the deliver takes it over */
    struct position position;
    bool known; /* the group had an offset; else `position` is where the partition begins */
    bool started;
    /* As checkpoint_set_position. */
    bool (*store)(void *ctx, struct position position, bool started, struct error *err);
    int late_fd; /* set when the last words of a lane that ends come too late */
    /* Nothing can be stored at the moment, but soon. */
    bool (*busy)(void *ctx);
    /* What was changed in `state` becomes durable. */
    bool (*settle)(void *ctx, struct error *err);
    /* Takes in what the dlq command has asked for. */
    bool (*requests)(void *ctx, struct error *err);
    /* Somebody else has written at the target: is the partition still ours? */
    bool (*confirm)(void *ctx, struct error *err);
};

struct deliver_opts {
    const struct config *config;
    const struct deliver_lane *lane; /* NULL with the log */
    const struct config_sink *sink;
    const struct sink_ops *ops;
    struct stream *stream;
    struct shapes *shapes; /* NULL: not known, relations come with the changes */
    const struct clock *clock;
    int stop_fd;
    bool
        resnapshot; /* history starts anew: what a counting target has not had yet is in the new copy */
    bool restart; /* forget the position: begin at the oldest change the stream holds */
    /* What is delivered to is another stream, which gets all there is: every table, truncates and
     * messages. `sink` is none of the user's then. */
    bool everything;
};

/* What progress says of the last change up to a position. */
struct deliver_last {
    struct position position;
    struct lsn commit_lsn;
    int64_t wts;
};

struct deliver {
    struct deliver_opts opts;
    const struct sink_ops *ops;
    char who[160]; /* for the logger: "sink NAME", and the lane */
    struct progress progress;

    /* owned by the deliver thread */
    struct state *state;
    struct checkpoint_store store_ctx;
    struct sink_store local_store; /* in `state` */
    struct sink_store store;       /* what the sink is given */
    struct sink *sink;
    struct stream_reader *reader;
    bool ready;               /* sink and reader are open, and stand at the same place */
    struct position position; /* the reader stands here; everything up to it is done */
    struct position written;  /* the same, but for a sink that keeps its position itself: what the
                                  target says; a batch that holds nothing for it does not move it */
    struct deliver_last last; /* of `written` */
    struct position stored;   /* what state.db says */
    int64_t stored_us;
    int64_t moved_us;        /* when `written` last followed */
    struct position skip_to; /* resnapshot of a sink that keeps its position: where the old history
                                  ends; start: nothing to skip */
    bool known;              /* state.db has a position of this sink */
    bool started;            /* a sink with a position of its own was given its first */
    struct map held;         /* keys with a parked record; values are not used */
    int64_t parked;
    int64_t park_looked_us;
    struct map relations_told; /* versions the sink has accepted */
    unsigned shapes_told;      /* generation of opts.shapes that it has accepted */
    struct backoff backoff;
    struct arena arena; /* of the batch */
};

bool deliver_init(struct deliver *d, const struct deliver_opts *opts, struct error *err) MUST_CHECK;
void deliver_done(struct deliver *d);
/* The body of the thread; arg is the struct deliver. */
void deliver_thread(void *arg);

/* ---- shared by the deliver_*.c files -------------------------------------------------------------- */

/* The batch without the changes of other tables; keeps away, or marks, those whose key is parked, and
 * keeps away for good what cannot be read. */
void deliver_select(struct deliver *d, const struct batch *all, struct batch *ret_wanted,
                    struct sink_result *ret_held, struct batch *ret_held_batch);
/* Sets the rejects of a batch aside, durably. */
bool deliver_park(struct deliver *d, const struct batch *b, const struct sink_result *res,
                  struct error *err) MUST_CHECK;
/* Replays and drops what was asked for, and what waits behind it. */
bool deliver_replay(struct deliver *d, struct error *err) MUST_CHECK;
/* Stores d->written and d->started, durably enough for a position. */
bool deliver_store(struct deliver *d, struct error *err) MUST_CHECK;
/* Behind each change of parked records. */
bool deliver_settle(struct deliver *d, struct error *err) MUST_CHECK;
/* Reads the keys that are parked, at start. */
bool deliver_load_held(struct deliver *d, struct error *err) MUST_CHECK;
/* Sink and reader, at the same place; nothing to do when they are. (deliver_open.c) */
bool deliver_open(struct deliver *d, struct error *err) MUST_CHECK;
void deliver_close_reader(struct deliver *d);
/* A sink that keeps its position itself is asked where it stands: d->written. */
bool deliver_follow_target(struct deliver *d, struct error *err) MUST_CHECK;
/* Shows every relation of the batch that the sink does not know yet. */
bool deliver_tell_relations(struct deliver *d, const struct batch *b, struct error *err) MUST_CHECK;

#endif
