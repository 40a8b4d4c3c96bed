/* SPDX-License-Identifier: Apache-2.0 */
/* `check`, Kafka: do the brokers answer, are the topics there or can be made, and may the groups be read. Nothing is
 * made. */
#include "base/limits.h"
#include "cli/check_rows.h"
#include "cli/cli.h"
#include "debezium/writer.h"
#include "kafka/group.h"
#include "kafka/topics.h"
#include "sink/kafka_conf.h"

enum { GROUP_TRIES = 3 };

/* As the brokers know a user that logs in with a name; one with a certificate goes by its subject, which their own
 * rules may rewrite. */
static const char *principal(const struct config_kafka *conf)
{
    for (size_t i = 0; i < conf->property_count; i++) {
        if (strcmp(conf->properties[i].name, "sasl.username") == 0)
            return conf->properties[i].value;
    }
    return "...";
}

/* What gives the user that right. */
static const char *grant(struct check *c, const struct error *err, const char *operations,
                         const char *kind, const char *name)
{
    const struct config_kafka *conf = &c->config->stream.kafka;

    if (!error_is(err, E_KAFKA_PERMISSION))
        return NULL;
    return arena_printf(&c->arena,
                        "kafka-acls.sh --bootstrap-server %s --add --allow-principal User:%s %s"
                        " --%s %s",
                        conf->brokers, principal(conf), operations, kind, name);
}

static void look_missing_topic(struct check *c, struct kafka_producer *p, const char *topic)
{
    const struct config_kafka *conf = &c->config->stream.kafka;
    const struct kafka_topic_opts opts = { .partitions = (int32_t)conf->partitions,
                                           .replication = (int)conf->replication };
    const char *fix;
    struct error err;

    if (kafka_topic_may_create(p, topic, &opts, &err)) {
        check_add(c, CHECK_OK, E_NONE, NULL, "topic %s will be made", topic);
        return;
    }
    fix =
        grant(c, &err, "--operation Create --operation Describe --operation Read --operation Write",
              "topic", topic);
    check_error(c, &err, fix);
}

/* False: the brokers cannot be asked, which is a row already. */
static bool look_topic(struct check *c, struct kafka_producer *p, const char *topic, bool made)
{
    struct error err;
    int32_t count;

    if (!kafka_topic_partitions(p, topic, &count, &err)) {
        check_error(c, &err, NULL);
        return false;
    }
    if (count > 0) {
        check_add(c, CHECK_OK, E_NONE, NULL, "topic %s has %d partition%s", topic, (int)count,
                  count == 1 ? "" : "s");
    } else if (made) {
        look_missing_topic(c, p, topic);
    } else {
        check_add(c, CHECK_FAIL, E_KAFKA_TOPIC_MISSING,
                  "make it, let multisink (stream.kafka.create_topics: auto), or give the user"
                  " the right to describe it",
                  "topic %s is missing", topic);
    }
    return true;
}

/* Brokers that were never asked for a group make their topic of offsets first. */
static bool see_group(const struct kafka_settings *settings, const char *group, struct error *err)
{
    for (int i = 1; i < GROUP_TRIES; i++) {
        if (kafka_group_may_see(settings, group, err))
            return true;
        if (err->kind != ERR_RETRY)
            return false;
    }
    return kafka_group_may_see(settings, group, err);
}

/* The right to read in a group has that to see it with it. */
static void look_groups(struct check *c, const struct kafka_settings *settings)
{
    const struct config *config = c->config;
    bool ok = config->role != CONFIG_ROLE_CAPTURE;

    for (size_t i = 0; ok && i < config->sink_count; i++) {
        const char *group =
            sink_kafka_group(&config->stream.kafka, config->sinks[i].name, &c->arena);
        struct error err;

        ok = see_group(settings, group, &err);
        if (!ok)
            check_error(c, &err, grant(c, &err, "--operation Read", "group", group));
    }
}

/* Those of the captured tables; the sinks say by themselves what they miss. */
static void look_topics(struct check *c, struct kafka_producer *p)
{
    const struct config *config = c->config;
    bool made = config->stream.kafka.create_topics == CONFIG_TOPICS_AUTO;
    struct buf topic;
    bool ok = true;

    buf_init(&topic, 64 * KIB);
    for (size_t i = 0; ok && i < config->source.tables.count; i++) {
        debezium_table_topic(config->stream.kafka.topic_prefix,
                             str_from(config->source.tables.items[i]), &topic);
        ok = look_topic(c, p, buf_cstr(&topic), made);
    }
    for (size_t i = 0; ok && i < config->sink_count; i++) {
        const struct config_strings *topics = &config->sinks[i].topics;

        for (size_t k = 0; ok && k < topics->count; k++)
            ok = look_topic(c, p, topics->items[k], false);
    }
    buf_done(&topic);
}

void check_kafka(struct check *c)
{
    const struct config_kafka *conf = &c->config->stream.kafka;
    int64_t start = clock_mono_us(&clock_system);
    struct kafka_settings settings;
    struct kafka_producer_opts opts = { .settings = &settings,
                                        .compression = conf->compression,
                                        .linger_ms = conf->linger_ms,
                                        .stop_fd = -1 };
    struct kafka_producer *p;
    struct error err;
    int32_t count;

    c->part = "Kafka";
    sink_kafka_settings(conf, &c->arena, &settings);
    if (!kafka_producer_open(&opts, &p, &err)) {
        check_error(c, &err, NULL);
        return;
    }
    /* Any name will do to ask: all topics come with the answer. */
    if (!kafka_topic_partitions(p, "multisink", &count, &err)) {
        check_error(c, &err, NULL);
    } else {
        check_add(c, CHECK_OK, E_NONE, NULL, "brokers answer at %s", conf->brokers);
        check_elapsed(c, clock_mono_us(&clock_system) - start);
        look_topics(c, p);
        look_groups(c, &settings);
    }
    kafka_producer_close(p);
}
