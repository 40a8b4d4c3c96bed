/* SPDX-License-Identifier: Apache-2.0 */
/* Is a configuration right? For whoever asks, and before a connector is made or changed. */
#include "control/connect_private.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sink/sink.h"

#include <stdlib.h>
#include <string.h>

/* ---- faults -------------------------------------------------------------------------------------------- */

static void add_fault(void *ctx, const struct connect_prop *prop, const char *text)
{
    (void)json_array_append_new(ctx, json_pack("{s:s, s:o}", "name",
                                               prop != NULL ? prop->name : "connector.class",
                                               "text", connect_text(text)));
}

/* The database has the last word on what is captured, and whether it lets us in. */
static void ask_database(const struct connect_plugin *plugin, const json_t *config, json_t *list,
                         json_t **ret_tables)
{
    struct connect_filters filters;
    const char *const *tables;
    struct error err;
    struct arena a;
    size_t count;

    arena_init(&a, 16 * MIB);
    connect_filters_get(config, &a, &filters);
    if (!connect_catalog_tables(config, &filters, &a, &tables, &count, &err)) {
        char *text = mem_printf("Error while validating connector config: %s", err.msg);

        add_fault(list, connect_prop_find(plugin, "database.hostname"), text);
        free(text);
    } else {
        *ret_tables = json_array();
        for (size_t i = 0; i < count; i++)
            (void)json_array_append_new(*ret_tables, connect_text(tables[i]));
    }
    arena_done(&a);
}

/* The keys that it becomes, as config/ sees them. */
static void check_conf(struct connect_worker *w, const struct connect_plugin *plugin,
                       const json_t *config, json_t *tables, json_t *list)
{
    struct connector *probe = mem_zalloc(1, sizeof *probe);

    probe->name = mem_strdup("the connector");
    probe->notes = json_object();
    if (tables != NULL)
        (void)json_object_set(probe->notes, "tables", tables);
    connect_safe_name("probe", probe->safe);
    probe->config = json_deep_copy(config);
    probe->quiet = true;
    connector_read(w, probe);
    if (probe->error.kind != ERR_NONE)
        add_fault(list, connect_prop_find(plugin, "connector.class"), probe->error.msg);
    connector_free(probe);
}

json_t *connect_check(struct connect_worker *w, const struct connect_plugin *plugin,
                      const json_t *config, bool ask, json_t **ret_tables)
{
    json_t *list = json_array();
    json_t *tables = NULL;

    connect_props_check(plugin, config, add_fault, list);
    connect_translate_check(plugin, config, w->kafka != NULL, add_fault, list);
    if (json_array_size(list) > 0)
        return list;
    if (plugin->source && ask)
        ask_database(plugin, config, list, &tables);
    if (!plugin->source || json_array_size(tables) > 0)
        check_conf(w, plugin, config, tables, list);
    if (ret_tables != NULL)
        *ret_tables = tables;
    else
        json_decref(tables);
    return list;
}

/* ---- definitions ------------------------------------------------------------------------------------------ */

static const char *const type_names[] = { "STRING", "INT",   "LONG",    "BOOLEAN",
                                          "LIST",   "CLASS", "PASSWORD" };

static json_t *text_or_null(const char *text)
{
    return text != NULL ? connect_text(text) : json_null();
}

static bool is_required(const struct connect_prop *prop)
{
    return prop->required || strcmp(prop->name, "name") == 0 ||
           strcmp(prop->name, "connector.class") == 0;
}

static json_t *definition(const struct connect_prop *prop)
{
    return json_pack("{s:s, s:s, s:b, s:o, s:s, s:o, s:s, s:s, s:s, s:[], s:i}", "name", prop->name,
                     "type", type_names[prop->type], "required", is_required(prop), "default_value",
                     text_or_null(prop->fallback), "importance", prop->importance, "documentation",
                     connect_text(prop->help), "group", prop->group, "width", prop->width,
                     "display_name", prop->display, "dependents", "order", prop->order);
}

static json_t *choices(const struct connect_prop *prop)
{
    json_t *list = json_array();
    const char *p = prop->choices != NULL ? prop->choices : "";

    while (*p != '\0') {
        size_t n = strcspn(p, " ");

        (void)json_array_append_new(list, json_stringn(p, n));
        p += n;
        p += strspn(p, " ");
    }
    return list;
}

static json_t *errors_of(const char *name, const json_t *faults)
{
    json_t *list = json_array();
    json_t *fault;
    size_t i;

    json_array_foreach(faults, i, fault)
    {
        if (strcmp(connect_get(fault, "name"), name) == 0)
            (void)json_array_append(list, json_object_get(fault, "text"));
    }
    return list;
}

static json_t *value_of(const struct connect_plugin *plugin, const struct connect_prop *prop,
                        const json_t *config, const json_t *faults)
{
    json_t *masked = connect_masked(plugin, config);
    const char *given = connect_get(masked, prop->name);
    json_t *value =
        json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", prop->name, "value",
                  text_or_null(given != NULL ? given : prop->fallback), "recommended_values",
                  choices(prop), "errors", errors_of(prop->name, faults), "visible", 1);

    json_decref(masked);
    return value;
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

void connect_answer_plugins(struct connect_worker *w, const struct connect_call *call,
                            struct connect_reply *reply)
{
    json_t *list = json_array();
    const struct connect_plugin *plugin;

    if (call->op == CONNECT_PLUGIN_CONFIG) {
        plugin = connect_plugin_find(&w->plugins, call->name);
        for (size_t i = 0; plugin != NULL && i < plugin->prop_count; i++)
            (void)json_array_append_new(list, definition(&plugin->props[i]));
    } else {
        for (size_t i = 0; i < w->plugins.count; i++) {
            plugin = &w->plugins.items[i];
            (void)json_array_append_new(
                list, json_pack("{s:s, s:s, s:s}", "class", plugin->class_name, "type",
                                plugin->source ? "source" : "sink", "version", plugin->version));
        }
        if (call->all_plugins) {
            (void)json_array_append_new(list,
                                        json_pack("{s:s, s:s}", "class",
                                                  "io.debezium.transforms.ExtractNewRecordState",
                                                  "type", "transformation"));
            (void)json_array_append_new(list,
                                        json_pack("{s:s, s:s}", "class",
                                                  "org.apache.kafka.connect.json.JsonConverter",
                                                  "type", "converter"));
        }
    }
    if (call->op == CONNECT_PLUGIN_CONFIG && json_array_size(list) == 0) {
        json_decref(list);
        connect_reply_error(reply, 404, "Unknown plugin %s.", call->name);
        return;
    }
    connect_reply_set(reply, 200, list);
}

static json_t *groups_of(const struct connect_plugin *plugin)
{
    json_t *groups = json_array();

    for (size_t i = 0; i < plugin->prop_count; i++) {
        json_t *group = connect_text(plugin->props[i].group);
        json_t *known;
        size_t at;
        bool found = false;

        json_array_foreach(groups, at, known) found = found || json_equal(known, group);
        if (!found)
            (void)json_array_append(groups, group);
        json_decref(group);
    }
    return groups;
}

static void validated(const struct connect_plugin *plugin, const json_t *config,
                      const json_t *faults, struct connect_reply *reply)
{
    json_t *configs = json_array();

    for (size_t i = 0; i < plugin->prop_count; i++)
        (void)json_array_append_new(
            configs, json_pack("{s:o, s:o}", "definition", definition(&plugin->props[i]), "value",
                               value_of(plugin, &plugin->props[i], config, faults)));
    connect_reply_set(reply, 200,
                      json_pack("{s:s, s:i, s:o, s:o}", "name", plugin->class_name, "error_count",
                                (int)json_array_size(faults), "groups", groups_of(plugin),
                                "configs", configs));
}

void connect_answer_validate(struct connect_worker *w, const struct connect_call *call,
                             struct connect_reply *reply)
{
    const char *given = connect_get(call->body, "connector.class");
    const struct connect_plugin *plugin = connect_plugin_find(&w->plugins, call->name);
    const char *name = connect_get(call->body, "name");
    const struct connector *known = name != NULL ? connector_find(w, name) : NULL;
    json_t *faults;

    if (given != NULL && connect_plugin_find(&w->plugins, given) != plugin) {
        connect_reply_error(reply, 400, "Included connector type %s does not match request type %s",
                            given, call->name);
        return;
    }
    if (plugin == NULL || given == NULL) {
        connect_no_class(w, given == NULL && plugin != NULL ? NULL : call->name, call->body, reply);
        return;
    }
    if (known != NULL)
        connect_unmask(plugin, call->body, known->config);
    faults = connect_check(w, plugin, call->body, true, NULL);
    validated(plugin, call->body, faults, reply);
    json_decref(faults);
}
