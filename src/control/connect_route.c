/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_route.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <strings.h>

enum { SEGMENTS_MAX = 6 };

/* In a path, {} stands for a name and # for a number. */
static const struct route {
    const char *method;
    const char *path;
    enum connect_op op;
    enum connect_body body;
} routes[] = {
    { "GET", "", CONNECT_ROOT, CONNECT_BODY_NONE },
    { "GET", "health", CONNECT_HEALTH, CONNECT_BODY_NONE },
    { "GET", "connectors", CONNECT_LIST_CONNECTORS, CONNECT_BODY_NONE },
    { "POST", "connectors", CONNECT_CREATE, CONNECT_BODY_CREATE },
    { "GET", "connectors/{}", CONNECT_INFO, CONNECT_BODY_NONE },
    { "DELETE", "connectors/{}", CONNECT_DELETE, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/config", CONNECT_GET_CONFIG, CONNECT_BODY_NONE },
    { "PUT", "connectors/{}/config", CONNECT_PUT_CONFIG, CONNECT_BODY_CONFIG },
    { "PATCH", "connectors/{}/config", CONNECT_PATCH_CONFIG, CONNECT_BODY_PATCH },
    { "GET", "connectors/{}/status", CONNECT_STATUS, CONNECT_BODY_NONE },
    { "PUT", "connectors/{}/pause", CONNECT_PAUSE, CONNECT_BODY_NONE },
    { "PUT", "connectors/{}/resume", CONNECT_RESUME, CONNECT_BODY_NONE },
    { "PUT", "connectors/{}/stop", CONNECT_STOP, CONNECT_BODY_NONE },
    { "POST", "connectors/{}/restart", CONNECT_RESTART, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/tasks", CONNECT_TASKS, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/tasks-config", CONNECT_TASKS_CONFIG, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/tasks/#/status", CONNECT_TASK_STATUS, CONNECT_BODY_NONE },
    { "POST", "connectors/{}/tasks/#/restart", CONNECT_TASK_RESTART, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/topics", CONNECT_TOPICS, CONNECT_BODY_NONE },
    { "PUT", "connectors/{}/topics/reset", CONNECT_TOPICS_RESET, CONNECT_BODY_NONE },
    { "GET", "connectors/{}/offsets", CONNECT_GET_OFFSETS, CONNECT_BODY_NONE },
    { "PATCH", "connectors/{}/offsets", CONNECT_PATCH_OFFSETS, CONNECT_BODY_OFFSETS },
    { "DELETE", "connectors/{}/offsets", CONNECT_DELETE_OFFSETS, CONNECT_BODY_NONE },
    { "GET", "connector-plugins", CONNECT_PLUGINS, CONNECT_BODY_NONE },
    { "GET", "connector-plugins/{}/config", CONNECT_PLUGIN_CONFIG, CONNECT_BODY_NONE },
    { "PUT", "connector-plugins/{}/config/validate", CONNECT_VALIDATE, CONNECT_BODY_CONFIG },
    { "GET", "admin/loggers", CONNECT_LOGGERS, CONNECT_BODY_NONE },
    { "GET", "admin/loggers/{}", CONNECT_GET_LOGGER, CONNECT_BODY_NONE },
    { "PUT", "admin/loggers/{}", CONNECT_PUT_LOGGER, CONNECT_BODY_LEVEL },
};

enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

/* The next piece up to `stop`, taken off *rest. */
static struct str take(struct str *rest, char stop)
{
    size_t n = str_find(*rest, stop);
    struct str piece = str_make(rest->p, n);

    n += n < rest->n ? 1 : 0;
    *rest = str_make(rest->p + n, rest->n - n);
    return piece;
}

/* Segments of the path; slashes at its end do not count. */
static bool split_path(struct str path, struct str *segments, size_t *ret_count)
{
    size_t n = 0;

    if (path.n > 0 && path.p[0] == '/')
        path = str_make(path.p + 1, path.n - 1);
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    while (path.n > 0) {
        if (n == SEGMENTS_MAX)
            return false;
        segments[n++] = take(&path, '/');
    }
    *ret_count = n;
    return true;
}

static bool is_number(struct str s, int *ret_number)
{
    uint64_t v;

    if (!str_to_u64(s, &v) || v > INT32_MAX)
        return false;
    *ret_number = (int)v;
    return true;
}

/* Does the path fit the route? *ret_name is the piece at {}, as it came. */
static bool path_fits(const char *path, const struct str *segments, size_t count,
                      struct str *ret_name, int *ret_number)
{
    struct str rest = str_from(path);
    size_t at = 0;

    while (rest.n > 0) {
        struct str want = take(&rest, '/');

        if (at == count)
            return false;
        if (str_is(want, "{}")) {
            if (segments[at].n == 0)
                return false;
            *ret_name = segments[at];
        } else if (str_is(want, "#")) {
            if (!is_number(segments[at], ret_number))
                return false;
        } else if (!str_eq(want, segments[at])) {
            return false;
        }
        at++;
    }
    return at == count;
}

/* Decoded, terminated, valid UTF-8 and of bounded length; NULL when it is not. */
static char *decode(struct str raw)
{
    char *text;

    if (raw.n > (size_t)3 * LIMIT_CONNECT_NAME)
        return NULL;
    text = mem_zalloc(raw.n + 1, 1);
    if (str_percent_decode(raw, text) && str_is_utf8(str_from(text)) &&
        strlen(text) <= LIMIT_CONNECT_NAME)
        return text;
    free(text);
    return NULL;
}

/* Java's Boolean.parseBoolean: anything but "true" is false. */
static bool is_true(const char *value)
{
    return strcasecmp(value, "true") == 0;
}

static void take_parameter(struct connect_call *call, const char *name, const char *value)
{
    if (strcmp(name, "expand") == 0) {
        call->expand_status = call->expand_status || strcmp(value, "status") == 0;
        call->expand_info = call->expand_info || strcmp(value, "info") == 0;
    } else if (strcmp(name, "includeTasks") == 0) {
        call->include_tasks = is_true(value);
    } else if (strcmp(name, "onlyFailed") == 0) {
        call->only_failed = is_true(value);
    } else if (strcmp(name, "connectorsOnly") == 0) {
        call->all_plugins = !is_true(value);
    } else if (strcmp(name, "scope") == 0) {
        call->cluster_scope = strcasecmp(value, "cluster") == 0;
    }
}

/* "expand" alone, in whatever it says, makes the long form of the list. */
static void take_query(struct connect_call *call, struct str query)
{
    while (query.n > 0) {
        struct str pair = take(&query, '&');
        struct str key = take(&pair, '=');
        char *name = decode(key);
        char *value = decode(pair);

        if (name != NULL && value != NULL)
            take_parameter(call, name, value);
        if (name != NULL && strcmp(name, "expand") == 0)
            call->expanded = true;
        free(name);
        free(value);
    }
}

bool connect_route(const char *method, struct str target, struct connect_call *ret_call,
                   struct connect_reply *reply)
{
    struct str segments[SEGMENTS_MAX];
    struct str path = take(&target, '?');
    struct str name = { 0 };
    bool known = false;
    size_t count;
    int task = 0;

    *ret_call = (struct connect_call){ 0 };
    for (size_t i = 0; split_path(path, segments, &count) && i < ROUTE_COUNT; i++) {
        if (!path_fits(routes[i].path, segments, count, &name, &task))
            continue;
        known = true;
        if (strcmp(method, routes[i].method) != 0 &&
            !(strcmp(method, "HEAD") == 0 && strcmp(routes[i].method, "GET") == 0))
            continue;
        ret_call->op = routes[i].op;
        ret_call->body_kind = routes[i].body;
        ret_call->task = task;
        if (name.n > 0 && (ret_call->name = decode(name)) == NULL)
            break;
        take_query(ret_call, target);
        return true;
    }
    if (known && name.n > 0 && ret_call->name == NULL && ret_call->op != CONNECT_ROOT)
        known = false;
    connect_reply_error(reply, known ? 405 : 404,
                        known ? "HTTP 405 Method Not Allowed" : "HTTP 404 Not Found");
    return false;
}

void connect_call_done(struct connect_call *call)
{
    free(call->name);
    free(call->level);
    free(call->state);
    json_decref(call->body);
    *call = (struct connect_call){ 0 };
}

/* ---- bodies ----------------------------------------------------------------------------------------------- */

/* Texts, and what Connect takes for one: numbers and booleans. */
static bool make_texts(json_t *map, bool nulls, struct connect_reply *reply)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(map, next, key, value)
    {
        char *text;

        if (json_is_string(value) || (nulls && json_is_null(value)))
            continue;
        if (json_is_null(value)) {
            (void)json_object_del(map, key);
            continue;
        }
        if (json_is_object(value) || json_is_array(value)) {
            connect_reply_error(reply, 400,
                                "The value of \"%s\" is not a text; every value of a configuration"
                                " is one, a list as \"a,b\"",
                                key);
            return false;
        }
        text = json_dumps(value, JSON_ENCODE_ANY);
        (void)json_object_set_new(map, key, json_stringn(text, strlen(text)));
        free(text);
    }
    return true;
}

static char *take_text(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));

    return text != NULL ? mem_strdup(text) : NULL;
}

static bool known_fields(const json_t *root, const char *const *names, size_t count,
                         struct connect_reply *reply)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        size_t i = 0;

        while (i < count && strcmp(names[i], key) != 0)
            i++;
        if (i == count) {
            connect_reply_error(reply, 400, "Unrecognized field \"%.100s\"", key);
            return false;
        }
    }
    return true;
}

static bool read_create(struct connect_call *call, json_t *root, struct connect_reply *reply)
{
    static const char *const names[] = { "name", "config", "initial_state" };
    json_t *config = json_object_get(root, "config");

    if (!known_fields(root, names, sizeof names / sizeof names[0], reply))
        return false;
    if (!json_is_object(config)) {
        connect_reply_error(reply, 400,
                            "\"config\" is missing: it holds the connector's properties");
        return false;
    }
    call->name = take_text(root, "name");
    call->state = take_text(root, "initial_state");
    if (call->state != NULL && strcmp(call->state, "RUNNING") != 0 &&
        strcmp(call->state, "PAUSED") != 0 && strcmp(call->state, "STOPPED") != 0) {
        connect_reply_error(reply, 400,
                            "No enum constant InitialState.%.40s: it is RUNNING, PAUSED"
                            " or STOPPED",
                            call->state);
        return false;
    }
    call->body = json_incref(config);
    return make_texts(config, false, reply);
}

static bool read_offsets(struct connect_call *call, json_t *root, struct connect_reply *reply)
{
    json_t *offsets = json_object_get(root, "offsets");
    json_t *entry;
    size_t i;

    if (json_array_size(offsets) == 0) {
        connect_reply_error(
            reply, 400, "Partitions / offsets need to be provided for an alter offsets request");
        return false;
    }
    json_array_foreach(offsets, i, entry)
    {
        const json_t *offset = json_object_get(entry, "offset");

        if (!json_is_object(json_object_get(entry, "partition")) ||
            !(offset == NULL || json_is_null(offset) || json_is_object(offset))) {
            connect_reply_error(reply, 400,
                                "An entry of \"offsets\" has an object \"partition\", and an"
                                " object \"offset\" or null");
            return false;
        }
    }
    call->body = json_incref(offsets);
    return true;
}

static bool read_level(struct connect_call *call, const json_t *root, struct connect_reply *reply)
{
    call->level = take_text(root, "level");
    if (call->level == NULL)
        connect_reply_error(reply, 400, "Desired 'level' parameter was not specified in request.");
    return call->level != NULL;
}

static bool read_kind(struct connect_call *call, json_t *root, struct connect_reply *reply)
{
    switch (call->body_kind) {
    case CONNECT_BODY_NONE:
        return true;
    case CONNECT_BODY_CREATE:
        return read_create(call, root, reply);
    case CONNECT_BODY_CONFIG:
    case CONNECT_BODY_PATCH:
        call->body = json_incref(root);
        return make_texts(root, call->body_kind == CONNECT_BODY_PATCH, reply);
    case CONNECT_BODY_OFFSETS:
        return read_offsets(call, root, reply);
    case CONNECT_BODY_LEVEL:
        return read_level(call, root, reply);
    }
    return false;
}

bool connect_route_body(struct connect_call *call, struct str body, struct connect_reply *reply)
{
    json_error_t fault;
    json_t *root;
    bool ok;

    if (call->body_kind == CONNECT_BODY_NONE)
        return true;
    root = json_loadb(body.n > 0 ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL) {
        connect_reply_error(reply, 400, "The body is not JSON: %s (line %d, column %d)", fault.text,
                            fault.line, fault.column);
        return false;
    }
    ok = json_is_object(root);
    if (ok)
        ok = read_kind(call, root, reply);
    else
        connect_reply_error(reply, 400, "The body is not a JSON object");
    json_decref(root);
    return ok;
}
