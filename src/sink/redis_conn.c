/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_conn.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "net/net.h"

#include <stdio.h>
#include <stdlib.h>

enum { READ_BYTES = 16 * 1024, CONNECT_MS = 5000, HEAD_ROOM = 16 };

struct redis_conn {
    struct net_conn *net;
    struct redis_reader *reader;
    struct buf request;
    int64_t timeout_us;
};

/* ---- requests --------------------------------------------------------------------------------- */

void redis_request_begin(struct buf *b)
{
    buf_clear(b);
    buf_put(b, "                ", HEAD_ROOM);
}

void redis_request_arg(struct buf *b, struct str arg)
{
    buf_u8(b, '$');
    buf_udec(b, arg.n);
    buf_put(b, "\r\n", 2);
    buf_str(b, arg);
    buf_put(b, "\r\n", 2);
}

struct str redis_request_end(struct buf *b, size_t arg_count)
{
    char head[HEAD_ROOM + 8];
    int n = snprintf(head, sizeof head, "*%zu\r\n", arg_count);

    if (n < 0 || n > HEAD_ROOM || b->n < HEAD_ROOM)
        return STR_NONE;
    memcpy(b->p + HEAD_ROOM - n, head, (size_t)n);
    return str_make(b->p + HEAD_ROOM - n, b->n - HEAD_ROOM + (size_t)n);
}

/* ---- replies ---------------------------------------------------------------------------------- */

static bool read_reply(struct redis_conn *c, int64_t deadline_us,
                       const struct redis_reply **ret_reply, struct error *err)
{
    char bytes[READ_BYTES];

    for (;;) {
        const struct redis_reply *reply = NULL;
        size_t n;

        if (!redis_reader_next(c->reader, &reply, err))
            return error_wrap(err, "%s", redis_conn_peer(c));
        if (reply != NULL) {
            *ret_reply = reply;
            return true;
        }
        if (!net_read(c->net, bytes, sizeof bytes, deadline_us, &n, err))
            return false;
        if (!redis_reader_feed(c->reader, bytes, n, err))
            return error_wrap(err, "%s", redis_conn_peer(c));
    }
}

bool redis_conn_call(struct redis_conn *c, struct str request, const struct redis_reply **ret_reply,
                     struct error *err)
{
    int64_t deadline_us = clock_mono_us(&clock_system) + c->timeout_us;

    return net_write(c->net, request.p, request.n, deadline_us, err) &&
           read_reply(c, deadline_us, ret_reply, err);
}

bool redis_conn_ask(struct redis_conn *c, const char *const *words, size_t count,
                    const struct redis_reply **ret_reply, struct error *err)
{
    redis_request_begin(&c->request);
    for (size_t i = 0; i < count; i++)
        redis_request_arg(&c->request, str_from(words[i]));
    return redis_conn_call(c, redis_request_end(&c->request, count), ret_reply, err);
}

/* ---- what an error reply means ---------------------------------------------------------------- */

static const struct {
    const char *word;
    enum error_kind kind;
    enum error_code code;
} meanings[] = {
    { "LOADING", ERR_RETRY, E_REDIS_BUSY },
    { "READONLY", ERR_RETRY, E_REDIS_BUSY },
    { "OOM", ERR_RETRY, E_REDIS_BUSY },
    { "BUSY", ERR_RETRY, E_REDIS_BUSY },
    { "MASTERDOWN", ERR_RETRY, E_REDIS_BUSY },
    { "MISCONF", ERR_RETRY, E_REDIS_BUSY },
    { "NOREPLICAS", ERR_RETRY, E_REDIS_BUSY },
    { "TRYAGAIN", ERR_RETRY, E_REDIS_BUSY },
    { "CLUSTERDOWN", ERR_RETRY, E_REDIS_BUSY },
    { "NOAUTH", ERR_STOP, E_REDIS_AUTH },
    { "WRONGPASS", ERR_STOP, E_REDIS_AUTH },
    { "DENIED", ERR_STOP, E_REDIS_AUTH },
    { "NOPERM", ERR_STOP, E_REDIS_PERMISSION },
    { "MOVED", ERR_STOP, E_REDIS_CLUSTER },
    { "ASK", ERR_STOP, E_REDIS_CLUSTER },
    { "CROSSSLOT", ERR_STOP, E_REDIS_CLUSTER },
    { "WRONGTYPE", ERR_STOP, E_REDIS_POSITION_BAD },
};

struct str redis_error_text(struct str text)
{
    const struct str script = STR("@user_script: ");

    if (str_starts(text, script)) {
        size_t at = script.n;

        while (at < text.n && text.p[at] != ' ')
            at++;
        if (at < text.n)
            text = str_make(text.p + at + 1, text.n - at - 1);
    }
    if (text.n > 0 && text.p[0] == '-')
        text = str_make(text.p + 1, text.n - 1);
    return str_trim(text);
}

/* Replies hold whatever the server likes; messages hold one line of it. */
static const char *one_line(struct str text, char *out, size_t size)
{
    (void)str_copy(text, out, size);
    for (char *p = out; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    }
    return out;
}

bool redis_refused(const char *peer, struct str text, struct error *err)
{
    char shown[160];
    struct str cause = redis_error_text(text);
    struct str word = str_make(cause.p, str_find(cause, ' '));

    (void)one_line(cause, shown, sizeof shown);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (str_is(word, meanings[i].word)) {
            return error_set(err, meanings[i].kind, meanings[i].code, "cannot use Redis at %s: %s",
                             peer, shown);
        }
    }
    return error_set(err, ERR_RETRY, E_REDIS_ERROR, "cannot use Redis at %s: %s", peer, shown);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static bool authenticate(struct redis_conn *c, const struct redis_conf *conf, struct error *err)
{
    const char *user = redis_conf_username(conf);
    const char *words[3] = { "AUTH", user, redis_conf_password(conf) };
    const struct redis_reply *reply = NULL;
    bool ok;

    if (words[2] == NULL)
        return true;
    if (user == NULL)
        words[1] = words[2];
    ok = redis_conn_ask(c, words, user != NULL ? 3 : 2, &reply, err);
    buf_clear(&c->request);
    if (!ok || reply == NULL)
        return false;
    if (reply->type != REDIS_FAILURE)
        return true;
    (void)redis_refused(redis_conn_peer(c), reply->text, err);
    /* "ERR AUTH called without any password configured" and the like. LOADING stays what it is. */
    if (strcmp(err->code, "E0522") == 0) {
        char cause[160];

        (void)str_copy(redis_error_text(reply->text), cause, sizeof cause);
        return error_set(err, ERR_STOP, E_REDIS_AUTH, "cannot log in to Redis at %s: %s",
                         redis_conn_peer(c), cause);
    }
    return false;
}

static bool select_db(struct redis_conn *c, int64_t db, struct error *err)
{
    char number[24];
    const char *words[2] = { "SELECT", number };
    const struct redis_reply *reply = NULL;

    if (db == 0)
        return true;
    (void)snprintf(number, sizeof number, "%lld", (long long)db);
    if (!redis_conn_ask(c, words, 2, &reply, err) || reply == NULL)
        return false;
    if (reply->type != REDIS_FAILURE)
        return true;
    if (str_starts(reply->text, STR("ERR"))) {
        return error_set(err, ERR_STOP, E_REDIS_URL,
                         "cannot use database %lld of Redis at %s: %.*s", (long long)db,
                         redis_conn_peer(c), reply->text.n > 100 ? 100 : (int)reply->text.n,
                         reply->text.p);
    }
    return redis_refused(redis_conn_peer(c), reply->text, err);
}

static bool connect_net(const struct redis_conf *conf, int stop_fd, struct net_conn **ret_net,
                        struct error *err)
{
    struct net_tls tls = conf->tls;
    struct net_opts opts = { .host = conf->url.host,
                             .port = conf->url.port,
                             .unix_path = conf->url.unix_path,
                             .tls = conf->url.tls ? &tls : NULL,
                             .connect_timeout_ms =
                                 conf->timeout_ms < CONNECT_MS ? (int)conf->timeout_ms : CONNECT_MS,
                             .stop_fd = stop_fd };

    tls.enabled = conf->url.tls;
    return net_connect(&opts, ret_net, err);
}

bool redis_conn_open(const struct redis_conf *conf, int stop_fd, struct redis_conn **ret_conn,
                     struct error *err)
{
    struct redis_conn *c = mem_zalloc(1, sizeof *c);

    c->timeout_us = conf->timeout_ms * 1000;
    c->reader = redis_reader_open();
    buf_init(&c->request, MIB);
    if (!connect_net(conf, stop_fd, &c->net, err) || !authenticate(c, conf, err) ||
        !select_db(c, redis_conf_db(conf), err)) {
        redis_conn_close(c);
        return false;
    }
    *ret_conn = c;
    return true;
}

void redis_conn_close(struct redis_conn *c)
{
    if (c == NULL)
        return;
    net_close(c->net);
    redis_reader_close(c->reader);
    buf_done(&c->request);
    free(c);
}

const char *redis_conn_peer(const struct redis_conn *c)
{
    return net_peer(c->net);
}
