/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several captures of one slot, with the stream in Kafka. The slot is the lock: PostgreSQL gives it to one
 * connection. What the state topic says tells whoever gets it next where to go on:
 *
 *   slot              last writer              ->
 *   in use            -                        stand by: look twice a second, open nothing else
 *   free or missing   nobody, or this one      as with a log of our own (capture_start.c)
 *   free              another, streaming       give up what waits here, go on from the slot with its epoch
 *   any               another, in a snapshot   stand by while it shows that it lives, else stop
 *
 * The topic is looked at again once the slot is ours, and our claim is written before anything is taken.
 */
#include "pipeline/capture.h"

#include "base/logger.h"
#include "postgres/slot.h"
#include "sink/kafka.h"

#include <stdio.h>

enum { LOOK_MS = 500, SNAPSHOT_PATIENCE_US = 30 * 1000 * 1000 };

static void stand_by(struct capture *c, const char *why)
{
    struct progress_capture *p = progress_edit_capture(&c->progress);
    bool first = p->state != PROGRESS_STANDBY;

    p->state = PROGRESS_STANDBY;
    progress_release(&c->progress);
    if (first)
        logger_info("capture", "standing by: %s", why);
}

static bool wait_for_slot(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    char why[512];

    (void)snprintf(why, sizeof why,
                   "slot \"%s\" is in use by %s, PID %d; taking over when that ends", slot->name,
                   slot->active_who[0] != '\0' ? slot->active_who : "somebody", slot->active_pid);
    stand_by(c, why);
    return !wake_wait(c->opts.stop_fd, LOOK_MS) || error_cancel(err);
}

/* Another's first copy is not all in Kafka. It writes every few seconds as long as it lives. */
static bool wait_for_snapshot(struct capture *c, const struct keeper_found *found,
                              struct error *err)
{
    int64_t now = clock_mono_us(c->opts.clock);
    char why[200];

    if (found->offset != c->heard_offset || c->heard_us == 0) {
        c->heard_offset = found->offset;
        c->heard_us = now;
    }
    if (now - c->heard_us >= SNAPSHOT_PATIENCE_US) {
        return error_set(err, ERR_STOP, E_WRITER_SNAPSHOT,
                         "cannot go on: %s has begun a first snapshot into Kafka, and nothing was"
                         " heard of it for %d s; start capture there, or start anew: multisink run"
                         " --resnapshot",
                         found->claim.host, SNAPSHOT_PATIENCE_US / 1000000);
    }
    (void)snprintf(why, sizeof why, "%s is copying the tables into Kafka", found->claim.host);
    stand_by(c, why);
    return !wake_wait(c->opts.stop_fd, LOOK_MS) || error_cancel(err);
}

static bool holds_something(const struct capture *c)
{
    struct stream_tail tail;

    c->opts.stream->ops->tail(c->opts.stream, &tail);
    return c->source_known || !position_is_start(tail.position);
}

/* What waits here was captured by a process that lost the slot since: the other one has taken it too. */
static bool give_up(struct capture *c, struct error *err)
{
    c->stale = true;
    return error_set(err, ERR_RETRY, E_WRITER_SUPERSEDED,
                     "cannot use the changes that wait in %s: %s has written this stream since",
                     c->opts.config->stream.dir, c->found.claim.host);
}

/* Write stamps go on above all that is in Kafka; where another's history is gone on with, from what it stamped at the
 * claim's position, and above the rest only behind its end (capture_resume_stamps). */
static bool note_stamps(struct capture *c, struct error *err)
{
    struct position last;
    int64_t wts = 0;

    if (!c->found.found)
        return true;
    if (!c->found.ours && !sink_kafka_ends(c->opts.config, c->opts.stop_fd, &last, &wts, err))
        return false;
    c->least_wts = c->found.claim.wts > wts ? c->found.claim.wts : wts;
    if (!c->found.ours && last.epoch == c->found.claim.source.epoch)
        c->seen = (struct assembler_seen){ last.commit_end, wts };
    return true;
}

void capture_resume_stamps(struct capture *c)
{
    c->assembler.seen = c->seen;
    c->least_wts = c->found.claim.wts;
}

/* The connection was lost and is there again; nobody was heard of in between. Kafka need not be asked, but
 * when the slot has moved without us. */
static bool is_still_ours(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    if (lsn_cmp(slot->confirmed_flush, c->durable) > 0) {
        if (!keeper_load(c->opts.keeper, &c->found, err))
            return false;
        if (c->found.found && !c->found.ours)
            return give_up(c, err);
    }
    return keeper_check(c->opts.keeper, err);
}

bool capture_stand_by(struct capture *c, struct postgres_slot *slot, struct error *err)
{
    struct keeper *k = c->opts.keeper;

    if (keeper_is_held(k))
        return is_still_ours(c, slot, err);
    for (;;) {
        if (!keeper_check(k, err))
            return false;
        if (slot->exists && slot->active) {
            if (!wait_for_slot(c, slot, err))
                return false;
        } else {
            if (!keeper_load(k, &c->found, err))
                return false;
            if (!c->found.found || c->found.ours || c->opts.resnapshot ||
                c->found.claim.source.phase == CHECKPOINT_STREAMING)
                break;
            if (!wait_for_snapshot(c, &c->found, err))
                return false;
        }
        if (!postgres_slot_look(c->sql, c->opts.config->source.slot, slot, err))
            return false;
    }
    if (c->found.found && !c->found.ours && holds_something(c))
        return give_up(c, err);
    /* The server went on while we waited. */
    return postgres_server_look(c->sql, &c->server, err) && note_stamps(c, err);
}

bool capture_take_over(struct capture *c, struct error *err)
{
    struct keeper *k = c->opts.keeper;
    struct keeper_found found;
    struct position known = { c->source.epoch, 0, { 0 } };
    struct lsn start = { 0 };
    struct stream_tail tail;

    if (keeper_is_held(k))
        return true;
    if (!keeper_load(k, &found, err))
        return false;
    if (found.found != c->found.found || found.offset != c->found.offset)
        return error_set(err, ERR_RETRY, E_WRITER_SUPERSEDED,
                         "cannot take the stream over: %s has written it meanwhile",
                         found.claim.host);
    c->opts.stream->ops->tail(c->opts.stream, &tail);
    if (found.found && found.claim.source.epoch == c->source.epoch)
        known = found.claim.position;
    else if (!found.found && tail.last_wts == 0) /* adopted: all before the slot is nobody's */
        known.commit_end = tail.position.commit_end;
    if (found.ours && found.claim.source.phase != CHECKPOINT_STREAMING)
        start = tail.position.commit_end;
    if (!keeper_take(k, &c->source, known, start, c->least_wts, err))
        return false;
    if (found.found && !found.ours)
        logger_info("capture", "took the stream over from %s at epoch %u", found.claim.host,
                    c->source.epoch);
    return true;
}
