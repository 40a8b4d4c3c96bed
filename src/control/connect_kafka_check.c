/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector asks for and Kafka is not given by multisink: said in Connect's way, never passed over. */
#include "control/connect_kafka.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define JSON_CONVERTER   "org.apache.kafka.connect.json.JsonConverter"
#define HEADER_CONVERTER "org.apache.kafka.connect.storage.SimpleHeaderConverter"

enum { PARTITIONS_MAX = 10000, COPIES_MAX = 100 };

struct check {
    const struct connect_plugin *plugin;
    const json_t *config;
    connect_fault *fault;
    void *ctx;
};

/* Of a property that may stand in no table; `listed` is one that does. */
static void say(const struct check *c, const char *listed, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void say(const struct check *c, const char *listed, const char *name, const char *fmt, ...)
{
    char why[512];
    char text[768];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    (void)snprintf(text, sizeof text, "The '%.200s' value is invalid: %s", name, why);
    c->fault(c->ctx, connect_prop_find(c->plugin, listed), text);
}

static const char *given(const struct check *c, const char *name)
{
    const char *text = connect_get(c->config, name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words != NULL && strcasecmp(text, *words) != 0)
        words++;
    return *words != NULL;
}

static void check_word(const struct check *c, const char *listed, const char *name,
                       const char *const *words, const char *shown)
{
    const char *text = given(c, name);

    if (text != NULL && !is_one_of(text, words))
        say(c, listed, name, "multisink offers %s", shown);
}

static const char *const booleans[] = { "true", "false", NULL };

/* ---- converters ---------------------------------------------------------------------------------------- */

static void check_class(const struct check *c, const char *name, const char *only)
{
    const char *text = given(c, name);
    char line[512];

    if (text == NULL || strcmp(text, only) == 0)
        return;
    (void)snprintf(line, sizeof line,
                   "Invalid value %.150s for configuration %s: Class %.100s could not be found;"
                   " multisink offers %s",
                   text, name, text, only);
    c->fault(c->ctx, connect_prop_find(c->plugin, name), line);
}

static void check_converter(const struct check *c, const char *converter)
{
    static const char *const decimals[] = { "BASE64", NULL };
    char name[64];

    check_class(c, converter, JSON_CONVERTER);
    (void)snprintf(name, sizeof name, "%s.schemas.enable", converter);
    check_word(c, converter, name, booleans, "true and false");
    if (!c->plugin->source)
        return;
    (void)snprintf(name, sizeof name, "%s.decimal.format", converter);
    check_word(c, converter, name, decimals,
               "BASE64; numbers as texts are written with decimal.handling.mode=string");
    (void)snprintf(name, sizeof name, "%s.replace.null.with.default", converter);
    check_word(c, converter, name, booleans, "true and false");
}

/* ---- the transformation ----------------------------------------------------------------------------------- */

static bool is_known_option(const char *name)
{
    static const char *const names[] = {
        "type",       "drop.tombstones", "delete.handling.mode", "delete.tombstone.handling.mode",
        "add.fields", "add.headers",     "add.fields.prefix",    "add.headers.prefix",
        NULL
    };

    return is_one_of(name, names);
}

/* All that is said of it must be known: what is not could leave out, add or rename fields. */
static void check_options(const struct check *c, const char *before)
{
    size_t n = strlen(before);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)c->config, name, value)
    {
        if (strncmp(name, before, n) == 0 && json_string_length(value) > 0 &&
            !is_known_option(name + n))
            say(c, "transforms", name,
                "of ExtractNewRecordState multisink offers drop.tombstones, delete.handling.mode,"
                " delete.tombstone.handling.mode, add.fields, add.headers and their prefixes");
    }
}

static void check_unwrap(const struct check *c, struct str transform)
{
    static const char *const modes[] = { "drop", "rewrite", "none", NULL };
    static const char *const both[] = {
        "drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone", NULL
    };
    char *before = mem_printf("transforms.%.*s.", (int)transform.n, transform.p);
    char *drop = mem_printf("%sdrop.tombstones", before);
    char *mode = mem_printf("%sdelete.handling.mode", before);
    char *pair = mem_printf("%sdelete.tombstone.handling.mode", before);

    check_options(c, before);
    check_word(c, "transforms", drop, booleans, "true and false");
    check_word(c, "transforms", mode, modes, "drop, rewrite and none");
    check_word(c, "transforms", pair, both,
               "drop, tombstone, rewrite, rewrite-with-tombstone and delete-to-tombstone");
    free(pair);
    free(mode);
    free(drop);
    free(before);
}

static void check_transforms(const struct check *c)
{
    struct str rest = connect_list_of(c->config, "transforms");
    struct str first;
    struct str second;

    if (!connect_next_item(&rest, &first))
        return;
    check_unwrap(c, first);
    if (connect_next_item(&rest, &second))
        say(c, "transforms", "transforms", "multisink offers one, ExtractNewRecordState");
}

/* ---- topics ------------------------------------------------------------------------------------------------- */

static void check_number(const struct check *c, const char *name, int64_t max, bool by_default)
{
    const char *text = given(c, name);
    int64_t n;

    if (text == NULL ||
        (str_to_i64(str_from(text), &n) && ((n >= 1 && n <= max) || (n == -1 && by_default))))
        return;
    say(c, "topic.creation.groups", name, "it is a number from 1 to %lld%s", (long long)max,
        by_default ? ", or -1" : "");
}

static void check_creation(const struct check *c)
{
    static const char family[] = "topic.creation.";
    static const char *const known[] = { "enable", "groups", "default.partitions",
                                         "default.replication.factor", NULL };
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)c->config, name, value)
    {
        if (strncmp(name, family, sizeof family - 1) == 0 && json_string_length(value) > 0 &&
            !is_one_of(name + sizeof family - 1, known))
            say(c, "topic.creation.groups", name,
                "multisink offers default.partitions and default.replication.factor; a topic that"
                " is there already keeps what it was made with");
    }
    if (given(c, "topic.creation.groups") != NULL)
        say(c, "topic.creation.groups", "topic.creation.groups",
            "all topics are made alike; one that is there already keeps what it was made with");
    check_number(c, "topic.creation.default.partitions", PARTITIONS_MAX, false);
    check_number(c, "topic.creation.default.replication.factor", COPIES_MAX, true);
}

/* Names of topics that are as Debezium has them by default. */
static void check_fixed(const struct check *c)
{
    static const char *const fixed[][2] = { { "topic.delimiter", "." },
                                            { "topic.transaction", "transaction" },
                                            { "heartbeat.topics.prefix", "__debezium-heartbeat" } };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        const char *text = given(c, fixed[i][0]);

        if (text != NULL && strcmp(text, fixed[i][1]) != 0)
            say(c, "topic.prefix", fixed[i][0], "multisink offers %s%s", fixed[i][1],
                i == 2 ? "; topic.heartbeat.prefix gives it another" : "");
    }
}

static void check_source(const struct check *c)
{
    static const char *const skipped[] = { "t", "none", NULL };
    static const char *const channels[] = { "source", NULL };

    check_class(c, "header.converter", HEADER_CONVERTER);
    check_transforms(c);
    check_creation(c);
    check_fixed(c);
    check_word(c, "skipped.operations", "skipped.operations", skipped, "t and none");
    check_word(c, "signal.enabled.channels", "signal.enabled.channels", channels,
               "source: signals come through signal.data.collection");
}

static void check_sink(const struct check *c)
{
    static const char *const resets[] = { "earliest", NULL };

    check_word(c, "topics", "consumer.override.auto.offset.reset", resets,
               "earliest: a sink that is new gets all that its topics hold");
    if (given(c, "consumer.override.group.id") != NULL)
        say(c, "name", "consumer.override.group.id",
            "the group is connect- and the connector's name");
}

void connect_kafka_check(const struct connect_plugin *plugin, const json_t *config,
                         connect_fault *fault, void *ctx)
{
    const struct check c = { plugin, config, fault, ctx };

    check_converter(&c, "key.converter");
    check_converter(&c, "value.converter");
    if (plugin->source)
        check_source(&c);
    else
        check_sink(&c);
}
