/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SUPERVISOR_H
#define PIPELINE_SUPERVISOR_H

/*
 * One running pipeline: the lock on its data directory, its stream, the capture thread, a deliver
 * thread per sink, and the retention of the log. Owned by the main thread.
 *
 *     supervisor_open -> supervisor_start -> supervisor_tick()* -> supervisor_stop -> supervisor_close
 *
 * With a stream in Kafka the log is only the way there: a publisher (a deliver thread whose sink is Kafka)
 * takes everything from it, and a keeper writes down how far that has come (supervisor_source.c). The role
 * says which half runs here:
 *
 *              log   capture   publisher, keeper   sinks
 *     all      yes   yes       with Kafka          yes
 *     capture  yes   yes       yes                 none
 *     deliver  none  none      none                yes
 *
 *  (5) A segment is removed only when every sink's position, or the publisher's, is past it by the safety
 *      window (window.h).
 *  (7) An fsync that fails ends the process; supervisor_tick says so at once.
 */

#include "base/wake.h"
#include "pipeline/capture.h"
#include "pipeline/deliver.h"
#include "pipeline/keeper.h"
#include "pipeline/lanes.h"
#include "pipeline/thread.h"
#include "pipeline/window.h"

/* What the publisher is called where sinks have their names: in state.db and by the dlq command. A user's sink has no
 * colon in its name. */
#define SUPERVISOR_PUBLISHER "kafka:publisher"

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
    /* Held by the main thread while it opens the source anew (another machine has taken it over), and by
     * whoever looks at it from another thread. */
    pthread_mutex_t lock;
    struct stream *stream; /* NULL: nothing is captured here */
    struct shapes shapes;
    struct wake stop_capture;
    struct wake stop_deliver;
    struct capture capture;
    struct thread capture_thread;
    bool capture_ready;
    bool publishes; /* the stream is in Kafka, and captured here */
    struct wake stop_publisher;
    struct wake stop_keeper;
    struct config_sink publisher_conf;
    struct config_sink_type publisher_type;
    struct deliver publisher;
    struct thread publisher_thread;
    bool publisher_ready;
    struct keeper keeper;
    struct thread keeper_thread;
    bool keeper_ready;
    char writer[CHECKPOINT_WRITER];
    char host[CLAIM_HOST];
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

/* Housekeeping, to be called about every second: retention, a source that another machine has taken over,
 * and the state of the whole. */
enum supervisor_verdict supervisor_tick(struct supervisor *s);
/* Readable when the capture thread has ended with an error, so that the main loop ticks at once; -1 where
 * nothing is captured. May be another after a tick. */
int supervisor_failed_fd(const struct supervisor *s);
/* Asks all threads to end, and does not wait. */
void supervisor_ask_stop(struct supervisor *s);
/* For other threads: between the two, the parts stay what they are. */
void supervisor_hold(struct supervisor *s);
void supervisor_release(struct supervisor *s);
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
/* ---- shared by the supervisor_*.c files ---------------------------------------------------------- */

/* The log and what fills and empties it but for the sinks: capture, and with Kafka publisher and keeper. */
bool supervisor_open_source(struct supervisor *s, struct error *err) MUST_CHECK;
bool supervisor_start_source(struct supervisor *s, struct error *err) MUST_CHECK;
void supervisor_stop_source(struct supervisor *s);
void supervisor_close_source(struct supervisor *s);
/* Has the capture thread ended because another machine has the stream? Then all of it is opened anew, and
 * waits. False: that failed. */
bool supervisor_stand_by(struct supervisor *s, struct error *err) MUST_CHECK;
/* Gives up what nobody needs any more. (supervisor_retain.c) */
void supervisor_retain(struct supervisor *s);

#endif
