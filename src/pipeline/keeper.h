/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_KEEPER_H
#define PIPELINE_KEEPER_H

/*
 * Keeps the claim of this process on a stream in Kafka (pipeline/claim.h): takes it, writes down how far
 * the publisher has come, and notices when another machine has taken over.
 *
 *     keeper_init -> keeper_load, keeper_take, keeper_change (capture thread)
 *                 -> keeper_round()* (keeper thread) -> keeper_done
 *
 *  (1) keeper.progress.position is what the state topic says is wholly in Kafka. Capture confirms no LSN above
 *      it, so that whoever takes the slot over finds a position in the topic that is at or above the slot's.
 *  (2) A claim's wts belongs to its position: whoever takes the same changes from there on stamps them alike. What
 *      the one before had on its way may thus come late without harm.
 *
 * The slot itself is the lock; the claim only tells who had it last. Whoever takes it writes a higher term;
 * whoever sees one of another writer has lost it, and stops. A record of a lower term is a late word of one
 * that has lost it, and counts for nothing.
 */

#include "base/clock.h"
#include "base/wake.h"
#include "pipeline/claim.h"
#include "pipeline/progress.h"
#include "stream/stream.h"

/* The state topic. Errors as in kafka/client.h. */
struct keeper_table {
    void *ctx;
    /* Every value of the key that is still there, oldest first. */
    bool (*load)(void *ctx, int stop_fd, void (*each)(void *arg, int64_t offset, struct str value),
                 void *arg, struct error *err);
    /* Durable when it returns. */
    bool (*put)(void *ctx, struct str value, int stop_fd, int64_t *ret_offset, struct error *err);
    /* The next value that nobody has asked for; *ret_found false: none now. */
    bool (*next)(void *ctx, bool *ret_found, int64_t *ret_offset, struct str *ret_value,
                 struct error *err);
    void (*close)(void *ctx);
};

struct keeper_opts {
    struct keeper_table table; /* owned from here on */
    const char *writer;
    const char *host;
    struct stream *stream;
    struct progress *publisher; /* a deliver's: what is in Kafka */
    const struct clock *clock;
    int stop_fd; /* ends what capture waits for */
    int end_fd;  /* ends the thread */
};

struct keeper {
    struct keeper_opts opts;
    struct progress progress; /* as a sink's: position, state, last_error */
    struct wake lost;         /* another writer is there; never cleared */

    pthread_mutex_t lock; /* of all below */
    struct claim claim;   /* as last written */
    struct lsn start;     /* with this LSN in Kafka the first snapshot is complete there */
    char lost_to[CLAIM_HOST];
    bool held;
    int64_t taken; /* offset of the record that took it */
    int64_t term;  /* the highest that was seen */

    /* owned by the keeper thread */
    struct position at; /* where the publisher stood when that was written */
    int64_t put_us;
    bool failing;
};

/* What the state topic says. */
struct keeper_found {
    bool found;
    struct claim claim; /* of the highest term, with the highest position of its epoch by anyone */
    int64_t offset;
    bool ours;
};

bool keeper_init(struct keeper *k, const struct keeper_opts *opts, struct error *err) MUST_CHECK;
void keeper_done(struct keeper *k);

/* Capture thread; waits for Kafka. */
bool keeper_load(struct keeper *k, struct keeper_found *ret_found, struct error *err) MUST_CHECK;
/* From now on it is ours: written, and looked at once more. `position` is what was known to be in Kafka;
 * the phase is STREAMING there only once `start` is. ERR_RETRY E_WRITER_SUPERSEDED: somebody was faster. */
bool keeper_take(struct keeper *k, const struct checkpoint_source *source, struct position position,
                 struct lsn start, int64_t wts, struct error *err) MUST_CHECK;
/* Another phase of what is ours already. */
bool keeper_change(struct keeper *k, const struct checkpoint_source *source, struct lsn start,
                   struct error *err) MUST_CHECK;
bool keeper_is_held(struct keeper *k);
/* True while it is ours or nobody's; else ERR_RETRY E_WRITER_SUPERSEDED. Any thread. */
bool keeper_check(struct keeper *k, struct error *err) MUST_CHECK;

/* One look and, when it is time, one record. `now`: whatever has changed is written at once. */
bool keeper_round(struct keeper *k, bool now, struct error *err) MUST_CHECK;
/* The body of the thread: rounds until stop, errors are tried again for ever. */
void keeper_thread(void *arg);

struct keeper_whole {
    bool known;
    struct position position;
    int64_t wts; /* the next change is stamped above this */
};

/* Invariants 1 and 2, pure: what is wholly in Kafka when the publisher stands at `at` and the stream ends at `tail`. A
 * position inside a transaction, or at its last change, speaks only for what is before it, up to where the commit record
 * begins: PostgreSQL never sends a transaction again whose record begins below what was confirmed. */
struct keeper_whole keeper_whole(const struct progress_sink *at, const struct stream_tail *tail);

#endif
