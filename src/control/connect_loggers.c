/* SPDX-License-Identifier: Apache-2.0 */
/* The levels of the program's own log, under Connect's names for them. */
#include "control/connect_private.h"

#include "base/logger.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Connect's names; what there is no level for here is the nearest. */
static const struct {
    const char *name;
    enum logger_level level;
} levels[] = {
    { "DEBUG", LOGGER_DEBUG }, { "INFO", LOGGER_INFO },   { "WARN", LOGGER_WARN },
    { "ERROR", LOGGER_ERROR }, { "OFF", LOGGER_OFF },     { "TRACE", LOGGER_DEBUG },
    { "ALL", LOGGER_DEBUG },   { "FATAL", LOGGER_ERROR },
};

static bool parse(const char *name, enum logger_level *ret_level)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcasecmp(levels[i].name, name) == 0) {
            *ret_level = levels[i].level;
            return true;
        }
    }
    return false;
}

/* 0 for the root, else 1 and the part's place; -1: there is none. */
static int index_of(const char *name)
{
    size_t count;
    const char *const *parts = logger_parts(&count);

    if (strcmp(name, "root") == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(parts[i], name) == 0)
            return (int)i + 1;
    }
    return -1;
}

static json_t *show(const struct connect_worker *w, int at)
{
    size_t count;
    const char *const *parts = logger_parts(&count);
    enum logger_level level = LOGGER_INFO;
    int64_t changed = w->logger_changed_ms[at];

    (void)logger_get_level(at == 0 ? NULL : parts[at - 1], &level);
    return json_pack("{s:s, s:o}", "level", levels[level].name, "last_modified",
                     changed != 0 ? json_integer(changed) : json_null());
}

static void list(const struct connect_worker *w, struct connect_reply *reply)
{
    json_t *all = json_object();
    size_t count;
    const char *const *parts = logger_parts(&count);

    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(all, parts[i], show(w, (int)i + 1));
    (void)json_object_set_new(all, "root", show(w, 0));
    connect_reply_set(reply, 200, all);
}

/* The root's level is that of every part: as in Connect, a part is set for itself afterwards. */
static void change(struct connect_worker *w, const struct connect_call *call, int at,
                   struct connect_reply *reply)
{
    int64_t now_ms = clock_real_us(w->opts.clock) / 1000;
    json_t *affected = json_array();
    size_t count;
    const char *const *parts = logger_parts(&count);
    enum logger_level level;

    if (!parse(call->level, &level)) {
        json_decref(affected);
        connect_reply_error(reply, 404, "invalid log level '%s'.", call->level);
        return;
    }
    for (int i = 0; i <= (int)count; i++) {
        if (at != 0 && at != i)
            continue;
        (void)logger_set_level(i == 0 ? NULL : parts[i - 1], level);
        w->logger_changed_ms[i] = now_ms;
        (void)json_array_append_new(affected, connect_text(i == 0 ? "root" : parts[i - 1]));
    }
    logger_event(LOGGER_WARN, "connect", "log level of %s is now %s", call->name,
                 logger_level_name(level));
    if (call->cluster_scope)
        json_decref(affected);
    connect_reply_set(reply, call->cluster_scope ? 204 : 200,
                      call->cluster_scope ? NULL : affected);
}

void connect_loggers(struct connect_worker *w, const struct connect_call *call,
                     struct connect_reply *reply)
{
    int at;

    if (call->op == CONNECT_LOGGERS) {
        list(w, reply);
        return;
    }
    at = index_of(call->name);
    if (at < 0)
        connect_reply_error(reply, 404, "Logger %s not found.", call->name);
    else if (call->op == CONNECT_GET_LOGGER)
        connect_reply_set(reply, 200, show(w, at));
    else
        change(w, call, at, reply);
}
