/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of a sink connector as a pipeline file. */
#include "control/connect_kafka.h"

#include "base/limits.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_DEPTH = 8 };

static json_t *child(json_t *map, const char *key)
{
    json_t *found = json_object_get(map, key);

    if (found == NULL) {
        found = json_object();
        (void)json_object_set_new(map, key, found);
    }
    return found;
}

/* All texts of a value as they are, VALUE_DEPTH levels of it; NULL when it nests deeper than any key of ours. */
static json_t *plain_tree(const json_t *value, int depth)
{
    json_t *copy;
    const char *name;
    json_t *inner;
    size_t i;

    if (json_is_string(value))
        return connect_plain(json_string_value(value));
    if (!json_is_array(value) && !json_is_object(value))
        return json_deep_copy(value);
    if (depth > VALUE_DEPTH)
        return NULL;
    copy = json_is_array(value) ? json_array() : json_object();
    json_array_foreach(value, i, inner)(void)
        json_array_append_new(copy, plain_tree(inner, depth + 1));
    json_object_foreach((json_t *)(uintptr_t)value, name, inner)
    {
        json_t *key = connect_plain(name);

        (void)json_object_set_new(copy, json_string_value(key), plain_tree(inner, depth + 1));
        json_decref(key);
    }
    return copy;
}

/* A list or a map is written as JSON: ["ZINCRBY", "top", "1", "{{id}}"]. What is a list anyway may be
 * separated by commas. */
static json_t *value_of(const struct connect_prop *prop, const char *text)
{
    struct str s = str_trim(str_from(text));
    json_t *parsed = NULL;
    json_t *value;

    if (s.n > 1 && (s.p[0] == '[' || (s.p[0] == '{' && s.p[1] != '{')))
        parsed = json_loadb(s.p, s.n, JSON_REJECT_DUPLICATES, NULL);
    if (parsed != NULL) {
        value = plain_tree(parsed, 0);
        json_decref(parsed);
        return value != NULL ? value : connect_plain(text);
    }
    if (prop == NULL || prop->type != CONNECT_LIST)
        return connect_plain(text);
    return connect_plain_items(s);
}

/* "commands.insert" stands in the map "commands"; a header's name may have dots of its own. */
static void set_dotted(json_t *map, const char *name, json_t *value)
{
    const char *dot = strchr(name, '.');
    char head[64];

    if (dot == NULL || dot - name >= (ptrdiff_t)sizeof head) {
        (void)json_object_set_new(map, name, value);
        return;
    }
    (void)snprintf(head, sizeof head, "%.*s", (int)(dot - name), name);
    map = child(map, head);
    if (!json_is_object(map)) {
        json_decref(value);
        return;
    }
    if (strcmp(head, "headers") == 0)
        (void)json_object_set_new(map, dot + 1, value);
    else
        set_dotted(map, dot + 1, value);
}

static bool is_sink_level(const char *name)
{
    static const char *const names[] = { "park_max", "batch_rows", "retry.initial", "retry.max" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_own(const char *name)
{
    static const char *const names[] = { "name",         "connector.class", "tasks.max", "topics",
                                         "topics.regex", "transforms",      "predicates" };

    if (connect_prop_is_foreign(name))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return false;
    }
    return strcmp(name, "key.converter") != 0 && strcmp(name, "value.converter") != 0 &&
           strcmp(name, "header.converter") != 0;
}

/* The sink itself, with what says where it reads. */
static json_t *sink_of(const struct connect_plugin *plugin, const json_t *config, const char *name,
                       const char *read_key, json_t *read)
{
    json_t *target = json_object();
    json_t *sink = json_object();
    const char *key;
    json_t *value;

    connect_set(sink, "name", name);
    (void)json_object_set_new(sink, read_key, read);
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        if (is_own(key) && json_is_string(value))
            set_dotted(is_sink_level(key) ? sink : target, key,
                       value_of(connect_prop_find(plugin, key), json_string_value(value)));
    }
    (void)json_object_set_new(sink, plugin->sink->name, target);
    return sink;
}

void connect_sink_text(const struct connect_plugin *plugin, const json_t *config, const char *name,
                       const char *const *tables, size_t table_count, struct buf *b)
{
    json_t *sink = sink_of(plugin, config, name, "from", connect_plain_list(tables, table_count));

    connect_put_text(json_pack("{s:i, s:s, s:{s:{s:s, s:o}}, s:[o]}", "version", 1, "name", "sink",
                               "source", "postgres", "url", "postgres://nobody@localhost/none",
                               "tables", connect_plain_list(tables, table_count), "sinks", sink),
                     b);
}

void connect_sink_text_kafka(const struct connect_plugin *plugin, const json_t *config,
                             const char *name, const json_t *kafka, const char *dir, struct buf *b)
{
    json_t *topics = connect_plain_items(connect_list_of(config, "topics"));

    connect_put_text(json_pack("{s:i, s:s, s:s, s:{s:o}, s:[o]}", "version", 1, "name", name,
                               "role", "deliver", "stream", "kafka",
                               connect_kafka_of_sink(kafka, dir), "sinks",
                               sink_of(plugin, config, name, "topics", topics)),
                     b);
}
