/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SUPERVISOR_H
#define PIPELINE_SUPERVISOR_H

/*
 * One running pipeline: the lock on its data directory, its stream, the capture thread, a deliver
 * thread per sink, and the retention of the log. Owned by the main thread.
 *
 *     supervisor_open -> supervisor_start -> supervisor_tick()* -> supervisor_stop -> supervisor_close
 *
 *  (5) A segment is removed only when every sink's position is past it by the safety window (window.h).
 *  (7) An fsync that fails ends the process; supervisor_tick says so at once.
 */

#include "base/wake.h"
#include "pipeline/capture.h"
#include "pipeline/deliver.h"
#include "pipeline/lanes.h"
#include "pipeline/thread.h"
#include "pipeline/window.h"

struct supervisor_opts {
    const struct config *config;
    const struct clock *clock;
    int role; /* enum config_role; goes before config->role */
    bool resnapshot;
    struct str handover;        /* as in struct capture_opts */
    const char *restart_sink;   /* name, or NULL */
    const struct file_ops *ops; /* of the log; NULL: the real ones */
};

struct supervisor {
    struct supervisor_opts opts;
    int lock_fd;
    struct stream *stream;
    struct shapes shapes;
    struct wake stop_capture;
    struct wake stop_deliver;
    struct capture capture;
    struct thread capture_thread;
    bool capture_ready;
    struct deliver *delivers;
    struct thread *deliver_threads;
    size_t deliver_count; /* those that were initialised */
    struct lanes **lanes; /* with a stream in Kafka, in place of the delivers */
    size_t lanes_count;
    int64_t started_us; /* real time */
    int64_t retained_us;
    bool disk_failed;     /* an fsync of the log's directory did */
    struct window window; /* where the slowest sink stood */
};

bool supervisor_open(const struct supervisor_opts *opts, struct supervisor **ret_supervisor,
                     struct error *err) MUST_CHECK;
bool supervisor_start(struct supervisor *s, struct error *err) MUST_CHECK;

enum supervisor_verdict {
    SUPERVISOR_GOES_ON,
    SUPERVISOR_DRAINED, /* capture has failed for good and every sink that runs has all there is */
    SUPERVISOR_DEAD     /* the disk failed: end at once */
};

/* Housekeeping, to be called about every second: retention and the state of the whole. */
enum supervisor_verdict supervisor_tick(struct supervisor *s);
/* Readable when the capture thread has ended with an error, so that the main loop ticks at once. */
int supervisor_failed_fd(const struct supervisor *s);
/* Asks all threads to end, and does not wait. */
void supervisor_ask_stop(struct supervisor *s);
/* Asks all threads to end and waits for them; positions are saved, the source is told. */
void supervisor_stop(struct supervisor *s);
/* The error that ended the capture; kind ERR_NONE when there is none. After supervisor_stop. */
const struct error *supervisor_error(const struct supervisor *s);
void supervisor_close(struct supervisor *s);

/* How the sinks do, in the order of the configuration. Any thread. */
size_t supervisor_sink_count(const struct supervisor *s);
void supervisor_get_sink(struct supervisor *s, size_t at, struct progress_sink *ret);

/* ---- the deliver side (supervisor_sinks.c) ---- */

bool supervisor_open_sinks(struct supervisor *s, struct error *err) MUST_CHECK;
bool supervisor_start_sinks(struct supervisor *s, struct error *err) MUST_CHECK;
void supervisor_ask_sinks_to_stop(struct supervisor *s);
void supervisor_join_sinks(struct supervisor *s);
void supervisor_close_sinks(struct supervisor *s);

#endif
