/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_target.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sink/redis_check.h"
#include "sink/redis_rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static char *lane_key(const struct sink_env *env, const char *what)
{
    return mem_printf("{multisink:%s:%s}:%s%s%s", env->pipeline, env->name,
                      env->lane != NULL ? env->lane : "", env->lane != NULL ? ":" : "", what);
}

void redis_target_init(struct redis_target *t, const struct redis_conf *conf,
                       const struct sink_env *env)
{
    *t = (struct redis_target){ .conf = conf, .env = *env };
    t->key_fence = lane_key(env, "fence");
    t->key_pos = lane_key(env, "pos");
    t->key_rejects = lane_key(env, "rejects");
    t->key_server = mem_printf("{multisink:%s:%s}:server", env->pipeline, env->name);
    buf_init(&t->request, LIMIT_REDIS_REQUEST + LIMIT_REDIS_CALL);
}

void redis_target_done(struct redis_target *t)
{
    redis_conn_close(t->conn);
    free(t->key_fence);
    free(t->key_pos);
    free(t->key_rejects);
    free(t->key_server);
    free(t->fence);
    buf_done(&t->request);
}

void redis_target_disconnect(struct redis_target *t)
{
    redis_conn_close(t->conn);
    t->conn = NULL;
}

/* ---- asking ----------------------------------------------------------------------------------- */

/* One request. A failure of the connection drops it; an error reply is judged. */
static bool ask(struct redis_target *t, struct str request, const struct redis_reply **ret_reply,
                struct error *err)
{
    if (!redis_conn_call(t->conn, request, ret_reply, err)) {
        redis_target_disconnect(t);
        return false;
    }
    return true;
}

static bool judge(const struct redis_target *t, const struct redis_reply *reply, struct error *err)
{
    if (reply->type == REDIS_FAILURE)
        return redis_refused(redis_conn_peer(t->conn), reply->text, err);
    return true;
}

static bool misunderstood(struct redis_target *t, const char *what, struct error *err)
{
    (void)error_set(err, ERR_RETRY, E_REDIS_PROTOCOL, "%s: the answer to %s is not understood",
                    redis_conn_peer(t->conn), what);
    redis_target_disconnect(t);
    return false;
}

static bool load_script(struct redis_target *t, enum redis_script which, struct error *err)
{
    const char *words[] = { "SCRIPT", "LOAD", redis_script_text(which) };
    const struct redis_reply *reply = NULL;

    if (!redis_conn_ask(t->conn, words, 3, &reply, err)) {
        redis_target_disconnect(t);
        return false;
    }
    if (!judge(t, reply, err))
        return false;
    if (reply->type != REDIS_STRING || reply->text.n != sizeof t->sha[which] - 1)
        return misunderstood(t, "SCRIPT LOAD", err);
    (void)str_copy(reply->text, t->sha[which], sizeof t->sha[which]);
    return true;
}

static void begin_script(struct redis_target *t, enum redis_script which)
{
    redis_request_begin(&t->request);
    redis_request_arg(&t->request, STR("EVALSHA"));
    redis_request_arg(&t->request, str_from(t->sha[which]));
    redis_request_arg(&t->request, STR("3"));
    redis_request_arg(&t->request, str_from(t->key_fence));
    redis_request_arg(&t->request, str_from(t->key_pos));
    redis_request_arg(&t->request, str_from(t->key_rejects));
}

/* The six arguments above and `count` more. A server that forgot the script (restart, SCRIPT FLUSH) says
 * so before it does anything; it is given again, once. */
static bool end_script(struct redis_target *t, enum redis_script which, size_t count,
                       const struct redis_reply **ret_reply, struct error *err)
{
    struct str request = redis_request_end(&t->request, count + 6);

    if (!buf_ok(&t->request) || request.n == 0)
        return error_set(err, ERR_STOP, E_SYS_INTERNAL, "a script call for Redis is too large");
    if (!ask(t, request, ret_reply, err))
        return false;
    if ((*ret_reply)->type == REDIS_FAILURE && str_starts((*ret_reply)->text, STR("NOSCRIPT"))) {
        if (!load_script(t, which, err) || !ask(t, request, ret_reply, err))
            return false;
    }
    return judge(t, *ret_reply, err);
}

/* ---- position --------------------------------------------------------------------------------- */

static bool parse_position(const struct redis_target *t, struct str text, struct position *ret_pos,
                           struct error *err)
{
    if (position_parse(text, ret_pos))
        return true;
    return error_set(err, ERR_STOP, E_REDIS_POSITION_BAD,
                     "cannot read the position in Redis at %s: the value of %s is not one",
                     redis_conn_peer(t->conn), t->key_pos);
}

/* What was read, against what was known. */
static void take_position(struct redis_target *t, bool found, struct position pos)
{
    bool had = t->state == REDIS_STATE_AT || t->state == REDIS_STATE_BACK;

    if (!found) {
        t->state = had || t->state == REDIS_STATE_LOST ? REDIS_STATE_LOST : REDIS_STATE_NONE;
        return;
    }
    if (t->state == REDIS_STATE_LOST || (had && position_cmp(pos, t->pos) < 0))
        t->state = REDIS_STATE_BACK;
    else if (t->state != REDIS_STATE_BACK)
        t->state = REDIS_STATE_AT;
    t->pos = pos;
}

static bool get_position(struct redis_target *t, struct error *err)
{
    const char *words[] = { "GET", t->key_pos };
    const struct redis_reply *reply = NULL;
    struct position pos = { 0 };

    if (!redis_conn_ask(t->conn, words, 2, &reply, err)) {
        redis_target_disconnect(t);
        return false;
    }
    if (!judge(t, reply, err))
        return false;
    if (reply->type != REDIS_NIL && reply->type != REDIS_STRING)
        return misunderstood(t, "GET", err);
    if (reply->type == REDIS_STRING && !parse_position(t, reply->text, &pos, err))
        return false;
    take_position(t, reply->type == REDIS_STRING, pos);
    return true;
}

bool redis_target_read_position(struct redis_target *t, struct error *err)
{
    if (!redis_target_ensure(t, err) || !get_position(t, err))
        return false;
    /* The caller learns it now, so nothing is to be told any more. */
    if (t->state == REDIS_STATE_BACK)
        t->state = REDIS_STATE_AT;
    if (t->state == REDIS_STATE_LOST)
        t->state = REDIS_STATE_NONE;
    return true;
}

bool redis_target_at(const struct redis_target *t, struct position before, struct error *err)
{
    char here[POSITION_TEXT];
    char there[POSITION_TEXT];

    if (t->state == REDIS_STATE_AT && position_cmp(t->pos, before) >= 0)
        return true;
    if (t->state == REDIS_STATE_AT || t->state == REDIS_STATE_BACK) {
        return error_set(err, ERR_RETRY, E_REDIS_ROLLED_BACK,
                         "cannot go on from %s in Redis at %s: it is at %s",
                         position_format(before, here), redis_conn_peer(t->conn),
                         position_format(t->pos, there));
    }
    return error_set(err, ERR_RETRY, E_REDIS_POSITION_LOST,
                     "cannot go on from %s in Redis at %s: the key %s is missing",
                     position_format(before, here), redis_conn_peer(t->conn), t->key_pos);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static bool take_fence(struct redis_target *t, struct error *err)
{
    unsigned char random[8];
    char instance[2 * sizeof random + 1];
    const struct redis_reply *reply = NULL;

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_set(err, ERR_RETRY, E_SYS_RESOURCE, "cannot get random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(instance + 2 * i, 3, "%02x", random[i]);
    begin_script(t, REDIS_SCRIPT_OPEN);
    redis_request_arg(&t->request, str_from(instance));
    if (!end_script(t, REDIS_SCRIPT_OPEN, 1, &reply, err))
        return false;
    if (reply->type != REDIS_STRING)
        return misunderstood(t, "the script that takes the fence", err);
    t->fence = mem_strndup(reply->text);
    return true;
}

static bool prepare(struct redis_target *t, struct error *err)
{
    struct redis_server server;

    if (!redis_check_server(t->conn, t->conf, &server, err)) {
        redis_target_disconnect(t);
        return false;
    }
    if (t->env.trial)
        return true;
    for (int i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        if (!load_script(t, (enum redis_script)i, err))
            return false;
    }
    return redis_rewrite_ensure(t->conn, t->conf, t->key_server, &server, t->env.stop_fd, err) &&
           (t->fence != NULL || take_fence(t, err)) && get_position(t, err);
}

bool redis_target_ensure(struct redis_target *t, struct error *err)
{
    if (t->conn != NULL)
        return true;
    if (!redis_conn_open(t->conf, t->env.stop_fd, &t->conn, err))
        return false;
    if (!prepare(t, err)) {
        redis_target_disconnect(t);
        return false;
    }
    return true;
}

/* ---- scripts ---------------------------------------------------------------------------------- */

/* Of a partition's two owners only one is right, and the group knows which. Whoever it is takes a new fence when he
 * tries again; the position is read anew with it. */
static bool lane_fenced(struct redis_target *t, struct error *err)
{
    (void)error_set(err, ERR_RETRY, E_REDIS_FENCED,
                    "cannot write to Redis at %s: another member has taken over %s of sink \"%s\"",
                    redis_conn_peer(t->conn), t->env.lane, t->env.name);
    free(t->fence);
    t->fence = NULL;
    redis_target_disconnect(t);
    return false;
}

static bool fenced(struct redis_target *t, struct error *err)
{
    if (t->env.lane != NULL)
        return lane_fenced(t, err);
    return error_set(err, ERR_STOP, E_REDIS_FENCED,
                     "cannot write to Redis at %s: another instance has taken over the sink \"%s\"",
                     redis_conn_peer(t->conn), t->env.name);
}

static bool moved(struct redis_target *t, const struct redis_reply *answer, struct error *err)
{
    const struct redis_reply *text = redis_reply_item(answer, 1);
    struct position before = t->pos;
    struct position pos = { 0 };
    bool found = text != NULL && text->type == REDIS_STRING && text->text.n > 0;

    if (found && !parse_position(t, text->text, &pos, err))
        return false;
    take_position(t, found, pos);
    if (redis_target_at(t, before, err)) {
        return error_set(err, ERR_RETRY, E_REDIS_ROLLED_BACK,
                         "cannot go on in Redis at %s: its position was moved by somebody else",
                         redis_conn_peer(t->conn));
    }
    return false;
}

static bool torn(const struct redis_target *t, const struct redis_reply *answer, struct error *err)
{
    const struct redis_reply *text = redis_reply_item(answer, 1);
    char cause[120] = "unknown";

    if (text != NULL)
        (void)str_copy(text->text, cause, sizeof cause);
    return error_set(err, ERR_STOP, E_REDIS_TORN,
                     "cannot go on in Redis at %s: it stopped writing in the middle of a batch: %s",
                     redis_conn_peer(t->conn), cause);
}

/* Every script answers {word, ...}. True for OK and GONE. */
static bool judge_answer(struct redis_target *t, const struct redis_reply *answer,
                         struct error *err)
{
    const struct redis_reply *word = redis_reply_item(answer, 0);
    const struct redis_reply *text = redis_reply_item(answer, 1);

    if (redis_reply_is_text(word, "OK") || redis_reply_is_text(word, "GONE"))
        return true;
    if (redis_reply_is_text(word, "FENCED"))
        return fenced(t, err);
    if (redis_reply_is_text(word, "POSITION"))
        return moved(t, answer, err);
    if (redis_reply_is_text(word, "TORN"))
        return torn(t, answer, err);
    if (redis_reply_is_text(word, "REFUSED") && text != NULL)
        return redis_refused(redis_conn_peer(t->conn), text->text, err);
    return misunderstood(t, "a script", err);
}

bool redis_target_start(struct redis_target *t, struct position from, struct error *err)
{
    const struct redis_reply *reply = NULL;
    char text[POSITION_TEXT];

    if (!redis_target_ensure(t, err))
        return false;
    if (t->state == REDIS_STATE_AT && position_cmp(t->pos, from) == 0)
        return true; /* done before; the answer was lost */
    begin_script(t, REDIS_SCRIPT_START);
    redis_request_arg(&t->request, str_from(t->fence));
    redis_request_arg(&t->request, str_from(position_format(from, text)));
    if (!end_script(t, REDIS_SCRIPT_START, 2, &reply, err) || !judge_answer(t, reply, err))
        return false;
    t->state = REDIS_STATE_AT;
    t->pos = from;
    return true;
}

static void put_call(struct redis_target *t, const struct redis_call *call)
{
    redis_request_arg(&t->request, buf_view(&call->counts));
    redis_request_arg(&t->request, buf_view(&call->keys));
    redis_request_arg(&t->request, buf_view(&call->ids));
}

/* The list of rejects of an OK answer: pairs of an entry's number and a text. */
static bool check_rejects(const struct redis_reply *list, size_t entry_count)
{
    if (list == NULL || list->type != REDIS_LIST || list->count % 2 != 0)
        return false;
    for (size_t i = 0; i < list->count; i += 2) {
        const struct redis_reply *number = list->items[i];

        if (number->type != REDIS_INTEGER || number->integer < 1 ||
            (uint64_t)number->integer > entry_count || list->items[i + 1]->type != REDIS_STRING)
            return false;
    }
    return true;
}

bool redis_target_apply(struct redis_target *t, const struct redis_call *call,
                        struct position after, const struct redis_reply **ret_rejects,
                        struct error *err)
{
    const struct redis_reply *reply = NULL;
    char text[POSITION_TEXT];

    begin_script(t, REDIS_SCRIPT_BATCH);
    redis_request_arg(&t->request, str_from(t->fence));
    redis_request_arg(&t->request, str_from(position_format(t->pos, text)));
    redis_request_arg(&t->request, str_from(position_format(after, text)));
    put_call(t, call);
    redis_request_arg(&t->request, call->any_held ? buf_view(&call->held) : STR(""));
    buf_str(&t->request, buf_view(&call->args));
    if (!end_script(t, REDIS_SCRIPT_BATCH, 7 + call->arg_count, &reply, err) ||
        !judge_answer(t, reply, err))
        return false;
    t->pos = after; /* it is so at the server, whatever the rest of the answer is */
    if (!check_rejects(redis_reply_item(reply, 1), call->count))
        return misunderstood(t, "the batch script", err);
    *ret_rejects = redis_reply_item(reply, 1);
    return true;
}

bool redis_target_replay(struct redis_target *t, struct str id, const struct redis_call *call,
                         const struct redis_reply **ret_rejects, struct error *err)
{
    const struct redis_reply *reply = NULL;

    begin_script(t, REDIS_SCRIPT_REPLAY);
    redis_request_arg(&t->request, str_from(t->fence));
    redis_request_arg(&t->request, id);
    put_call(t, call);
    buf_str(&t->request, buf_view(&call->args));
    if (!end_script(t, REDIS_SCRIPT_REPLAY, 5 + call->arg_count, &reply, err) ||
        !judge_answer(t, reply, err))
        return false;
    if (redis_reply_is_text(redis_reply_item(reply, 0), "GONE")) {
        *ret_rejects = NULL;
        return true;
    }
    if (!check_rejects(redis_reply_item(reply, 1), call->count))
        return misunderstood(t, "the replay script", err);
    *ret_rejects = redis_reply_item(reply, 1);
    return true;
}

bool redis_target_rejects(struct redis_target *t, const struct redis_call *call, size_t first,
                          size_t count, const struct redis_reply **ret_texts, struct error *err)
{
    const struct redis_reply *reply = NULL;

    redis_request_begin(&t->request);
    redis_request_arg(&t->request, STR("HMGET"));
    redis_request_arg(&t->request, str_from(t->key_rejects));
    for (size_t i = 0; i < count; i++)
        redis_request_arg(&t->request, redis_call_id(call, first + i));
    if (!ask(t, redis_request_end(&t->request, count + 2), &reply, err) || !judge(t, reply, err))
        return false;
    if (reply->type != REDIS_LIST || reply->count != count)
        return misunderstood(t, "HMGET", err);
    *ret_texts = reply;
    return true;
}

bool redis_target_forget(struct redis_target *t, struct str id, struct error *err)
{
    const struct redis_reply *reply = NULL;

    redis_request_begin(&t->request);
    redis_request_arg(&t->request, STR("HDEL"));
    redis_request_arg(&t->request, str_from(t->key_rejects));
    redis_request_arg(&t->request, id);
    return ask(t, redis_request_end(&t->request, 3), &reply, err) && judge(t, reply, err);
}
