/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_CAPTURE_H
#define PIPELINE_CAPTURE_H

/*
 * The capture thread: from the replication slot into the stream, never waiting for a sink.
 *
 * Invariants, asserted here and tested by number:
 *  (1) The LSN confirmed to PostgreSQL is never above the commit_end of what is synced to the stream,
 *      never falls, and never exceeds the highest LSN the server itself has sent on this connection. Where the
 *      stream is in Kafka, the log is only the way there: it is never above what was published, either.
 *  (2) A keepalive moves the confirmed LSN only when no transaction is open and all that came before it
 *      is durable; the position is written to the stream first, so that the stream never lies behind
 *      the slot.
 *  (3) The rows of a first snapshot are one unit of the stream: visible whole or not at all.
 *  (6) A gap in the history stops it with an error that names the gap and the cure.
 *
 * Errors that can pass are tried again for ever, with backoff; the others end the thread with the state
 * PROGRESS_FAILED, and what was captured is still delivered.
 */

#include "base/clock.h"
#include "base/wake.h"
#include "config/config.h"
#include "pipeline/assembler.h"
#include "pipeline/backoff.h"
#include "pipeline/checkpoint.h"
#include "pipeline/keeper.h"
#include "pipeline/progress.h"
#include "pipeline/shapes.h"
#include "postgres/replication.h"
#include "postgres/server.h"

struct capture_opts {
    const struct config *config;
    struct stream *stream;
    struct shapes *shapes;
    const struct clock *clock;
    int stop_fd;
    bool resnapshot; /* start history anew: new epoch, new slot, new snapshot */
    /* Debezium's offset (handover.h), for a slot that it used before; n == 0: none. Kept in state.db, so that it
     * counts until its last transaction was passed, and used only when there is no history yet. */
    struct str handover;
    /* How far the publisher has come (sink.position), with a stream in Kafka; NULL: there is none. */
    struct progress *published;
    struct keeper *keeper; /* likewise: our claim on the stream */
};

struct capture {
    struct capture_opts opts;
    struct progress progress;
    struct wake failed; /* set when the thread has ended with an error */
    struct error error; /* why; read after the thread was joined */
    bool stale;         /* likewise: what the log holds was taken over by another machine */

    /* owned by the capture thread */
    struct state *state;
    struct postgres_conn *sql;
    struct postgres_conn *replication;
    struct postgres_stream *wal;
    struct postgres_relations *relations;
    struct tables tables;
    struct incremental *incremental; /* NULL: no signal table */
    struct assembler assembler;
    struct backoff backoff;
    struct postgres_server server;
    struct checkpoint_source source;
    bool source_known;
    struct lsn durable;   /* commit_end of what the stream holds durably */
    struct lsn confirmed; /* last told to the server */
    struct lsn idle_end;  /* the server's WAL has come this far and nothing of it is for us */
    int64_t status_interval_us;
    int64_t marked_us; /* when a keepalive last moved the position, monotonic */
    int64_t beat_us;   /* when the heartbeat was last run, monotonic */
    bool beat_failed;  /* and it was refused, which was said */
    int64_t looked_us; /* when the slot was last looked at, monotonic */
    bool reply_wanted;
    bool unsynced;                    /* something was appended since the last sync */
    enum progress_state state_before; /* where PROGRESS_WAITING goes back to */
    struct keeper_found found;        /* what the state topic said before the slot was taken */
    int64_t least_wts;                /* write stamps go on above this, whatever the stream says */
    struct assembler_seen seen;       /* another's last word in the topics */
    int64_t heard_offset; /* another's last word during its snapshot, and when it was first seen */
    int64_t heard_us;
};

bool capture_init(struct capture *c, const struct capture_opts *opts, struct error *err) MUST_CHECK;
void capture_done(struct capture *c);
/* The body of the thread; arg is the struct capture. */
void capture_thread(void *arg);

/* ---- shared by the capture_*.c files ----------------------------------------------------------- */

/* Connects and finds out where to go on: adopts or makes publication and slot, copies the first
 * snapshot. On success c->wal is streaming. (capture_start.c) */
bool capture_start(struct capture *c, struct error *err) MUST_CHECK;
/* Debezium's offset: opts.handover, or what state.db has of an earlier one. (capture_handover.c) */
bool capture_take_handover(struct capture *c, struct error *err) MUST_CHECK;
/* Makes the slot and, if wanted, copies the tables in its snapshot. (capture_snapshot.c) */
bool capture_new_history(struct capture *c, struct error *err) MUST_CHECK;
/* For it: the connection that makes the slot and then streams, and the stored phase. */
bool capture_connect_replication(struct capture *c, struct error *err) MUST_CHECK;
bool capture_set_phase(struct capture *c, enum checkpoint_phase phase,
                       struct error *err) MUST_CHECK;
/* With a stream in Kafka: waits until the slot is nobody's, and finds out who had it last (c->found). ERR_RETRY
 * E_WRITER_SUPERSEDED: all is to be opened anew, with c->stale without what the log holds. (capture_standby.c) */
struct postgres_slot;
bool capture_stand_by(struct capture *c, struct postgres_slot *slot, struct error *err) MUST_CHECK;
/* The changes behind the claim's position are stamped as the one before stamped them: what it had on its way may
 * still come, in the place of ours. */
void capture_resume_stamps(struct capture *c);
/* The slot is ours: writes down our claim, unless somebody else has written since. */
bool capture_take_over(struct capture *c, struct error *err) MUST_CHECK;
/* Where the stream ends, and the least that the next write stamp may follow. */
struct stream_tail capture_tail(const struct capture *c);
/* Runs the heartbeat's statement when it is time. What PostgreSQL refuses is warned of once.
 * (capture_heartbeat.c) */
bool capture_heartbeat(struct capture *c, struct error *err) MUST_CHECK;
/* Invariant 1, pure: durable, not falling, and nothing that the server has not sent itself. */
struct lsn capture_confirmable(struct lsn durable, struct lsn seen, struct lsn confirmed);
/* How much of what is durable is published as well, pure: `published` speaks for whole transactions (keeper.progress). */
struct lsn capture_published(struct position durable, struct position published);
/* Invariant 2: a keepalive said that everything below idle_end was sent, and nothing of it is pending
 * here: no transaction is open (one that is skipped counts), all that was appended is durable. */
bool capture_is_idle(const struct capture *c);
/* Closes the connections, the stream of the server first and in order. */
void capture_disconnect(struct capture *c);

/* Waits while the disk or the log is full, answering the server meanwhile; ERR_CANCEL when stop is
 * asked. `why` is shown as the state's reason. */
bool capture_wait_for_space(struct capture *c, const struct error *why,
                            struct error *err) MUST_CHECK;
/* After a failed call on the stream or the spool: true when the disk was full and a while has passed, so
 * that the same call may come again; else *err says why not. */
bool capture_waits_out(struct capture *c, struct error *err) MUST_CHECK;
/* stream_sync, waiting for space when there is none. Sets c->durable. */
bool capture_sync(struct capture *c, struct error *err) MUST_CHECK;
/* ops->begin, waiting for space when there is none. */
bool capture_begin(struct capture *c, const struct frame_tx *tx, struct error *err) MUST_CHECK;
/* A mark and a sync: the stream holds everything up to `lsn`. */
bool capture_mark(struct capture *c, struct lsn lsn, struct error *err) MUST_CHECK;

#endif
