/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Redis sink: one script call for up to script_commands_max commands, which also moves the position
 * (redis_script.c). So what is applied is always known: after a lost answer, or a crash of either side,
 * the position is read and what lies at or below it is not sent again. The rejects of that part are then
 * read from the hash in Redis, since the answer that named them may be the one that was lost.
 *
 *   redis.c          the contract with the deliver loop
 *   redis_target.c   connection, fence, position, scripts' answers
 *   redis_call.c     changes -> commands          redis_conf.c, redis_url.c   configuration
 *   redis_conn.c     requests and replies         redis_check.c               what must be true first
 *   redis_reply.c    hiredis under ceilings       redis_script.c              the Lua texts
 *   redis_rewrite.c  a restarted server's append-only file
 */
#include "base/limits.h"
#include "base/mem.h"
#include "sink/redis_check.h"
#include "sink/redis_target.h"

#include <stdlib.h>

struct sink {
    struct redis_target target;
    struct redis_call call;
};

extern const struct sink_ops sink_redis_ops;

/* ---- life ------------------------------------------------------------------------------------- */

static void redis_close(struct sink *s)
{
    if (s == NULL)
        return;
    redis_target_done(&s->target);
    redis_call_done(&s->call);
    free(s);
}

static bool redis_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                       struct error *err)
{
    struct sink *s = mem_zalloc(1, sizeof *s);

    redis_target_init(&s->target, conf, env);
    redis_call_init(&s->call);
    if (!redis_target_ensure(&s->target, err)) {
        redis_close(s);
        return false;
    }
    *ret_sink = s;
    return true;
}

static bool redis_position(struct sink *s, bool *ret_found, struct position *ret_position,
                           struct error *err)
{
    if (!redis_target_read_position(&s->target, err))
        return false;
    *ret_found = s->target.state == REDIS_STATE_AT;
    if (*ret_found)
        *ret_position = s->target.pos;
    return true;
}

static bool redis_start(struct sink *s, struct position from, struct error *err)
{
    return redis_target_start(&s->target, from, err);
}

static bool redis_relation(struct sink *s, const struct relation *rel, struct error *err)
{
    return redis_check_relation(&s->target.conf->commands, rel, err);
}

/* ---- rejects ---------------------------------------------------------------------------------- */

static bool is_permission(struct str text)
{
    return str_starts(text, STR("NOPERM")) ||
           str_starts(text, STR("ERR The user executing the script"));
}

/* `text` is the entry of the rejects' hash: "E<error>" or "W". */
static void add_reject(struct sink *s, const struct batch *b, size_t entry, struct str text,
                       struct sink_result *res)
{
    const struct redis_entry *e = &s->call.entries[entry];
    struct str why = text.n > 0 ? str_make(text.p + 1, text.n - 1) : text;
    struct sink_reject reject = { .index = e->change, .waiting = text.n > 0 && text.p[0] == 'W' };
    char id[REDIS_ID_BYTES + 1];
    struct buf payload;

    (void)str_copy(redis_call_id(&s->call, entry), id, sizeof id);
    buf_init(&payload, LIMIT_REDIS_REQUEST);
    redis_call_payload(&s->call, entry, &payload);
    reject.id = id;
    reject.payload = buf_view(&payload);
    if (why.n > LIMIT_REDIS_REASON)
        why.n = LIMIT_REDIS_REASON;
    if (reject.waiting) {
        reject.code = E_REDIS_WAITING;
        reject.reason = arena_printf(b->arena, "%s: waits behind a parked command of the same row",
                                     e->command != NULL ? e->command : "change");
    } else if (e->command == NULL) {
        reject.code = e->code;
        reject.reason = arena_str(b->arena, why).p;
    } else {
        reject.code = is_permission(why) ? E_REDIS_PERMISSION : E_REDIS_REFUSED;
        reject.reason = arena_printf(b->arena, "%s: %.*s", e->command, STR_ARG(why));
    }
    sink_reject_add(res, b, &reject);
    buf_done(&payload);
}

/* Pairs of an entry's number (from 1) and its text, as the scripts give them. */
static void add_rejects(struct sink *s, const struct batch *b, const struct redis_reply *pairs,
                        struct sink_result *res)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        size_t entry = (size_t)pairs->items[i]->integer - 1;

        add_reject(s, b, entry, pairs->items[i + 1]->text, res);
    }
}

/* The rejects among the entries of the call, which is applied already. */
static bool recall_rejects(struct sink *s, const struct batch *b, struct sink_result *res,
                           struct error *err)
{
    enum { CHUNK = 1000 };

    for (size_t first = 0; first < s->call.count; first += CHUNK) {
        size_t left = s->call.count - first;
        size_t count = left < CHUNK ? left : CHUNK;
        const struct redis_reply *texts = NULL;

        if (!redis_target_rejects(&s->target, &s->call, first, count, &texts, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            if (texts->items[i]->type == REDIS_STRING)
                add_reject(s, b, first + i, texts->items[i]->text, res);
        }
    }
    return true;
}

/* ---- write ------------------------------------------------------------------------------------ */

/* Fills the call with changes from `at` on, below `end`; returns the first that is not in it. */
static size_t fill(struct sink *s, const struct batch *b, size_t at, size_t end)
{
    const struct redis_conf *conf = s->target.conf;

    redis_call_clear(&s->call);
    while (at < end && !redis_call_is_full(&s->call, (size_t)conf->script_commands_max)) {
        redis_call_add(&s->call, &conf->commands, &b->changes[at], at);
        at++;
    }
    return at;
}

/* How many changes at the front are applied at the target. */
static size_t applied(const struct sink *s, const struct batch *b)
{
    size_t n = 0;

    while (n < b->count && position_cmp(b->changes[n].at, s->target.pos) <= 0)
        n++;
    return n;
}

static bool recall_applied(struct sink *s, const struct batch *b, size_t end,
                           struct sink_result *res, struct error *err)
{
    for (size_t at = 0; at < end;) {
        at = fill(s, b, at, end);
        if (!recall_rejects(s, b, res, err))
            return false;
    }
    return true;
}

static bool write_rest(struct sink *s, const struct batch *b, size_t at, struct sink_result *res,
                       struct error *err)
{
    while (position_cmp(s->target.pos, b->after) < 0) {
        const struct redis_reply *rejects = NULL;
        size_t next = fill(s, b, at, b->count);
        struct position after = next < b->count ? b->changes[next - 1].at : b->after;

        if (!redis_target_apply(&s->target, &s->call, after, &rejects, err))
            return false;
        add_rejects(s, b, rejects, res);
        at = next;
    }
    return true;
}

/* Changes that were parked as a whole, sent again one by one. */
static bool write_replay(struct sink *s, const struct batch *b, struct sink_result *res,
                         struct error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct redis_reply *rejects = NULL;
        char id[REDIS_ID_BYTES + 1];

        redis_call_change_id(&b->changes[i], id);
        redis_call_clear(&s->call);
        redis_call_add(&s->call, &s->target.conf->commands, &b->changes[i], i);
        if (!redis_target_replay(&s->target, str_from(id), &s->call, &rejects, err))
            return false;
        if (rejects != NULL)
            add_rejects(s, b, rejects, res);
        else if (!recall_rejects(s, b, res, err))
            return false;
    }
    return true;
}

static bool redis_write(struct sink *s, const struct batch *b, struct sink_result *res,
                        struct error *err)
{
    size_t done;

    if (!redis_target_ensure(&s->target, err))
        return false;
    if (b->replay)
        return write_replay(s, b, res, err);
    if (!redis_target_at(&s->target, b->before, err))
        return false;
    done = applied(s, b);
    return recall_applied(s, b, done, res, err) && write_rest(s, b, done, res, err);
}

/* ---- parked commands -------------------------------------------------------------------------- */

/* A payload is the command as it goes over the wire, so the reader of replies reads it. */
static bool parse_payload(struct redis_reader *r, struct str payload, struct str id,
                          struct redis_call *call, struct error *err)
{
    const struct redis_reply *reply = NULL;
    struct str args[LIMIT_REDIS_ARGUMENTS];
    size_t count = 0;

    if (!redis_reader_feed(r, payload.p, payload.n, err) || !redis_reader_next(r, &reply, err))
        return false;
    while (count < LIMIT_REDIS_ARGUMENTS) {
        const struct redis_reply *item = redis_reply_item(reply, count);

        if (item == NULL || item->type != REDIS_STRING)
            break;
        args[count++] = item->text;
    }
    if (id.n != REDIS_ID_BYTES || count == 0 || count != reply->count)
        return error_set(err, ERR_CORRUPT, E_REDIS_PROTOCOL, "a parked Redis command is damaged");
    redis_call_clear(call);
    redis_call_add_parked(call, id, args, count);
    return true;
}

static bool redis_replay(struct sink *s, const char *id, struct str payload, struct error *err)
{
    struct redis_reader *r;
    const struct redis_reply *rejects = NULL;
    bool ok;

    if (!redis_target_ensure(&s->target, err))
        return false;
    r = redis_reader_open();
    ok = parse_payload(r, payload, str_from(id), &s->call, err);
    redis_reader_close(r);
    if (!ok || !redis_target_replay(&s->target, str_from(id), &s->call, &rejects, err))
        return false;
    if (rejects != NULL && rejects->count > 0) {
        struct str text = rejects->items[1]->text;

        return error_set(err, ERR_REJECT, E_REDIS_REFUSED, "Redis refused it again: %.*s",
                         text.n > 200 ? 200 : (int)text.n, text.p);
    }
    return true;
}

static bool redis_forget(struct sink *s, const char *id, struct error *err)
{
    return redis_target_ensure(&s->target, err) &&
           redis_target_forget(&s->target, str_from(id), err);
}

/* ---- check ------------------------------------------------------------------------------------ */

/* Findings about a server that may be used. */
static void say_server(
    const struct redis_conn *conn, const struct redis_conf *conf, const struct redis_server *server,
    void (*say)(void *ctx, const char *verdict, const char *text, const char *fix), void *ctx)
{
    char *text =
        mem_printf("Redis %s at %s: %sposition and counts are safe from eviction", server->version,
                   redis_conn_peer(conn), server->commands_unknown ? "" : "takes the commands; ");

    say(ctx, "ok", text, NULL);
    free(text);
    if (server->commands_unknown)
        say(ctx, "warn", "whether the user may run the commands is not known: it may not run MULTI",
            "ACL SETUSER ... +multi +discard, then check again");
    if (!server->append_only) {
        say(ctx, "warn", "Redis keeps no append-only file: a crash goes back to its last snapshot",
            "set appendonly yes in redis.conf (CONFIG SET appendonly yes)");
    }
    if (conf->url.tls && !conf->tls.verify)
        say(ctx, "warn", "tls.verify is false: any server may pose as this Redis",
            "give the authority's certificate with tls.ca");
}

static bool redis_probe(const void *conf, const struct sink_env *env,
                        const struct relation *const *rels, size_t rel_count,
                        void (*say)(void *ctx, const char *verdict, const char *text,
                                    const char *fix),
                        void *ctx, struct error *err)
{
    const struct redis_conf *c = conf;
    struct redis_server server;
    struct redis_conn *conn;

    if (!redis_conn_open(c, env->stop_fd, &conn, err))
        return false;
    if (!redis_check_server(conn, c, &server, err)) {
        redis_conn_close(conn);
        return false;
    }
    say_server(conn, c, &server, say, ctx);
    redis_conn_close(conn);
    for (size_t i = 0; i < rel_count; i++) {
        struct error fault = { 0 };

        if (!redis_check_relation(&c->commands, rels[i], &fault))
            say(ctx, "FAIL", fault.msg, "correct the templates in commands");
    }
    return true;
}

const struct sink_ops sink_redis_ops = {
    .name = "redis",
    .help = "Runs commands in Redis for each change, each of them exactly once, in order.",
    .keys = redis_conf_keys,
    .conf_size = sizeof(struct redis_conf),
    .check = redis_conf_check,
    .ordered = true,
    .open = redis_open,
    .position = redis_position,
    .start = redis_start,
    .relation = redis_relation,
    .write = redis_write,
    .replay = redis_replay,
    .forget = redis_forget,
    .probe = redis_probe,
    .close = redis_close,
};
