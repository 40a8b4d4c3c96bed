/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A crash may cut the append-only file in the middle of a transaction. Redis (7.0 and its neighbours)
 * then cuts off only the last broken command when it loads the file, not the transaction: memory is
 * right, but the file now holds an open MULTI, and what stands behind it is applied with the next EXEC
 * that is appended, at the restart after this one. Only a file written anew from memory is free of that.
 * So: a server that was restarted since the sink wrote there last rewrites its file before the sink
 * writes again. The key holds the run id for which that is done. It is set before the sink's first
 * write, so where there is none, there is no transaction of ours.
 *
 * Whether the rewrite is still to be asked for, under way or done is read from the server alone (INFO
 * tells it for this run of it), never remembered here: a sink that is opened anew meanwhile, or by a
 * process that was restarted too, goes on where the other was instead of beginning again.
 */
#include "sink/redis_rewrite.h"

#include "base/clock.h"
#include "base/wake.h"

enum { LOOK_MS = 20, WAIT_MS = 1000 };

static bool ask_rewrite(struct redis_conn *conn, struct error *err)
{
    static const char *const words[] = { "BGREWRITEAOF" };
    const struct redis_reply *reply = NULL;

    if (!redis_conn_ask(conn, words, 1, &reply, err))
        return false;
    return reply->type != REDIS_FAILURE ||
           str_starts(reply->text, STR("ERR Background append only file")) ||
           redis_refused(redis_conn_peer(conn), reply->text, err);
}

/* Looks at the server until the rewrite is done, has failed, or the time is over. */
static bool wait_rewritten(struct redis_conn *conn, int stop_fd, struct error *err)
{
    int64_t deadline_us = clock_mono_us(&clock_system) + WAIT_MS * INT64_C(1000);
    struct redis_server now = { .version = "" };

    do {
        if (wake_wait(stop_fd, LOOK_MS))
            return error_cancel(err);
        if (!redis_check_info(conn, &now, err))
            return false;
    } while (now.rewriting && clock_mono_us(&clock_system) < deadline_us);
    if (now.rewritten && !now.rewriting)
        return true;
    return error_set(
        err, ERR_RETRY, E_REDIS_REWRITING,
        "waiting for Redis at %s, which was restarted, to rewrite its append-only file%s",
        redis_conn_peer(conn), now.rewrite_bad ? " (the last try failed)" : "");
}

static bool mark_server(struct redis_conn *conn, const char *key, const struct redis_server *server,
                        struct error *err)
{
    const char *words[] = { "SET", key, server->run_id };
    const struct redis_reply *reply = NULL;

    if (!redis_conn_ask(conn, words, 3, &reply, err))
        return false;
    return reply->type != REDIS_FAILURE || redis_refused(redis_conn_peer(conn), reply->text, err);
}

bool redis_rewrite_ensure(struct redis_conn *conn, const struct redis_conf *conf, const char *key,
                          const struct redis_server *server, int stop_fd, struct error *err)
{
    const char *words[] = { "GET", key };
    const struct redis_reply *reply = NULL;

    if (!conf->aof_rewrite || !server->append_only)
        return true;
    if (!redis_conn_ask(conn, words, 2, &reply, err))
        return false;
    if (reply->type == REDIS_FAILURE)
        return redis_refused(redis_conn_peer(conn), reply->text, err);
    if (redis_reply_is_text(reply, server->run_id))
        return true;
    if (reply->type != REDIS_NIL && (server->rewriting || !server->rewritten)) {
        if (!server->rewriting && !ask_rewrite(conn, err))
            return false;
        if (!wait_rewritten(conn, stop_fd, err))
            return false;
    }
    return mark_server(conn, key, server, err);
}
