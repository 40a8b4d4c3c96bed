/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_check.h"

#include "base/limits.h"

#include <stdio.h>

enum { VERSION_MAJOR_MIN = 6, CHECKED_COMMANDS_MAX = 64, FAULT_TEXT = 240 };

/* ---- INFO ------------------------------------------------------------------------------------- */

/* The value of "name:value\r\n" in INFO's text; n == 0 when there is none. */
static struct str info_field(struct str info, const char *name)
{
    size_t name_n = strlen(name);

    while (info.n > 0) {
        size_t end = str_find(info, '\n');
        struct str line = str_trim(str_make(info.p, end));

        if (line.n > name_n && memcmp(line.p, name, name_n) == 0 && line.p[name_n] == ':')
            return str_make(line.p + name_n + 1, line.n - name_n - 1);
        info = end < info.n ? str_make(info.p + end + 1, info.n - end - 1) : STR_NONE;
    }
    return STR_NONE;
}

static bool check_version(const char *peer, struct str info, struct redis_server *server,
                          struct error *err)
{
    struct str version = info_field(info, "redis_version");
    uint64_t major;

    if (version.n == 0 || !str_to_u64(str_make(version.p, str_find(version, '.')), &major)) {
        return error_set(err, ERR_STOP, E_REDIS_CHECK,
                         "cannot tell the version of Redis at %s: INFO does not say it", peer);
    }
    (void)str_copy(version, server->version, sizeof server->version);
    if (major < VERSION_MAJOR_MIN) {
        return error_set(err, ERR_STOP, E_REDIS_VERSION,
                         "cannot use Redis %s at %s: version %d.0 or newer is needed",
                         server->version, peer, (int)VERSION_MAJOR_MIN);
    }
    return true;
}

static bool check_memory(const char *peer, struct str info, struct redis_server *server,
                         struct error *err)
{
    struct str policy = info_field(info, "maxmemory_policy");
    struct str maxmemory = info_field(info, "maxmemory");

    if (policy.n == 0 || policy.n > 64 || !str_to_u64(maxmemory, &server->maxmemory)) {
        return error_set(err, ERR_STOP, E_REDIS_CHECK,
                         "cannot tell the memory policy of Redis at %s: INFO does not say it",
                         peer);
    }
    if (server->maxmemory > 0 && !str_is(policy, "noeviction")) {
        return error_set(
            err, ERR_STOP, E_REDIS_EVICTION,
            "cannot use Redis at %s: its maxmemory-policy is %.*s, so it may throw away "
            "counts and the sink's position; set it to noeviction",
            peer, STR_ARG(policy));
    }
    return true;
}

static void read_persistence(struct str info, struct redis_server *server)
{
    struct str took;

    (void)str_copy(info_field(info, "run_id"), server->run_id, sizeof server->run_id);
    server->append_only = str_is(info_field(info, "aof_enabled"), "1");
    server->rewriting = str_is(info_field(info, "aof_rewrite_in_progress"), "1") ||
                        str_is(info_field(info, "aof_rewrite_scheduled"), "1");
    server->rewrite_bad = str_is(info_field(info, "aof_last_bgrewrite_status"), "err");
    /* How long the last rewrite took; -1 while this run of the server has seen none. */
    took = info_field(info, "aof_last_rewrite_time_sec");
    server->rewritten = took.n > 0 && !str_is(took, "-1") && !server->rewrite_bad;
}

bool redis_check_info(struct redis_conn *conn, struct redis_server *server, struct error *err)
{
    static const char *const words[] = { "INFO" };
    const char *peer = redis_conn_peer(conn);
    const struct redis_reply *reply = NULL;
    struct str mode;

    if (!redis_conn_ask(conn, words, 1, &reply, err))
        return false;
    if (reply->type == REDIS_FAILURE)
        return redis_refused(peer, reply->text, err);
    if (reply->type != REDIS_STRING)
        return error_set(err, ERR_RETRY, E_REDIS_PROTOCOL, "%s: INFO is answered by no text", peer);
    if (str_is(info_field(reply->text, "loading"), "1"))
        return redis_refused(peer, STR("LOADING Redis is loading the dataset in memory"), err);
    mode = info_field(reply->text, "redis_mode");
    if (mode.n > 0 && mode.n < 32 && !str_is(mode, "standalone")) {
        return error_set(err, ERR_STOP, E_REDIS_CLUSTER,
                         "cannot use Redis at %s: it runs in %.*s mode, which is not supported",
                         peer, STR_ARG(mode));
    }
    read_persistence(reply->text, server);
    return check_version(peer, reply->text, server, err) &&
           check_memory(peer, reply->text, server, err);
}

/* ---- commands --------------------------------------------------------------------------------- */

/* What Redis says while queueing: "QUEUED", or why it does not take the command. */
static bool judge_queueing(const char *peer, const struct redis_command *command,
                           const struct redis_reply *reply, struct error *err)
{
    struct str text = reply->text;
    char shown[160];

    if (reply->type != REDIS_FAILURE)
        return true;
    (void)str_copy(text, shown, sizeof shown);
    if (str_starts(text, STR("ERR"))) {
        return error_set(err, ERR_STOP, E_REDIS_COMMAND_UNKNOWN,
                         "cannot use the command %s on Redis at %s: %s", command->name, peer,
                         shown);
    }
    /* The keys of the real commands may be allowed where the placeholder is not. */
    if (str_starts(text, STR("NOPERM")) && strstr(shown, "to run the") == NULL)
        return true;
    return redis_refused(peer, text, err);
}

static bool queue_command(struct redis_conn *conn, const struct redis_command *command,
                          struct buf *b, struct error *err)
{
    const struct redis_reply *reply = NULL;

    redis_request_begin(b);
    for (size_t i = 0; i < command->count; i++) {
        if (command->args[i].hole == NULL)
            buf_str(b, command->args[i].wire);
        else
            redis_request_arg(b, STR("0"));
    }
    return redis_conn_call(conn, redis_request_end(b, command->count), &reply, err) &&
           judge_queueing(redis_conn_peer(conn), command, reply, err);
}

static bool queue_events(struct redis_conn *conn, const struct redis_commands *commands,
                         struct buf *b, struct error *err)
{
    const struct redis_event *events[] = { &commands->insert, &commands->update, &commands->delete,
                                           &commands->snapshot, &commands->truncate };
    size_t checked = 0;

    for (size_t e = 0; e < sizeof events / sizeof events[0]; e++) {
        for (size_t i = 0; i < events[e]->count && checked < CHECKED_COMMANDS_MAX; i++, checked++) {
            if (!queue_command(conn, &events[e]->commands[i], b, err))
                return false;
        }
    }
    return true;
}

static bool check_commands(struct redis_conn *conn, const struct redis_conf *conf,
                           struct redis_server *server, struct error *err)
{
    static const struct redis_arg name = { .wire = { "$12\r\nBGREWRITEAOF\r\n", 19 } };
    static const struct redis_command rewrite = { "BGREWRITEAOF", 1, &name };
    static const char *const multi[] = { "MULTI" };
    static const char *const discard[] = { "DISCARD" };
    const struct redis_reply *reply = NULL;
    struct error ignored = { 0 };
    struct buf b;
    bool ok;

    if (!redis_conn_ask(conn, multi, 1, &reply, err))
        return false;
    if (reply->type == REDIS_FAILURE) { /* without MULTI it is found out at the first write */
        server->commands_unknown = str_starts(reply->text, STR("NOPERM"));
        return server->commands_unknown || redis_refused(redis_conn_peer(conn), reply->text, err);
    }
    buf_init(&b, LIMIT_REDIS_CALL);
    ok = queue_events(conn, &conf->commands, &b, err) &&
         (!conf->aof_rewrite || !server->append_only || queue_command(conn, &rewrite, &b, err));
    buf_done(&b);
    return redis_conn_ask(conn, discard, 1, &reply, ok ? err : &ignored) && ok;
}

bool redis_check_server(struct redis_conn *conn, const struct redis_conf *conf,
                        struct redis_server *ret_server, struct error *err)
{
    struct redis_server server = { .version = "" };

    if (!redis_check_info(conn, &server, err) || !check_commands(conn, conf, &server, err))
        return false;
    *ret_server = server;
    return true;
}

/* ---- the table -------------------------------------------------------------------------------- */

static void check_event(const struct redis_event *event, const char *name,
                        const struct relation *rel, bool row_is_old, struct buf *faults)
{
    for (size_t i = 0; i < event->count; i++) {
        for (size_t k = 0; k < event->commands[i].count; k++) {
            const struct template *t = event->commands[i].args[k].hole;
            struct str column;

            if (t == NULL)
                continue;
            column = template_missing(t, rel);
            if (column.n > 0) {
                buf_putf(faults, "%s%s: no column \"%.*s\"", faults->n > 0 ? "; " : "", name,
                         STR_ARG(column));
                continue;
            }
            column = template_old_unknown(t, rel, row_is_old);
            if (column.n > 0) {
                buf_putf(faults, "%s%s: the old \"%.*s\" is not sent without REPLICA IDENTITY FULL",
                         faults->n > 0 ? "; " : "", name, STR_ARG(column));
            }
        }
    }
}

bool redis_check_relation(const struct redis_commands *commands, const struct relation *rel,
                          struct error *err)
{
    struct buf faults;
    struct buf table;
    bool ok;

    buf_init(&faults, 64 * KIB);
    buf_init(&table, 4 * KIB);
    check_event(&commands->insert, "insert", rel, false, &faults);
    check_event(&commands->update, "update", rel, false, &faults);
    check_event(&commands->delete, "delete", rel, true, &faults);
    check_event(&commands->snapshot, "snapshot", rel, false, &faults);
    check_event(&commands->truncate, "truncate", rel, false, &faults);
    ok = faults.n == 0;
    if (!ok) {
        relation_name(rel, &table);
        (void)error_set(err, ERR_STOP, E_REDIS_COLUMN, "cannot use the commands for %s: %s",
                        buf_cstr(&table), buf_cstr(&faults));
    }
    buf_done(&faults);
    buf_done(&table);
    return ok;
}
