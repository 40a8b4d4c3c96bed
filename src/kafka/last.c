/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition's last offsets may hold no record: a transaction's marker, or what compaction took. So it is read from
 * a little before its end up to its end, and, when nothing was there, from further before.
 */
#include "kafka/last.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/wake.h"
#include "kafka/client_private.h"

#include <stdlib.h>

enum { ASK_MS = 1000, QUIET_MS = 20000, LOOK_MS = 100, BACK_FIRST = 1, BACK_FACTOR = 16 };

struct kafka_last {
    rd_kafka_t *rk;
    int stop_fd;
    struct kafka_trouble trouble;
};

/* One partition on its way. */
struct look {
    int64_t low, high; /* the records are in [low, high) */
    bool reading;
};

bool kafka_last_open(const struct kafka_settings *settings, int stop_fd,
                     struct kafka_last **ret_last, struct error *err)
{
    const struct kafka_property fixed[] = {
        { "enable.partition.eof", "true" },
        { "enable.auto.commit", "false" },
        { "enable.auto.offset.store", "false" },
        { "auto.offset.reset", "error" },
        { "isolation.level", "read_uncommitted" },
        { "fetch.wait.max.ms", "10" },
        { NULL, NULL },
    };
    rd_kafka_conf_t *conf = kafka_conf_make(settings, NULL, fixed, err);
    struct kafka_last *l;

    if (conf == NULL)
        return false;
    l = mem_zalloc(1, sizeof *l);
    l->stop_fd = stop_fd;
    kafka_trouble_watch(conf, &l->trouble);
    l->rk = kafka_handle_new(RD_KAFKA_CONSUMER, conf, err);
    if (l->rk == NULL) {
        free(l);
        return false;
    }
    *ret_last = l;
    return true;
}

void kafka_last_close(struct kafka_last *l)
{
    if (l == NULL)
        return;
    rd_kafka_destroy_flags(l->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(l);
}

static bool late(struct kafka_last *l, rd_kafka_resp_err_t code, const char *topic,
                 struct error *err)
{
    return kafka_trouble_fail(&l->trouble, err, code, "read the end of topic %s", topic);
}

/* Where the partition begins and ends. */
static bool ask(struct kafka_last *l, const char *topic, int32_t partition, struct look *look,
                struct error *err)
{
    int64_t until = clock_mono_us(&clock_system) + (int64_t)QUIET_MS * 1000;
    rd_kafka_resp_err_t code;

    while ((code = rd_kafka_query_watermark_offsets(l->rk, topic, partition, &look->low,
                                                    &look->high, ASK_MS)) !=
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)rd_kafka_poll(l->rk, 0);
        if (wake_is_set(l->stop_fd))
            return error_cancel(err);
        if (kafka_error_kind(code) == ERR_STOP || kafka_error_kind(l->trouble.code) == ERR_STOP ||
            clock_left_ms(&clock_system, until, 1) == 0)
            return late(l, code, topic, err);
    }
    return true;
}

/* ---- records ------------------------------------------------------------------------------------------ */

static void copy_headers(const rd_kafka_message_t *m, struct arena *a,
                         struct kafka_last_record *ret)
{
    struct kafka_header *items;
    rd_kafka_headers_t *headers;
    size_t n;

    ret->headers = NULL;
    ret->header_count = 0;
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    n = rd_kafka_header_cnt(headers);
    items = arena_zalloc(a, n > 0 ? n : 1, sizeof *items);
    for (size_t i = 0; i < n; i++) {
        const char *name;
        const void *value;
        size_t size;

        if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        items[i].name = arena_str(a, str_from(name)).p;
        items[i].value = arena_str(a, str_make(value, size));
        ret->header_count++;
    }
    ret->headers = items;
}

static void copy_record(const rd_kafka_message_t *m, struct arena *a, struct kafka_last_record *ret)
{
    ret->found = true;
    ret->offset = m->offset;
    ret->has_key = m->key != NULL;
    ret->has_value = m->payload != NULL;
    ret->key = ret->has_key ? arena_str(a, str_make(m->key, m->key_len)) : STR_NONE;
    ret->value = ret->has_value ? arena_str(a, str_make(m->payload, m->len)) : STR_NONE;
    copy_headers(m, a, ret);
}

/* One message off the queue. */
static bool take(const rd_kafka_message_t *m, int32_t count, struct look *looks, struct arena *a,
                 struct kafka_last_record *records, struct error *err)
{
    int32_t at = m->partition;

    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (at >= 0 && at < count && m->offset >= looks[at].high)
            looks[at].reading = false;
        return true;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, m->err, rd_kafka_message_errstr(m), "read the end of topic %s",
                          rd_kafka_topic_name(m->rkt));
    if (at < 0 || at >= count || m->offset >= looks[at].high)
        return true;
    copy_record(m, a, &records[at]);
    if (m->offset == looks[at].high - 1)
        looks[at].reading = false;
    return true;
}

static bool is_reading(const struct look *looks, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (looks[i].reading)
            return true;
    }
    return false;
}

static bool drain(struct kafka_last *l, const char *topic, rd_kafka_queue_t *queue, int32_t count,
                  struct look *looks, struct arena *a, struct kafka_last_record *records,
                  struct error *err)
{
    int64_t until = clock_mono_us(&clock_system) + (int64_t)QUIET_MS * 1000;

    while (is_reading(looks, count)) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(queue, LOOK_MS);
        bool ok = true;

        (void)rd_kafka_poll(l->rk, 0);
        if (m != NULL) {
            ok = take(m, count, looks, a, records, err);
            rd_kafka_message_destroy(m);
            until = clock_mono_us(&clock_system) + (int64_t)QUIET_MS * 1000;
        }
        if (!ok)
            return false;
        if (wake_is_set(l->stop_fd))
            return error_cancel(err);
        if (clock_left_ms(&clock_system, until, 1) == 0)
            return late(l, RD_KAFKA_RESP_ERR__TIMED_OUT, topic, err);
    }
    return true;
}

/* Reads each partition that has no record yet from `back` before its end. */
static bool read_back(struct kafka_last *l, rd_kafka_topic_t *rkt, int32_t count, int64_t back,
                      struct look *looks, struct arena *a, struct kafka_last_record *records,
                      struct error *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->rk);
    bool started = true;
    bool ok = true;
    int32_t n = 0;

    for (; n < count && started; n++) {
        int64_t from = looks[n].high - back > looks[n].low ? looks[n].high - back : looks[n].low;

        looks[n].reading = !records[n].found && looks[n].high > looks[n].low;
        started = !looks[n].reading || rd_kafka_consume_start_queue(rkt, n, from, queue) == 0;
    }
    if (started)
        ok = drain(l, rd_kafka_topic_name(rkt), queue, count, looks, a, records, err);
    else
        ok = kafka_fail(err, rd_kafka_last_error(), NULL, "read the end of topic %s",
                        rd_kafka_topic_name(rkt));
    for (int32_t i = 0; i < n; i++)
        (void)rd_kafka_consume_stop(rkt, i);
    rd_kafka_queue_destroy(queue);
    return ok;
}

/* Partitions of which nothing was found, although there is more before what was read. */
static bool is_open(const struct look *looks, const struct kafka_last_record *records,
                    int32_t count, int64_t back)
{
    for (int32_t i = 0; i < count; i++) {
        if (!records[i].found && looks[i].high - looks[i].low > back)
            return true;
    }
    return false;
}

bool kafka_last_read(struct kafka_last *l, const char *topic, int32_t count, struct arena *a,
                     struct kafka_last_record *ret_records, struct error *err)
{
    struct look *looks = arena_zalloc(a, (size_t)count, sizeof *looks);
    rd_kafka_topic_t *rkt;
    int64_t back = BACK_FIRST;
    bool ok = true;

    for (int32_t i = 0; i < count; i++) {
        ret_records[i] = (struct kafka_last_record){ .found = false };
        if (!ask(l, topic, i, &looks[i], err))
            return false;
    }
    rkt = rd_kafka_topic_new(l->rk, topic, NULL);
    if (rkt == NULL)
        return kafka_fail(err, rd_kafka_last_error(), NULL, "read the end of topic %s", topic);
    ok = read_back(l, rkt, count, back, looks, a, ret_records, err);
    while (ok && is_open(looks, ret_records, count, back)) {
        back *= BACK_FACTOR;
        ok = read_back(l, rkt, count, back, looks, a, ret_records, err);
    }
    rd_kafka_topic_destroy(rkt);
    return ok;
}

struct str kafka_last_header(const struct kafka_last_record *r, const char *name)
{
    for (size_t i = r->header_count; i > 0; i--) {
        if (strcmp(r->headers[i - 1].name, name) == 0)
            return r->headers[i - 1].value;
    }
    return STR_NONE;
}
