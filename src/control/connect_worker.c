/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_worker.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "control/connect_private.h"
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The lock of the data directory is the file's supervisor's, and is free while that is stopped. */
static bool take_lock(struct connect_worker *w, struct error *err)
{
    const char *dir = w->opts.config->stream.dir;
    char *path = mem_printf("%s/connect.lock", dir);

    w->lock_fd = file_posix.open(NULL, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (w->lock_fd < 0)
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", path);
    else if (flock(w->lock_fd, LOCK_EX | LOCK_NB) != 0)
        (void)error_set(err, ERR_STOP, E_SYS_LOCKED,
                        "cannot use data directory %s: another multisink runs on it", dir);
    else
        err = NULL;
    free(path);
    return err == NULL;
}

/* ---- what state.db has ------------------------------------------------------------------------------ */

static void take_stored(void *ctx, const struct connect_stored *stored)
{
    struct connect_worker *w = ctx;
    struct connector *c = connector_find(w, stored->name);
    enum connect_state wanted;

    if (!connect_state_parse(stored->state, &wanted))
        wanted = CONNECT_RUNNING;
    if (stored->config == NULL) {
        if (c == NULL || !c->of_file)
            return; /* the file has it no more */
        c->wanted = wanted;
        if (stored->notes != NULL)
            (void)json_object_update(c->notes, stored->notes);
        return;
    }
    if (c != NULL) {
        logger_warn("connect", "connector %s was made over REST, but the file has one of that name",
                    stored->name);
        return;
    }
    c = connector_add(w, stored->name, json_incref(stored->config), json_incref(stored->notes),
                      wanted);
    if (c->error.kind != ERR_NONE)
        logger_failure(LOGGER_ERROR, "connect", &c->error);
}

static struct connector *file_source(const struct connect_worker *w)
{
    return w->count > 0 && w->items[0]->of_file ? w->items[0] : NULL;
}

/* The file's pipeline must open, or the start fails; the others have their states. */
static bool build_all(struct connect_worker *w, struct error *err)
{
    struct connector *file = file_source(w);

    for (size_t i = 0; i < w->count; i++) {
        if (pipeline_is_own(w, w->items[i]))
            pipeline_build(w, w->items[i]);
    }
    if (file == NULL || file->error.kind == ERR_NONE)
        return true;
    *err = file->error;
    return false;
}

/* Without a Kafka there is no cluster; the same text for the same directory. */
static void make_cluster_id(struct connect_worker *w)
{
    char *path = realpath(w->opts.config->stream.dir, NULL);

    memcpy(w->cluster_id, "multisink-", 10);
    str_put_hex(w->cluster_id + 10, str_hash(str_from(path != NULL ? path : "")), 12);
    free(path);
}

bool connect_worker_open(const struct connect_worker_opts *opts, struct connect_worker **ret_worker,
                         struct error *err)
{
    struct connect_worker *w = mem_zalloc(1, sizeof *w);
    const struct config_kinds *kinds = sink_config_kinds();

    w->opts = *opts;
    w->lock_fd = -1;
    w->kafka = connect_kafka_base(opts->config);
    connect_plugins_init(&w->plugins, kinds->sinks, kinds->sink_count);
    connector_add_file(w);
    if (!file_make_dirs(opts->config->stream.dir, err) || !take_lock(w, err) ||
        !connect_store_open(opts->config->stream.dir, &w->store, err) ||
        !connect_store_load(w->store, take_stored, w, err) || !build_all(w, err)) {
        connect_worker_close(w);
        return false;
    }
    make_cluster_id(w);
    *ret_worker = w;
    return true;
}

bool connect_worker_start(struct connect_worker *w, struct error *err)
{
    struct connector *file = file_source(w);

    for (size_t i = 0; i < w->count; i++) {
        struct connector *c = w->items[i];

        if (c->supervisor == NULL)
            continue;
        c->started = supervisor_start(c->supervisor, &c->error);
        if (!c->started && c == file) {
            *err = c->error;
            return false;
        }
        if (!c->started)
            pipeline_close(c);
    }
    w->running = true;
    return true;
}

/* A copy, or a handover, that was asked for has begun: it is in state.db, and goes on by itself. */
static void forget_notes(struct connect_worker *w, struct connector *c)
{
    struct progress_capture p;
    struct error err;

    if (c->hidden || !c->supervisor->capture_ready ||
        (!json_is_true(json_object_get(c->notes, "resnapshot")) &&
         json_object_get(c->notes, "handover") == NULL))
        return;
    progress_get_capture(&c->supervisor->capture.progress, &p);
    if (p.state != PROGRESS_RUNNING && p.state != PROGRESS_SNAPSHOT)
        return;
    (void)json_object_del(c->notes, "resnapshot");
    (void)json_object_del(c->notes, "handover");
    if (!connector_store(w, c, &err))
        logger_failure(LOGGER_WARN, "connect", &err);
}

static bool has_others(const struct connect_worker *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->items[i]->of_file)
            return true;
    }
    return false;
}

enum supervisor_verdict connect_worker_tick(struct connect_worker *w)
{
    enum supervisor_verdict all = SUPERVISOR_GOES_ON;

    for (size_t i = 0; i < w->count; i++) {
        struct connector *c = w->items[i];
        enum supervisor_verdict verdict;

        if (c->supervisor == NULL)
            continue;
        verdict = supervisor_tick(c->supervisor);
        if (verdict == SUPERVISOR_DEAD)
            return verdict;
        if (verdict == SUPERVISOR_DRAINED && c->of_file && !has_others(w))
            all = verdict;
        forget_notes(w, c);
    }
    return all;
}

int connect_worker_failed_fd(const struct connect_worker *w)
{
    const struct connector *file = file_source(w);

    return file != NULL && file->supervisor != NULL ? supervisor_failed_fd(file->supervisor) : -1;
}

void connect_worker_handle(struct connect_worker *w, const struct connect_call *call,
                           struct connect_reply *reply)
{
    switch (call->op) {
    case CONNECT_CREATE:
    case CONNECT_DELETE:
    case CONNECT_PUT_CONFIG:
    case CONNECT_PATCH_CONFIG:
    case CONNECT_PAUSE:
    case CONNECT_RESUME:
    case CONNECT_STOP:
    case CONNECT_RESTART:
    case CONNECT_TASK_RESTART:
        connect_change(w, call, reply);
        break;
    case CONNECT_GET_OFFSETS:
    case CONNECT_PATCH_OFFSETS:
    case CONNECT_DELETE_OFFSETS:
        connect_offsets(w, call, reply);
        break;
    case CONNECT_LOGGERS:
    case CONNECT_GET_LOGGER:
    case CONNECT_PUT_LOGGER:
        connect_loggers(w, call, reply);
        break;
    case CONNECT_PLUGINS:
    case CONNECT_PLUGIN_CONFIG:
        connect_answer_plugins(w, call, reply);
        break;
    case CONNECT_VALIDATE:
        connect_answer_validate(w, call, reply);
        break;
    default:
        connect_answer(w, call, reply);
        break;
    }
}

void connect_worker_stop(struct connect_worker *w)
{
    struct connector *file = file_source(w);

    /* All at once, then one after the other: their threads end side by side. */
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i]->supervisor != NULL)
            supervisor_ask_stop(w->items[i]->supervisor);
    }
    for (size_t i = 0; i < w->count; i++) {
        struct connector *c = w->items[i];

        if (c->supervisor == NULL)
            continue;
        supervisor_stop(c->supervisor);
        if (c == file)
            w->file_error = *supervisor_error(c->supervisor);
    }
    w->running = false;
}

const struct error *connect_worker_error(const struct connect_worker *w)
{
    return &w->file_error;
}

void connect_worker_close(struct connect_worker *w)
{
    if (w == NULL)
        return;
    while (w->count > 0)
        connector_remove(w, w->items[w->count - 1]);
    free(w->items);
    connect_store_close(w->store);
    connect_plugins_done(&w->plugins);
    json_decref(w->kafka);
    if (w->lock_fd >= 0)
        (void)close(w->lock_fd);
    free(w);
}
