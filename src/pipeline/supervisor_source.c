/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half that captures: log, capture thread, and with a stream in Kafka publisher and keeper.
 *
 * When another machine has taken the stream over, all of it is closed, what waited in the log is given up if
 * that machine has it too, and it is opened anew; the capture thread then stands by. The publisher begins
 * once the claim is ours.
 *
 * Giving up: the log is renamed first, so that a crash in between leaves an empty one; then state.db forgets
 * the source and the publisher's place; then the files go.
 */
#include "pipeline/supervisor.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "pipeline/keeper_kafka.h"
#include "sink/kafka.h"
#include "stream/log_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GATE_MS = 50, PUBLISHER_ROWS = 1000, PUBLISHER_PARK_MAX = 1000 };

/* What is read again and checked at each start; the rest was checked when it was written, and is when
 * it is read. */
#define VERIFY_BYTES (16 * MIB)

static bool open_stream(struct supervisor *s, struct error *err)
{
    const struct config_stream *conf = &s->opts.config->stream;
    char *dir = mem_printf("%s/log", conf->dir);
    struct log_stream_opts opts = { .dir = dir,
                                    .segment_bytes = conf->segment,
                                    .verify_bytes = VERIFY_BYTES,
                                    .keep_ms = conf->keep_ms,
                                    .keep_bytes = conf->max_size / 10 * 9,
                                    .ops = s->opts.ops,
                                    .clock = s->opts.clock };
    struct log_recovery recovery = { 0 };
    bool ok = log_stream_open(&opts, &s->stream, &recovery, err);

    free(dir);
    return ok;
}

/* ---- publisher and keeper --------------------------------------------------------------------------- */

static bool open_publisher(struct supervisor *s, struct error *err)
{
    const struct config *config = s->opts.config;
    struct deliver_opts opts = { .config = config,
                                 .sink = &s->publisher_conf,
                                 .ops = &sink_kafka_ops,
                                 .stream = s->stream,
                                 .shapes = &s->shapes,
                                 .clock = s->opts.clock,
                                 .stop_fd = s->stop_publisher.fd,
                                 .everything = true };

    s->publisher_type = (struct config_sink_type){ .name = "kafka" };
    s->publisher_conf = (struct config_sink){ .name = SUPERVISOR_PUBLISHER,
                                              .type = &s->publisher_type,
                                              .conf = (void *)(uintptr_t)config,
                                              .park_max = PUBLISHER_PARK_MAX,
                                              .retry_initial_ms = 200,
                                              .retry_max_ms = 10000,
                                              .batch_rows = PUBLISHER_ROWS };
    wake_clear(&s->stop_publisher);
    s->publisher_ready = true;
    return deliver_init(&s->publisher, &opts, err);
}

static bool name_writer(struct supervisor *s, struct error *err)
{
    struct state *st;
    bool ok;

    if (gethostname(s->host, sizeof s->host) != 0)
        (void)str_copy(STR("?"), s->host, sizeof s->host);
    s->host[sizeof s->host - 1] = '\0';
    if (!state_open(s->opts.config->stream.dir, true, &st, err))
        return false;
    ok = checkpoint_writer(st, s->writer, err);
    state_close(st);
    return ok;
}

static bool open_keeper(struct supervisor *s, struct error *err)
{
    struct keeper_opts opts = { .writer = s->writer,
                                .host = s->host,
                                .stream = s->stream,
                                .publisher = &s->publisher.progress,
                                .clock = s->opts.clock,
                                .stop_fd = s->stop_capture.fd,
                                .end_fd = s->stop_keeper.fd };

    wake_clear(&s->stop_keeper);
    if (!name_writer(s, err))
        return false;
    opts.table = keeper_kafka_table(s->opts.config);
    s->keeper_ready = true;
    return keeper_init(&s->keeper, &opts, err);
}

/* Nothing is published before the stream is ours. */
static void publisher_thread(void *arg)
{
    struct supervisor *s = arg;

    while (!keeper_is_held(&s->keeper)) {
        if (wake_wait(s->stop_publisher.fd, GATE_MS))
            return;
    }
    deliver_thread(&s->publisher);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static bool open_capture(struct supervisor *s, bool resnapshot, struct error *err)
{
    struct capture_opts opts = { .config = s->opts.config,
                                 .stream = s->stream,
                                 .shapes = &s->shapes,
                                 .clock = s->opts.clock,
                                 .stop_fd = s->stop_capture.fd,
                                 .resnapshot = resnapshot,
                                 .handover = s->opts.handover };

    if (s->publishes) {
        opts.published = &s->keeper.progress;
        opts.keeper = &s->keeper;
    }
    s->capture_ready = true;
    return capture_init(&s->capture, &opts, err);
}

static bool open_all(struct supervisor *s, bool resnapshot, struct error *err)
{
    if (!open_stream(s, err))
        return false;
    if (s->publishes && (!open_publisher(s, err) || !open_keeper(s, err)))
        return false;
    return open_capture(s, resnapshot, err);
}

bool supervisor_open_source(struct supervisor *s, struct error *err)
{
    return open_all(s, s->opts.resnapshot, err);
}

bool supervisor_start_source(struct supervisor *s, struct error *err)
{
    if (s->publishes &&
        (!thread_start(&s->publisher_thread, "publisher", publisher_thread, s, err) ||
         !thread_start(&s->keeper_thread, "keeper", keeper_thread, &s->keeper, err)))
        return false;
    return thread_start(&s->capture_thread, "capture", capture_thread, &s->capture, err);
}

void supervisor_stop_source(struct supervisor *s)
{
    thread_join(&s->capture_thread);
    wake_set(&s->stop_publisher);
    thread_join(&s->publisher_thread);
    wake_set(&s->stop_keeper); /* last: it writes down how far the publisher came */
    thread_join(&s->keeper_thread);
}

void supervisor_close_source(struct supervisor *s)
{
    if (s->capture_ready)
        capture_done(&s->capture);
    if (s->keeper_ready)
        keeper_done(&s->keeper);
    if (s->publisher_ready)
        deliver_done(&s->publisher);
    if (s->stream != NULL)
        s->stream->ops->close(s->stream);
    s->capture_ready = false;
    s->keeper_ready = false;
    s->publisher_ready = false;
    s->stream = NULL;
}

/* ---- another machine has it ----------------------------------------------------------------------------- */

struct removal {
    const char *dir;
    bool ok;
};

static bool remove_one(void *arg, const char *name)
{
    struct removal *r = arg;
    char *path = mem_printf("%s/%s", r->dir, name);

    if (file_posix.unlink(NULL, path) != 0)
        r->ok = false;
    free(path);
    return true;
}

static bool remove_dir(const char *dir)
{
    struct removal r = { dir, true };

    if (file_posix.list(NULL, dir, remove_one, &r) != 0)
        return errno == ENOENT;
    return r.ok && rmdir(dir) == 0;
}

static bool forget(const char *dir, struct error *err)
{
    struct state *st;
    bool ok;

    if (!state_open(dir, true, &st, err))
        return false;
    ok = checkpoint_forget(st, SUPERVISOR_PUBLISHER, err);
    state_close(st);
    return ok;
}

static bool discard(struct supervisor *s, struct error *err)
{
    const char *dir = s->opts.config->stream.dir;
    char *log = mem_printf("%s/log", dir);
    char *old = mem_printf("%s/log.stale", dir);
    bool ok = remove_dir(old) && (file_posix.rename(NULL, log, old) == 0 || errno == ENOENT) &&
              file_sync_dir(&file_posix, dir);

    if (!ok)
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot put %s away", log);
    ok = ok && forget(dir, err);
    if (ok && !remove_dir(old))
        logger_warn("log", "cannot remove %s, which nothing needs", old);
    free(old);
    free(log);
    return ok;
}

static bool reopen(struct supervisor *s, struct error *err)
{
    bool resnapshot = s->capture.opts.resnapshot;
    bool stale = s->capture.stale;

    supervisor_close_source(s);
    s->window = (struct window){ 0 };
    if (stale && !discard(s, err))
        return false;
    if (stale)
        logger_info("log", "what was not published here was given up: the other machine has it");
    return open_all(s, resnapshot, err);
}

bool supervisor_stand_by(struct supervisor *s, struct error *err)
{
    struct progress_capture p;
    bool ok;

    progress_get_capture(&s->capture.progress, &p);
    if (!p.superseded)
        return true;
    supervisor_stop_source(s);
    (void)pthread_mutex_lock(&s->lock);
    ok = reopen(s, err);
    (void)pthread_mutex_unlock(&s->lock);
    return ok && supervisor_start_source(s, err);
}
