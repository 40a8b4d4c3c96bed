/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_props.h"

#include "base/limits.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SINK_PROPS_MAX = 96 };

#define DEBEZIUM_VERSION "2.5.4.Final"

static const char POSTGRES[] = "Postgres", CONNECTOR[] = "Connector", EVENTS[] = "Events",
                  COMMON[] = "Common", TRANSFORMS[] = "Transforms", PREDICATES[] = "Predicates",
                  ERRORS[] = "Error Handling", TOPICS[] = "Topic Creation",
                  EXACTLY_ONCE[] = "Exactly Once Support", OFFSETS[] = "offsets.topic";

#define CONNECT_PROP(name, type, fallback, importance, group, width, display, order, use, choices, \
                     help)                                                                         \
    { name,  CONNECT_##type, fallback, #importance, group, #width, display,                        \
      order, CONNECT_##use,  choices,  help,        false, false },
static const struct connect_prop source_props[] = {
#include "control/connect_props.def"
};
#undef CONNECT_PROP

/* What every sink connector has beside the keys of its sink. */
static const struct connect_prop sink_common[] = {
    { "name", CONNECT_STRING, NULL, "HIGH", COMMON, "MEDIUM", "Connector name", 1, CONNECT_USED,
      NULL, "The connector's name, unique on this worker.", true, true },
    { "connector.class", CONNECT_STRING, NULL, "HIGH", COMMON, "LONG", "Connector class", 2,
      CONNECT_USED, NULL, "What the connector is: a class name, or the last part of it.", true,
      true },
    { "tasks.max", CONNECT_INT, "1", "HIGH", COMMON, "SHORT", "Tasks max", 3, CONNECT_IGNORED, NULL,
      "A connector is one task.", false, true },
    { "topics", CONNECT_LIST, "", "HIGH", COMMON, "LONG", "Topics", 4, CONNECT_USED, NULL,
      "The topics it reads: prefix.schema.table, where prefix is topic.prefix of a source connector.",
      false, true },
    { "topics.regex", CONNECT_STRING, "", "HIGH", COMMON, "LONG", "Topics regex", 4,
      CONNECT_REFUSED, NULL, "Name the topics.", false, true },
    { "key.converter", CONNECT_CLASS, NULL, "LOW", COMMON, "SHORT", "Key converter class", 5,
      CONNECT_FORMAT, NULL, "How keys are written; found out by itself.", false, true },
    { "value.converter", CONNECT_CLASS, NULL, "LOW", COMMON, "SHORT", "Value converter class", 6,
      CONNECT_FORMAT, NULL, "How values are written; found out by itself.", false, true },
    { "header.converter", CONNECT_CLASS, NULL, "LOW", COMMON, "SHORT", "Header converter class", 7,
      CONNECT_FORMAT, NULL, "How headers are written.", false, true },
    { "transforms", CONNECT_LIST, "", "LOW", TRANSFORMS, "LONG", "Transforms", 8, CONNECT_REFUSED,
      NULL, "A sink shapes rows by its own keys.", false, true },
    { "predicates", CONNECT_LIST, "", "LOW", PREDICATES, "LONG", "Predicates", 9, CONNECT_REFUSED,
      NULL, "Conditions of transformations.", false, true },
    { "errors.tolerance", CONNECT_STRING, "none", "MEDIUM", ERRORS, "SHORT", "Error Tolerance", 3,
      CONNECT_IGNORED, "none all", "Records that a target refuses are parked, never dropped.",
      false, true },
    { "errors.deadletterqueue.topic.name", CONNECT_STRING, "", "MEDIUM", ERRORS, "MEDIUM",
      "Dead Letter Queue Topic Name", 6, CONNECT_IGNORED, NULL,
      "Records that a target refuses are parked: multisink dlq.", false, true },
    { "park_max", CONNECT_LONG, "1000", "MEDIUM", "Sink", "SHORT", "park_max", 1, CONNECT_USED,
      NULL, "With more records parked than this the sink stops.", false, false },
    { "batch_rows", CONNECT_LONG, "1000", "MEDIUM", "Sink", "SHORT", "batch_rows", 2, CONNECT_USED,
      NULL, "At most this many changes are given to the target at once.", false, false },
    { "retry.initial", CONNECT_STRING, "500ms", "LOW", "Sink", "SHORT", "retry.initial", 3,
      CONNECT_USED, NULL, "The first pause after an error that can pass.", false, false },
    { "retry.max", CONNECT_STRING, "30s", "LOW", "Sink", "SHORT", "retry.max", 4, CONNECT_USED,
      NULL, "The longest pause.", false, false },
};

/* ---- the plugins ---------------------------------------------------------------------------------- */

static enum connect_prop_type prop_type(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL:
        return CONNECT_BOOLEAN;
    case CONFIG_INT:
        return CONNECT_LONG;
    case CONFIG_STRINGS:
        return CONNECT_LIST;
    case CONFIG_SECRET:
        return CONNECT_PASSWORD;
    default:
        return CONNECT_STRING;
    }
}

static const char *choices_of(struct arena *a, const struct config_key *key)
{
    struct buf b;
    const char *text;

    if (key->type != CONFIG_CHOICE)
        return NULL;
    buf_init(&b, KIB);
    for (size_t i = 0; key->choices[i] != NULL; i++)
        buf_putf(&b, "%s%s", i > 0 ? " " : "", key->choices[i]);
    text = arena_str(a, buf_view(&b)).p;
    buf_done(&b);
    return text;
}

/* The keys of a sink with dots between their groups; nested at most a few levels deep, by our own tables. */
static size_t add_keys(struct arena *a, const char *before, const struct config_key *keys,
                       struct connect_prop *props, size_t n)
{
    for (; keys->name != NULL && n < SINK_PROPS_MAX; keys++) {
        char *name = arena_printf(a, "%s%s", before, keys->name);

        if (keys->help == NULL)
            continue;
        if (keys->type == CONFIG_GROUP) {
            n = add_keys(a, arena_printf(a, "%s.", name), keys->group, props, n);
            continue;
        }
        props[n] = (struct connect_prop){ .name = name,
                                          .type = prop_type(keys->type),
                                          .fallback = keys->fallback,
                                          .importance = keys->required ? "HIGH" : "MEDIUM",
                                          .group = "Target",
                                          .width = "MEDIUM",
                                          .display = name,
                                          .order = (int)n + 1,
                                          .use = CONNECT_USED,
                                          .choices = choices_of(a, keys),
                                          .help = keys->help,
                                          .required = keys->required && before[0] == '\0' };
        n++;
    }
    return n;
}

static void make_sink(struct connect_plugins *p, const struct config_sink_type *type)
{
    struct connect_plugin *plugin = &p->items[p->count++];
    struct connect_prop *props = arena_zalloc(&p->arena, SINK_PROPS_MAX, sizeof *props);
    char *alias = arena_printf(&p->arena, "%sSink", type->name);

    alias[0] = (char)toupper((unsigned char)alias[0]);
    memcpy(props, sink_common, sizeof sink_common);
    *plugin = (struct connect_plugin){
        .class_name = arena_printf(&p->arena, "multisink.%s", alias),
        .alias = alias,
        .version = MULTISINK_VERSION,
        .sink = type,
        .props = props,
        .prop_count =
            add_keys(&p->arena, "", type->keys, props, sizeof sink_common / sizeof sink_common[0]),
    };
}

void connect_plugins_init(struct connect_plugins *p, const struct config_sink_type *types,
                          size_t type_count)
{
    arena_init(&p->arena, MIB);
    p->items = arena_zalloc(&p->arena, type_count + 1, sizeof *p->items);
    p->items[0] = (struct connect_plugin){
        .class_name = "io.debezium.connector.postgresql.PostgresConnector",
        .alias = "PostgresConnector",
        .source = true,
        .version = DEBEZIUM_VERSION,
        .props = source_props,
        .prop_count = sizeof source_props / sizeof source_props[0],
    };
    p->count = 1;
    for (size_t i = 0; i < type_count; i++)
        make_sink(p, &types[i]);
}

void connect_plugins_done(struct connect_plugins *p)
{
    arena_done(&p->arena);
}

static bool is_short_name(const struct connect_plugin *plugin, const char *name)
{
    const char *tail = plugin->source ? "Connector" : "Sink";
    size_t n = strlen(plugin->alias) - strlen(tail);

    return strlen(name) == n && strncmp(name, plugin->alias, n) == 0;
}

const struct connect_plugin *connect_plugin_find(const struct connect_plugins *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct connect_plugin *plugin = &p->items[i];

        if (strcmp(name, plugin->class_name) == 0 || strcmp(name, plugin->alias) == 0 ||
            is_short_name(plugin, name) ||
            (plugin->sink != NULL && strcmp(name, plugin->sink->name) == 0))
            return plugin;
    }
    return NULL;
}

json_t *connect_text(const char *text)
{
    size_t n = strlen(text);
    json_t *value = json_stringn(text, n);
    char *copy;

    if (value != NULL)
        return value;
    copy = mem_strdup(text);
    for (char *p = copy; *p != '\0'; p++)
        *p = (char)((unsigned char)*p < 0x80 ? *p : '?');
    value = json_stringn(copy, n);
    free(copy);
    return value;
}

const char *connect_get(const json_t *config, const char *name)
{
    return json_string_value(json_object_get(config, name));
}

const struct connect_plugin *connect_plugin_of(const struct connect_plugins *p,
                                               const json_t *config)
{
    const char *name = connect_get(config, "connector.class");

    return name != NULL ? connect_plugin_find(p, name) : NULL;
}

bool connect_prop_fits(const struct connect_prop *prop, const char *name)
{
    size_t fixed = strcspn(prop->name, "(");

    if (prop->name[fixed] == '\0')
        return strcmp(prop->name, name) == 0;
    return strncmp(prop->name, name, fixed) == 0;
}

const struct connect_prop *connect_prop_find(const struct connect_plugin *plugin, const char *name)
{
    for (size_t i = 0; plugin != NULL && i < plugin->prop_count; i++) {
        if (connect_prop_fits(&plugin->props[i], name))
            return &plugin->props[i];
    }
    return NULL;
}

/* ---- secrets ----------------------------------------------------------------------------------------- */

bool connect_prop_is_secret(const struct connect_plugin *plugin, const char *name)
{
    static const char *const words[] = { "password", "secret",     "token",
                                         "jaas",     "credential", "headers." };
    const struct connect_prop *prop = connect_prop_find(plugin, name);
    char lower[128];
    size_t n = 0;

    if (prop != NULL && prop->type == CONNECT_PASSWORD)
        return true;
    for (; name[n] != '\0' && n + 1 < sizeof lower; n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(lower, words[i]) != NULL)
            return true;
    }
    return strcmp(lower, "headers") == 0;
}

/* "scheme://user:password@host": what stands between the colon and the last @ before the path. */
static bool url_password(const char *value, size_t *ret_from, size_t *ret_to)
{
    const char *start = strstr(value, "://");
    const char *colon;
    const char *at = NULL;

    if (start == NULL)
        return false;
    start += 3;
    for (const char *p = start; *p != '\0' && *p != '/' && *p != '?' && *p != '#'; p++) {
        if (*p == '@')
            at = p;
    }
    colon = at != NULL ? memchr(start, ':', (size_t)(at - start)) : NULL;
    if (colon == NULL || colon + 1 == at)
        return false;
    *ret_from = (size_t)(colon + 1 - value);
    *ret_to = (size_t)(at - value);
    return true;
}

static json_t *mask_value(const struct connect_plugin *plugin, const char *name, json_t *value)
{
    const char *text = json_string_value(value);
    size_t from;
    size_t to;

    if (text == NULL || text[0] == '\0')
        return json_incref(value);
    if (connect_prop_is_secret(plugin, name))
        return connect_text("********");
    if (url_password(text, &from, &to))
        return json_sprintf("%.*s********%s", (int)from, text, text + to);
    return json_incref(value);
}

json_t *connect_masked(const struct connect_plugin *plugin, const json_t *config)
{
    json_t *masked = json_object();
    const char *name;
    json_t *value;

    /* The library takes no const for walking. */
    json_object_foreach((json_t *)(uintptr_t)config, name, value)(void)
        json_object_set_new(masked, name, mask_value(plugin, name, value));
    return masked;
}

void connect_unmask(const struct connect_plugin *plugin, json_t *config, const json_t *stored)
{
    const char *name;
    json_t *value;

    json_object_foreach(config, name, value)
    {
        json_t *old = json_object_get(stored, name);
        json_t *shown = old != NULL ? mask_value(plugin, name, old) : NULL;

        if (shown != NULL && shown != old && json_equal(shown, value))
            (void)json_object_set(config, name, old);
        json_decref(shown);
    }
}
