/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading assigns partition 0 to a consumer of no group. Records of interrupted writes are read as they come: the last
 * one of a key counts. A put is one record, waited for.
 */
#include "kafka/table.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "kafka/client_private.h"

#include <stdlib.h>

enum { ASK_MS = 10000, ASK_PIECE_MS = 500, PUT_PIECE_MS = 100, PUT_MS = 30000 };

/* ---- reading ------------------------------------------------------------------------------------------------ */

struct kafka_table {
    rd_kafka_t *rk;
    char *topic;
    bool begun;
    int64_t next; /* offset behind the last record read */
    int64_t high; /* end of the topic, when it was asked for last */
    rd_kafka_message_t *message;
    struct kafka_trouble trouble;
};

/* group.id is only needed by librdkafka's interface: nothing is joined, nothing is committed. */
static const struct kafka_property reader_fixed[] = {
    { "group.id", "multisink-table" },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "earliest" },
    { "enable.partition.eof", "true" },
    { "allow.auto.create.topics", "false" },
    { "queued.max.messages.kbytes", "4096" },
    { "fetch.wait.max.ms", "500" },
    { NULL, NULL },
};

bool kafka_table_open(const struct kafka_settings *settings, const char *topic,
                      struct kafka_table **ret_table, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_make(settings, NULL, reader_fixed, err);
    struct kafka_table *t;

    if (conf == NULL)
        return false;
    t = mem_zalloc(1, sizeof *t);
    kafka_trouble_watch(conf, &t->trouble);
    t->rk = kafka_handle_new(RD_KAFKA_CONSUMER, conf, err);
    if (t->rk == NULL) {
        free(t);
        return false;
    }
    t->topic = mem_strdup(topic);
    *ret_table = t;
    return true;
}

static void drop_message(struct kafka_table *t)
{
    if (t->message != NULL)
        rd_kafka_message_destroy(t->message);
    t->message = NULL;
}

void kafka_table_close(struct kafka_table *t)
{
    if (t == NULL)
        return;
    drop_message(t);
    (void)rd_kafka_consumer_close(t->rk);
    rd_kafka_destroy(t->rk);
    free(t->topic);
    free(t);
}

static bool is_absent(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

static bool find_range(struct kafka_table *t, int64_t *ret_low, int64_t *ret_high,
                       struct error *err)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

    for (int left = ASK_MS; left > 0 && code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_absent(code) &&
                            kafka_error_kind(t->trouble.code) != ERR_STOP;
         left -= ASK_PIECE_MS) {
        code =
            rd_kafka_query_watermark_offsets(t->rk, t->topic, 0, ret_low, ret_high, ASK_PIECE_MS);
        (void)rd_kafka_poll(t->rk, 0); /* for what librdkafka complains about */
    }
    if (is_absent(code)) {
        *ret_low = 0;
        *ret_high = 0;
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_trouble_fail(&t->trouble, err, code, "ask for the end of topic %s", t->topic);
        return false;
    }
    t->trouble.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    return true;
}

bool kafka_table_is_read(const struct kafka_table *t)
{
    return t->next >= t->high;
}

bool kafka_table_at_end(struct kafka_table *t, bool *ret_at_end, struct error *err)
{
    int64_t low;

    if (!find_range(t, &low, &t->high, err))
        return false;
    *ret_at_end = kafka_table_is_read(t);
    return true;
}

/* Not before the topic has something: a partition that does not exist would be an error for librdkafka. */
static bool begin(struct kafka_table *t, bool *ret_begun, struct error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;
    int64_t low;

    *ret_begun = t->begun;
    if (t->begun)
        return true;
    if (!find_range(t, &low, &t->high, err))
        return false;
    if (t->high == 0)
        return true;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, t->topic, 0)->offset = low;
    code = rd_kafka_assign(t->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, code, NULL, "read topic %s", t->topic);
    t->begun = true;
    t->next = low;
    *ret_begun = true;
    return true;
}

static bool take(struct kafka_table *t, bool *ret_found, struct kafka_table_entry *ret_entry,
                 struct error *err)
{
    const rd_kafka_message_t *m = t->message;

    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (m->offset > t->next) /* what lies before the end was compacted away */
            t->next = m->offset;
        return true;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, m->err, NULL, "read topic %s", t->topic);
    t->next = m->offset + 1;
    *ret_entry = (struct kafka_table_entry){ .offset = m->offset,
                                             .key = str_make(m->key, m->key_len),
                                             .has_value = m->payload != NULL,
                                             .value = str_make(m->payload, m->len) };
    *ret_found = true;
    return true;
}

bool kafka_table_next(struct kafka_table *t, int timeout_ms, bool *ret_found,
                      struct kafka_table_entry *ret_entry, struct error *err)
{
    bool begun;

    drop_message(t);
    *ret_found = false;
    if (!begin(t, &begun, err))
        return false;
    if (!begun)
        return true;
    (void)rd_kafka_poll(t->rk, 0);
    t->message = rd_kafka_consumer_poll(t->rk, kafka_table_is_read(t) ? 0 : timeout_ms);
    return t->message == NULL || take(t, ret_found, ret_entry, err);
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

struct kafka_table_writer {
    struct kafka_table_writer_opts opts;
    char *topic;
    rd_kafka_t *rk;
    bool made;
    /* of the put that is waited for */
    bool done;
    rd_kafka_resp_err_t result;
    int64_t offset;
    struct kafka_trouble trouble; /* of this connection */
};

static const struct kafka_property writer_fixed[] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    { "linger.ms", "0" },
    { "allow.auto.create.topics", "false" },
    { "topic.metadata.propagation.max.ms",
      "5000" }, /* half a minute, else, until a missing topic is said */
    { NULL, NULL },
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_table_writer *w = opaque;

    (void)rk;
    w->done = true;
    w->result = message->err;
    w->offset = message->offset;
}

static void note_writer(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_table_writer *w = opaque;

    (void)rk;
    kafka_trouble_note(&w->trouble, (rd_kafka_resp_err_t)code, reason);
}

static bool connect_writer(struct kafka_table_writer *w, struct error *err)
{
    rd_kafka_conf_t *conf = kafka_conf_make(&w->opts.settings, NULL, writer_fixed, err);

    if (conf == NULL)
        return false;
    rd_kafka_conf_set_opaque(conf, w);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, note_writer);
    w->trouble.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    w->rk = kafka_handle_new(RD_KAFKA_PRODUCER, conf, err);
    return w->rk != NULL;
}

bool kafka_table_writer_open(const struct kafka_table_writer_opts *opts,
                             struct kafka_table_writer **ret_writer, struct error *err)
{
    struct kafka_table_writer *w = mem_zalloc(1, sizeof *w);

    w->opts = *opts;
    w->topic = mem_strdup(opts->topic);
    if (!connect_writer(w, err)) {
        kafka_table_writer_close(w);
        return false;
    }
    *ret_writer = w;
    return true;
}

static void disconnect_writer(struct kafka_table_writer *w)
{
    if (w->rk == NULL)
        return;
    (void)rd_kafka_purge(w->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_poll(w->rk, 0);
    rd_kafka_destroy(w->rk);
    w->rk = NULL;
}

void kafka_table_writer_close(struct kafka_table_writer *w)
{
    if (w == NULL)
        return;
    disconnect_writer(w);
    free(w->topic);
    free(w);
}

static bool judge_creation(const struct kafka_table_writer *w, rd_kafka_event_t *event,
                           struct error *err)
{
    const rd_kafka_topic_result_t **results;
    size_t count = 0;
    rd_kafka_resp_err_t code;

    (void)rd_kafka_poll(w->rk, 0); /* for what librdkafka complains about */
    code = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_trouble_fail(&w->trouble, err, code, "make topic %s", w->topic);
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR_NO_ERROR;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ||
           kafka_fail(err, code, rd_kafka_topic_result_error_string(results[0]), "make topic %s",
                      w->topic);
}

static bool create_topic(struct kafka_table_writer *w, struct error *err)
{
    char reason[200] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(w->topic, 1, (int)w->opts.replication, reason, sizeof reason);
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    bool ok;

    if (topic == NULL)
        return error_set(err, ERR_STOP, E_KAFKA_REFUSED, "cannot make topic %s: %s", w->topic,
                         reason);
    (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
    queue = rd_kafka_queue_new(w->rk);
    rd_kafka_CreateTopics(w->rk, &topic, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, ASK_MS);
    ok = judge_creation(w, event, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return ok;
}

/* Librdkafka looks for topics that it does not know once a second; this makes it known at once. All are asked for:
 * naming one makes some brokers create it. What fails here is told by the put. */
static void learn_topics(struct kafka_table_writer *w)
{
    const struct rd_kafka_metadata *md;

    if (rd_kafka_metadata(w->rk, 1, NULL, &md, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(md);
}

/* A fatal error of an idempotent producer stays: another one goes on. */
static bool ready(struct kafka_table_writer *w, struct error *err)
{
    char reason[8];

    if (w->rk != NULL && rd_kafka_fatal_error(w->rk, reason, sizeof reason) != 0)
        disconnect_writer(w);
    if (w->rk == NULL && !connect_writer(w, err))
        return false;
    if (!w->made) {
        if (w->opts.create && !create_topic(w, err))
            return false;
        learn_topics(w);
    }
    w->made = true;
    return true;
}

static bool produce(struct kafka_table_writer *w, struct str key, struct str value,
                    struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_producev(
        w->rk, RD_KAFKA_V_TOPIC(w->topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)(uintptr_t)key.p, key.n),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n), RD_KAFKA_V_END);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "write to topic %s", w->topic);
}

static bool not_written(const struct kafka_table_writer *w, rd_kafka_resp_err_t code,
                        struct error *err)
{
    if (is_absent(code) && !w->opts.create) {
        return error_set(err, ERR_RETRY, E_KAFKA_NO_TOPIC,
                         "cannot write to topic %s: there is none, and create_topics is never;"
                         " it has one partition and cleanup.policy=compact",
                         w->topic);
    }
    return kafka_fail(err, code, NULL, "write to topic %s", w->topic);
}

bool kafka_table_put(struct kafka_table_writer *w, struct str key, struct str value, int stop_fd,
                     int64_t *ret_offset, struct error *err)
{
    if (!ready(w, err))
        return false;
    w->done = false;
    if (!produce(w, key, value, err))
        return false;
    for (int left = PUT_MS; !w->done && left > 0; left -= PUT_PIECE_MS) {
        (void)rd_kafka_poll(w->rk, PUT_PIECE_MS);
        if (!w->done && wake_is_set(stop_fd))
            break;
    }
    if (!w->done) { /* its report must not be taken for that of the next one */
        disconnect_writer(w);
        return wake_is_set(stop_fd)
                   ? error_cancel(err)
                   : kafka_trouble_fail(&w->trouble, err, RD_KAFKA_RESP_ERR__TIMED_OUT,
                                        "write to topic %s", w->topic);
    }
    if (w->result != RD_KAFKA_RESP_ERR_NO_ERROR) {
        disconnect_writer(w); /* librdkafka remembers what the brokers said of a topic; ask anew */
        return not_written(w, w->result, err);
    }
    if (ret_offset != NULL)
        *ret_offset = w->offset;
    return true;
}
