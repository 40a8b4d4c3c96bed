/* SPDX-License-Identifier: Apache-2.0 */
/* Making, changing and removing connectors, and the states that they shall be in. What was done is in
 * state.db before it is answered. */
#include "control/connect_private.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void server_error(struct connect_reply *reply, const struct error *err)
{
    connect_reply_error(reply, 500, "%s: %s", err->code, err->msg);
}

/* Opens anew what the connector is part of. A source that was there before and is not any more has lost
 * its sinks; they are found a new one with the next build. */
static void rebuild(struct connect_worker *w, struct connector *c, struct connector *before)
{
    struct connector *now = pipeline_of(w, c);

    if (before != NULL && before != now)
        pipeline_build(w, before);
    if (now != NULL)
        pipeline_build(w, now);
}

/* ---- configurations --------------------------------------------------------------------------------------- */

/* "{name=x, a=b}", as Java prints a map. */
static char *java_map(const json_t *config)
{
    const char *key;
    json_t *value;
    struct buf b;
    char *text;

    buf_init(&b, 4 * LIMIT_CONNECT_BODY);
    buf_u8(&b, '{');
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        const char *shown = json_string_value(value);

        if (connect_prop_is_secret(NULL, key))
            shown = "********";
        buf_putf(&b, "%s%s=%s", b.n > 1 ? ", " : "", key, shown != NULL ? shown : "null");
    }
    buf_u8(&b, '}');
    text = mem_strdup(buf_cstr(&b));
    buf_done(&b);
    return text;
}

void connect_no_class(const struct connect_worker *w, const char *name, const json_t *config,
                      struct connect_reply *reply)
{
    struct buf known;
    char *map;

    if (name == NULL) {
        map = java_map(config);
        connect_reply_error(reply, 400, "Connector config %s contains no connector type", map);
        free(map);
        return;
    }
    buf_init(&known, 64 * KIB);
    for (size_t i = 0; i < w->plugins.count; i++)
        buf_putf(&known, "%s%s", i > 0 ? ", " : "", w->plugins.items[i].class_name);
    connect_reply_error(reply, 500,
                        "Failed to find any class that implements Connector and which name matches"
                        " %s, available connectors are: %s",
                        name, buf_cstr(&known));
    buf_done(&known);
}

/* The faults in the words of a refused create. */
static void refuse(const json_t *faults, struct connect_reply *reply)
{
    struct buf lines;
    json_t *fault;
    size_t i;

    buf_init(&lines, MIB);
    json_array_foreach(faults, i, fault) buf_putf(&lines, "%s\n", connect_get(fault, "text"));
    connect_reply_error(reply, 400,
                        "Connector configuration is invalid and contains the following %zu"
                        " error(s):\n%sYou can also find the above list of errors at the endpoint"
                        " `/connector-plugins/{connectorType}/config/validate`",
                        json_array_size(faults), buf_cstr(&lines));
    buf_done(&lines);
}

/* Another source of that prefix, whose topics would be the same? */
static bool prefix_taken(const struct connect_worker *w, const char *name, const json_t *config)
{
    const char *prefix = connect_get(config, "topic.prefix");

    for (size_t i = 0; i < w->count; i++) {
        const struct connector *c = w->items[i];

        if (c->plugin != NULL && c->plugin->source && c->prefix != NULL && prefix != NULL &&
            strcmp(c->name, name) != 0 && strcmp(c->prefix, prefix) == 0)
            return true;
    }
    return false;
}

/* Checks it in full; false: *reply says what is wrong. *ret_tables: what the database has for it. */
static bool acceptable(struct connect_worker *w, const char *name, json_t *config,
                       json_t **ret_tables, struct connect_reply *reply)
{
    const struct connect_plugin *plugin = connect_plugin_of(&w->plugins, config);
    const char *inner = connect_get(config, "name");
    json_t *faults;
    bool ok;

    assert(name != NULL); /* in the path or in the body */
    if (inner != NULL && strcmp(inner, name) != 0) {
        connect_reply_error(reply, 400,
                            "Connector name configuration (%s) doesn't match connector name in the"
                            " URL (%s)",
                            inner, name);
        return false;
    }
    (void)json_object_set_new(config, "name", connect_text(name));
    if (plugin == NULL) {
        connect_no_class(w, connect_get(config, "connector.class"), config, reply);
        return false;
    }
    faults = connect_check(w, plugin, config, true, ret_tables);
    if (json_array_size(faults) == 0 && plugin->source && prefix_taken(w, name, config))
        (void)json_array_append_new(
            faults, json_pack("{s:s, s:s}", "name", "topic.prefix", "text",
                              "The 'topic.prefix' value is invalid: another connector has it"));
    ok = json_array_size(faults) == 0;
    if (!ok)
        refuse(faults, reply);
    json_decref(faults);
    return ok;
}

static void note_tables(struct connector *c, json_t *tables)
{
    if (tables != NULL)
        (void)json_object_set_new(c->notes, "tables", tables);
    else
        (void)json_object_del(c->notes, "tables");
}

static void created(const struct connector *c, struct connect_reply *reply)
{
    connect_reply_set(reply, 201, connect_info(c));
    reply->location = mem_printf("/connectors/%s", c->name);
}

static void make(struct connect_worker *w, const char *name, json_t *config,
                 enum connect_state wanted, struct connect_reply *reply)
{
    json_t *tables = NULL;
    struct connector *c;
    struct error err;

    if (w->count >= LIMIT_CONNECT_CONNECTORS) {
        connect_reply_error(reply, 400, "There are %u connectors already",
                            LIMIT_CONNECT_CONNECTORS);
        return;
    }
    if (!acceptable(w, name, config, &tables, reply))
        return;
    c = connector_append(w, name);
    c->config = json_deep_copy(config);
    c->wanted = wanted;
    note_tables(c, tables);
    if (!connector_store(w, c, &err)) {
        connector_remove(w, c);
        server_error(reply, &err);
        return;
    }
    connector_read(w, c);
    rebuild(w, c, NULL);
    logger_info("connect", "connector %s was made", c->name);
    created(c, reply);
}

static bool of_file(const struct connector *c, struct connect_reply *reply)
{
    if (c->of_file)
        connect_reply_error(
            reply, 409, "Connector %s is defined in the configuration file, and is changed there",
            c->name);
    return c->of_file;
}

static void change(struct connect_worker *w, struct connector *c, json_t *config,
                   struct connect_reply *reply)
{
    struct connector *before = c->source;
    json_t *tables = NULL;
    json_t *old = c->config;
    struct error err;

    if (of_file(c, reply))
        return;
    connect_unmask(c->plugin, config, c->config);
    if (!acceptable(w, c->name, config, &tables, reply))
        return;
    c->config = json_deep_copy(config);
    note_tables(c, tables);
    if (!connector_store(w, c, &err)) {
        json_decref(c->config);
        c->config = old;
        server_error(reply, &err);
        return;
    }
    json_decref(old);
    pipeline_close(c->plugin != NULL && !c->plugin->source && before != NULL ? before : c);
    connector_read(w, c);
    rebuild(w, c, before);
    logger_info("connect", "connector %s was changed", c->name);
    connect_reply_set(reply, 200, connect_info(c));
}

static void patch(struct connect_worker *w, struct connector *c, const json_t *changes,
                  struct connect_reply *reply)
{
    json_t *config = json_deep_copy(c->config);
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)changes, key, value)
    {
        if (json_is_null(value))
            (void)json_object_del(config, key);
        else
            (void)json_object_set(config, key, value);
    }
    change(w, c, config, reply);
    json_decref(config);
}

static void create(struct connect_worker *w, const struct connect_call *call,
                   struct connect_reply *reply)
{
    const char *inner = connect_get(call->body, "name");
    const char *name = call->name != NULL ? call->name : inner != NULL ? inner : "";
    enum connect_state wanted = CONNECT_RUNNING;

    name = str_trim(str_from(name)).n > 0 ? name : "";
    if (call->state != NULL)
        (void)connect_state_parse(call->state, &wanted);
    if (name[0] == '\0' || strlen(name) > LIMIT_CONNECT_NAME)
        connect_reply_error(reply, 400, "\"name\" is missing or longer than %u bytes",
                            LIMIT_CONNECT_NAME);
    else if (connector_find(w, name) != NULL)
        connect_reply_error(reply, 409, "Connector %s already exists", name);
    else
        make(w, name, call->body, wanted, reply);
}

static void put(struct connect_worker *w, const struct connect_call *call,
                struct connect_reply *reply)
{
    struct connector *c = connector_find(w, call->name);

    if (c != NULL)
        change(w, c, call->body, reply);
    else
        make(w, call->name, call->body, CONNECT_RUNNING, reply);
}

static void drop(struct connect_worker *w, struct connector *c, struct connect_reply *reply)
{
    struct connector *before = c->source;
    struct error err;

    if (of_file(c, reply))
        return;
    if (!connect_store_delete(w->store, c->name, &err)) {
        server_error(reply, &err);
        return;
    }
    logger_info("connect", "connector %s was removed; its position is kept", c->name);
    before = before != c ? before : NULL;
    if (before != NULL)
        pipeline_close(before);
    connector_remove(w, c);
    if (before != NULL)
        pipeline_build(w, before);
    connect_reply_set(reply, 204, NULL);
}

/* ---- states --------------------------------------------------------------------------------------------------- */

static void want(struct connect_worker *w, struct connector *c, enum connect_state wanted,
                 struct connect_reply *reply)
{
    unsigned status = wanted == CONNECT_STOPPED ? 204 : 202;
    enum connect_state before = c->wanted;
    struct error err;

    connect_reply_set(reply, status, NULL);
    if (before == wanted)
        return;
    c->wanted = wanted;
    if (wanted == CONNECT_STOPPED)
        connect_offsets_note(c);
    if (!connector_store(w, c, &err)) {
        c->wanted = before;
        server_error(reply, &err);
        return;
    }
    logger_info("connect", "connector %s shall be %s", c->name, connect_state_name(wanted));
    rebuild(w, c, c->source);
}

/* A connector that cannot run by its properties is read again; a task is opened anew. */
static void restart(struct connect_worker *w, const struct connect_call *call, struct connector *c,
                    struct connect_reply *reply)
{
    bool plain = !call->include_tasks && !call->only_failed;
    bool connector = !call->only_failed || connect_is_failed(w, c, false);
    bool task = call->include_tasks && (!call->only_failed || connect_is_failed(w, c, true));

    if (plain)
        connect_reply_set(reply, 204, NULL);
    else
        connect_reply_set(reply, 202, connect_status(w, c, connector || task));
    if (c->wanted == CONNECT_STOPPED || !(task || (connector && connect_is_failed(w, c, false))))
        return;
    pipeline_close(pipeline_of(w, c) != NULL ? pipeline_of(w, c) : c);
    connector_read(w, c);
    rebuild(w, c, c->source);
}

static void restart_task(struct connect_worker *w, const struct connect_call *call,
                         struct connector *c, struct connect_reply *reply)
{
    if (call->task != 0 || c->wanted == CONNECT_STOPPED) {
        connect_reply_error(reply, 404, "Unknown task: %s-%d", c->name, call->task);
        return;
    }
    connect_reply_set(reply, 204, NULL);
    rebuild(w, c, c->source);
}

/* ---- the calls --------------------------------------------------------------------------------------------------- */

static void not_found(const struct connect_call *call, struct connect_reply *reply)
{
    switch (call->op) {
    case CONNECT_PAUSE:
    case CONNECT_RESUME:
    case CONNECT_STOP:
        connect_reply_error(reply, 404, "Unknown connector %s", call->name);
        break;
    case CONNECT_RESTART:
    case CONNECT_TASK_RESTART:
        connect_reply_error(reply, 404, "Unknown connector: %s", call->name);
        break;
    default:
        connect_reply_error(reply, 404, "Connector %s not found", call->name);
        break;
    }
}

static void of_connector(struct connect_worker *w, const struct connect_call *call,
                         struct connector *c, struct connect_reply *reply)
{
    switch (call->op) {
    case CONNECT_PATCH_CONFIG:
        patch(w, c, call->body, reply);
        break;
    case CONNECT_DELETE:
        drop(w, c, reply);
        break;
    case CONNECT_PAUSE:
        want(w, c, CONNECT_PAUSED, reply);
        break;
    case CONNECT_RESUME:
        want(w, c, CONNECT_RUNNING, reply);
        break;
    case CONNECT_STOP:
        want(w, c, CONNECT_STOPPED, reply);
        break;
    case CONNECT_RESTART:
        restart(w, call, c, reply);
        break;
    default:
        restart_task(w, call, c, reply);
        break;
    }
}

void connect_change(struct connect_worker *w, const struct connect_call *call,
                    struct connect_reply *reply)
{
    struct connector *c = call->name != NULL ? connector_find(w, call->name) : NULL;

    if (call->op == CONNECT_CREATE)
        create(w, call, reply);
    else if (call->op == CONNECT_PUT_CONFIG)
        put(w, call, reply);
    else if (c == NULL)
        not_found(call, reply);
    else
        of_connector(w, call, c, reply);
}
