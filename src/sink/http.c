/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP sink: every change is a request with an id that is the same whenever it is sent, several
 * under way, one per key, and nothing counts as delivered but a 2xx.
 *
 * write() goes through the batch's plan (http_plan.c). When an answer says "later", nothing new is sent,
 * what is under way is waited for, and the plan remembers what was accepted: the same batch comes again
 * and only the rest is sent. Should the receiver have named a time (Retry-After), the next write waits
 * for it: the one place where a sink waits by itself, because only it knows that time.
 *
 * When stop is asked, the batch may be finished as long as that takes no more than STOP_GRACE_MS; then
 * what is under way has STOP_DRAIN_MS to come back. What was accepted of an unfinished batch is stored
 * at close, so that only a crash makes anything go out twice.
 */
#include "sink/http.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "sink/http_left.h"

#include <stdlib.h>

enum { STOP_GRACE_MS = 2000, STOP_DRAIN_MS = 1000, WAIT_MS = 1000 };

struct sink {
    const struct http_conf *conf;
    const char *pipeline;
    int stop_fd;
    const struct clock *clock;
    struct http_client *client;
    struct http_plan plan;   /* of the batch under way */
    struct http_plan replay; /* of parked records that are sent again */
    int64_t not_before_us;   /* monotonic; 0: at once */
    struct buf url, unchanged;
    struct http_left left;
};

/* One call of write. */
struct run {
    struct sink *s;
    const struct batch *b;
    struct http_plan *plan;
    bool failing; /* cause says why nothing more is sent */
    struct error cause;
    bool stopping;
    int64_t stop_us; /* when stopping began */
};

/* ---- opening and closing ------------------------------------------------------------------------------ */

static void http_close(struct sink *s)
{
    if (s == NULL)
        return;
    http_client_close(s->client);
    http_left_store(&s->left, &s->plan);
    http_plan_done(&s->plan);
    http_plan_done(&s->replay);
    buf_done(&s->url);
    buf_done(&s->unchanged);
    http_left_done(&s->left);
    free(s);
}

static bool http_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                      struct error *err)
{
    struct sink *s = mem_zalloc(1, sizeof *s);

    s->conf = conf;
    s->pipeline = env->pipeline;
    s->stop_fd = env->stop_fd;
    s->clock = env->clock;
    http_plan_init(&s->plan);
    http_plan_init(&s->replay);
    buf_init(&s->url, LIMIT_HTTP_URL);
    buf_init(&s->unchanged, LIMIT_HTTP_UNCHANGED);
    http_left_init(&s->left, env->store);
    if (!http_left_load(&s->left, err) || !http_client_open(conf, env, &s->client, err)) {
        http_close(s);
        return false;
    }
    *ret_sink = s;
    return true;
}

static bool http_relation(struct sink *s, const struct relation *rel, struct error *err)
{
    static const enum change_op ops[] = { CHANGE_INSERT, CHANGE_UPDATE, CHANGE_DELETE,
                                          CHANGE_SNAPSHOT };

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        const struct http_url *url = http_conf_route(s->conf, ops[i]).url;
        struct str missing = http_url_missing(url, rel);
        struct str text = http_url_text(url);

        if (missing.n > 0) {
            return error_set(err, ERR_STOP, E_HTTP_COLUMN,
                             "cannot send table \"%.*s\" to %.*s: it has no column \"%.*s\"",
                             STR_ARG(rel->table), (int)(text.n < 120 ? text.n : 120), text.p,
                             STR_ARG(missing));
        }
    }
    return true;
}

/* ---- one request ----------------------------------------------------------------------------------------- */

static const struct change *first_pending(const struct http_plan *p, const struct batch *b,
                                          const struct http_unit *u)
{
    for (uint32_t i = u->from; i < u->to; i++) {
        if (p->states[i] == HTTP_PENDING)
            return &b->changes[i];
    }
    return NULL; /* http_plan_next gives none of these */
}

static bool send_unit(struct run *run, struct http_unit *u, struct error *err)
{
    struct sink *s = run->s;
    const struct change *first = first_pending(run->plan, run->b, u);
    struct http_route route = http_conf_route(s->conf, first->op);
    struct http_rows rows = { run->b->changes + u->from, run->plan->states + u->from,
                              u->to - u->from, s->conf->batch.max > 1 };
    struct http_request req = { .method = route.method, .op = http_op(&rows) };
    struct buf *id;
    struct buf *body;

    buf_clear(&s->url);
    if (!http_url_render(route.url, s->conf->tls.server_name, first, &s->url, err))
        return false;
    req.url = buf_cstr(&s->url);
    buf_clear(&s->unchanged);
    if (s->conf->envelope == HTTP_ENVELOPE_ROW || !rows.batched)
        http_put_unchanged(first, &s->unchanged);
    if (!buf_ok(&s->unchanged))
        return error_set(err, ERR_REJECT, E_HTTP_SIZE,
                         "the names of the unchanged columns pass %zu bytes", s->unchanged.limit);
    req.unchanged = buf_view(&s->unchanged);
    http_client_next(s->client, &id, &body);
    http_put_id(&rows, id);
    http_put_body(s->conf, s->pipeline, &rows, body);
    return http_client_send(s->client, &req, u, err);
}

static void note_failure(struct run *run, const struct error *err)
{
    /* A fault that needs a person says more than one that may pass. */
    if (!run->failing || (run->cause.kind == ERR_RETRY && err->kind != ERR_RETRY))
        run->cause = *err;
    run->failing = true;
}

/* `text` is copied: the plan outlives this call. */
static void refuse_unit(struct run *run, struct http_unit *u, const struct error *err)
{
    struct http_reason reason = { E_NONE, arena_str(&run->plan->arena, str_from(err->msg)).p };
    const struct error_page *page = error_page_find(err->code);

    reason.code = page != NULL ? (enum error_code)page->number : E_HTTP_REFUSED;
    http_plan_finish(run->plan, u, HTTP_BAD, reason);
}

static void remember_not_before(struct sink *s, const struct http_reply *reply)
{
    int64_t at;

    if (reply->retry_after_ms <= 0)
        return;
    at = clock_mono_us(s->clock) + reply->retry_after_ms * 1000;
    s->not_before_us = at > s->not_before_us ? at : s->not_before_us;
}

static void take_result(struct run *run, const struct http_result *result)
{
    struct str text = http_url_host(run->s->conf->all.url);
    struct error err = { .kind = ERR_NONE };
    char host[256];

    if (result->failed) {
        note_failure(run, &result->failure);
        return;
    }
    switch (http_reply_verdict(result->reply)) {
    case HTTP_ACCEPTED:
        http_plan_finish(run->plan, result->tag, HTTP_DONE, (struct http_reason){ E_NONE, NULL });
        return;
    case HTTP_AGAIN:
        remember_not_before(run->s, result->reply);
        break;
    case HTTP_REFUSED:
    case HTTP_STOP:
        break;
    }
    (void)str_copy(text, host, sizeof host);
    (void)http_reply_error(result->reply, host, &err);
    if (err.kind == ERR_REJECT)
        refuse_unit(run, result->tag, &err);
    else
        note_failure(run, &err);
}

/* ---- the batch ---------------------------------------------------------------------------------------------- */

/* Sends as much as has room. */
static void fill(struct run *run)
{
    struct error err;

    while (!run->failing && http_client_has_room(run->s->client)) {
        struct http_unit *u = http_plan_next(run->plan);

        if (u == NULL)
            return;
        if (send_unit(run, u, &err))
            continue;
        if (err.kind == ERR_REJECT)
            refuse_unit(run, u, &err);
        else
            note_failure(run, &err);
    }
}

/* Looks whether stop was asked, and whether the time that is left for the rest is over. */
static void look_at_stop(struct run *run)
{
    struct sink *s = run->s;
    int64_t now_us = clock_mono_us(s->clock);
    struct error err;

    if (!run->stopping) {
        run->stopping = wake_is_set(s->stop_fd);
        run->stop_us = now_us;
        return;
    }
    if (now_us - run->stop_us >= STOP_GRACE_MS * 1000LL) {
        (void)error_cancel(&err);
        note_failure(run, &err);
    }
    if (now_us - run->stop_us >= (STOP_GRACE_MS + STOP_DRAIN_MS) * 1000LL)
        http_client_abandon(s->client);
}

static bool go_through(struct run *run, struct error *err)
{
    struct sink *s = run->s;
    struct http_result result;

    http_plan_start(run->plan);
    for (;;) {
        fill(run);
        if (http_client_in_flight(s->client) == 0)
            break;
        if (!http_client_wait(s->client, run->stopping ? WAIT_MS / 10 : WAIT_MS, !run->stopping,
                              err)) {
            http_client_abandon(s->client);
            return false;
        }
        while (http_client_result(s->client, &result))
            take_result(run, &result);
        look_at_stop(run);
    }
    if (run->failing)
        *err = run->cause;
    return !run->failing;
}

static bool wait_until_allowed(struct sink *s, struct error *err)
{
    int left_ms;

    if (wake_is_set(s->stop_fd))
        return error_cancel(err);
    left_ms = clock_left_ms(s->clock, s->not_before_us, HTTP_RETRY_AFTER_MAX_MS);
    if (left_ms > 0 && wake_wait(s->stop_fd, left_ms))
        return error_cancel(err);
    s->not_before_us = 0;
    return true;
}

static void report(const struct http_plan *p, const struct batch *b, struct sink_result *res)
{
    for (size_t i = 0; i < p->end; i++) {
        struct sink_reject reject = { .index = i };

        if (p->states[i] == HTTP_BAD) {
            reject.code = p->reasons[i].code;
            reject.reason = p->reasons[i].text;
        } else if (p->states[i] == HTTP_HELD) {
            reject.waiting = true;
            reject.code = E_HTTP_HELD;
            reject.reason = "waits behind an earlier record of the same key, which was refused";
        } else {
            continue;
        }
        sink_reject_add(res, b, &reject);
    }
}

static bool http_write(struct sink *s, const struct batch *b, struct sink_result *res,
                       struct error *err)
{
    struct http_plan *plan = b->replay ? &s->replay : &s->plan;
    struct run run = { .s = s, .b = b, .plan = plan };

    if (!wait_until_allowed(s, err))
        return false;
    if ((b->replay || !http_plan_is_for(plan, b)) &&
        !http_left_plan(&s->left, s->conf, b, plan, err))
        return false;
    if (!go_through(&run, err))
        return false;
    if (plan->end < b->count)
        return error_set(err, ERR_STOP, E_HTTP_TRUNCATE,
                         "cannot send the TRUNCATE of table \"%.*s\": on_truncate is refuse",
                         STR_ARG(b->changes[plan->end].rel->table));
    if (!http_left_forget(&s->left, b, err))
        return false;
    report(plan, b, res);
    plan->valid = false;
    return true;
}

/* ---- check ------------------------------------------------------------------------------------------------ */

static bool http_probe(const void *conf_fields, const struct sink_env *env,
                       const struct relation *const *rels, size_t rel_count,
                       void (*say)(void *ctx, const char *verdict, const char *text,
                                   const char *fix),
                       void *ctx, struct error *err)
{
    const struct http_conf *conf = conf_fields;
    struct sink s = { .conf = conf };
    bool tls = http_url_is_tls(conf->all.url);
    struct str host = http_url_host(conf->all.url);
    struct error fault;
    char *line;
    bool ok;

    if (!http_client_open(conf, env, &s.client, err))
        return false;
    for (size_t i = 0; i < rel_count; i++) {
        if (!http_relation(&s, rels[i], &fault))
            say(ctx, "FAIL", fault.msg, "name a column of the table in url");
    }
    if (!tls && conf->headers.count > 0)
        say(ctx, "warn", "headers are sent unencrypted over http://",
            "use https:// if one is a secret");
    if (tls && !conf->tls.verify)
        say(ctx, "warn", "tls.verify is false: any server may pose as the receiver",
            "give the authority's certificate with tls.ca");
    line = mem_printf("%s%.*s/", tls ? "https://" : "http://", STR_ARG(host));
    ok = http_client_probe(s.client, line, err);
    if (ok)
        say(ctx, "ok", "the receiver accepts connections", NULL);
    free(line);
    http_client_close(s.client);
    return ok;
}

const struct sink_ops sink_http_ops = {
    .name = "http",
    .help = "One HTTP request per change, or lists of them, as JSON.",
    .keys = http_keys,
    .conf_size = sizeof(struct http_conf),
    .check = http_conf_check,
    .ordered = true,
    .open = http_open,
    .relation = http_relation,
    .write = http_write,
    .probe = http_probe,
    .close = http_close,
};
