/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of stream.kafka. Those of its records are in format.c. */
#include "config/pipeline.h"

#define SECOND_MS ((int64_t)1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

/* A topic's name has at most 249 characters; with what stands behind the prefix, schema and table, there is
 * room for both when a prefix takes no more than this. */
enum { PREFIX_MAX = 120, TOPIC_MAX = 249, GROUP_MAX = 180 };

static const char *const create_choices[] = { "auto", "never", NULL };
static const char *const codecs[] = { "lz4", "zstd", "snappy", "gzip", "none", NULL };

/* ---- properties ------------------------------------------------------------------------------------ */

/* By its name: what must not be shown although it stands in the file itself. */
static bool names_secret(const char *name)
{
    static const char *const parts[] = { "password", "secret", "key.pem", "oauthbearer.config",
                                         "jaas" };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(name, parts[i]) != NULL)
            return true;
    }
    return false;
}

static bool property_is_text(const struct config_node *value, struct config_report *rep)
{
    if (value->unresolved)
        return false;
    if (value->kind == CONFIG_SCALAR && memchr(value->text.p, '\0', value->text.n) == NULL)
        return true;
    config_fault(rep, value, E_CONFIG_TYPE, "a property of librdkafka has a single value");
    return false;
}

static void judge_property(const struct config_node *key, const struct config_node *value,
                           struct config_report *rep)
{
    const char *why = NULL;
    const char *near = NULL;

    if (rep->kinds->kafka_property == NULL ||
        rep->kinds->kafka_property(key->text.p, value->text.p, rep->arena, &why, &near))
        return;
    if (near != NULL && names_secret(near)) /* a misspelt password is one all the same */
        config_mask(rep, value);
    if (near != NULL)
        config_fault_note(rep, key, E_KAFKA_PROPERTY,
                          arena_printf(rep->arena, "did you mean \"%s\"?", near), "%s", why);
    else
        config_fault(rep, key, E_KAFKA_PROPERTY, "%s", why);
}

static void parse_properties(const struct config_node *node, void *field, struct config_report *rep)
{
    struct config_kafka *k = field;
    struct config_property *items;

    if (node->unresolved || config_is_null(node))
        return;
    if (node->kind != CONFIG_MAP) {
        config_fault(rep, node, E_CONFIG_TYPE,
                     "\"properties\" is a map of librdkafka's names and their values");
        return;
    }
    items = arena_zalloc(rep->arena, node->count, sizeof *items);
    for (size_t i = 0; i < node->count; i++) {
        const struct config_node *value = node->items[i];
        const char *name = node->keys[i]->text.p;
        bool secret = value->secret || names_secret(name);

        if (secret && !value->secret)
            config_mask(rep, value);
        if (!property_is_text(value, rep))
            continue;
        items[k->property_count++] = (struct config_property){ name, value->text.p, secret };
        judge_property(node->keys[i], value, rep);
    }
    k->properties = items;
}

static void parse_compression(const struct config_node *node, void *field,
                              struct config_report *rep)
{
    const struct config_key key = { .name = "compression",
                                    .type = CONFIG_CHOICE,
                                    .choices = codecs };
    struct config_kafka *k = field;
    int codec;

    if (config_parse_value(node, &key, &codec, rep))
        k->compression = codecs[codec];
}

/* ---- the table --------------------------------------------------------------------------------------- */

#define IN_KAFKA(field) offsetof(struct config_stream, kafka.field)

const struct config_key config_kafka_keys[] = {
    { .name = "brokers",
      .type = CONFIG_STRINGS,
      .required = true,
      .offset = IN_KAFKA(broker_list),
      .help = "Brokers that are asked first, each as `host:port`; the others are found by them." },
    { .name = "topic_prefix",
      .type = CONFIG_STRING,
      .offset = IN_KAFKA(topic_prefix),
      .help = "The first part of topics, which are `<topic_prefix>.<schema>.<table>`; Debezium's "
              "`topic.prefix`. Default: the pipeline's name." },
    { .name = "partitions",
      .type = CONFIG_INT,
      .fallback = "1",
      .offset = IN_KAFKA(partitions),
      .min = 1,
      .max = 10000,
      .help =
          "How many partitions a topic is made with. A topic that is there already keeps its own." },
    { .name = "replication",
      .type = CONFIG_INT,
      .fallback = "-1",
      .offset = IN_KAFKA(replication),
      .min = -1,
      .max = 100,
      .help =
          "How many copies of a topic are made with it. -1: as many as the brokers do by default." },
    { .name = "create_topics",
      .type = CONFIG_CHOICE,
      .fallback = "auto",
      .offset = IN_KAFKA(create_topics),
      .choices = create_choices,
      .help =
          "`auto`: missing topics are made. `never`: a missing topic is waited for; someone else has to "
          "make it." },
    { .name = "compression",
      .type = CONFIG_CUSTOM,
      .fallback = "lz4",
      .parse = parse_compression,
      .offset = offsetof(struct config_stream, kafka),
      .help = "How batches are compressed: `lz4`, `zstd`, `snappy`, `gzip` or `none`." },
    { .name = "linger",
      .type = CONFIG_DURATION,
      .fallback = "200ms",
      .offset = IN_KAFKA(linger_ms),
      .max = 10 * SECOND_MS,
      .help =
          "How long records are gathered at most before a batch is sent. What has come is sent at once when "
          "nothing more is there, so that this costs no time." },
    { .name = "properties",
      .type = CONFIG_CUSTOM,
      .parse = parse_properties,
      .offset = offsetof(struct config_stream, kafka),
      .help =
          "Properties of librdkafka by their own names, for all connections: `security.protocol`, "
          "`sasl.mechanism`, `sasl.username`, `sasl.password`, `ssl.ca.location` and so on. Values may be "
          "`${env:NAME}`." },
    { .name = "group",
      .type = CONFIG_STRING,
      .offset = IN_KAFKA(group),
      .help =
          "The first part of consumer groups, which are `<group>-<sink>`. Default: `multisink-` and the "
          "pipeline's name." },
    { .name = "state_topic",
      .type = CONFIG_STRING,
      .offset = IN_KAFKA(state_topic),
      .help =
          "Where capture keeps who it is and how far it has come. Default: `__multisink.` and the slot's "
          "name." },
    { .name = "format",
      .type = CONFIG_GROUP,
      .offset = IN_KAFKA(format),
      .group = config_format_keys,
      .help = "What records look like; the words are Debezium's." },
    { .name = "dir",
      .type = CONFIG_STRING,
      .fallback = "data",
      .offset = offsetof(struct config_stream, dir),
      .help =
          "The data directory: changes that are not in Kafka yet, positions (state.db), the lock and the "
          "control socket. A relative path starts at the working directory." },
    { .name = "max_size",
      .type = CONFIG_SIZE,
      .fallback = "20GiB",
      .offset = offsetof(struct config_stream, max_size),
      .min = (int64_t)(16 * MIB),
      .max = (int64_t)1 << 50,
      .help =
          "Changes that wait to be in Kafka take no more room than this; then reading from PostgreSQL "
          "waits. The first snapshot must fit, as must each transaction." },
    { .name = "segment",
      .type = CONFIG_SIZE,
      .fallback = "64MiB",
      .offset = offsetof(struct config_stream, segment),
      .min = (int64_t)MIB,
      .max = (int64_t)LIMIT_LOG_SEGMENT,
      .help = "The size of one file of them; space is given back a file at a time." },
    { .name = "safety_window",
      .type = CONFIG_DURATION,
      .fallback = "1m",
      .offset = offsetof(struct config_stream, safety_window_ms),
      .max = 30 * DAY_MS,
      .help = "Changes that are in Kafka are kept here for this long." },
    { .name = NULL },
};

void config_parse_kafka(const struct config_node *node, void *field, struct config_report *rep)
{
    struct config_stream *s = field;

    s->kind = CONFIG_STREAM_KAFKA;
    s->kafka.compression = codecs[0];
    s->keep_ms = 0;
    s->when_full = CONFIG_FULL_STOP_CAPTURE;
    config_parse_keys(node, config_kafka_keys, s, rep);
}

/* ---- across keys --------------------------------------------------------------------------------------- */

static bool is_topic_text(const char *text, size_t max)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '_' && c != '-')
            return false;
    }
    return n > 0 && n <= max && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static void check_text(const struct config_node *map, const char *key, const char *text, size_t max,
                       struct config_report *rep)
{
    const struct config_node *node = config_get(map, key);

    if (node != NULL && text != NULL && !is_topic_text(text, max))
        config_fault(rep, node, E_CONFIG_BAD_NAME,
                     "\"%s\" is made of a-z, A-Z, 0-9, dot, _ and -, at most %zu of them", key,
                     max);
}

void config_check_topic(const struct config_node *node, const char *topic,
                        struct config_report *rep)
{
    if (!is_topic_text(topic, TOPIC_MAX))
        config_fault(rep, node, E_CONFIG_BAD_NAME,
                     "a topic's name is made of a-z, A-Z, 0-9, dot, _ and -, at most %d of them",
                     TOPIC_MAX);
}

static void join_brokers(struct config_kafka *k, struct config_report *rep)
{
    struct buf b;

    buf_init(&b, LIMIT_CONFIG_FILE + LIMIT_CONFIG_SECRETS);
    for (size_t i = 0; i < k->broker_list.count; i++) {
        struct str broker = str_from(k->broker_list.items[i]);

        if (broker.n == 0 || strpbrk(broker.p, " \t/,") != NULL)
            config_fault(rep, k->broker_list.nodes[i], E_CONFIG_VALUE,
                         "a broker is written host:port; several are a list");
        buf_text(&b, i > 0 ? "," : "");
        buf_str(&b, broker);
    }
    k->brokers = arena_str(rep->arena, buf_view(&b)).p;
    buf_done(&b);
}

void config_check_kafka(struct config *c, const struct config_node *map, struct config_report *rep)
{
    struct config_kafka *k = &c->stream.kafka;

    if (map->kind != CONFIG_MAP)
        return;
    join_brokers(k, rep);
    check_text(map, "topic_prefix", k->topic_prefix, PREFIX_MAX, rep);
    check_text(map, "state_topic", k->state_topic, TOPIC_MAX, rep);
    check_text(map, "group", k->group, GROUP_MAX, rep);
    if (k->topic_prefix == NULL)
        k->topic_prefix = c->name;
    if (k->group == NULL && c->name != NULL)
        k->group = arena_printf(rep->arena, "multisink-%s", c->name);
    if (k->state_topic == NULL && c->source.slot != NULL)
        k->state_topic = arena_printf(rep->arena, "__multisink.%s", c->source.slot);
    if (k->replication == 0)
        config_fault(rep, config_get(map, "replication"), E_CONFIG_RANGE,
                     "\"replication\" is -1 or an integer from 1 to 100, not 0");
    config_check_format(&k->format, config_get(map, "format"), rep);
}
