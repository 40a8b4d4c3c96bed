/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include "base/json.h"

#include <unistd.h>

static void put_text(struct buf *b, bool *first, const char *name, const char *text)
{
    json_key(b, first, name);
    json_string(b, str_from(text));
}

static void put_int(struct buf *b, bool *first, const char *name, int64_t v)
{
    json_key(b, first, name);
    buf_dec(b, v);
}

static void put_lsn(struct buf *b, bool *first, const char *name, struct lsn lsn)
{
    char text[LSN_TEXT];

    put_text(b, first, name, lsn_format(lsn, text));
}

static void put_position(struct buf *b, bool *first, const char *name, struct position position)
{
    char text[POSITION_TEXT];

    put_text(b, first, name, position_format(position, text));
}

/* Seconds with microseconds, from a difference that may be slightly negative between two clocks. */
static void put_seconds(struct buf *b, bool *first, const char *name, int64_t us)
{
    json_key(b, first, name);
    us = us > 0 ? us : 0;
    buf_putf(b, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
}

static void put_time(struct buf *b, bool *first, const char *name, int64_t us)
{
    char text[CLOCK_TEXT];

    if (us > 0) {
        put_text(b, first, name, clock_format_us(us, text));
    } else {
        json_key(b, first, name);
        buf_text(b, "null");
    }
}

static void put_error(struct buf *b, bool *first, const struct error *err, int64_t at_us)
{
    bool inner = true;

    json_key(b, first, "last_error");
    if (err->kind == ERR_NONE) {
        buf_text(b, "null");
        return;
    }
    buf_u8(b, '{');
    put_text(b, &inner, "code", err->code);
    put_text(b, &inner, "kind", error_kind_name(err->kind));
    put_text(b, &inner, "message", err->msg);
    put_time(b, &inner, "time", at_us);
    buf_u8(b, '}');
}

static void put_source(struct buf *b, const struct progress_capture *p, int64_t now)
{
    bool first = true;
    bool connected = p->state == PROGRESS_RUNNING || p->state == PROGRESS_SNAPSHOT ||
                     p->state == PROGRESS_WAITING;

    buf_u8(b, '{');
    put_text(b, &first, "state", progress_state_name(p->state));
    json_key(b, &first, "connected");
    buf_text(b, connected ? "true" : "false");
    put_text(b, &first, "server", p->server);
    put_lsn(b, &first, "received_lsn", p->received);
    put_lsn(b, &first, "confirmed_lsn", p->confirmed);
    put_position(b, &first, "position", p->durable);
    put_int(b, &first, "transactions", (int64_t)p->transactions);
    put_int(b, &first, "rows", (int64_t)p->rows);
    put_int(b, &first, "reconnects", (int64_t)p->reconnects);
    put_time(b, &first, "last_commit_time", p->last_commit_us);
    put_seconds(b, &first, "silent_seconds", p->last_message_us > 0 ? now - p->last_message_us : 0);
    put_int(b, &first, "retained_wal_bytes", (int64_t)p->retained_wal_bytes);
    put_error(b, &first, &p->last_error, p->last_error_us);
    buf_u8(b, '}');
}

static void put_stream(struct buf *b, const struct stream_stats *stats)
{
    bool first = true;

    buf_u8(b, '{');
    put_int(b, &first, "bytes", (int64_t)stats->bytes);
    put_int(b, &first, "appended_bytes", (int64_t)stats->appended_bytes);
    put_int(b, &first, "segments", (int64_t)stats->segments);
    put_position(b, &first, "oldest", stats->oldest);
    put_seconds(b, &first, "last_sync_seconds", stats->last_sync_us);
    buf_u8(b, '}');
}

static void put_latency(struct buf *b, bool *first, const struct progress_latency *l)
{
    bool inner = true;

    json_key(b, first, "latency");
    buf_u8(b, '{');
    put_int(b, &inner, "count", (int64_t)l->count);
    put_seconds(b, &inner, "p50_seconds", progress_latency_at(l, 0.50));
    put_seconds(b, &inner, "p99_seconds", progress_latency_at(l, 0.99));
    put_seconds(b, &inner, "p999_seconds", progress_latency_at(l, 0.999));
    put_seconds(b, &inner, "max_seconds", l->max_us);
    buf_u8(b, '}');
}

static void put_lane(void *ctx, const char *name, const struct progress_sink *p)
{
    struct buf *b = ctx;
    bool first = true;

    buf_text(b, b->n > 0 && b->p[b->n - 1] == '}' ? "," : "");
    buf_u8(b, '{');
    put_text(b, &first, "partition", name);
    put_text(b, &first, "state", progress_state_name(p->state));
    put_int(b, &first, "offset", (int64_t)p->position.commit_end.v);
    put_int(b, &first, "lag_bytes", (int64_t)p->lag_bytes);
    put_int(b, &first, "rows", (int64_t)p->rows);
    put_int(b, &first, "parked", p->parked);
    put_error(b, &first, &p->last_error, p->last_error_us);
    buf_u8(b, '}');
}

/* The partitions that are served here now. */
static void put_lanes(struct buf *b, bool *first, struct lanes *l)
{
    json_key(b, first, "partitions");
    buf_u8(b, '[');
    lanes_each(l, put_lane, b);
    buf_u8(b, ']');
}

static void put_sink(struct buf *b, const struct config_sink *conf, const struct progress_sink *p,
                     struct lanes *l, int64_t now)
{
    bool first = true;

    buf_u8(b, '{');
    put_text(b, &first, "name", conf->name);
    put_text(b, &first, "type", conf->type->name);
    put_text(b, &first, "state", progress_state_name(p->state));
    if (l != NULL)
        put_lanes(b, &first, l);
    else
        put_position(b, &first, "position", p->position);
    put_seconds(b, &first, "lag_seconds", p->pending_since_us > 0 ? now - p->pending_since_us : 0);
    put_int(b, &first, "lag_bytes", (int64_t)p->lag_bytes);
    put_int(b, &first, "rows", (int64_t)p->rows);
    put_int(b, &first, "batches", (int64_t)p->batches);
    put_int(b, &first, "retries", (int64_t)p->retries);
    put_int(b, &first, "parked", p->parked);
    put_time(b, &first, "last_success_time", p->last_success_us);
    put_latency(b, &first, &p->latency);
    put_error(b, &first, &p->last_error, p->last_error_us);
    buf_u8(b, '}');
}

/* failed: capture is; degraded: something else is not as it should be. */
static const char *overall(const struct progress_capture *capture, bool sinks_fine)
{
    if (capture->state == PROGRESS_FAILED)
        return "failed";
    if (!sinks_fine || capture->state == PROGRESS_RETRYING || capture->state == PROGRESS_WAITING)
        return "degraded";
    return capture->state == PROGRESS_STARTING ? "starting" : progress_state_name(capture->state);
}

static void put_sinks(struct supervisor *s, struct buf *b, int64_t now, bool *ret_fine)
{
    *ret_fine = true;
    buf_u8(b, '[');
    for (size_t i = 0; i < supervisor_sink_count(s); i++) {
        struct progress_sink p;

        supervisor_get_sink(s, i, &p);
        if (p.state == PROGRESS_FAILED || p.state == PROGRESS_RETRYING || p.parked > 0)
            *ret_fine = false;
        if (i > 0)
            buf_u8(b, ',');
        put_sink(b, &s->opts.config->sinks[i], &p, i < s->lanes_count ? s->lanes[i] : NULL, now);
    }
    buf_u8(b, ']');
}

void control_status(struct supervisor *s, struct buf *b)
{
    int64_t now = clock_real_us(s->opts.clock);
    bool captures = s->capture_ready;
    struct progress_capture capture;
    struct stream_stats stats;
    bool sinks_fine;
    bool first = true;
    struct buf sinks;

    if (captures) {
        progress_get_capture(&s->capture.progress, &capture);
        s->stream->ops->stats(s->stream, &stats);
    } else {
        capture = (struct progress_capture){ .state = PROGRESS_RUNNING };
    }
    buf_init(&sinks, b->limit);
    put_sinks(s, &sinks, now, &sinks_fine);
    buf_u8(b, '{');
    put_text(b, &first, "pipeline", s->opts.config->name);
    put_text(b, &first, "state", overall(&capture, sinks_fine));
    put_text(b, &first, "version", MULTISINK_VERSION);
    put_int(b, &first, "pid", getpid());
    put_time(b, &first, "started", s->started_us);
    if (captures) {
        json_key(b, &first, "source");
        put_source(b, &capture, now);
        json_key(b, &first, "stream");
        put_stream(b, &stats);
    }
    json_key(b, &first, "sinks");
    buf_str(b, buf_view(&sinks));
    buf_text(b, "}\n");
    buf_done(&sinks);
}
