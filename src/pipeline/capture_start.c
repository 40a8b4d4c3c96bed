/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connection goes on. What is stored (state.db: the source's identity and phase; the stream:
 * the last durable position) is held against what the server has (slot, identity, WAL):
 *
 *   stored            server        ->
 *   nothing           no slot       make publication and slot, copy the tables (capture_snapshot.c)
 *   nothing           a slot        adopt it: go on from its confirmed position
 *   streaming         the slot      judge it: the same history without a gap, or an error
 *   creating/snapshot any           an interrupted start: drop our slot, begin a new epoch
 *   streaming, and --resnapshot     likewise
 */
#include "pipeline/capture.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "postgres/catalog.h"
#include "postgres/slot.h"

#include <stdio.h>
#include <stdlib.h>

static bool connect_one(struct capture *c, bool replication, struct postgres_conn **ret_conn,
                        struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    struct postgres_opts opts = { .url = source->url,
                                  .password = source->password,
                                  .application_name = "multisink",
                                  .replication = replication,
                                  .stop_fd = c->opts.stop_fd,
                                  .clock = c->opts.clock };

    return postgres_connect(&opts, ret_conn, err);
}

static void note_server(struct capture *c)
{
    struct progress_capture *p = progress_edit_capture(&c->progress);

    (void)snprintf(p->server, sizeof p->server, "%.60s, PostgreSQL %.24s", postgres_peer(c->sql),
                   c->server.version);
    progress_release(&c->progress);
}

/* A third of the server's patience, and never longer than configured. */
static void set_status_interval(struct capture *c)
{
    int64_t ms = c->opts.config->source.status_interval_ms;
    int64_t third = c->server.wal_sender_timeout_ms / 3;

    if (ms <= 0)
        ms = 10000;
    if (third > 0 && third < ms)
        ms = third;
    c->status_interval_us = ms * 1000;
}

/* For the sinks, which hold them against their targets. */
static void show_shapes(struct capture *c, const struct postgres_table *tables, size_t count)
{
    const struct relation **rels =
        mem_zalloc(count, sizeof *rels); /* NOLINT(bugprone-sizeof-expression): of pointers */

    for (size_t i = 0; i < count; i++)
        rels[i] = tables[i].rel;
    shapes_put(c->opts.shapes, rels, count);
    free(rels);
}

/* What the publication has to name: the captured tables, and the signal table behind them unless it is
 * one of them. */
static const char **published_names(const struct config_source *source, size_t *ret_count)
{
    size_t n = source->tables.count;
    const char **names =
        mem_zalloc(n + 1, sizeof *names); /* NOLINT(bugprone-sizeof-expression): of pointers */

    for (size_t i = 0; i < n; i++)
        names[i] = source->tables.items[i];
    *ret_count = n;
    if (source->signal_table == NULL)
        return names;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], source->signal_table) == 0)
            return names;
    }
    names[(*ret_count)++] = source->signal_table;
    return names;
}

/* The publication must be there before the slot, and publish what is wanted. */
static bool ensure_publication(struct capture *c, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    size_t count;
    const char **names = published_names(source, &count);
    struct postgres_publication pub;
    struct postgres_table *tables;
    struct arena a;
    bool ok;

    arena_init(&a, 64 * MIB);
    ok = postgres_tables_find(c->sql, names, count, &a, &tables, err) &&
         postgres_publication_look(c->sql, source->publication, &a, &pub, err);
    if (ok && !pub.exists && !c->source_known) {
        ok = postgres_publication_create(c->sql, source->publication, tables, count, err);
        if (ok)
            logger_info("capture", "made publication %s for %zu table(s)", source->publication,
                        count);
    } else if (ok) {
        ok = postgres_publication_judge(&pub, source->publication, tables, count, err);
    }
    if (ok)
        show_shapes(c, tables, source->tables.count);
    arena_done(&a);
    free((void *)names);
    return ok;
}

static bool judge(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    struct postgres_slot_expect expect = { .database = c->server.database };

    if (c->source_known) {
        expect.had_slot = true;
        expect.durable = c->durable;
        expect.total_txns = c->source.slot_txns;
        expect.system_id = c->source.system_id;
        expect.timeline = c->source.timeline;
    }
    return postgres_slot_judge(slot, &expect, &c->server, err);
}

static bool names_changed(const struct capture *c, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;

    if (strcmp(c->source.slot, source->slot) == 0)
        return false;
    (void)error_set(err, ERR_STOP, E_SOURCE_CHANGED,
                    "cannot go on: the log in %s continues slot \"%s\", the configuration names"
                    " \"%s\"",
                    c->opts.config->stream.dir, c->source.slot, source->slot);
    return true;
}

/* Remembers what the source is, durably. */
static bool store_source(struct capture *c, enum checkpoint_phase phase, struct error *err)
{
    c->source.system_id = c->server.system_id;
    c->source.timeline = c->server.timeline;
    (void)str_copy(str_from(c->server.database), c->source.database, sizeof c->source.database);
    (void)str_copy(str_from(c->opts.config->source.slot), c->source.slot, sizeof c->source.slot);
    c->source.phase = phase;
    if (!checkpoint_set_source(c->state, &c->source, err))
        return false;
    c->source_known = true;
    return true;
}

static bool adopt(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    char lsn[LSN_TEXT];

    if (!judge(c, slot, err))
        return false;
    c->source = (struct checkpoint_source){ .epoch = 1, .slot_txns = slot->total_txns };
    c->durable = slot->confirmed_flush;
    if (!capture_mark(c, slot->confirmed_flush, err) || !store_source(c, CHECKPOINT_STREAMING, err))
        return false;
    logger_info(
        "capture",
        "slot %s was there already: changes from %s on are taken; earlier rows are not copied"
        " (for a copy: multisink run --resnapshot)",
        slot->name, lsn_format(slot->confirmed_flush, lsn));
    return true;
}

/* Another machine has written the stream last: its epoch and its position, as the state topic has them. The slot is at
 * or below it, and what lies between is in Kafka. */
static bool go_on_for(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    char lsn[LSN_TEXT];

    c->source = c->found.claim.source;
    c->source_known = true;
    c->durable = c->found.claim.position.commit_end;
    if (names_changed(c, err) || !judge(c, slot, err)) {
        c->source_known = false; /* nothing was stored */
        return false;
    }
    c->source.slot_txns = slot->total_txns;
    if (lsn_cmp(slot->confirmed_flush, c->durable) <= 0)
        capture_resume_stamps(c);
    else
        c->durable = slot->confirmed_flush;
    if (!capture_mark(c, c->durable, err) || !store_source(c, CHECKPOINT_STREAMING, err))
        return false;
    logger_info("capture", "going on from %s, where %s stood", lsn_format(c->durable, lsn),
                c->found.claim.host);
    return true;
}

static bool go_on(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    if (names_changed(c, err) || !judge(c, slot, err))
        return false;
    c->source.slot_txns = slot->total_txns;
    return store_source(c, CHECKPOINT_STREAMING, err);
}

/* Others see that a history begins here before there is a slot. */
static bool claim_history(struct capture *c, struct error *err)
{
    struct position none = { .epoch = c->source.epoch };

    return c->opts.keeper == NULL ||
           keeper_take(c->opts.keeper, &c->source, none, (struct lsn){ 0 }, c->least_wts, err);
}

/* The slot that an interrupted start left; it is ours by the stored phase and name. */
static bool start_over(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    struct stream_tail tail;

    c->opts.stream->ops->tail(c->opts.stream, &tail);
    if (c->source_known && c->source.phase == CHECKPOINT_SNAPSHOT && !c->opts.resnapshot &&
        tail.position.epoch == c->source.epoch) {
        /* The copy was complete and synced; only the note of it was lost. */
        return go_on(c, slot, err) && (c->opts.keeper == NULL || !keeper_is_held(c->opts.keeper) ||
                                       keeper_change(c->opts.keeper, &c->source, c->durable, err));
    }
    /* A slot of another name was never ours to drop, unless the user says so. */
    if (c->source_known && !c->opts.resnapshot && slot->exists && names_changed(c, err))
        return false;
    if (slot->exists) {
        bool ours = strcmp(slot->plugin, "pgoutput") == 0 &&
                    strcmp(slot->database, c->server.database) == 0;

        /* Whatever the name says, what could not be our slot is not dropped. */
        if (!ours)
            return judge(c, slot, err);
        if (slot->active)
            return error_set(err, ERR_RETRY, E_SLOT_ACTIVE,
                             "cannot drop slot \"%s\" to start over: it is active for PID %d",
                             slot->name, slot->active_pid);
        if (!postgres_slot_drop(c->sql, slot->name, err))
            return false;
    }
    c->source.epoch = (c->source_known ? c->source.epoch : tail.position.epoch) + 1;
    if (c->found.found && c->source.epoch <= c->found.claim.source.epoch)
        c->source.epoch = c->found.claim.source.epoch + 1;
    if (!store_source(c, CHECKPOINT_CREATING, err) || !claim_history(c, err))
        return false;
    return capture_new_history(c, err);
}

static bool choose(struct capture *c, const struct postgres_slot *slot, struct error *err)
{
    if (c->opts.resnapshot)
        return start_over(c, slot, err);
    if (c->source_known && c->source.phase != CHECKPOINT_STREAMING)
        return start_over(c, slot, err);
    if (c->source_known)
        return go_on(c, slot, err);
    if (c->found.found)
        return go_on_for(c, slot, err);
    return slot->exists ? adopt(c, slot, err) : start_over(c, slot, err);
}

struct stream_tail capture_tail(const struct capture *c)
{
    struct stream_tail tail;

    c->opts.stream->ops->tail(c->opts.stream, &tail);
    if (tail.last_wts < c->least_wts)
        tail.last_wts = c->least_wts;
    return tail;
}

static bool start_streaming(struct capture *c, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    struct postgres_stream_opts opts = { .slot = source->slot,
                                         .publication = source->publication,
                                         .start = c->durable,
                                         .messages = source->messages || c->incremental != NULL };
    struct stream_tail tail = capture_tail(c);

    assembler_begin(&c->assembler, c->source.epoch, &tail);
    if (c->incremental != NULL && !incremental_begin(c->incremental, tail.position.commit_end, err))
        return false;
    if (c->replication == NULL && !connect_one(c, true, &c->replication, err))
        return false;
    if (!postgres_stream_start(c->replication, &opts, &c->wal, err) ||
        (c->opts.keeper != NULL && !capture_take_over(c, err)))
        return false;
    logger_info("capture", "streaming from %s", postgres_peer(c->sql));
    return true;
}

bool capture_start(struct capture *c, struct error *err)
{
    struct postgres_slot slot;
    struct progress_capture *p;

    /* What the last connection brought and nobody synced is in the log already. It becomes durable
     * first, so that the tail says of it that it need not be taken again. */
    if (!capture_sync(c, err))
        return false;
    if (!connect_one(c, false, &c->sql, err) || !postgres_server_look(c->sql, &c->server, err) ||
        !postgres_server_judge(&c->server, err))
        return false;
    note_server(c);
    set_status_interval(c);
    if (!ensure_publication(c, err) ||
        !postgres_slot_look(c->sql, c->opts.config->source.slot, &slot, err) ||
        (c->opts.keeper != NULL && !capture_stand_by(c, &slot, err)))
        return false;
    p = progress_edit_capture(&c->progress);
    p->retained_wal_bytes = slot.retained_bytes;
    progress_release(&c->progress);
    return choose(c, &slot, err) && start_streaming(c, err);
}

/* capture_snapshot.c needs it for the connection that makes the slot. */
bool capture_connect_replication(struct capture *c, struct error *err)
{
    return connect_one(c, true, &c->replication, err);
}

bool capture_set_phase(struct capture *c, enum checkpoint_phase phase, struct error *err)
{
    if (!store_source(c, phase, err))
        return false;
    return c->opts.keeper == NULL || keeper_change(c->opts.keeper, &c->source, c->durable, err);
}
