/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/keeper_kafka.h"

#include "base/limits.h"
#include "base/mem.h"
#include "kafka/table.h"
#include "sink/kafka_conf.h"

#include <stdlib.h>

enum { READ_MS = 500 };

struct state_topic {
    struct arena arena; /* of the settings */
    struct kafka_settings settings;
    const struct config_kafka *conf;
    pthread_mutex_t lock; /* of writer */
    struct kafka_table_writer *writer;
    struct kafka_table *reader; /* the keeper thread's */
};

static bool is_ours(const struct kafka_table_entry *e)
{
    return str_is(e->key, "capture") && e->has_value;
}

/* What was there when it began; what comes later is told by the follower. The broker is asked once more only when nothing
 * comes, to learn why: it answers behind the fetch that waits for more. */
static bool read_all(struct kafka_table *t, int stop_fd,
                     void (*each)(void *arg, int64_t offset, struct str value), void *arg,
                     struct error *err)
{
    do {
        struct kafka_table_entry e;
        bool at_end;
        bool found;

        if (wake_is_set(stop_fd))
            return error_cancel(err);
        if (!kafka_table_next(t, READ_MS, &found, &e, err))
            return false;
        if (found && is_ours(&e))
            each(arg, e.offset, e.value);
        if (!found && !kafka_table_is_read(t) && !kafka_table_at_end(t, &at_end, err))
            return false;
    } while (!kafka_table_is_read(t));
    return true;
}

static bool topic_load(void *ctx, int stop_fd,
                       void (*each)(void *arg, int64_t offset, struct str value), void *arg,
                       struct error *err)
{
    struct state_topic *s = ctx;
    struct kafka_table *t;
    bool ok;

    if (!kafka_table_open(&s->settings, s->conf->state_topic, &t, err))
        return false;
    ok = read_all(t, stop_fd, each, arg, err);
    kafka_table_close(t);
    return ok;
}

static bool topic_put(void *ctx, struct str value, int stop_fd, int64_t *ret_offset,
                      struct error *err)
{
    struct state_topic *s = ctx;
    struct kafka_table_writer_opts opts = { .settings = s->settings,
                                            .topic = s->conf->state_topic,
                                            .replication = s->conf->replication,
                                            .create =
                                                s->conf->create_topics == CONFIG_TOPICS_AUTO };
    bool ok;

    (void)pthread_mutex_lock(&s->lock);
    ok = (s->writer != NULL || kafka_table_writer_open(&opts, &s->writer, err)) &&
         kafka_table_put(s->writer, STR("capture"), value, stop_fd, ret_offset, err);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static bool topic_next(void *ctx, bool *ret_found, int64_t *ret_offset, struct str *ret_value,
                       struct error *err)
{
    struct state_topic *s = ctx;
    struct kafka_table_entry e;

    if (s->reader == NULL && !kafka_table_open(&s->settings, s->conf->state_topic, &s->reader, err))
        return false;
    do {
        if (!kafka_table_next(s->reader, 0, ret_found, &e, err))
            return false;
    } while (*ret_found && !is_ours(&e));
    if (*ret_found) {
        *ret_offset = e.offset;
        *ret_value = e.value;
    }
    return true;
}

static void topic_close(void *ctx)
{
    struct state_topic *s = ctx;

    kafka_table_writer_close(s->writer);
    kafka_table_close(s->reader);
    (void)pthread_mutex_destroy(&s->lock);
    arena_done(&s->arena);
    free(s);
}

struct keeper_table keeper_kafka_table(const struct config *config)
{
    struct state_topic *s = mem_zalloc(1, sizeof *s);

    s->conf = &config->stream.kafka;
    arena_init(&s->arena, LIMIT_CONFIG_ARENA);
    sink_kafka_settings(s->conf, &s->arena, &s->settings);
    (void)pthread_mutex_init(&s->lock, NULL);
    return (struct keeper_table){ s, topic_load, topic_put, topic_next, topic_close };
}
