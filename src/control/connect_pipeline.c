/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source connector and the sink connectors that name its topics, as one running pipeline.
 *
 *   the source is   capture            its sinks
 *   RUNNING         runs               run, or are held by their own state
 *   PAUSED          runs: the log takes what comes, the slot is confirmed, no WAL piles up;  held
 *   STOPPED         is closed, the slot is free                                              closed
 *
 * A sink that is PAUSED or STOPPED keeps its position, and the log what it has not had.
 *
 * With a stream in Kafka nothing of this holds sinks: what came over REST is a pipeline for each connector, a source
 * writes topics (role capture) and a sink reads them (role deliver), whoever writes them. A source that is PAUSED or
 * STOPPED is closed; of the file's pipeline its sinks go on then.
 */
#include "control/connect_private.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool pipeline_is_own(const struct connect_worker *w, const struct connector *c)
{
    return c->plugin != NULL && (c->plugin->source || (w->kafka != NULL && !c->of_file));
}

struct connector *pipeline_of(const struct connect_worker *w, struct connector *c)
{
    if (c->plugin == NULL || pipeline_is_own(w, c))
        return c;
    for (size_t i = 0; i < w->count; i++) {
        struct connector *source = w->items[i];

        if (source->plugin != NULL && source->plugin->source && source->prefix != NULL &&
            c->prefix != NULL && strcmp(source->prefix, c->prefix) == 0)
            return source;
    }
    return NULL;
}

void pipeline_close(struct connector *source)
{
    if (source->supervisor == NULL)
        return;
    connect_offsets_note(source);
    supervisor_stop(source->supervisor);
    control_close(source->status);
    supervisor_close(source->supervisor);
    source->supervisor = NULL;
    source->status = NULL;
    source->started = false;
}

/* Does the source capture all tables of the sink? */
static bool has_tables(const struct connector *source, struct connector *sink)
{
    const struct config_strings *tables = &source->conf->source.tables;

    for (size_t i = 0; i < sink->sink_from->count; i++) {
        const char *wanted = sink->sink_from->items[i];
        size_t at = 0;

        while (at < tables->count && strcmp(tables->items[at], wanted) != 0)
            at++;
        if (at == tables->count)
            return error_set(&sink->error, ERR_STOP, E_CONNECT_TABLES,
                             "cannot read topic %s.%s: connector %s does not capture table %s",
                             source->prefix, wanted, source->name, wanted);
    }
    return true;
}

static void attach(const struct connect_worker *w, struct connector *source, struct connector *sink,
                   size_t *count)
{
    struct config_sink *at = &source->sinks[*count];

    if (error_is(&sink->error, E_CONNECT_TABLES))
        error_clear(&sink->error);
    if (sink->sink_from == NULL || sink->error.kind != ERR_NONE ||
        (w->kafka == NULL && !source->hidden && !has_tables(source, sink)))
        return;
    *at = sink->of_file ? *sink->file_sink : sink->conf->sinks[0];
    at->pause =
        sink->wanted != CONNECT_RUNNING || (w->kafka == NULL && source->wanted != CONNECT_RUNNING);
    sink->at = (*count)++;
    sink->attached = true;
}

/* A sink that is a pipeline of its own. */
static void stand_alone(struct connector *sink)
{
    sink->conf->sinks[0].pause = sink->wanted != CONNECT_RUNNING;
    sink->source = sink;
    sink->at = 0;
    sink->attached = true;
}

/* All sinks of the source, in the order of the connectors. */
static void gather(const struct connect_worker *w, struct connector *source)
{
    size_t count = 0;

    free(source->sinks);
    source->sinks = mem_zalloc(w->count + 1, sizeof *source->sinks);
    for (size_t i = 0; i < w->count; i++) {
        struct connector *c = w->items[i];

        if (c->plugin == NULL || c->plugin->source || pipeline_of(w, c) != source)
            continue; /* a source is its own */
        c->source = source;
        attach(w, source, c, &count);
    }
    source->conf->sinks = source->sinks;
    source->conf->sink_count = count;
}

static void detach(const struct connect_worker *w, const struct connector *source)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i]->source != source)
            continue;
        w->items[i]->source = NULL;
        w->items[i]->attached = false;
    }
}

/* Which half of it shall run; false: none. */
static bool role_of(const struct connect_worker *w, const struct connector *c, int *ret_role)
{
    if (w->kafka == NULL) {
        *ret_role = c->of_file ? w->opts.role : CONFIG_ROLE_ALL;
        return c->wanted != CONNECT_STOPPED;
    }
    if (c->hidden || !c->plugin->source) {
        *ret_role = CONFIG_ROLE_DELIVER;
        return c->wanted != CONNECT_STOPPED;
    }
    *ret_role = c->of_file ? w->opts.role : CONFIG_ROLE_CAPTURE;
    if (c->wanted == CONNECT_RUNNING || *ret_role == CONFIG_ROLE_DELIVER)
        return true;
    if (*ret_role == CONFIG_ROLE_CAPTURE)
        return false;
    *ret_role = CONFIG_ROLE_DELIVER;
    return true;
}

static bool open_pipeline(const struct connect_worker *w, struct connector *source, int role,
                          struct error *err)
{
    const char *handover = json_string_value(json_object_get(source->notes, "handover"));
    struct supervisor_opts opts = { .config = source->conf, .clock = w->opts.clock, .role = role };

    opts.resnapshot = json_is_true(json_object_get(source->notes, "resnapshot"));
    opts.handover = handover != NULL ? str_from(handover) : STR("");
    if (source->of_file && !w->running) { /* what the command line asked for, once */
        opts.resnapshot = opts.resnapshot || w->opts.resnapshot;
        opts.restart_sink = w->opts.restart_sink;
        opts.handover = w->opts.handover;
    }
    if (!supervisor_open(&opts, &source->supervisor, err))
        return false;
    if (!control_open(source->supervisor, source->conf->stream.dir, &source->status, err)) {
        source->status = NULL;
        supervisor_close(source->supervisor);
        source->supervisor = NULL;
        return false;
    }
    return true;
}

void pipeline_build(struct connect_worker *w, struct connector *source)
{
    int role;

    pipeline_close(source);
    detach(w, source);
    if (source->conf == NULL)
        return;
    error_clear(&source->error);
    if (source->plugin->source)
        gather(w, source);
    else
        stand_alone(source);
    if (!role_of(w, source, &role))
        return;
    if (open_pipeline(w, source, role, &source->error) && w->running &&
        !supervisor_start(source->supervisor, &source->error))
        pipeline_close(source);
    source->started = w->running && source->supervisor != NULL;
    if (source->error.kind != ERR_NONE)
        logger_failure(LOGGER_ERROR, "connect", &source->error);
}
