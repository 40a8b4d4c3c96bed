/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_LOG_STREAM_H
#define STREAM_LOG_STREAM_H

/*
 * The stream (stream/stream.h) over the embedded log: changes as frames (model/frame.h) in the records
 * of log/log.h. One transaction is one unit of the log, a mark is a unit of its own.
 *
 * Each segment begins with what a reader needs to start there: the last transaction before it, the
 * last mark, and the newest shape of every table. Threads as in stream.h; the caller holds a lock on
 * the directory.
 */

#include "base/file.h"
#include "log/log.h"
#include "stream/stream.h"

struct log_stream_opts {
    const char *dir;            /* of the log itself: DATA/log */
    uint64_t segment_bytes;     /* 0: the log's default */
    uint64_t verify_bytes;      /* as in struct log_opts */
    int64_t keep_ms;            /* segments are kept at least this long */
    uint64_t keep_bytes;        /* above this size keep_ms does not count; 0: it always does */
    const struct file_ops *ops; /* NULL: file_posix */
    const struct clock *clock;  /* NULL: clock_system */
    bool readonly;              /* to look: no writer's calls; see log_open_readonly */
};

/* Opens, and recovers what a crash left. ret_recovery may be NULL. Errors as log_open, and ERR_CORRUPT
 * E_STREAM_RECORD when a stored record is not what this version writes. */
bool log_stream_open(const struct log_stream_opts *opts, struct stream **ret_stream,
                     struct log_recovery *ret_recovery, struct error *err) MUST_CHECK;

/* The log below, for inspection (`multisink log`). */
struct log *log_stream_log(struct stream *s);

#endif
