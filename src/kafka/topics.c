/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for one topic by name makes some brokers create it (auto.create.topics.enable), so all topics are asked for
 * and the one is looked up.
 */
#include "kafka/topics.h"

#include "base/clock.h"
#include "base/wake.h"
#include "kafka/producer_private.h"

#include <stdio.h>

enum { ASK_MS = 1000, ANSWER_MS = 15000, APPEAR_MS = 20000, LOOK_MS = 100 };

static int64_t deadline(int ms)
{
    return clock_mono_us(&clock_system) + (int64_t)ms * 1000;
}

/* The brokers' answer, or false after some seconds without one. */
static bool ask(struct kafka_producer *p, const struct rd_kafka_metadata **ret_md,
                struct error *err)
{
    int64_t until = deadline(ANSWER_MS);
    rd_kafka_resp_err_t code;

    for (;;) {
        code = rd_kafka_metadata(p->rk, 1, NULL, ret_md, ASK_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        kafka_producer_poll(p, 0);
        if (wake_is_set(p->stop_fd))
            return error_cancel(err);
        if (kafka_error_kind(code) == ERR_STOP)
            return kafka_fail(err, code, NULL, "ask the brokers for topics");
        if (kafka_error_kind(p->last) == ERR_STOP || clock_left_ms(&clock_system, until, 1) == 0)
            return kafka_producer_late(p, "ask the brokers for topics", err);
    }
}

/* A partition without a leader cannot be written to; the topic counts as a whole or not at all. */
static int32_t usable_partitions(const rd_kafka_metadata_topic_t *t)
{
    for (int i = 0; i < t->partition_cnt; i++) {
        if (t->partitions[i].leader < 0)
            return 0;
    }
    return t->partition_cnt;
}

static bool look(struct kafka_producer *p, const char *name, int32_t *ret_count, bool *ret_exists,
                 struct error *err)
{
    const struct rd_kafka_metadata *md;

    if (!ask(p, &md, err))
        return false;
    *ret_count = 0;
    *ret_exists = false;
    for (int i = 0; i < md->topic_cnt; i++) {
        if (strcmp(md->topics[i].topic, name) != 0)
            continue;
        *ret_exists = true;
        *ret_count = usable_partitions(&md->topics[i]);
    }
    rd_kafka_metadata_destroy(md);
    return true;
}

/* Until every partition has a leader. */
static bool appear(struct kafka_producer *p, const char *name, int32_t *ret_count,
                   struct error *err)
{
    int64_t until = deadline(APPEAR_MS);
    bool exists;

    for (;;) {
        if (!look(p, name, ret_count, &exists, err))
            return false;
        if (*ret_count > 0)
            return true;
        if (wake_wait(p->stop_fd, LOOK_MS))
            return error_cancel(err);
        if (clock_left_ms(&clock_system, until, 1) == 0)
            return error_set(err, ERR_RETRY, E_KAFKA_DOWN,
                             "cannot use topic %s: not every partition of it has a leader", name);
    }
}

bool kafka_topic_partitions(struct kafka_producer *p, const char *name, int32_t *ret_count,
                            struct error *err)
{
    int32_t count;
    bool exists;

    if (!look(p, name, &count, &exists, err))
        return false;
    if (exists && count == 0)
        return appear(p, name, ret_count, err);
    *ret_count = count;
    return true;
}

/* ---- making one --------------------------------------------------------------------------------------- */

static rd_kafka_NewTopic_t *new_topic(const char *name, const struct kafka_topic_opts *opts,
                                      struct error *err)
{
    char reason[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, opts->partitions, opts->replication, reason, sizeof reason);

    if (topic == NULL) {
        (void)kafka_fail(err, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, reason, "make topic %s", name);
        return NULL;
    }
    for (size_t i = 0; i < opts->config_count; i++)
        (void)rd_kafka_NewTopic_set_config(topic, opts->configs[i].name, opts->configs[i].value);
    return topic;
}

/* A topic that is there all the same is somebody else's who was faster, or one that the user may not see. */
static bool judge(rd_kafka_event_t *event, const char *name, bool trial, struct error *err)
{
    const rd_kafka_CreateTopics_result_t *result;
    const rd_kafka_topic_result_t **topics;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    size_t count = 0;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, code, rd_kafka_event_error_string(event), "make topic %s", name);
    result = rd_kafka_event_CreateTopics_result(event);
    topics = rd_kafka_CreateTopics_result_topics(result, &count);
    code = count > 0 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (trial && code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return error_set(
            err, ERR_STOP, E_KAFKA_PERMISSION,
            "cannot see topic %s: it is there, and the user has no right to describe it", name);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return true;
    return kafka_fail(err, code, count > 0 ? rd_kafka_topic_result_error_string(topics[0]) : NULL,
                      "make topic %s", name);
}

/* Waits for the answer to what was asked on the queue. */
static rd_kafka_event_t *answer(struct kafka_producer *p, rd_kafka_queue_t *queue,
                                struct error *err)
{
    int64_t until = deadline(ANSWER_MS);

    for (;;) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LOOK_MS);

        if (event != NULL)
            return event;
        kafka_producer_poll(p, 0);
        if (wake_is_set(p->stop_fd)) {
            (void)error_cancel(err);
            return NULL;
        }
        if (clock_left_ms(&clock_system, until, 1) == 0) {
            (void)kafka_producer_late(p, "make a topic", err);
            return NULL;
        }
    }
}

/* options NULL: for good. */
static bool ask_to_create(struct kafka_producer *p, const char *name,
                          const struct kafka_topic_opts *opts,
                          const rd_kafka_AdminOptions_t *options, struct error *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(name, opts, err);
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    bool ok = false;

    if (topic == NULL)
        return false;
    queue = rd_kafka_queue_new(p->rk);
    rd_kafka_CreateTopics(p->rk, &topic, 1, options, queue);
    event = answer(p, queue, err);
    if (event != NULL) {
        ok = judge(event, name, options != NULL, err);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return ok;
}

bool kafka_topic_create(struct kafka_producer *p, const char *name,
                        const struct kafka_topic_opts *opts, int32_t *ret_count, struct error *err)
{
    return ask_to_create(p, name, opts, NULL, err) && appear(p, name, ret_count, err);
}

bool kafka_topic_may_create(struct kafka_producer *p, const char *name,
                            const struct kafka_topic_opts *opts, struct error *err)
{
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(p->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    char reason[8];
    bool ok;

    (void)rd_kafka_AdminOptions_set_validate_only(options, 1, reason, sizeof reason);
    ok = ask_to_create(p, name, opts, options, err);
    rd_kafka_AdminOptions_destroy(options);
    return ok;
}
