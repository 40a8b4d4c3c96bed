/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at and not changed. Shapes and words are Connect's. */
#include "control/connect_private.h"

#include "base/limits.h"
#include "debezium/writer.h"

#include <stdio.h>
#include <string.h>

/* Clients read it to know what they may ask for. */
#define KAFKA_VERSION "3.9.1"

#define TASK_CLASS "io.debezium.connector.postgresql.PostgresConnectorTask"

static const char *type_name(const struct connector *c)
{
    return c->plugin == NULL ? "unknown" : c->plugin->source ? "source" : "sink";
}

/* A stopped connector has no task, nor has one whose properties cannot be used. */
static bool has_task(const struct connector *c)
{
    if (c->wanted == CONNECT_STOPPED || c->plugin == NULL)
        return false;
    return c->plugin->source ? c->conf != NULL : c->of_file || c->conf != NULL;
}

json_t *connect_info(const struct connector *c)
{
    json_t *tasks = json_array();

    if (has_task(c))
        (void)json_array_append_new(
            tasks,
            json_pack("{s:O, s:i}", "connector", json_object_get(c->config, "name"), "task", 0));
    return json_pack("{s:o, s:o, s:o, s:s}", "name", connect_text(c->name), "config",
                     connect_masked(c->plugin, c->config), "tasks", tasks, "type", type_name(c));
}

/* ---- states ------------------------------------------------------------------------------------------------ */

struct shown {
    const char *state;
    struct error why; /* kind ERR_NONE: nothing to say */
};

/* The other half of the file's pipeline is another process's. */
static struct shown not_here(const struct connect_worker *w)
{
    struct shown shown = { .state = "UNASSIGNED" };

    (void)error_set(&shown.why, ERR_STOP, E_CONNECT_TABLES, "this process runs with role %s",
                    w->opts.role == CONFIG_ROLE_CAPTURE ? "capture" : "deliver");
    return shown;
}

/* What was captured and cannot be written to Kafka. */
static struct shown of_publisher(struct supervisor *s)
{
    struct progress_sink p;

    progress_get_sink(&s->publisher.progress, &p);
    if (p.state == PROGRESS_FAILED)
        return (struct shown){ "FAILED", p.last_error };
    if (p.state == PROGRESS_RETRYING)
        return (struct shown){ "RUNNING", p.last_error };
    return (struct shown){ .state = "RUNNING" };
}

static struct shown of_source(const struct connect_worker *w, const struct connector *c)
{
    struct progress_capture p;

    if (c->wanted == CONNECT_STOPPED)
        return (struct shown){ .state = "STOPPED" };
    if (w->kafka != NULL && c->wanted == CONNECT_PAUSED && c->error.kind == ERR_NONE)
        return (struct shown){ .state = "PAUSED" };
    if (c->supervisor == NULL)
        return (struct shown){ "FAILED", c->error };
    if (!c->supervisor->capture_ready)
        return not_here(w);
    progress_get_capture(&c->supervisor->capture.progress, &p);
    if (p.state == PROGRESS_FAILED)
        return (struct shown){ "FAILED", p.last_error };
    if (c->wanted == CONNECT_PAUSED)
        return (struct shown){ .state = "PAUSED" };
    /* Tried again for as long as it takes: it runs, and says what it waits for. */
    if (p.state == PROGRESS_RETRYING || p.state == PROGRESS_WAITING)
        return (struct shown){ "RUNNING", p.last_error };
    if (c->supervisor->publisher_ready)
        return of_publisher(c->supervisor);
    return (struct shown){ .state = "RUNNING" };
}

static struct shown of_sink(const struct connect_worker *w, const struct connector *c)
{
    struct progress_sink p;

    if (c->wanted == CONNECT_STOPPED)
        return (struct shown){ .state = "STOPPED" };
    if (c->error.kind != ERR_NONE)
        return (struct shown){ "FAILED", c->error };
    if (c->wanted == CONNECT_PAUSED)
        return (struct shown){ .state = "PAUSED" };
    if (!c->attached || c->source->supervisor == NULL) {
        struct shown shown = { .state = "UNASSIGNED" };

        (void)error_set(&shown.why, ERR_STOP, E_CONNECT_TABLES,
                        "waiting for a source connector with topic.prefix %s that runs",
                        c->prefix != NULL ? c->prefix : "?");
        return shown;
    }
    if (c->at >= supervisor_sink_count(c->source->supervisor))
        return not_here(w);
    supervisor_get_sink(c->source->supervisor, c->at, &p);
    if (p.state == PROGRESS_FAILED)
        return (struct shown){ "FAILED", p.last_error };
    if (p.state == PROGRESS_RETRYING)
        return (struct shown){ "RUNNING", p.last_error };
    return (struct shown){ .state = "RUNNING" };
}

static struct shown task_of(const struct connect_worker *w, const struct connector *c)
{
    if (c->plugin == NULL)
        return (struct shown){ "FAILED", c->error };
    return c->plugin->source ? of_source(w, c) : of_sink(w, c);
}

/* The connector itself fails by its properties alone; what fails at work is its task. */
static struct shown connector_of(const struct connector *c)
{
    if (c->wanted == CONNECT_STOPPED)
        return (struct shown){ .state = "STOPPED" };
    if (!has_task(c))
        return (struct shown){ "FAILED", c->error };
    if (c->wanted == CONNECT_PAUSED)
        return (struct shown){ .state = "PAUSED" };
    return (struct shown){ .state = "RUNNING" };
}

bool connect_is_failed(const struct connect_worker *w, const struct connector *c, bool task)
{
    struct shown shown = task ? task_of(w, c) : connector_of(c);

    return strcmp(shown.state, "FAILED") == 0;
}

static json_t *state_object(const struct connect_worker *w, const struct shown *shown,
                            bool restarting)
{
    json_t *o = json_pack("{s:s, s:s}", "state", restarting ? "RESTARTING" : shown->state,
                          "worker_id", w->opts.address);

    if (!restarting && shown->why.kind != ERR_NONE) {
        char trace[400];

        (void)snprintf(trace, sizeof trace, "%s: %s", shown->why.code, shown->why.msg);
        (void)json_object_set_new(o, "trace", connect_text(trace));
    }
    return o;
}

static json_t *task_object(const struct connect_worker *w, const struct connector *c,
                           bool restarting)
{
    struct shown shown = task_of(w, c);
    json_t *task = json_pack("{s:i}", "id", 0);
    json_t *state = state_object(w, &shown, restarting);

    (void)json_object_update(task, state);
    json_decref(state);
    return task;
}

json_t *connect_status(const struct connect_worker *w, const struct connector *c, bool restarting)
{
    struct shown shown = connector_of(c);
    json_t *tasks = json_array();

    if (has_task(c))
        (void)json_array_append_new(tasks, task_object(w, c, restarting));
    return json_pack("{s:o, s:o, s:o, s:s}", "name", connect_text(c->name), "connector",
                     state_object(w, &shown, restarting), "tasks", tasks, "type", type_name(c));
}

/* ---- lists -------------------------------------------------------------------------------------------------- */

static void list(const struct connect_worker *w, const struct connect_call *call,
                 struct connect_reply *reply)
{
    json_t *all = call->expanded ? json_object() : json_array();

    for (size_t i = 0; i < w->count; i++) {
        const struct connector *c = w->items[i];
        json_t *one;

        if (c->hidden)
            continue;
        if (!call->expanded) {
            (void)json_array_append_new(all, connect_text(c->name));
            continue;
        }
        one = json_object();
        if (call->expand_status)
            (void)json_object_set_new(one, "status", connect_status(w, c, false));
        if (call->expand_info)
            (void)json_object_set_new(one, "info", connect_info(c));
        (void)json_object_set_new(all, c->name, one);
    }
    connect_reply_set(reply, 200, all);
}

static json_t *task_config(const struct connector *c)
{
    json_t *config = connect_masked(c->plugin, c->config);

    (void)json_object_set_new(config, "task.class",
                              connect_text(c->plugin->source ? TASK_CLASS : c->plugin->class_name));
    return config;
}

static void tasks(const struct connector *c, struct connect_reply *reply)
{
    json_t *all = json_array();

    if (has_task(c))
        (void)json_array_append_new(all, json_pack("{s:{s:o, s:i}, s:o}", "id", "connector",
                                                   connect_text(c->name), "task", 0, "config",
                                                   task_config(c)));
    connect_reply_set(reply, 200, all);
}

static void tasks_config(const struct connector *c, struct connect_reply *reply)
{
    json_t *all = json_object();
    char key[LIMIT_CONNECT_NAME + 3];

    (void)snprintf(key, sizeof key, "%s-0", c->name);
    if (has_task(c))
        (void)json_object_set_new(all, key, task_config(c));
    connect_reply_set(reply, 200, all);
}

/* ---- topics --------------------------------------------------------------------------------------------------- */

/* A sink that reads Kafka, by whomever its topics are written. */
static bool has_delivered(const struct connector *c, json_int_t since)
{
    struct progress_sink p;

    if (!c->attached || c->at >= supervisor_sink_count(c->source->supervisor))
        return false;
    supervisor_get_sink(c->source->supervisor, c->at, &p);
    return p.rows > 0 && p.last_success_us > since;
}

/* Something was captured, or delivered, since they were last reset. */
static bool is_active(const struct connector *c)
{
    json_int_t reset = json_integer_value(json_object_get(c->notes, "topics_reset"));
    const struct connector *source = c->plugin != NULL && c->plugin->source ? c : c->source;
    struct stream_tail tail;

    if (source == NULL || source->supervisor == NULL)
        return false;
    if (source->supervisor->stream == NULL)
        return c->plugin != NULL && !c->plugin->source && has_delivered(c, reset);
    source->supervisor->stream->ops->tail(source->supervisor->stream, &tail);
    if (tail.last_wts <= reset)
        return false;
    return source == c || has_delivered(c, 0);
}

json_t *connect_topic(const struct connector *c, const char *table)
{
    struct str name = str_from(table);
    struct buf b;
    json_t *topic;

    if (c->prefix == NULL || str_find(name, '.') == name.n ||
        (c->file_sink != NULL && c->file_sink->topics.count > 0)) /* a topic already */
        return connect_text(table);
    buf_init(&b, LIMIT_CONNECT_BODY);
    if (c->conf != NULL && c->conf->stream.kind == CONFIG_STREAM_KAFKA)
        debezium_table_topic(c->prefix, name, &b);
    else
        buf_putf(&b, "%s.%s", c->prefix, table);
    topic = connect_text(buf_cstr(&b));
    buf_done(&b);
    return topic;
}

static void topics(const struct connector *c, const char *name, struct connect_reply *reply)
{
    json_t *names = json_array();
    const struct config_strings *tables = NULL;

    if (c != NULL && is_active(c))
        tables = c->sink_from != NULL ? c->sink_from : &c->conf->source.tables;
    for (size_t i = 0; tables != NULL && i < tables->count; i++)
        (void)json_array_append_new(names, connect_topic(c, tables->items[i]));
    connect_reply_set(reply, 200, json_pack("{s:{s:o}}", name, "topics", names));
}

static void reset_topics(struct connect_worker *w, struct connector *c, struct connect_reply *reply)
{
    const struct connector *source = c != NULL && c->source != NULL ? c->source : c;
    struct stream_tail tail = { 0 };
    struct error err;

    connect_reply_set(reply, 202, NULL);
    if (source == NULL || source->supervisor == NULL)
        return;
    if (source->supervisor->stream != NULL)
        source->supervisor->stream->ops->tail(source->supervisor->stream, &tail);
    else
        tail.last_wts = clock_real_us(w->opts.clock);
    (void)json_object_set_new(c->notes, "topics_reset", json_integer(tail.last_wts));
    if (!connector_store(w, c, &err))
        connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
}

/* ---- one connector ----------------------------------------------------------------------------------------------- */

static void of_connector(struct connect_worker *w, const struct connector *c,
                         const struct connect_call *call, struct connect_reply *reply)
{
    switch (call->op) {
    case CONNECT_INFO:
        connect_reply_set(reply, 200, connect_info(c));
        break;
    case CONNECT_GET_CONFIG:
        connect_reply_set(reply, 200, connect_masked(c->plugin, c->config));
        break;
    case CONNECT_STATUS:
        connect_reply_set(reply, 200, connect_status(w, c, false));
        break;
    case CONNECT_TASKS:
        tasks(c, reply);
        break;
    case CONNECT_TASKS_CONFIG:
        tasks_config(c, reply);
        break;
    default:
        if (call->task == 0 && has_task(c))
            connect_reply_set(reply, 200, task_object(w, c, false));
        else
            connect_reply_error(reply, 404, "No status found for task %s-%d", c->name, call->task);
        break;
    }
}

static void not_found(const struct connect_call *call, struct connect_reply *reply)
{
    if (call->op == CONNECT_STATUS)
        connect_reply_error(reply, 404, "No status found for connector %s", call->name);
    else if (call->op == CONNECT_TASK_STATUS)
        connect_reply_error(reply, 404, "No status found for task %s-%d", call->name, call->task);
    else
        connect_reply_error(reply, 404, "Connector %s not found", call->name);
}

void connect_answer(struct connect_worker *w, const struct connect_call *call,
                    struct connect_reply *reply)
{
    struct connector *c = call->name != NULL ? connector_find(w, call->name) : NULL;

    switch (call->op) {
    case CONNECT_ROOT:
        connect_reply_set(reply, 200,
                          json_pack("{s:s, s:s, s:s}", "version", KAFKA_VERSION, "commit",
                                    "multisink-" MULTISINK_VERSION, "kafka_cluster_id",
                                    w->cluster_id));
        break;
    case CONNECT_HEALTH:
        connect_reply_set(
            reply, 200,
            json_pack("{s:s, s:s}", "status", "healthy", "message",
                      "Worker has completed startup and is ready to handle requests."));
        break;
    case CONNECT_LIST_CONNECTORS:
        list(w, call, reply);
        break;
    case CONNECT_TOPICS:
        topics(c, call->name, reply);
        break;
    case CONNECT_TOPICS_RESET:
        reset_topics(w, c, reply);
        break;
    default:
        if (c != NULL)
            of_connector(w, c, call, reply);
        else
            not_found(call, reply);
        break;
    }
}
