/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/supervisor.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "stream/log_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { RETAIN_EVERY_US = 1000 * 1000 };

/* What is read again and checked at each start; the rest was checked when it was written, and is when
 * it is read. */
#define VERIFY_BYTES (16 * MIB)

static bool take_lock(struct supervisor *s, struct error *err)
{
    const char *dir = s->opts.config->stream.dir;
    char *path = mem_printf("%s/lock", dir);

    s->lock_fd = file_posix.open(NULL, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", path);
    } else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        (void)error_set(err, ERR_STOP, E_SYS_LOCKED,
                        "cannot use data directory %s: another multisink runs on it", dir);
        (void)close(s->lock_fd);
        s->lock_fd = -1;
    }
    free(path);
    return s->lock_fd >= 0;
}

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

static bool open_capture(struct supervisor *s, struct error *err)
{
    struct capture_opts opts = { .config = s->opts.config,
                                 .stream = s->stream,
                                 .shapes = &s->shapes,
                                 .clock = s->opts.clock,
                                 .stop_fd = s->stop_capture.fd,
                                 .resnapshot = s->opts.resnapshot,
                                 .handover = s->opts.handover };

    s->capture_ready = true;
    return capture_init(&s->capture, &opts, err);
}

static bool captures(const struct supervisor *s)
{
    return s->opts.role != CONFIG_ROLE_DELIVER;
}

bool supervisor_open(const struct supervisor_opts *opts, struct supervisor **ret_supervisor,
                     struct error *err)
{
    struct supervisor *s;

    if (opts->config->stream.kind != CONFIG_STREAM_LOG && opts->role != CONFIG_ROLE_DELIVER)
        return error_set(
            err, ERR_STOP, E_CONFIG_STREAM_KIND,
            "cannot capture into Kafka: this version only delivers from it (--role deliver)");
    s = mem_zalloc(1, sizeof *s);
    s->opts = *opts;
    s->started_us = clock_real_us(opts->clock);
    s->lock_fd = -1;
    s->stop_capture.fd = -1;
    s->stop_deliver.fd = -1;
    shapes_init(&s->shapes);
    if (!file_make_dirs(opts->config->stream.dir, err) || !take_lock(s, err) ||
        !wake_init(&s->stop_capture, err) || !wake_init(&s->stop_deliver, err) ||
        (captures(s) && (!open_stream(s, err) || !open_capture(s, err))) ||
        !supervisor_open_sinks(s, err)) {
        supervisor_close(s);
        return false;
    }
    *ret_supervisor = s;
    return true;
}

bool supervisor_start(struct supervisor *s, struct error *err)
{
    return supervisor_start_sinks(s, err) &&
           (!s->capture_ready ||
            thread_start(&s->capture_thread, "capture", capture_thread, &s->capture, err));
}

static bool slowest(struct supervisor *s, struct position *ret_position)
{
    bool found = false;

    for (size_t i = 0; i < s->deliver_count; i++) {
        struct progress_sink p;

        progress_get_sink(&s->delivers[i].progress, &p);
        if (!found || position_cmp(p.position, *ret_position) < 0)
            *ret_position = p.position;
        found = true;
    }
    return found;
}

/* Invariant 7: after a failed fsync nobody knows what is on the disk, so nothing is tried again. */
static void tell_log(struct supervisor *s, const struct error *err)
{
    s->disk_failed = s->disk_failed || error_is(err, E_SYS_FSYNC);
    logger_failure(s->disk_failed ? LOGGER_ERROR : LOGGER_WARN, "log", err);
}

/* when_full: drop. The oldest segments go although a sink still needs them; it stops with a gap. */
static void drop_oldest(struct supervisor *s)
{
    const struct config_stream *conf = &s->opts.config->stream;
    struct stream_stats stats;
    struct error err;

    s->stream->ops->stats(s->stream, &stats);
    if (conf->when_full != CONFIG_FULL_DROP_OLDEST || stats.bytes < conf->max_size)
        return;
    if (!s->stream->ops->trim(s->stream, conf->max_size / 10 * 9, &err))
        tell_log(s, &err);
    else
        logger_warn("log", "above max_size: the oldest changes were dropped (when_full: drop)");
}

static void retain(struct supervisor *s)
{
    int64_t now = clock_mono_us(s->opts.clock);
    struct position needed;
    struct position at;
    struct error err;

    if (s->retained_us != 0 && now - s->retained_us < RETAIN_EVERY_US)
        return;
    s->retained_us = now;
    if (s->stream == NULL)
        return;
    if (slowest(s, &at) &&
        window_move(&s->window, s->opts.config->stream.safety_window_ms * 1000, now, at, &needed) &&
        !s->stream->ops->retain(s->stream, needed, &err))
        tell_log(s, &err);
    drop_oldest(s);
}

/* Has every sink that still runs delivered all that the stream holds? */
static bool all_drained(struct supervisor *s)
{
    for (size_t i = 0; i < s->deliver_count; i++) {
        struct progress_sink p;

        progress_get_sink(&s->delivers[i].progress, &p);
        if (p.state == PROGRESS_FAILED || p.state == PROGRESS_PAUSED)
            continue;
        if (p.state == PROGRESS_STARTING || p.state == PROGRESS_RETRYING ||
            p.pending_since_us != 0 || p.lag_bytes > 0)
            return false;
    }
    return true;
}

/* A sink's own state is on the same disk as the log. */
static bool sink_disk_failed(struct supervisor *s)
{
    for (size_t i = 0; i < s->deliver_count; i++) {
        struct progress_sink p;

        progress_get_sink(&s->delivers[i].progress, &p);
        if (p.state == PROGRESS_FAILED && error_is(&p.last_error, E_SYS_FSYNC))
            return true;
    }
    return false;
}

enum supervisor_verdict supervisor_tick(struct supervisor *s)
{
    struct progress_capture p;

    retain(s);
    if (s->disk_failed || sink_disk_failed(s))
        return SUPERVISOR_DEAD;
    if (!s->capture_ready)
        return SUPERVISOR_GOES_ON;
    progress_get_capture(&s->capture.progress, &p);
    if (p.state != PROGRESS_FAILED)
        return SUPERVISOR_GOES_ON;
    if (error_is(&p.last_error, E_SYS_FSYNC))
        return SUPERVISOR_DEAD;
    return all_drained(s) ? SUPERVISOR_DRAINED : SUPERVISOR_GOES_ON;
}

int supervisor_failed_fd(const struct supervisor *s)
{
    return s->capture_ready ? s->capture.failed.fd : -1;
}

void supervisor_ask_stop(struct supervisor *s)
{
    wake_set(&s->stop_capture);
    wake_set(&s->stop_deliver);
    supervisor_ask_sinks_to_stop(s);
}

void supervisor_stop(struct supervisor *s)
{
    supervisor_ask_stop(s);
    thread_join(&s->capture_thread);
    supervisor_join_sinks(s);
}

const struct error *supervisor_error(const struct supervisor *s)
{
    return &s->capture.error;
}

void supervisor_close(struct supervisor *s)
{
    if (s == NULL)
        return;
    supervisor_close_sinks(s);
    if (s->capture_ready)
        capture_done(&s->capture);
    if (s->stream != NULL)
        s->stream->ops->close(s->stream);
    wake_done(&s->stop_capture);
    wake_done(&s->stop_deliver);
    shapes_done(&s->shapes);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}
