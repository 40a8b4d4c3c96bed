/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_target.h"

#include "base/limits.h"
#include "base/mem.h"
#include "kafka/partition.h"
#include "kafka/topics.h"
#include "sink/kafka.h"
#include "sink/kafka_conf.h"

#include <assert.h>
#include <stdlib.h>

enum { WAIT_MS = 10000, LOOK_EVERY_US = 300 * 1000 * 1000 };

/* A batch that the brokers find too large is tried in smaller ones, in the end with one record each. */
enum { BATCH_FACTOR = 4, BATCH_LEAST = 16 * 1024 };
#define BATCH_MOST ((size_t)4 * 1000 * 1000)

void sink_kafka_target_init(struct sink_kafka_target *t, const struct config *config, int stop_fd)
{
    *t = (struct sink_kafka_target){ .config = config,
                                     .stop_fd = stop_fd,
                                     .batch_bytes = BATCH_MOST };
    map_init(&t->topics);
    arena_init(&t->arena, LIMIT_CONFIG_ARENA);
    arena_init(&t->scratch, LIMIT_ARENA);
    sink_kafka_settings(&config->stream.kafka, &t->arena, &t->settings);
}

static void free_topic(struct sink_kafka_topic *topic)
{
    if (topic == NULL)
        return;
    free(topic->done);
    free(topic);
}

/* The producer's topics go with it. */
static void close_producer(struct sink_kafka_target *t)
{
    kafka_producer_close(t->producer);
    t->producer = NULL;
    for (struct map_slot *s = map_next(&t->topics, NULL); s != NULL; s = map_next(&t->topics, s))
        free_topic(s->value);
    map_clear(&t->topics);
    t->recent = NULL;
}

void sink_kafka_target_done(struct sink_kafka_target *t)
{
    close_producer(t);
    map_done(&t->topics);
    arena_done(&t->arena);
    arena_done(&t->scratch);
}

/* ---- topics ----------------------------------------------------------------------------------------------- */

static bool read_ends(struct sink_kafka_target *t, const char *name, struct sink_kafka_topic *topic,
                      struct error *err)
{
    struct kafka_last *last;
    bool ok;

    arena_reset(&t->scratch);
    if (!kafka_last_open(&t->settings, t->stop_fd, &last, err))
        return false;
    ok = sink_kafka_ends_read(last, name, topic->count, &t->scratch, topic->done, &t->newest, err);
    kafka_last_close(last);
    return ok;
}

/* Transactions, messages and heartbeats have an order of their own, and are few. */
static bool has_one_partition(const struct config_kafka *conf, const char *name)
{
    struct str rest = str_from(name);
    struct str prefix = str_from(conf->topic_prefix);

    if (str_starts(rest, prefix)) {
        rest = str_make(rest.p + prefix.n, rest.n - prefix.n);
        return str_is(rest, ".transaction") || str_is(rest, ".message");
    }
    return str_starts(rest, str_from(conf->format.heartbeat_prefix));
}

static bool make_topic(struct sink_kafka_target *t, const char *name, int32_t *ret_count,
                       struct error *err)
{
    const struct config_kafka *conf = &t->config->stream.kafka;
    const struct kafka_topic_opts opts = { .partitions = has_one_partition(conf, name)
                                                             ? 1
                                                             : (int32_t)conf->partitions,
                                           .replication = (int)conf->replication };

    if (conf->create_topics == CONFIG_TOPICS_NEVER)
        return error_set(err, ERR_RETRY, E_KAFKA_NO_TOPIC,
                         "cannot write to topic %s: there is none, and create_topics is never",
                         name);
    return kafka_topic_create(t->producer, name, &opts, ret_count, err);
}

/* Adds a topic that is there; *ret_topic NULL when there is none and none is to be made. */
static bool add_topic(struct sink_kafka_target *t, const char *name, bool make,
                      struct sink_kafka_topic **ret_topic, struct error *err)
{
    struct sink_kafka_topic *topic;
    int32_t count;
    bool made = false;

    if (!kafka_topic_partitions(t->producer, name, &count, err))
        return false;
    if (count == 0 && make) {
        if (!make_topic(t, name, &count, err))
            return false;
        made = true;
    }
    *ret_topic = NULL;
    if (count == 0)
        return true;
    topic = mem_zalloc(1, sizeof *topic);
    topic->count = count;
    topic->done = mem_zalloc((size_t)count, sizeof *topic->done);
    topic->handle = kafka_producer_topic(t->producer, name);
    if (!made && !read_ends(t, name, topic, err)) {
        free_topic(topic);
        return false;
    }
    (void)map_put(&t->topics, str_from(name), topic);
    *ret_topic = topic;
    return true;
}

static bool find_topic(struct sink_kafka_target *t, const char *name,
                       struct sink_kafka_topic **ret_topic, struct error *err)
{
    if (t->recent != NULL && str_is(t->recent_name, name)) {
        *ret_topic = t->recent;
        return true;
    }
    *ret_topic = map_get(&t->topics, str_from(name));
    if (*ret_topic == NULL && !add_topic(t, name, true, ret_topic, err))
        return false;
    assert(*ret_topic != NULL);
    t->recent = *ret_topic;
    for (struct map_slot *s = map_next(&t->topics, NULL); s != NULL; s = map_next(&t->topics, s)) {
        if (s->value == t->recent)
            t->recent_name = s->key;
    }
    return true;
}

bool sink_kafka_target_make(struct sink_kafka_target *t, const char *name, struct error *err)
{
    struct sink_kafka_topic *topic;

    return t->config->stream.kafka.create_topics == CONFIG_TOPICS_NEVER ||
           find_topic(t, name, &topic, err);
}

static int64_t mono(void)
{
    return clock_mono_us(&clock_system);
}

/* The topics that may be there already, so that the newest record of all is known. */
static bool look_at_topics(struct sink_kafka_target *t, struct error *err)
{
    struct sink_kafka_topic *topic;
    struct buf name;
    bool ok = true;

    t->looked_us = mono();
    buf_init(&name, LIMIT_KAFKA_TOPIC);
    for (size_t i = 0; ok && sink_kafka_topic(t->config, i, &name); i++) {
        if (!map_has(&t->topics, buf_view(&name)))
            ok = add_topic(t, buf_cstr(&name), false, &topic, err);
    }
    buf_done(&name);
    return ok;
}

/* Somebody may have added partitions: such a topic is looked at anew. Nothing is on its way at this moment. */
static bool look_again(struct sink_kafka_target *t, struct error *err)
{
    t->looked_us = mono();
    t->recent = NULL;
    for (struct map_slot *s = map_next(&t->topics, NULL); s != NULL; s = map_next(&t->topics, s)) {
        struct sink_kafka_topic *topic = s->value;
        int32_t count;

        if (!kafka_topic_partitions(t->producer, s->key.p, &count, err))
            return false;
        if (count <= topic->count)
            continue;
        topic->done = mem_resize(topic->done, (size_t)count, sizeof *topic->done);
        topic->count = count;
        if (!read_ends(t, s->key.p, topic, err))
            return false;
    }
    return true;
}

bool sink_kafka_target_ensure(struct sink_kafka_target *t, struct error *err)
{
    const struct config_kafka *conf = &t->config->stream.kafka;
    const struct kafka_producer_opts opts = { .settings = &t->settings,
                                              .compression = conf->compression,
                                              .linger_ms = conf->linger_ms,
                                              .batch_bytes = t->batch_bytes,
                                              .stop_fd = t->stop_fd };

    if (t->producer != NULL)
        return mono() - t->looked_us < LOOK_EVERY_US || look_again(t, err);
    if (!kafka_producer_open(&opts, &t->producer, err))
        return false;
    if (look_at_topics(t, err))
        return true;
    close_producer(t);
    return false;
}

/* ---- records ---------------------------------------------------------------------------------------------- */

static int32_t partition_of(const struct sink_kafka_topic *topic, const struct kafka_record *r)
{
    return r->has_key && topic->count > 1 ? kafka_partition(r->key, topic->count) : 0;
}

bool sink_kafka_target_put(struct sink_kafka_target *t, struct sink_kafka_put *put,
                           struct error *err)
{
    struct kafka_record *r = &put->record;
    struct sink_kafka_topic *topic;

    put->produced = false;
    if (!find_topic(t, put->topic, &topic, err))
        return false;
    r->topic = topic->handle;
    r->partition = partition_of(topic, r);
    if (put->ordered && sink_kafka_mark_cmp(put->mark, topic->done[r->partition]) <= 0)
        return true;
    if (!kafka_produce(t->producer, r, err))
        return false;
    put->produced = true;
    if (put->ordered)
        topic->done[r->partition] = put->mark;
    return true;
}

/* Where a record would stand behind all that its partition holds. */
bool sink_kafka_target_end(struct sink_kafka_target *t, const char *name,
                           const struct kafka_record *r, struct sink_kafka_mark *ret_mark,
                           struct error *err)
{
    struct sink_kafka_topic *topic;

    if (!find_topic(t, name, &topic, err))
        return false;
    *ret_mark = topic->done[partition_of(topic, r)];
    ret_mark->place++;
    if (ret_mark->place < SINK_KAFKA_REPLAYED)
        ret_mark->place = SINK_KAFKA_REPLAYED;
    return true;
}

bool sink_kafka_target_wait(struct sink_kafka_target *t, struct error *err)
{
    if (!kafka_producer_wait(t->producer, WAIT_MS, err))
        return false;
    if (t->batch_bytes == 0)
        t->batch_bytes = BATCH_LEAST; /* for the next producer */
    return true;
}

bool sink_kafka_target_settle(struct sink_kafka_target *t, uint64_t *ret_mark)
{
    const uint64_t *marks;
    bool alone = t->batch_bytes == 0;
    size_t count;

    if (t->producer == NULL || !kafka_producer_broken(t->producer))
        return false;
    marks = kafka_producer_too_large(t->producer, &count);
    if (count > 0) {
        *ret_mark = marks[0];
        t->batch_bytes = t->batch_bytes > BATCH_LEAST ? t->batch_bytes / BATCH_FACTOR : 0;
    }
    close_producer(t);
    return count > 0 && alone;
}
