/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   topic.prefix, topic.creation.default.*           topic_prefix, partitions, replication
 *   transforms with ExtractNewRecordState            format.record, .deletes, .add_fields and so on
 *   key.converter, value.converter                   format.key_schemas, .schemas, .null_is_default
 *   decimal.handling.mode, ...                       format, a key for each (`plain` below)
 *
 * What converters say counts as with Connect: properties of a converter only beside the converter itself, and a
 * converter that is named replaces the worker's with all that the worker says of it.
 */
#include "control/connect_kafka.h"

#include "base/limits.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NODE_DEPTH = 8 };

/* Properties whose value is that of a key. */
static const struct plain {
    const char *prop;
    const char *key;
    bool word; /* in any case of letters */
} plain[] = {
    { "decimal.handling.mode", "decimal", true },
    { "time.precision.mode", "time", true },
    { "binary.handling.mode", "binary", true },
    { "hstore.handling.mode", "hstore", true },
    { "interval.handling.mode", "interval", true },
    { "tombstones.on.delete", "tombstones", true },
    { "provide.transaction.metadata", "transactions", true },
    { "money.fraction.digits", "money_digits", false },
    { "unavailable.value.placeholder", "placeholder", false },
    { "topic.heartbeat.prefix", "heartbeat_prefix", false },
};

/* ---- small things ------------------------------------------------------------------------------------ */

/* NULL as well for an empty one, which says nothing. */
static const char *given(const json_t *config, const char *name)
{
    const char *text = connect_get(config, name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool is_true(const char *text)
{
    return text != NULL && strcasecmp(text, "true") == 0;
}

static void set_word(json_t *map, const char *key, const char *value)
{
    char *copy = mem_strdup(value);

    for (char *p = copy; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    connect_set(map, key, copy);
    free(copy);
}

/* The transformation that unwraps, "" when there is none; what else is named was refused. */
static struct str unwrap_of(const json_t *config)
{
    struct str rest = connect_list_of(config, "transforms");
    struct str item;

    return connect_next_item(&rest, &item) ? item : STR("");
}

static const char *option(const json_t *config, struct str transform, const char *name)
{
    char *full = mem_printf("transforms.%.*s.%s", (int)transform.n, transform.p, name);
    const char *value = given(config, full);

    free(full);
    return value;
}

/* ---- the daemon's own --------------------------------------------------------------------------------- */

static json_t *of_node(const struct config_node *node, int depth)
{
    json_t *whole;

    if (node->kind == CONFIG_SCALAR)
        return config_is_null(node) ? json_null() : connect_plain(node->text.p);
    whole = node->kind == CONFIG_MAP ? json_object() : json_array();
    for (size_t i = 0; i < node->count && depth < NODE_DEPTH; i++) {
        json_t *item = of_node(node->items[i], depth + 1);

        if (node->kind == CONFIG_LIST)
            (void)json_array_append_new(whole, item);
        else
            (void)json_object_set_new(whole, node->keys[i]->text.p, item);
    }
    return whole;
}

json_t *connect_kafka_base(const struct config *config)
{
    static const char *const own[] = { "dir", "topic_prefix", "state_topic" };
    json_t *base;

    if (config->stream.kind != CONFIG_STREAM_KAFKA)
        return NULL;
    base = of_node(config->stream.node, 0);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        (void)json_object_del(base, own[i]);
    return base;
}

/* ---- records -------------------------------------------------------------------------------------------- */

/* Connect's words for both choices, as one. NULL: by default. */
static const char *deletes_of(const json_t *config, struct str unwrap)
{
    const char *both = option(config, unwrap, "delete.tombstone.handling.mode");
    const char *mode = option(config, unwrap, "delete.handling.mode");
    const char *drop = option(config, unwrap, "drop.tombstones");
    bool keep = drop != NULL && !is_true(drop);

    if (both != NULL || (mode == NULL && drop == NULL))
        return both;
    if (mode != NULL && strcasecmp(mode, "rewrite") == 0)
        return keep ? "rewrite-with-tombstone" : "rewrite";
    if (mode != NULL && strcasecmp(mode, "none") == 0)
        return keep ? "none" : "tombstone";
    return keep ? "drop-with-tombstone" : "drop";
}

static void set_unwrap(json_t *format, const json_t *config, struct str unwrap)
{
    static const char *const prefixes[][2] = { { "add.fields.prefix", "fields_prefix" },
                                               { "add.headers.prefix", "headers_prefix" } };
    static const char *const lists[][2] = { { "add.fields", "add_fields" },
                                            { "add.headers", "add_headers" } };
    const char *deletes = deletes_of(config, unwrap);

    connect_set(format, "record", "unwrapped");
    if (deletes != NULL)
        set_word(format, "deletes", deletes);
    for (size_t i = 0; i < 2; i++) {
        const char *list = option(config, unwrap, lists[i][0]);

        connect_set(format, prefixes[i][1], option(config, unwrap, prefixes[i][0]));
        if (list != NULL)
            (void)json_object_set_new(format, lists[i][1], connect_plain_items(str_from(list)));
    }
}

/* Keys and values are told apart here even where the worker's file names only `schemas`. */
static void set_converters(json_t *format, const json_t *config)
{
    const char *null_is_default = given(config, "value.converter.replace.null.with.default");

    if (json_object_get(format, "key_schemas") == NULL &&
        json_object_get(format, "schemas") != NULL)
        (void)json_object_set(format, "key_schemas", json_object_get(format, "schemas"));
    if (given(config, "key.converter") != NULL) {
        const char *schemas = given(config, "key.converter.schemas.enable");

        set_word(format, "key_schemas", schemas != NULL ? schemas : "true");
    }
    if (given(config, "value.converter") != NULL) {
        const char *schemas = given(config, "value.converter.schemas.enable");

        if (json_object_get(format, "key_schemas") == NULL)
            connect_set(format, "key_schemas", "true");
        set_word(format, "schemas", schemas != NULL ? schemas : "true");
        if (null_is_default != NULL)
            set_word(format, "null_is_default", null_is_default);
    }
}

static void set_format(json_t *format, const json_t *config)
{
    struct str unwrap = unwrap_of(config);
    const char *heartbeat = given(config, "heartbeat.interval.ms");
    const char *skipped = given(config, "skipped.operations");

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        const char *value = given(config, plain[i].prop);

        if (value != NULL && plain[i].word)
            set_word(format, plain[i].key, value);
        else
            connect_set(format, plain[i].key, value);
    }
    if (heartbeat != NULL) {
        char *text = mem_printf("%sms", heartbeat);

        connect_set(format, "heartbeat", text);
        free(text);
    }
    if (skipped != NULL)
        connect_set(format, "truncates", strcasecmp(skipped, "none") == 0 ? "true" : "false");
    set_converters(format, config);
    if (unwrap.n > 0)
        set_unwrap(format, config, unwrap);
}

/* ---- the stream -------------------------------------------------------------------------------------------- */

json_t *connect_kafka_of_source(const json_t *config, const json_t *base, const char *dir)
{
    json_t *kafka = json_deep_copy(base);
    json_t *format = json_object_get(kafka, "format");

    if (!json_is_object(format)) {
        format = json_object();
        (void)json_object_set_new(kafka, "format", format);
    }
    set_format(format, config);
    connect_set(kafka, "topic_prefix", connect_get(config, "topic.prefix"));
    connect_set(kafka, "partitions", given(config, "topic.creation.default.partitions"));
    connect_set(kafka, "replication", given(config, "topic.creation.default.replication.factor"));
    connect_set(kafka, "dir", dir);
    return kafka;
}

/* Its consumer group is connect-NAME, as with Connect. */
json_t *connect_kafka_of_sink(const json_t *base, const char *dir)
{
    json_t *kafka = json_deep_copy(base);

    if (json_object_get(kafka, "group") == NULL)
        connect_set(kafka, "group", "connect");
    connect_set(kafka, "dir", dir);
    return kafka;
}

static bool begins(const char *name, const char *beginning)
{
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

bool connect_kafka_takes(const json_t *config, const char *name)
{
    static const char *const names[] = { "heartbeat.interval.ms",
                                         "skipped.operations",
                                         "topic.creation.default.partitions",
                                         "topic.creation.default.replication.factor",
                                         "key.converter",
                                         "value.converter",
                                         "header.converter" };
    struct str unwrap = unwrap_of(config);

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(name, plain[i].prop) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    if (begins(name, "key.converter."))
        return given(config, "key.converter") != NULL;
    if (begins(name, "value.converter."))
        return given(config, "value.converter") != NULL;
    return unwrap.n > 0 && begins(name, "transforms.") &&
           strncmp(name + strlen("transforms."), unwrap.p, unwrap.n) == 0 &&
           name[strlen("transforms.") + unwrap.n] == '.';
}
