/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group's side: membership, assignments, committed offsets. What is read comes through the queue of each
 * partition (lane.c); the consumer's own queue, served by kafka_consumer_poll, brings only rebalances and errors.
 *
 * A rebalance reaches us in librdkafka's callback, within kafka_consumer_poll. The callback only notes it; librdkafka
 * waits until take or give calls incremental_(un)assign. A partition's queue must be cut off from the consumer's queue
 * before the assignment, else its first records go the other way.
 *
 * A commit must not follow a JoinGroup request: brokers answer the requests of a connection in order, so it would reach the
 * next generation under the number of the old one, and librdkafka then takes all partitions for lost (2.0.2,
 * rd_kafka_cgrp_op_handle_OffsetCommit). Interceptors tell when such a request goes out and when SyncGroup is answered.
 */
#include "kafka/consumer_private.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASK_MS = 10000, JOIN_AT_CLOSE_MS = 4000, JOIN_PIECE_MS = 50 };
enum { JOIN_GROUP = 11, SYNC_GROUP = 14 }; /* keys of requests in Kafka's protocol */

/* Then something went wrong that the interceptors do not see; a commit shows what. */
#define JOINING_AT_MOST_US ((long long)60 * 1000 * 1000)

/* A member that is dead, stopped or cut off is missed within ten seconds. Memory: what waits in a partition's
 * queue, and what one answer of a broker holds; records with schemas unpack to ten to twenty times of it. */
static const struct kafka_property defaults[] = {
    { "session.timeout.ms", "10000" },
    { "heartbeat.interval.ms", "1000" },
    { "topic.metadata.refresh.interval.ms", "5000" },
    { "queued.max.messages.kbytes", "4096" },
    { "fetch.max.bytes", "16777216" },
    { "max.partition.fetch.bytes", "262144" },
    { "fetch.wait.max.ms", "500" },
    { "fetch.error.backoff.ms", "100" },
    { NULL, NULL },
};

static const struct kafka_property fixed[] = {
    { "partition.assignment.strategy", "cooperative-sticky" },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },
    { "enable.partition.eof", "true" },
    { "allow.auto.create.topics", "false" },
    { NULL, NULL },
};

/* ---- the time between two generations; librdkafka's threads ----------------------------------------------- */

static rd_kafka_resp_err_t note_request(rd_kafka_t *rk, int fd, const char *broker, int32_t id,
                                        int16_t key, int16_t version, int32_t number, size_t size,
                                        void *opaque)
{
    struct kafka_consumer *c = opaque;

    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)number, (void)size;
    if (key == JOIN_GROUP) {
        atomic_store(&c->joining_us, clock_mono_us(&clock_system));
        atomic_store(&c->joined, true);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t note_response(rd_kafka_t *rk, int fd, const char *broker, int32_t id,
                                         int16_t key, int16_t version, int32_t number, size_t size,
                                         int64_t took, rd_kafka_resp_err_t code, void *opaque)
{
    struct kafka_consumer *c = opaque;

    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)number, (void)size, (void)took;
    (void)code;
    if (key == SYNC_GROUP)
        atomic_store(&c->joining_us, 0);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t watch(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                 char *text, size_t size)
{
    rd_kafka_resp_err_t code =
        rd_kafka_interceptor_add_on_request_sent(rk, "multisink", note_request, opaque);

    (void)conf;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code =
            rd_kafka_interceptor_add_on_response_received(rk, "multisink", note_response, opaque);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)snprintf(text, size, "%s", rd_kafka_err2str(code));
    return code;
}

bool kafka_consumer_is_joining(const struct kafka_consumer *c)
{
    long long since = atomic_load(&c->joining_us);

    return since != 0 && clock_mono_us(&clock_system) - since < JOINING_AT_MOST_US;
}

/* ---- rebalances ----------------------------------------------------------------------------------------- */

static void note_event(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_consumer *c = opaque;

    c->served = c->served || code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (c->closing) { /* every reader has ended already */
        rd_kafka_error_t *e = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
                                  ? rd_kafka_incremental_assign(rk, list)
                                  : rd_kafka_incremental_unassign(rk, list);

        if (e != NULL)
            rd_kafka_error_destroy(e);
        return;
    }
    c->pending = rd_kafka_topic_partition_list_copy(list);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        c->event = KAFKA_ASSIGNED;
    else
        c->event = rd_kafka_assignment_lost(rk) ? KAFKA_LOST : KAFKA_REVOKED;
}

static void answered(struct kafka_consumer *c)
{
    if (c->pending != NULL)
        rd_kafka_topic_partition_list_destroy(c->pending);
    c->pending = NULL;
    free(c->places);
    c->places = NULL;
    c->event = KAFKA_NOTHING;
}

static bool judge(rd_kafka_error_t *e, const char *what, struct error *err)
{
    if (e == NULL)
        return true;
    (void)kafka_fail(err, rd_kafka_error_code(e), rd_kafka_error_string(e), "%s", what);
    rd_kafka_error_destroy(e);
    return false;
}

/* The partition's records go to its own queue from now on. */
static void cut_off(struct kafka_consumer *c, const rd_kafka_topic_partition_t *at)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(c->rk, at->topic, at->partition);

    if (queue == NULL)
        return;
    rd_kafka_queue_forward(queue, NULL);
    rd_kafka_queue_destroy(queue);
}

bool kafka_consumer_take(struct kafka_consumer *c, struct error *err)
{
    bool ok;

    for (int i = 0; i < c->pending->cnt; i++) {
        c->pending->elems[i].offset = c->places[i].offset;
        cut_off(c, &c->pending->elems[i]);
    }
    ok = judge(rd_kafka_incremental_assign(c->rk, c->pending), "take partitions", err);
    answered(c);
    return ok;
}

bool kafka_consumer_give(struct kafka_consumer *c, struct error *err)
{
    bool ok = judge(rd_kafka_incremental_unassign(c->rk, c->pending), "give partitions up", err);

    answered(c);
    return ok;
}

/* ---- life ------------------------------------------------------------------------------------------------- */

bool kafka_consumer_open(const struct kafka_consumer_opts *opts,
                         struct kafka_consumer **ret_consumer, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_make(&opts->settings, defaults, fixed, err);
    struct kafka_consumer *c;
    char ignored[8];

    if (conf == NULL)
        return false;
    if (rd_kafka_conf_set(conf, "group.id", opts->group, ignored, sizeof ignored) !=
        RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERR_STOP, E_KAFKA_CLIENT, "cannot use \"%s\" as a consumer group",
                         opts->group);
    }
    c = mem_zalloc(1, sizeof *c);
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_rebalance_cb(conf, note_event);
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "multisink", watch, c);
    c->rk = kafka_handle_new(RD_KAFKA_CONSUMER, conf, err);
    if (c->rk == NULL) {
        free(c);
        return false;
    }
    (void)rd_kafka_poll_set_consumer(c->rk);
    *ret_consumer = c;
    return true;
}

/* librdkafka 2.0.2 aborts the process when a member is destroyed between its first JoinGroup and its first assignment
 * (rd_kafka_sticky_assignor_state_destroy): such a member waits for it, and when that does not come it is not destroyed
 * but left to the end of the process. */
static bool may_be_destroyed(struct kafka_consumer *c)
{
    int64_t until = clock_mono_us(&clock_system) + (int64_t)JOIN_AT_CLOSE_MS * 1000;

    while (atomic_load(&c->joined) && !c->served && clock_left_ms(&clock_system, until, 1) > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(c->rk, JOIN_PIECE_MS);

        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    return !atomic_load(&c->joined) || c->served;
}

void kafka_consumer_close(struct kafka_consumer *c)
{
    struct error ignored;
    bool may;

    if (c == NULL)
        return;
    c->closing = true;
    if (c->event == KAFKA_ASSIGNED)
        (void)!kafka_consumer_take(c, &ignored);
    else if (c->event != KAFKA_NOTHING)
        (void)!kafka_consumer_give(c, &ignored);
    may = may_be_destroyed(c);
    (void)rd_kafka_consumer_close(c->rk);
    if (!may)
        return;
    rd_kafka_destroy(c->rk);
    free(c);
}

bool kafka_consumer_subscribe(struct kafka_consumer *c, const char *const *topics, size_t count,
                              struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < count; i++)
        (void)rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "subscribe to %zu topic(s)", count);
}

bool kafka_consumer_assign(struct kafka_consumer *c, const struct kafka_place *place,
                           struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_add(list, place->topic, place->partition);
    rd_kafka_resp_err_t code;

    at->offset = place->offset;
    cut_off(c, at);
    code = rd_kafka_assign(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "read %s/%d", place->topic, (int)place->partition);
}

/* ---- events ----------------------------------------------------------------------------------------------- */

bool kafka_topic_missing(struct error *err, const char *topic)
{
    return error_set(err, ERR_RETRY, E_KAFKA_TOPIC_MISSING,
                     "cannot read topic %s: the brokers do not know it", topic);
}

static bool tell(const rd_kafka_message_t *message, struct error *err)
{
    const char *reason = message->payload != NULL ? (const char *)message->payload : NULL;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
        message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && message->rkt != NULL)
        return kafka_topic_missing(err, rd_kafka_topic_name(message->rkt));
    return kafka_fail(err, message->err, reason, "read from Kafka");
}

static void show_places(struct kafka_consumer *c, struct kafka_place **ret_places,
                        size_t *ret_count)
{
    size_t count = (size_t)c->pending->cnt;

    if (c->places == NULL)
        c->places = mem_zalloc(count + 1, sizeof *c->places);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *at = &c->pending->elems[i];

        c->places[i] = (struct kafka_place){ at->topic, at->partition, -1 };
    }
    *ret_places = c->places;
    *ret_count = count;
}

bool kafka_consumer_poll(struct kafka_consumer *c, int timeout_ms, enum kafka_event *ret_event,
                         struct kafka_place **ret_places, size_t *ret_count, struct error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(c->rk, timeout_ms);
    bool ok = true;

    if (message != NULL) {
        ok = tell(message, err);
        rd_kafka_message_destroy(message);
    }
    *ret_event = c->event;
    *ret_count = 0;
    if (c->event != KAFKA_NOTHING)
        show_places(c, ret_places, ret_count);
    return ok || c->event != KAFKA_NOTHING;
}

/* ---- questions and commits --------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *one(const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    return list;
}

bool kafka_consumer_committed(struct kafka_consumer *c, const char *topic, int32_t partition,
                              struct arena *a, bool *ret_found, int64_t *ret_offset,
                              struct str *ret_note, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = one(topic, partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_resp_err_t code = rd_kafka_committed(c->rk, list, ASK_MS);
    const rd_kafka_topic_partition_t *at = &list->elems[0];

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = at->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_found = at->offset >= 0;
        *ret_offset = at->offset;
        *ret_note = arena_str(a, str_make(at->metadata, at->metadata_size));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "ask for the group's offset of %s/%d", topic,
                      (int)partition);
}

bool kafka_consumer_range(struct kafka_consumer *c, const char *topic, int32_t partition,
                          int64_t *ret_low, int64_t *ret_high, struct error *err)
{
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(c->rk, topic, partition, ret_low, ret_high, ASK_MS);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "ask where %s/%d begins and ends", topic, (int)partition);
}

bool kafka_consumer_partitions(struct kafka_consumer *c, const char *topic, int32_t *ret_count,
                               struct error *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(c->rk, topic, NULL);
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;

    if (handle != NULL) {
        code = rd_kafka_metadata(c->rk, 0, handle, &found, ASK_MS);
        rd_kafka_topic_destroy(handle);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, code, NULL, "ask for topic %s", topic);
    if (found->topic_cnt == 1 && kafka_error_kind(found->topics[0].err) == ERR_STOP) {
        code = found->topics[0].err;
        rd_kafka_metadata_destroy(found);
        return kafka_fail(err, code, NULL, "ask for topic %s", topic);
    }
    *ret_count = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(found);
    return true;
}

/* The group is between two generations. A partition that is kept is committed with the next one; of one that
 * is not, the rebalance tells. */
static bool is_between(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
}

static bool wait_for_group(const struct kafka_place *place, struct error *err)
{
    return error_set(err, ERR_RETRY, E_KAFKA_DOWN,
                     "cannot store the offset %lld of %s/%d yet: the group is being arranged anew",
                     (long long)place->offset, place->topic, (int)place->partition);
}

bool kafka_consumer_commit(struct kafka_consumer *c, const struct kafka_place *place,
                           struct str note, struct error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;

    if (kafka_consumer_is_joining(c))
        return wait_for_group(place, err);
    list = one(place->topic, place->partition, place->offset);
    if (note.n >
        0) { /* freed with the list, by librdkafka's own means, which are malloc and free */
        list->elems[0].metadata = mem_strndup(note);
        list->elems[0].metadata_size = note.n;
    }
    code = rd_kafka_commit(c->rk, list, 0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    if (is_between(code))
        return wait_for_group(place, err);
    return kafka_fail(err, code, NULL, "store the offset %lld of %s/%d", (long long)place->offset,
                      place->topic, (int)place->partition);
}
