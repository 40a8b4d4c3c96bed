/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/supervisor.h"

#include "base/logger.h"

enum { RETAIN_EVERY_US = 1000 * 1000 };

/* What is in Kafka is read there: then only the publisher needs the log. */
static bool slowest(struct supervisor *s, struct position *ret_position)
{
    struct progress_sink p;
    bool found = false;

    if (s->publishes) {
        progress_get_sink(&s->publisher.progress, &p);
        *ret_position = p.position;
        return true;
    }
    for (size_t i = 0; i < s->deliver_count; i++) {
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

void supervisor_retain(struct supervisor *s)
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
