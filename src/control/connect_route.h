/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_ROUTE_H
#define CONTROL_CONNECT_ROUTE_H

/*
 * From a request to a call: method and path through a table of routes, the query's parameters, and the
 * body. What is wrong is answered here, in Connect's words, and never reaches the worker. Pure.
 */

#include "base/str.h"
#include "control/connect_reply.h"

#include <stdbool.h>

enum connect_op {
    CONNECT_ROOT,
    CONNECT_HEALTH,
    CONNECT_LIST_CONNECTORS,
    CONNECT_CREATE,
    CONNECT_INFO,
    CONNECT_DELETE,
    CONNECT_GET_CONFIG,
    CONNECT_PUT_CONFIG,
    CONNECT_PATCH_CONFIG,
    CONNECT_STATUS,
    CONNECT_PAUSE,
    CONNECT_RESUME,
    CONNECT_STOP,
    CONNECT_RESTART,
    CONNECT_TASKS,
    CONNECT_TASKS_CONFIG,
    CONNECT_TASK_STATUS,
    CONNECT_TASK_RESTART,
    CONNECT_TOPICS,
    CONNECT_TOPICS_RESET,
    CONNECT_GET_OFFSETS,
    CONNECT_PATCH_OFFSETS,
    CONNECT_DELETE_OFFSETS,
    CONNECT_PLUGINS,
    CONNECT_PLUGIN_CONFIG,
    CONNECT_VALIDATE,
    CONNECT_LOGGERS,
    CONNECT_GET_LOGGER,
    CONNECT_PUT_LOGGER,
    CONNECT_OPS
};

enum connect_body {
    CONNECT_BODY_NONE,
    CONNECT_BODY_CREATE,  /* {"name", "config", "initial_state"} */
    CONNECT_BODY_CONFIG,  /* an object of texts */
    CONNECT_BODY_PATCH,   /* the same, null removes */
    CONNECT_BODY_OFFSETS, /* {"offsets": [{"partition": {}, "offset": {}}]} */
    CONNECT_BODY_LEVEL    /* {"level": "DEBUG"} */
};

struct connect_call {
    enum connect_op op;
    enum connect_body body_kind;
    char *name; /* owned: connector, plugin or logger of the path; NULL */
    int task;
    bool expanded; /* the long form of the list was asked for */
    bool expand_status, expand_info;
    bool include_tasks, only_failed;
    bool all_plugins;   /* connectorsOnly=false */
    bool cluster_scope; /* scope=cluster */
    json_t *body;       /* owned: the configuration, patch or offsets; NULL */
    char *level;        /* owned: of a logger */
    char *state;        /* owned: initial_state, or NULL */
};

/* `target` is the path and query as they came over the wire. False: *reply is the answer. */
bool connect_route(const char *method, struct str target, struct connect_call *ret_call,
                   struct connect_reply *reply);
/* Reads the body that the route wants; nothing to do for the others. False: *reply is the answer. */
bool connect_route_body(struct connect_call *call, struct str body, struct connect_reply *reply);
void connect_call_done(struct connect_call *call);

#endif
