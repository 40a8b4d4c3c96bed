/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_LOG_STREAM_PRIVATE_H
#define STREAM_LOG_STREAM_PRIVATE_H

/*
 * Shared by log_stream.c (the writer's side), log_stream_index.c (positions of segments, and what the
 * last one tells) and log_stream_reader.c.
 */

#include "base/map.h"
#include "stream/log_stream.h"

#include <pthread.h>

/* A relation version that the writer has met. */
struct log_stream_relation {
    const struct relation *rel;
    uint64_t written; /* in this generation; 0: not in this process */
    uint64_t used;    /* by a change of this generation */
};

struct log_stream {
    struct stream stream; /* first */
    struct log *log;
    const struct clock *clock;
    int64_t keep_ms;
    uint64_t keep_bytes;

    /* Writer's thread only. */
    bool in_tx;
    struct frame_tx tx;    /* the open one */
    uint32_t next_ordinal; /* of its next change */
    bool has_last;
    struct frame_tx last; /* the last committed one; first_ordinal is one above its last change */
    bool has_mark;
    struct position mark;      /* the last one */
    struct position committed; /* of the last transaction or mark */
    int64_t last_wts;
    /* Rises with every segment and every abort: what was written in an older one is written again. */
    uint64_t generation;
    struct map by_version; /* struct log_stream_relation */
    struct map newest;     /* by the table's oid; the same objects */
    uint32_t version_max;
    struct log_stream_relation *recent; /* the one used last */
    struct arena relations;
    struct buf scratch; /* of the preamble: appending a record may begin a segment */

    /* Any thread, under the lock. */
    pthread_mutex_t lock;
    struct stream_tail tail; /* durable */
    /* Readers see what a sync made durable a moment before `tail` says so; what they may come back with
     * is never above this. */
    struct position syncing;
    struct position oldest;
};

/* log_stream.c */
bool log_stream_learn(struct log_stream *s, const struct relation *rel,
                      struct log_stream_relation **ret_known, struct error *err);

/* log_stream_index.c; any thread */
/* The base of the segment in which reading behind `from` begins. *ret_found false: `from` is older than
 * all that is there. */
bool log_stream_find(struct log_stream *s, struct position from, struct pos *ret_base,
                     bool *ret_found, struct error *err);
/* What comes first in the log lies behind this. */
bool log_stream_oldest(struct log_stream *s, struct position *ret_oldest, struct error *err);
/* Reads the last segment, for where the writer goes on. Before the stream is used. */
bool log_stream_scan(struct log_stream *s, struct error *err);
bool log_stream_bad_record(struct pos at, const char *why, struct error *err);

/* log_stream_reader.c: the reader's half of struct stream_ops */
bool log_stream_reader_open(struct stream *stream, struct position from,
                            struct stream_reader **ret_reader, struct error *err);
bool log_stream_read(struct stream_reader *reader, const struct stream_want *want, struct arena *a,
                     struct batch *ret_batch, struct error *err);
void log_stream_relations(struct stream_reader *reader,
                          void (*each)(void *ctx, const struct relation *rel), void *ctx);
uint64_t log_stream_lag_bytes(struct stream_reader *reader, bool pending);
void log_stream_reader_close(struct stream_reader *reader);

#endif
