/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/supervisor.h"

#include "base/file.h"
#include "base/logger.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

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

static bool captures(const struct supervisor *s)
{
    return s->opts.role != CONFIG_ROLE_DELIVER;
}

static bool make_wakes(struct supervisor *s, struct error *err)
{
    return wake_init(&s->stop_capture, err) && wake_init(&s->stop_publisher, err) &&
           wake_init(&s->stop_keeper, err) && wake_init(&s->stop_deliver, err);
}

bool supervisor_open(const struct supervisor_opts *opts, struct supervisor **ret_supervisor,
                     struct error *err)
{
    struct supervisor *s;

    s = mem_zalloc(1, sizeof *s);
    s->opts = *opts;
    s->started_us = clock_real_us(opts->clock);
    s->lock_fd = -1;
    s->stop_capture.fd = -1;
    s->stop_publisher.fd = -1;
    s->stop_keeper.fd = -1;
    s->stop_deliver.fd = -1;
    s->publishes = captures(s) && opts->config->stream.kind == CONFIG_STREAM_KAFKA;
    (void)pthread_mutex_init(&s->lock, NULL);
    shapes_init(&s->shapes);
    if (!file_make_dirs(opts->config->stream.dir, err) || !take_lock(s, err) ||
        !make_wakes(s, err) || (captures(s) && !supervisor_open_source(s, err)) ||
        !supervisor_open_sinks(s, err)) {
        supervisor_close(s);
        return false;
    }
    *ret_supervisor = s;
    return true;
}

bool supervisor_start(struct supervisor *s, struct error *err)
{
    return supervisor_start_sinks(s, err) && (!s->capture_ready || supervisor_start_source(s, err));
}

/* Has it delivered all that the stream holds, or will it never? */
static bool is_drained(struct progress *progress)
{
    struct progress_sink p;

    progress_get_sink(progress, &p);
    if (p.state == PROGRESS_FAILED || p.state == PROGRESS_PAUSED)
        return true;
    return p.state != PROGRESS_STARTING && p.state != PROGRESS_RETRYING &&
           p.pending_since_us == 0 && p.lag_bytes == 0;
}

static bool all_drained(struct supervisor *s)
{
    /* One that never had the stream has published nothing and has nothing to publish. */
    if (s->publishes)
        return !keeper_is_held(&s->keeper) || is_drained(&s->publisher.progress);
    for (size_t i = 0; i < s->deliver_count; i++) {
        if (!is_drained(&s->delivers[i].progress))
            return false;
    }
    return true;
}

/* A sink's own state is on the same disk as the log. */
static bool disk_failed(struct progress *progress)
{
    struct progress_sink p;

    progress_get_sink(progress, &p);
    return p.state == PROGRESS_FAILED && error_is(&p.last_error, E_SYS_FSYNC);
}

static bool sink_disk_failed(struct supervisor *s)
{
    if (s->publishes)
        return disk_failed(&s->publisher.progress);
    for (size_t i = 0; i < s->deliver_count; i++) {
        if (disk_failed(&s->delivers[i].progress))
            return true;
    }
    return false;
}

enum supervisor_verdict supervisor_tick(struct supervisor *s)
{
    struct progress_capture p;
    struct error err;

    if (s->capture_ready && !supervisor_stand_by(s, &err)) {
        logger_failure(LOGGER_ERROR, "multisink", &err);
        return SUPERVISOR_DEAD;
    }
    supervisor_retain(s);
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

void supervisor_hold(struct supervisor *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

void supervisor_release(struct supervisor *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

void supervisor_ask_stop(struct supervisor *s)
{
    wake_set(&s->stop_capture);
    supervisor_ask_sinks_to_stop(s);
}

void supervisor_stop(struct supervisor *s)
{
    supervisor_ask_stop(s);
    supervisor_stop_source(s);
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
    supervisor_close_source(s);
    wake_done(&s->stop_capture);
    wake_done(&s->stop_publisher);
    wake_done(&s->stop_keeper);
    wake_done(&s->stop_deliver);
    shapes_done(&s->shapes);
    (void)pthread_mutex_destroy(&s->lock);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}
