/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery reports come in whole batches through a queue (RD_KAFKA_EVENT_DR) and are only counted: the caller wants
 * all of them. A report with an error breaks the producer: with enable.gapless.guarantee librdkafka stops writing
 * at that record, and an error that is fatal to an idempotent producer (a broker that lost its state,
 * librdkafka #4438) cannot be mended within it.
 *
 * message.timeout.ms is 0, so that a record waits for its broker for as long as it takes.
 */
#include "kafka/producer_private.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    POLL_MS = 100, /* between two looks at the stop flag */
    PUSH_MS = 1,
    PUSH_PAUSE_MS = 10,
    FULL_WAIT_MS = 30000, /* for room in the queue */
    SETTLE_MS = 2000
};

/* ---- reports ------------------------------------------------------------------------------------------ */

static void note_too_large(struct kafka_producer *p, uint64_t mark)
{
    if (p->too_large_count == p->too_large_cap) {
        p->too_large_cap = p->too_large_cap > 0 ? p->too_large_cap * 2 : 16;
        p->too_large = mem_resize(p->too_large, p->too_large_cap, sizeof *p->too_large);
    }
    p->too_large[p->too_large_count++] = mark;
}

static void note_failure(struct kafka_producer *p, const rd_kafka_message_t *m)
{
    p->broken = true;
    if (m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        note_too_large(p, (uint64_t)(uintptr_t)m->_private);
    /* What follows from the first failure says nothing of its cause. */
    if (p->blamed || m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || m->err == RD_KAFKA_RESP_ERR__FATAL)
        return;
    p->blamed = true;
    p->last = m->err;
    (void)snprintf(p->last_text, sizeof p->last_text, "%s (topic %.80s, partition %d)",
                   rd_kafka_err2str(m->err), rd_kafka_topic_name(m->rkt), (int)m->partition);
}

static void take_reports(struct kafka_producer *p, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *messages[1000];
    bool good = false;
    size_t n;

    while ((n = rd_kafka_event_message_array(event, messages,
                                             sizeof messages / sizeof messages[0])) > 0) {
        p->outstanding -= n;
        for (size_t i = 0; i < n; i++) {
            if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
                note_failure(p, messages[i]);
            else
                good = true;
        }
    }
    if (good && !p->broken)
        p->last = RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_error(struct kafka_producer *p, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    bool fatal = rd_kafka_event_error_is_fatal(event) != 0;

    p->broken = p->broken || fatal;
    /* "All brokers are down" follows the reason, and says less. */
    if (p->blamed ||
        (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && p->last != RD_KAFKA_RESP_ERR_NO_ERROR))
        return;
    p->last = code;
    (void)snprintf(p->last_text, sizeof p->last_text, "%s", rd_kafka_event_error_string(event));
    if (fatal)
        p->last =
            rd_kafka_fatal_error(p->rk, p->last_text, sizeof p->last_text); /* the cause itself */
}

void kafka_producer_poll(struct kafka_producer *p, int timeout_ms)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(p->reports, timeout_ms)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            take_reports(p, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            take_error(p, event);
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
}

/* ---- life --------------------------------------------------------------------------------------------- */

bool kafka_producer_open(const struct kafka_producer_opts *opts,
                         struct kafka_producer **ret_producer, struct error *err)
{
    char linger[24], bytes[24];
    const struct kafka_property defaults[] = {
        { "queue.buffering.max.messages", "200000" },
        { "queue.buffering.max.kbytes", "524288" },
        { "batch.num.messages", "100000" },
        { "message.max.bytes", "100000000" },
        /* Larger values go to the compressor from where they lie. */
        { "message.copy.max.bytes", "1000" },
        { "socket.keepalive.enable", "true" },
        { "reconnect.backoff.max.ms", "2000" },
        { NULL, NULL },
    };
    const struct kafka_property fixed[] = {
        { "compression.type", opts->compression },
        { "linger.ms", linger },
        { opts->batch_bytes > 0 ? "batch.size" : "batch.num.messages", bytes },
        { "enable.idempotence", "true" },
        { "enable.gapless.guarantee", "true" },
        { "message.timeout.ms", "0" },
        { NULL, NULL },
    };
    struct kafka_producer *p;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;

    (void)snprintf(linger, sizeof linger, "%lld", (long long)opts->linger_ms);
    (void)snprintf(bytes, sizeof bytes, "%zu", opts->batch_bytes > 0 ? opts->batch_bytes : 1);
    conf = kafka_conf_make(opts->settings, defaults, fixed, err);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rk = kafka_handle_new(RD_KAFKA_PRODUCER, conf, err);
    if (rk == NULL)
        return false;
    p = mem_zalloc(1, sizeof *p);
    p->rk = rk;
    p->reports = rd_kafka_queue_get_main(rk);
    p->stop_fd = opts->stop_fd;
    map_init(&p->topics);
    *ret_producer = p;
    return true;
}

void kafka_producer_close(struct kafka_producer *p)
{
    if (p == NULL)
        return;
    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    kafka_producer_poll(p, 0);
    for (struct map_slot *s = map_next(&p->topics, NULL); s != NULL; s = map_next(&p->topics, s))
        rd_kafka_topic_destroy(s->value);
    map_done(&p->topics);
    rd_kafka_queue_destroy(p->reports);
    rd_kafka_destroy(p->rk);
    free(p->too_large);
    free(p);
}

struct kafka_topic *kafka_producer_topic(struct kafka_producer *p, const char *name)
{
    rd_kafka_topic_t *topic = map_get(&p->topics, str_from(name));

    if (topic == NULL) {
        topic = rd_kafka_topic_new(p->rk, name, NULL);
        if (topic == NULL) /* the name was checked: only memory is left as a reason */
            error_out_of_memory(strlen(name));
        (void)map_put(&p->topics, str_from(name), topic);
    }
    return (struct kafka_topic *)topic;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

bool kafka_producer_late(struct kafka_producer *p, const char *what, struct error *err)
{
    if (p->last == RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERR_RETRY, E_KAFKA_DOWN, "cannot %s: no answer from the brokers",
                         what);
    return kafka_fail(err, p->last, p->last_text, "%s", what);
}

/* What is on its way is answered, what was not sent is given back, so that each record's own error is known. */
static void settle(struct kafka_producer *p)
{
    int64_t until = clock_mono_us(&clock_system) + (int64_t)SETTLE_MS * 1000;

    (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE);
    while (p->outstanding > 0 && clock_left_ms(&clock_system, until, 1) > 0)
        kafka_producer_poll(p, POLL_MS);
}

static bool failed(struct kafka_producer *p, struct error *err)
{
    settle(p);
    if (kafka_error_kind(p->last) == ERR_STOP)
        return kafka_fail(err, p->last, p->last_text, "write to Kafka");
    return error_set(err, ERR_RETRY, E_KAFKA_BROKEN,
                     "cannot go on with this producer: %s; another one goes on behind the last"
                     " record that is there",
                     p->last_text[0] != '\0' ? p->last_text : "a record failed");
}

/* Sends what is gathered, without waiting for more. Reports are taken by us and not by flush, which therefore waits
 * in vain: it is given just the time in which librdkafka's threads wake up. */
static void push(struct kafka_producer *p)
{
    if (p->outstanding > 0 && !p->broken)
        (void)rd_kafka_flush(p->rk, PUSH_MS);
}

bool kafka_producer_wait(struct kafka_producer *p, int timeout_ms, struct error *err)
{
    int64_t until = clock_mono_us(&clock_system) + (int64_t)timeout_ms * 1000;
    int pause = PUSH_PAUSE_MS;

    for (;;) {
        int left = clock_left_ms(&clock_system, until, pause);

        push(p);
        kafka_producer_poll(p, p->outstanding > 0 && !p->broken ? left : 0);
        pause = pause < POLL_MS ? pause * 2 : POLL_MS;
        if (p->broken)
            return failed(p, err);
        if (p->outstanding == 0)
            return true;
        if (wake_is_set(p->stop_fd))
            return error_cancel(err);
        if (left == 0 || kafka_error_kind(p->last) == ERR_STOP)
            return kafka_producer_late(p, "write to Kafka", err);
    }
}

static rd_kafka_headers_t *headers_of(const struct kafka_record *r)
{
    rd_kafka_headers_t *headers;

    if (r->header_count == 0)
        return NULL;
    headers = rd_kafka_headers_new(r->header_count);
    for (size_t i = 0; i < r->header_count; i++) {
        const struct kafka_header *h = &r->headers[i];

        (void)rd_kafka_header_add(headers, h->name, -1, h->value.p, (ssize_t)h->value.n);
    }
    return headers;
}

/* One try; the headers are taken when it succeeds. */
static rd_kafka_resp_err_t enqueue(struct kafka_producer *p, const struct kafka_record *r,
                                   rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t vus[] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = (rd_kafka_topic_t *)r->topic },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = r->lent ? 0 : RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_KEY,
          .u.mem = { r->has_key ? (void *)(uintptr_t)(r->key.n > 0 ? r->key.p : "") : NULL,
                     r->has_key ? r->key.n : 0 } },
        { .vtype = RD_KAFKA_VTYPE_VALUE,
          .u.mem = { r->has_value ? (void *)(uintptr_t)(r->value.n > 0 ? r->value.p : "") : NULL,
                     r->has_value ? r->value.n : 0 } },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)r->mark },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->time_ms },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
    };
    size_t count = sizeof vus / sizeof vus[0] - (headers == NULL ? 1 : 0);
    rd_kafka_error_t *e = rd_kafka_produceva(p->rk, vus, count);
    rd_kafka_resp_err_t code;

    if (e == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    code = rd_kafka_error_code(e);
    rd_kafka_error_destroy(e);
    return code;
}

static bool refuse(struct kafka_producer *p, rd_kafka_resp_err_t code, const struct kafka_record *r,
                   struct error *err)
{
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return error_set(err, ERR_REJECT, E_KAFKA_TOO_LARGE,
                         "cannot write a record of %zu bytes to topic %s: it is larger than"
                         " message.max.bytes",
                         r->key.n + r->value.n,
                         rd_kafka_topic_name((const rd_kafka_topic_t *)r->topic));
    }
    p->broken = true;
    if (p->last == RD_KAFKA_RESP_ERR_NO_ERROR)
        p->last = code;
    return failed(p, err);
}

bool kafka_produce(struct kafka_producer *p, const struct kafka_record *r, struct error *err)
{
    int64_t until = 0;
    rd_kafka_headers_t *headers = headers_of(r);
    rd_kafka_resp_err_t code;

    while ((code = enqueue(p, r, headers)) == RD_KAFKA_RESP_ERR__QUEUE_FULL && !p->broken) {
        int64_t now = clock_mono_us(&clock_system);

        if (until == 0)
            until = now + (int64_t)FULL_WAIT_MS * 1000;
        if (wake_is_set(p->stop_fd) || now >= until)
            break;
        kafka_producer_poll(p, POLL_MS);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->outstanding++;
        return true;
    }
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || p->broken)
        return refuse(p, code, r, err);
    return wake_is_set(p->stop_fd) ? error_cancel(err)
                                   : kafka_producer_late(p, "write to Kafka", err);
}

bool kafka_producer_broken(const struct kafka_producer *p)
{
    return p->broken;
}

const uint64_t *kafka_producer_too_large(const struct kafka_producer *p, size_t *ret_count)
{
    *ret_count = p->too_large_count;
    return p->too_large;
}
