/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_PROGRESS_H
#define PIPELINE_PROGRESS_H

/*
 * What a running pipeline tells about itself: one struct per thread that works, written by that thread
 * at batch boundaries, read as a whole copy by anyone. control/ sees the pipeline only through these.
 * Each struct has a mutex of its own, held for the copy alone.
 */

#include "base/error.h"
#include "model/position.h"

#include <pthread.h>
#include <stdint.h>

enum progress_state {
    PROGRESS_STARTING,
    PROGRESS_SNAPSHOT, /* capture: copying tables */
    PROGRESS_RUNNING,
    PROGRESS_RETRYING, /* a peer is away; tried again */
    PROGRESS_WAITING,  /* capture: no space, or the log is full */
    PROGRESS_STANDBY,  /* capture: another process has the slot */
    PROGRESS_PAUSED,
    PROGRESS_FAILED, /* a person must act */
    PROGRESS_STOPPED
};

const char *progress_state_name(enum progress_state state);

/* Delays in buckets of about 6 %, from 1 µs to 12 days: 16 per power of two. */
enum { PROGRESS_BUCKETS = 40 * 16 };

struct progress_latency {
    uint64_t count;
    int64_t max_us;
    uint32_t buckets[PROGRESS_BUCKETS];
};

void progress_latency_add(struct progress_latency *l, int64_t us, uint64_t times);
/* The delay that `share` (0 to 1) of all stay below; 0 when there are none. */
int64_t progress_latency_at(const struct progress_latency *l, double share);

struct progress_capture {
    enum progress_state state;
    struct error last_error; /* kind ERR_NONE: none; stays after it passed */
    int64_t last_error_us;
    struct lsn confirmed; /* told to PostgreSQL */
    struct lsn received;  /* highest end of WAL the server has sent */
    struct position durable;
    bool superseded; /* the thread has ended: another machine has the stream */
    uint64_t transactions;
    uint64_t rows;
    uint64_t reconnects;
    int64_t last_commit_us;      /* commit time of the last transaction taken, 0: none */
    int64_t last_message_us;     /* when the server was last heard of */
    uint64_t retained_wal_bytes; /* what the slot holds back on the server, when last asked */
    char server[128];            /* "localhost:5432, PostgreSQL 15.18" */
};

struct progress_sink {
    enum progress_state state;
    struct error last_error;
    int64_t last_error_us;
    struct position position;
    /* Of the last change up to there: where the commit record of its transaction begins, and its write stamp. 0: not
     * known. */
    struct lsn commit_lsn;
    int64_t wts;
    uint64_t rows; /* delivered */
    uint64_t batches;
    uint64_t retries;
    int64_t parked;           /* now */
    uint64_t lag_bytes;       /* of the stream still to read */
    int64_t pending_since_us; /* commit time of the oldest change not delivered; 0: none is */
    int64_t last_success_us;
    struct progress_latency latency; /* commit -> acknowledged, since the start */
};

struct progress {
    pthread_mutex_t lock;
    union {
        struct progress_capture capture;
        struct progress_sink sink;
    };
};

void progress_init(struct progress *p);
void progress_done(struct progress *p);

/* For the writing thread: change the struct between the two. */
struct progress_capture *progress_edit_capture(struct progress *p);
struct progress_sink *progress_edit_sink(struct progress *p);
void progress_release(struct progress *p);

/* Remembers an error and a state in one go. */
void progress_sink_failed(struct progress *p, enum progress_state state, const struct error *err,
                          int64_t now_us);
void progress_capture_failed(struct progress *p, enum progress_state state, const struct error *err,
                             int64_t now_us);

/* Whole copies. */
void progress_get_capture(struct progress *p, struct progress_capture *ret);
void progress_get_sink(struct progress *p, struct progress_sink *ret);

#endif
