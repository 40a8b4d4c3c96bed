/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline of the configuration file, in the words of connectors. */
#include "control/connect_private.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void set(json_t *config, const char *name, const char *value)
{
    if (value != NULL)
        (void)json_object_set_new(config, name, connect_text(value));
}

static json_t *joined(const struct config_strings *list, const char *before)
{
    struct buf b;
    json_t *text;

    buf_init(&b, LIMIT_CONFIG_FILE * 2);
    for (size_t i = 0; i < list->count; i++)
        buf_putf(&b, "%s%s%s", i > 0 ? "," : "", before, list->items[i]);
    text = connect_text(buf_cstr(&b));
    buf_done(&b);
    return text;
}

/* postgres://user@host:port/database as its parts; what has no place in them is left out. */
static void set_url(json_t *config, const char *url)
{
    const char *rest = strstr(url, "://");
    char *copy = mem_strdup(rest != NULL ? rest + 3 : url);
    char *query = strchr(copy, '?');
    char *path;
    char *at;
    char *colon;

    if (query != NULL)
        *query = '\0';
    path = strchr(copy, '/');
    if (path != NULL) {
        *path = '\0';
        set(config, "database.dbname", path + 1);
    }
    at = strrchr(copy, '@');
    if (at != NULL) {
        *at = '\0';
        set(config, "database.user", copy);
    }
    at = at != NULL ? at + 1 : copy;
    colon = strrchr(at, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
        set(config, "database.port", colon + 1);
    }
    set(config, "database.hostname", at);
    free(copy);
}

static const char *prefix_of(const struct config *config)
{
    return config->stream.kind == CONFIG_STREAM_KAFKA ? config->stream.kafka.topic_prefix
                                                      : config->name;
}

static json_t *source_properties(const struct config *config, const char *name)
{
    static const char prefix_of_class[] = "io.debezium.connector.postgresql.PostgresConnector";
    const struct config_source *source = &config->source;
    json_t *p = json_object();

    set(p, "connector.class", prefix_of_class);
    set(p, "plugin.name", "pgoutput");
    if (source->url != NULL)
        set_url(p, source->url);
    set(p, "database.password", source->password);
    set(p, "topic.prefix", prefix_of(config));
    set(p, "slot.name", source->slot);
    set(p, "publication.name", source->publication);
    (void)json_object_set_new(p, "table.include.list", joined(&source->tables, ""));
    set(p, "snapshot.mode", source->snapshot == CONFIG_SNAPSHOT_NEVER ? "never" : "initial");
    set(p, "name", name);
    return p;
}

/* A value of the file as a text; what came from ${...} is a secret, whatever its key is called. */
static json_t *node_value(const struct config_node *node)
{
    struct buf b;
    json_t *text;

    if (node->kind == CONFIG_SCALAR)
        return connect_text(node->secret ? "********" : node->text.p);
    buf_init(&b, LIMIT_CONFIG_FILE);
    for (size_t i = 0; i < node->count; i++) {
        const struct config_node *item = node->items[i];
        const char *value = item->kind != CONFIG_SCALAR ? "..."
                            : item->secret              ? "********"
                                                        : item->text.p;

        buf_putf(&b, "%s%s", i > 0 ? "," : "", value);
    }
    text = connect_text(buf_cstr(&b));
    buf_done(&b);
    return text;
}

/* Keys of maps with dots between them; config files nest a few levels deep. */
static void flatten(json_t *properties, const char *before, const struct config_node *map,
                    int depth)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct config_node *item = map->items[i];
        char *name =
            mem_printf("%s%s%s", before, before[0] != '\0' ? "." : "", map->keys[i]->text.p);

        if (item->kind == CONFIG_MAP && depth < 8)
            flatten(properties, name, item, depth + 1);
        else
            (void)json_object_set_new(properties, name, node_value(item));
        free(name);
    }
}

static bool is_common(const char *key)
{
    return strcmp(key, "name") != 0 && strcmp(key, "from") != 0 && strcmp(key, "pause") != 0;
}

static json_t *sink_properties(const struct config *config, const struct config_sink *sink,
                               const struct connect_plugin *plugin, const char *name)
{
    char *before = mem_printf("%s.", prefix_of(config));
    json_t *p = json_object();

    set(p, "connector.class", plugin->class_name);
    (void)json_object_set_new(p, "topics",
                              sink->topics.count > 0 ? joined(&sink->topics, "")
                                                     : joined(&sink->from, before));
    for (size_t i = 0; i < sink->node->count; i++) {
        const char *key = sink->node->keys[i]->text.p;
        const struct config_node *value = sink->node->items[i];

        if (strcmp(key, sink->type->name) == 0)
            flatten(p, "", value, 0);
        else if (is_common(key) && value->kind == CONFIG_MAP)
            flatten(p, key, value, 0);
        else if (is_common(key))
            (void)json_object_set_new(p, key, node_value(value));
    }
    set(p, "name", name);
    free(before);
    return p;
}

static struct connector *add(struct connect_worker *w, const char *name, const char *safe,
                             json_t *properties)
{
    struct connector *c = connector_append(w, name);

    (void)str_copy(str_from(safe), c->safe, sizeof c->safe);
    c->of_file = true;
    c->config = properties;
    c->plugin = connect_plugin_of(&w->plugins, properties);
    c->prefix = mem_strdup(prefix_of(w->opts.config));
    return c;
}

void connector_add_file(struct connect_worker *w)
{
    struct config *config = w->opts.config;
    struct connector *c;

    if (config->source.url == NULL && config->sink_count == 0)
        return;
    c = add(w, config->name, config->name, source_properties(config, config->name));
    c->conf = config;
    c->hidden = config->source.url == NULL;
    for (size_t i = 0; i < config->sink_count; i++) {
        const struct config_sink *sink = &config->sinks[i];
        const struct connect_plugin *plugin = connect_plugin_find(&w->plugins, sink->type->name);
        char *name = strcmp(sink->name, config->name) != 0
                         ? mem_strdup(sink->name)
                         : mem_printf("%s-%s", config->name, sink->type->name);

        c = add(w, name, sink->name, sink_properties(config, sink, plugin, name));
        c->file_sink = sink;
        c->sink_from = sink->topics.count > 0 ? &sink->topics : &sink->from;
        c->wanted = sink->pause ? CONNECT_PAUSED : CONNECT_RUNNING;
        free(name);
    }
}
