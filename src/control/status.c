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

/* What a deliver thread tells of itself, behind what names it. */
static void put_progress(struct buf *b, bool *first, const struct progress_sink *p, bool place,
                         int64_t now)
{
    put_text(b, first, "state", progress_state_name(p->state));
    if (place)
        put_position(b, first, "position", p->position);
    put_seconds(b, first, "lag_seconds", p->pending_since_us > 0 ? now - p->pending_since_us : 0);
    put_int(b, first, "lag_bytes", (int64_t)p->lag_bytes);
    put_int(b, first, "rows", (int64_t)p->rows);
    put_int(b, first, "batches", (int64_t)p->batches);
    put_int(b, first, "retries", (int64_t)p->retries);
    put_int(b, first, "parked", p->parked);
    put_time(b, first, "last_success_time", p->last_success_us);
    put_latency(b, first, &p->latency);
    put_error(b, first, &p->last_error, p->last_error_us);
}

static void put_sink(struct buf *b, const struct config_sink *conf, const struct progress_sink *p,
                     struct lanes *l, int64_t now)
{
    bool first = true;

    buf_u8(b, '{');
    put_text(b, &first, "name", conf->name);
    put_text(b, &first, "type", conf->type->name);
    if (l != NULL)
        put_lanes(b, &first, l);
    put_progress(b, &first, p, l == NULL, now);
    buf_u8(b, '}');
}

/* Where the publisher stands, and how far the state topic says so: no LSN above that is confirmed. */
static void put_published(struct supervisor *s, struct buf *b, bool *first, int64_t now,
                          bool *ret_fine)
{
    const struct config_kafka *conf = &s->opts.config->stream.kafka;
    struct progress_sink publisher;
    struct progress_sink keeper;

    progress_get_sink(&s->publisher.progress, &publisher);
    progress_get_sink(&s->keeper.progress, &keeper);
    if (publisher.state == PROGRESS_FAILED || publisher.state == PROGRESS_RETRYING ||
        keeper.state == PROGRESS_RETRYING || publisher.parked > 0)
        *ret_fine = false;
    if (publisher.last_error.kind == ERR_NONE) {
        publisher.last_error = keeper.last_error;
        publisher.last_error_us = keeper.last_error_us;
    }
    put_text(b, first, "brokers", conf->brokers);
    put_text(b, first, "topic_prefix", conf->topic_prefix);
    put_position(b, first, "known_position", keeper.position);
    put_progress(b, first, &publisher, true, now);
}

static void put_stream(struct supervisor *s, struct buf *b, int64_t now, bool *ret_fine)
{
    bool kafka = s->opts.config->stream.kind == CONFIG_STREAM_KAFKA;
    struct stream_stats stats;
    bool first = true;

    *ret_fine = true;
    buf_u8(b, '{');
    put_text(b, &first, "kind", kafka ? "kafka" : "log");
    if (s->stream != NULL) {
        s->stream->ops->stats(s->stream, &stats);
        put_int(b, &first, "bytes", (int64_t)stats.bytes);
        put_int(b, &first, "appended_bytes", (int64_t)stats.appended_bytes);
        put_int(b, &first, "segments", (int64_t)stats.segments);
        put_position(b, &first, "oldest", stats.oldest);
        put_seconds(b, &first, "last_sync_seconds", stats.last_sync_us);
    }
    if (s->publisher_ready)
        put_published(s, b, &first, now, ret_fine);
    buf_u8(b, '}');
}

static const char *role_name(int role)
{
    static const char *const names[] = { "all", "capture", "deliver" };

    return names[role];
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

static void put_whole(struct supervisor *s, struct buf *b, struct buf *stream, struct buf *sinks)
{
    int64_t now = clock_real_us(s->opts.clock);
    struct progress_capture capture = { .state = PROGRESS_RUNNING };
    bool stream_fine;
    bool sinks_fine;
    bool first = true;

    if (s->capture_ready)
        progress_get_capture(&s->capture.progress, &capture);
    put_stream(s, stream, now, &stream_fine);
    put_sinks(s, sinks, now, &sinks_fine);
    buf_u8(b, '{');
    put_text(b, &first, "pipeline", s->opts.config->name);
    put_text(b, &first, "state", overall(&capture, stream_fine && sinks_fine));
    put_text(b, &first, "role", role_name(s->opts.role));
    put_text(b, &first, "version", MULTISINK_VERSION);
    put_int(b, &first, "pid", getpid());
    put_time(b, &first, "started", s->started_us);
    json_key(b, &first, "source");
    if (s->capture_ready)
        put_source(b, &capture, now);
    else
        buf_text(b, "null");
    json_key(b, &first, "stream");
    buf_str(b, buf_view(stream));
    json_key(b, &first, "sinks");
    buf_str(b, buf_view(sinks));
    buf_text(b, "}\n");
}

void control_status(struct supervisor *s, struct buf *b)
{
    struct buf stream;
    struct buf sinks;

    buf_init(&stream, b->limit);
    buf_init(&sinks, b->limit);
    supervisor_hold(s);
    put_whole(s, b, &stream, &sinks);
    supervisor_release(s);
    buf_done(&sinks);
    buf_done(&stream);
}
