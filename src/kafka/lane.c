/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One partition's records. They are taken from the queue a few at a time: the first is waited for, the others come
 * along when they are there. Waiting is done in short pieces, so that a stop is seen.
 *
 * librdkafka stops fetching while more than queued.max.messages.kbytes wait in the queue. That the queue has room again
 * its broker thread notices only when something wakes it, at the latest after a second (since 2.2 there is
 * fetch.queue.backoff.ms for that); so a question to the broker wakes it for each piece that was taken.
 */
#include "kafka/consumer_private.h"

#include "base/mem.h"
#include "base/wake.h"

#include <stdlib.h>

enum { AT_ONCE = 256, WAIT_PIECE_MS = 100, SEEK_MS = 5000, NUDGE_MS = 100 };

/* Half of queued.max.messages.kbytes: the next answer comes while the other half is delivered. */
#define NUDGE_BYTES ((size_t)2 * 1024 * 1024)

struct kafka_lane {
    struct kafka_consumer *consumer;
    char *topic;
    int32_t partition;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *messages[AT_ONCE];
    size_t count, at; /* at: the first that was not handed out */
    size_t taken;     /* bytes, since the broker was last asked */
};

struct kafka_lane *kafka_lane_open(struct kafka_consumer *c, const char *topic, int32_t partition)
{
    struct kafka_lane *p = mem_zalloc(1, sizeof *p);

    p->consumer = c;
    p->topic = mem_strdup(topic);
    p->partition = partition;
    p->queue = rd_kafka_queue_get_partition(c->rk, topic, partition);
    return p;
}

static void drop_messages(struct kafka_lane *p)
{
    for (size_t i = 0; i < p->count; i++)
        rd_kafka_message_destroy(p->messages[i]);
    p->count = 0;
    p->at = 0;
}

void kafka_lane_close(struct kafka_lane *p)
{
    if (p == NULL)
        return;
    drop_messages(p);
    if (p->queue != NULL)
        rd_kafka_queue_destroy(p->queue);
    free(p->topic);
    free(p);
}

bool kafka_lane_seek(struct kafka_lane *p, int64_t offset, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;
    rd_kafka_error_t *e;

    drop_messages(p);
    rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = offset;
    e = rd_kafka_seek_partitions(p->consumer->rk, list, SEEK_MS);
    code = e != NULL ? rd_kafka_error_code(e) : list->elems[0].err;
    if (e != NULL)
        rd_kafka_error_destroy(e);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "read %s/%d from offset %lld", p->topic, (int)p->partition,
                      (long long)offset);
}

int64_t kafka_lane_end(const struct kafka_lane *p)
{
    int64_t low = -1;
    int64_t high = -1;

    if (rd_kafka_get_watermark_offsets(p->consumer->rk, p->topic, p->partition, &low, &high) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high;
}

static bool gone(const struct kafka_lane *p, const rd_kafka_message_t *m, struct error *err)
{
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return error_set(err, ERR_STOP, E_KAFKA_OFFSET_GONE,
                         "cannot go on in %s/%d: what comes next is no longer there (offset %lld)",
                         p->topic, (int)p->partition, (long long)m->offset);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return kafka_topic_missing(err, p->topic);
    default:
        return kafka_fail(err, m->err, NULL, "read %s/%d", p->topic, (int)p->partition);
    }
}

/* The answer does not matter, nor whether there is one. */
static void nudge(struct kafka_lane *p)
{
    int64_t low;
    int64_t high;

    for (size_t i = 0; i < p->count; i++)
        p->taken += p->messages[i]->len + p->messages[i]->key_len;
    if (p->taken < NUDGE_BYTES)
        return;
    p->taken = 0;
    (void)rd_kafka_query_watermark_offsets(p->consumer->rk, p->topic, p->partition, &low, &high,
                                           NUDGE_MS);
}

static void fill(struct kafka_lane *p, int timeout_ms, int stop_fd)
{
    drop_messages(p);
    for (int left = timeout_ms;; left -= WAIT_PIECE_MS) {
        int piece = left < WAIT_PIECE_MS ? left : WAIT_PIECE_MS;

        p->messages[0] = rd_kafka_consume_queue(p->queue, piece > 0 ? piece : 0);
        if (p->messages[0] != NULL || left <= WAIT_PIECE_MS || wake_is_set(stop_fd))
            break;
    }
    if (p->messages[0] == NULL)
        return;
    p->count = 1;
    if (p->messages[0]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ssize_t more = rd_kafka_consume_batch_queue(p->queue, 0, p->messages + 1, AT_ONCE - 1);

        p->count += more > 0 ? (size_t)more : 0;
    }
    nudge(p);
}

static void show(const rd_kafka_message_t *m, struct kafka_message *ret_record)
{
    rd_kafka_timestamp_type_t type;

    *ret_record = (struct kafka_message){ .offset = m->offset,
                                          .timestamp_ms = rd_kafka_message_timestamp(m, &type),
                                          .has_key = m->key != NULL,
                                          .has_value = m->payload != NULL,
                                          .key = str_make(m->key, m->key_len),
                                          .value = str_make(m->payload, m->len),
                                          .message = m };
}

bool kafka_lane_next(struct kafka_lane *p, int timeout_ms, int stop_fd, enum kafka_next *ret_what,
                     struct kafka_message *ret_record, struct error *err)
{
    const rd_kafka_message_t *m;

    if (p->at == p->count)
        fill(p, timeout_ms, stop_fd);
    if (p->at == p->count) {
        *ret_what = KAFKA_NEXT_NONE;
        return true;
    }
    m = p->messages[p->at++];
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *ret_what = KAFKA_NEXT_END;
        *ret_record = (struct kafka_message){ .offset = m->offset };
        return true;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return gone(p, m, err);
    show(m, ret_record);
    *ret_what = KAFKA_NEXT_RECORD;
    return true;
}

size_t kafka_message_headers(const struct kafka_message *record,
                             struct kafka_message_header *ret_headers, size_t max)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;
    size_t n = 0;

    if (rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    while (n < max && rd_kafka_header_get_all(headers, n, &name, &value, &size) ==
                          RD_KAFKA_RESP_ERR_NO_ERROR) {
        ret_headers[n] = (struct kafka_message_header){ str_from(name), str_make(value, size) };
        n++;
    }
    return n;
}
