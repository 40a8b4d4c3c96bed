/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the slot continue our history? The order of the questions matters: first whether it is the same
 * server, because no position means anything on another one; then whether the slot is one that we can
 * read; then whether there is a gap; last whether someone else holds it, the only thing that passes
 * by itself.
 *
 * A slot that was dropped and made again stands where the server's WAL was at that moment, so it is
 * ahead of us; so is one that someone else read or advanced. Two signs tell a remade one, and neither
 * proves it: fewer transactions decoded than we saw before (the count also restarts after a crash of
 * the server), and a restart_lsn beyond our position (an advanced slot's lies there too, sometimes).
 * A fallen count alone, on a slot that is not ahead, is no gap and no reason to stop.
 */
#include "postgres/slot.h"

#include <inttypes.h>

static bool judge_server(const struct postgres_slot_expect *e, const struct postgres_server *s,
                         struct error *err)
{
    char ours[LSN_TEXT];
    char theirs[LSN_TEXT];

    if (e->system_id != 0 && e->system_id != s->system_id) {
        return error_set(
            err, ERR_STOP, E_SERVER_OTHER,
            "cannot go on: this is another PostgreSQL cluster (system identifier %" PRIu64
            ", we followed %" PRIu64 "); check the URL, or start anew: multisink run --resnapshot",
            s->system_id, e->system_id);
    }
    if (e->timeline != 0 && e->timeline != s->timeline) {
        return error_set(
            err, ERR_STOP, E_SERVER_TIMELINE,
            "cannot go on: the server is on timeline %u, we followed timeline %u: it was "
            "promoted or restored, and changes may be missing in between",
            s->timeline, e->timeline);
    }
    if (lsn_cmp(s->flush, e->durable) < 0) {
        return error_set(
            err, ERR_STOP, E_SERVER_BEHIND,
            "cannot go on: the server's WAL ends at %s, %" PRIu64
            " bytes before our position %s: it was restored, lost WAL, or is a standby "
            "that lags",
            lsn_format(s->flush, theirs), e->durable.v - s->flush.v, lsn_format(e->durable, ours));
    }
    return true;
}

static bool judge_missing(const struct postgres_slot *slot, const struct postgres_slot_expect *e,
                          struct error *err)
{
    char ours[LSN_TEXT];

    if (!e->had_slot)
        return true;
    return error_set(
        err, ERR_STOP, E_SLOT_MISSING,
        "cannot go on from %s: slot \"%s\" does not exist any more; it was dropped, or "
        "this server was restored or promoted without it. Changes since then are "
        "missing; start anew: multisink run --resnapshot",
        lsn_format(e->durable, ours), slot->name);
}

static bool judge_kind(const struct postgres_slot *slot, const struct postgres_slot_expect *e,
                       struct error *err)
{
    if (slot->plugin[0] == '\0')
        return error_set(err, ERR_STOP, E_SLOT_PHYSICAL,
                         "cannot use slot \"%s\": it is a physical slot; choose another name",
                         slot->name);
    if (strcmp(slot->plugin, "pgoutput") != 0) {
        return error_set(
            err, ERR_STOP, E_SLOT_PLUGIN,
            "cannot use slot \"%s\": it belongs to plugin %s, not pgoutput; choose another "
            "name, or drop it if nobody needs it",
            slot->name, slot->plugin);
    }
    if (strcmp(slot->database, e->database) != 0) {
        return error_set(
            err, ERR_STOP, E_SLOT_DATABASE,
            "cannot use slot \"%s\": it belongs to database \"%s\", not \"%s\"; choose "
            "another name, or check the URL",
            slot->name, slot->database, e->database);
    }
    if (slot->temporary) {
        return error_set(err, ERR_STOP, E_SLOT_TEMPORARY,
                         "cannot use slot \"%s\": it is temporary and belongs to PID %d; choose "
                         "another name",
                         slot->name, slot->active_pid);
    }
    return true;
}

static bool judge_lost(const struct postgres_slot *slot, struct error *err)
{
    char at[LSN_TEXT];

    if (strcmp(slot->wal_status, "lost") != 0 && slot->invalidation[0] == '\0')
        return true;
    return error_set(
        err, ERR_STOP, E_SLOT_LOST,
        "cannot use slot \"%s\": it is invalidated (%s); the WAL behind %s is gone. Drop "
        "it and start anew: multisink run --resnapshot",
        slot->name, slot->invalidation[0] != '\0' ? slot->invalidation : "WAL removed",
        lsn_format(slot->confirmed_flush, at));
}

static bool judge_gap(const struct postgres_slot *slot, const struct postgres_slot_expect *e,
                      struct error *err)
{
    uint64_t gap = slot->confirmed_flush.v - e->durable.v;
    char ours[LSN_TEXT];
    char theirs[LSN_TEXT];
    bool fewer;

    if (!e->had_slot || lsn_cmp(slot->confirmed_flush, e->durable) <= 0)
        return true;
    (void)lsn_format(slot->confirmed_flush, theirs);
    (void)lsn_format(e->durable, ours);
    fewer = slot->has_total_txns && slot->total_txns < e->total_txns;
    if (fewer) {
        return error_set(
            err, ERR_STOP, E_SLOT_RECREATED,
            "cannot go on from %s: slot \"%s\" begins at %s and has decoded %" PRIu64
            " transactions, fewer than the %" PRIu64 " we saw: it was most likely dropped "
            "and made again. A gap of %" PRIu64 " bytes: start anew: multisink run --resnapshot",
            ours, slot->name, theirs, slot->total_txns, e->total_txns, gap);
    }
    return error_set(err, ERR_STOP, E_SLOT_AHEAD,
                     "cannot go on from %s: slot \"%s\" is confirmed to %s, a gap of %" PRIu64
                     " bytes: another reader or pg_replication_slot_advance moved it%s%s%s",
                     ours, slot->name, theirs, gap,
                     lsn_cmp(slot->restart, e->durable) > 0 ? ", or it was dropped and made again"
                                                            : "",
                     slot->active ? "; in use now by " : "", slot->active ? slot->active_who : "");
}

static bool judge_active(const struct postgres_slot *slot, const struct postgres_server *server,
                         struct error *err)
{
    if (!slot->active)
        return true;
    return error_set(
        err, ERR_RETRY, E_SLOT_ACTIVE,
        "cannot use slot \"%s\" now: active for PID %d (%s). If that is our own broken "
        "connection, it ends within wal_sender_timeout (%" PRId64
        " ms); else two readers share the slot",
        slot->name, slot->active_pid, slot->active_who, server->wal_sender_timeout_ms);
}

bool postgres_slot_judge(const struct postgres_slot *slot,
                         const struct postgres_slot_expect *expect,
                         const struct postgres_server *server, struct error *err)
{
    if (!judge_server(expect, server, err))
        return false;
    if (!slot->exists)
        return judge_missing(slot, expect, err);
    return judge_kind(slot, expect, err) && judge_lost(slot, err) && judge_gap(slot, expect, err) &&
           judge_active(slot, server, err);
}
