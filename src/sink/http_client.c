/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, kept on a short lead: HTTP/1.1 over http and https only, no redirects, no proxy or netrc from
 * the environment, no cookies, certificates checked.
 *
 * Each slot has an easy handle for its whole life, and libcurl keeps the connections between requests.
 * A slot's header list is built once; only the bytes it points to change from request to request:
 *
 *   webhook-id -> Idempotency-Key -> webhook-timestamp -> x-multisink-op [-> x-multisink-unchanged]
 *              [-> webhook-signature] -> content-type -> ... the same for all slots
 */
#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "sink/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 10000, SLOT_BODY_KEPT = 256 * 1024, ID_BYTES = 128, LINE_BYTES = 512 };

enum line { LINE_ID, LINE_KEY, LINE_TIME, LINE_OP, LINE_UNCHANGED, LINE_SIGNATURE, LINES };

static const char *const line_names[LINES] = {
    "webhook-id: ",     "Idempotency-Key: ",       "webhook-timestamp: ",
    "x-multisink-op: ", "x-multisink-unchanged: ", "webhook-signature: ",
};

struct slot {
    struct http_client *client;
    struct slot *next_free;
    CURL *easy;
    void *tag;
    bool busy;
    struct buf id;
    struct buf body;
    struct buf url; /* as libcurl has it now */
    int method;     /* likewise */
    struct buf lines[LINES];
    struct curl_slist list[LINES];
    struct http_reply reply;
    bool cut_off; /* we broke the answer off */
    char why[CURL_ERROR_SIZE];
};

struct http_client {
    const struct http_conf *conf;
    const struct clock *clock;
    int stop_fd;
    CURLM *multi;
    struct curl_slist *fixed; /* headers that are the same for every request */
    struct curl_slist *connect_to;
    struct http_signer signer;
    struct slot *slots;
    size_t slot_count;
    struct slot *free;
    size_t in_flight;
};

/* ---- what libcurl calls ---------------------------------------------------------------------------- */

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;

    if (!http_reply_header(&slot->reply, str_make(p, size * n), clock_real_us(slot->client->clock)))
        return 0;
    return size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct slot *slot = ctx;

    if (http_reply_body(&slot->reply, str_make(p, size * n)))
        return size * n;
    slot->cut_off = true;
    return 0;
}

/* ---- setting up -------------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

static void init_library(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static bool build_fixed(struct http_client *c)
{
    bool lines = c->conf->batch.max > 1 && c->conf->batch.format == HTTP_FORMAT_NDJSON;
    bool ok = add_line(&c->fixed, lines ? "content-type: application/x-ndjson"
                                        : "content-type: application/json") &&
              add_line(&c->fixed, "user-agent: multisink/" MULTISINK_VERSION) &&
              /* Without a value: libcurl leaves its own out. */
              add_line(&c->fixed, "Accept:") && add_line(&c->fixed, "Expect:");

    for (size_t i = 0; ok && i < c->conf->headers.count; i++)
        ok = add_line(&c->fixed, c->conf->headers.items[i]);
    return ok;
}

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return text == NULL || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_tls(const struct http_client *c, CURL *easy)
{
    bool verify = c->conf->tls.verify;

    return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           set_text(easy, CURLOPT_CAINFO, c->conf->tls.ca) &&
           set_text(easy, CURLOPT_SSLCERT, c->conf->tls.cert) &&
           set_text(easy, CURLOPT_SSLKEY, c->conf->tls.key);
}

static bool set_up(const struct http_client *c, CURL *easy)
{
    long timeout = (long)c->conf->timeout_ms;
    long connect = timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS;

    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, c->connect_to) == CURLE_OK &&
           set_tls(c, easy);
}

static bool slot_init(struct http_client *c, struct slot *slot)
{
    slot->client = c;
    buf_init(&slot->id, ID_BYTES);
    buf_init(&slot->body, LIMIT_HTTP_REQUEST);
    buf_init(&slot->url, LIMIT_HTTP_URL);
    http_reply_init(&slot->reply);
    for (size_t i = 0; i < LINES; i++)
        buf_init(&slot->lines[i],
                 i == LINE_UNCHANGED ? LIMIT_HTTP_UNCHANGED + LINE_BYTES : LINE_BYTES);
    slot->next_free = c->free;
    c->free = slot;
    slot->easy = curl_easy_init();
    return slot->easy != NULL && set_up(c, slot->easy) &&
           curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->why) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->list) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot) == CURLE_OK;
}

/* The address names tls.server_name as its host; this is where it really is. */
static bool build_connect_to(struct http_client *c)
{
    struct str host = http_url_host(c->conf->all.url);
    bool has_port =
        str_find(host, ']') < host.n ? host.p[host.n - 1] != ']' : str_find(host, ':') < host.n;
    char *line;
    bool ok;

    if (c->conf->tls.server_name == NULL)
        return true;
    line = mem_printf("::%.*s%s", STR_ARG(host), has_port ? "" : ":443");
    ok = add_line(&c->connect_to, line);
    free(line);
    return ok;
}

static bool open_all(struct http_client *c)
{
    long slots = (long)c->conf->max_in_flight;

    c->multi = curl_multi_init();
    if (c->multi == NULL || !build_fixed(c) || !build_connect_to(c) ||
        curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK ||
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, slots) != CURLM_OK)
        return false;
    c->slots = mem_zalloc((size_t)slots, sizeof *c->slots);
    while (c->slot_count < (size_t)slots) {
        if (!slot_init(c, &c->slots[c->slot_count++]))
            return false;
    }
    return true;
}

bool http_client_open(const struct http_conf *conf, const struct sink_env *env,
                      struct http_client **ret_client, struct error *err)
{
    struct http_client *c;

    if (pthread_once(&once, init_library) != 0 || global_result != CURLE_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot send HTTP: libcurl does not start");
    c = mem_zalloc(1, sizeof *c);
    c->conf = conf;
    c->clock = env->clock;
    c->stop_fd = env->stop_fd;
    if (!http_signer_init(&c->signer, &conf->secrets, err)) {
        http_client_close(c);
        return false;
    }
    if (!open_all(c)) {
        http_client_close(c);
        return error_set(err, ERR_STOP, E_SYS_RESOURCE,
                         "cannot send HTTP: libcurl cannot be set up");
    }
    *ret_client = c;
    return true;
}

static void slot_done(struct slot *slot)
{
    curl_easy_cleanup(slot->easy);
    buf_done(&slot->id);
    buf_done(&slot->body);
    buf_done(&slot->url);
    http_reply_done(&slot->reply);
    for (size_t i = 0; i < LINES; i++)
        buf_done(&slot->lines[i]);
}

void http_client_close(struct http_client *c)
{
    if (c == NULL)
        return;
    http_client_abandon(c);
    for (size_t i = 0; i < c->slot_count; i++)
        slot_done(&c->slots[i]);
    free(c->slots);
    if (c->multi != NULL)
        (void)curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->fixed);
    curl_slist_free_all(c->connect_to);
    http_signer_done(&c->signer);
    free(c);
}

/* ---- sending -------------------------------------------------------------------------------------------- */

bool http_client_has_room(const struct http_client *c)
{
    return c->free != NULL;
}

size_t http_client_in_flight(const struct http_client *c)
{
    return c->in_flight;
}

void http_client_next(struct http_client *c, struct buf **ret_id, struct buf **ret_body)
{
    struct slot *slot = c->free;

    buf_clear(&slot->id);
    buf_shrink(&slot->body, SLOT_BODY_KEPT);
    *ret_id = &slot->id;
    *ret_body = &slot->body;
}

/* Links the line in behind `tail` and returns it. */
static struct curl_slist *put_line(struct slot *slot, enum line line, struct str value,
                                   struct curl_slist *tail)
{
    struct buf *b = &slot->lines[line];
    struct curl_slist *item = &slot->list[line];

    buf_clear(b);
    buf_text(b, line_names[line]);
    buf_str(b, value);
    (void)buf_cstr(b);
    item->data = b->p;
    if (tail != NULL)
        tail->next = item;
    return item;
}

static bool put_signature(struct http_client *c, struct slot *slot, struct str time,
                          struct curl_slist **tail, struct error *err)
{
    if (c->signer.count == 0)
        return true;
    *tail = put_line(slot, LINE_SIGNATURE, STR(""), *tail);
    if (!http_sign(&c->signer, buf_view(&slot->id), time, buf_view(&slot->body),
                   &slot->lines[LINE_SIGNATURE], err))
        return false;
    (void)buf_cstr(&slot->lines[LINE_SIGNATURE]);
    (*tail)->data = slot->lines[LINE_SIGNATURE].p;
    return true;
}

static bool put_lines(struct http_client *c, struct slot *slot, const struct http_request *req,
                      struct error *err)
{
    char text[24];
    struct curl_slist *tail = put_line(slot, LINE_ID, buf_view(&slot->id), NULL);
    struct str time;

    (void)snprintf(text, sizeof text, "%lld", (long long)(clock_real_us(c->clock) / 1000000));
    time = str_from(text);
    tail = put_line(slot, LINE_KEY, buf_view(&slot->id), tail);
    tail = put_line(slot, LINE_TIME, time, tail);
    tail = put_line(slot, LINE_OP, str_from(req->op), tail);
    if (req->unchanged.n > 0)
        tail = put_line(slot, LINE_UNCHANGED, req->unchanged, tail);
    if (!put_signature(c, slot, time, &tail, err))
        return false;
    tail->next = c->fixed;
    return true;
}

/* Address and method are told to libcurl only when they change: it copies the one and parses both. */
static bool put_target(struct slot *slot, const struct http_request *req)
{
    if (!str_is(buf_view(&slot->url), req->url) || slot->url.n == 0) {
        buf_clear(&slot->url);
        buf_text(&slot->url, req->url);
        if (curl_easy_setopt(slot->easy, CURLOPT_URL, req->url) != CURLE_OK)
            return false;
    }
    if (slot->method != req->method) {
        const char *name = req->method == HTTP_POST ? NULL : http_method_name(req->method);

        if (curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, name) != CURLE_OK)
            return false;
        slot->method = req->method;
    }
    return true;
}

bool http_client_send(struct http_client *c, const struct http_request *req, void *tag,
                      struct error *err)
{
    struct slot *slot = c->free;

    if (!buf_ok(&slot->body))
        return error_set(err, ERR_REJECT, E_HTTP_SIZE, "the request would be larger than %zu bytes",
                         slot->body.limit);
    if (!put_lines(c, slot, req, err))
        return false;
    if (!put_target(slot, req) ||
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, buf_cstr(&slot->body)) != CURLE_OK ||
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.n) !=
            CURLE_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE,
                         "cannot send HTTP: libcurl refuses a request");
    http_reply_clear(&slot->reply);
    slot->cut_off = false;
    slot->why[0] = '\0';
    slot->tag = tag;
    if (curl_multi_add_handle(c->multi, slot->easy) != CURLM_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE,
                         "cannot send HTTP: libcurl refuses a request");
    c->free = slot->next_free;
    slot->busy = true;
    c->in_flight++;
    return true;
}

/* ---- receiving ------------------------------------------------------------------------------------------- */

static void release(struct http_client *c, struct slot *slot)
{
    (void)curl_multi_remove_handle(c->multi, slot->easy);
    slot->busy = false;
    slot->next_free = c->free;
    c->free = slot;
    c->in_flight--;
}

void http_client_abandon(struct http_client *c)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i].busy)
            release(c, &c->slots[i]);
    }
}

bool http_client_wait(struct http_client *c, int timeout_ms, bool watch_stop, struct error *err)
{
    struct curl_waitfd stop = { .fd = c->stop_fd, .events = CURL_WAIT_POLLIN };
    unsigned extra = watch_stop && c->stop_fd >= 0 ? 1 : 0;
    int before = (int)c->in_flight;
    int running;

    /* What was just added is sent first; only then there is something to wait for. */
    if (curl_multi_perform(c->multi, &running) != CURLM_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot send HTTP: libcurl fails");
    if (running < before)
        return true;
    if (curl_multi_poll(c->multi, &stop, extra, timeout_ms, NULL) != CURLM_OK ||
        curl_multi_perform(c->multi, &running) != CURLM_OK)
        return error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot send HTTP: libcurl fails");
    return true;
}

static bool fail(const struct slot *slot, CURLcode code, struct error *err)
{
    const char *why = slot->why[0] != '\0' ? slot->why : curl_easy_strerror(code);
    struct str host = http_url_host(slot->client->conf->all.url);
    enum error_kind kind = ERR_RETRY;
    enum error_code page = E_HTTP_REPLY;

    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        page = E_NET_RESOLVE;
        break;
    case CURLE_COULDNT_CONNECT:
        page = E_NET_CONNECT;
        break;
    case CURLE_OPERATION_TIMEDOUT:
        page = E_NET_TIMEOUT;
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
        page = E_NET_LOST;
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        kind = ERR_STOP;
        page = E_TLS_VERIFY;
        break;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        kind = ERR_STOP;
        page = E_TLS_SETUP;
        break;
    default:
        break;
    }
    return error_set(err, kind, page, "cannot deliver to %.*s: %s", STR_ARG(host), why);
}

static bool next_finished(struct http_client *c, struct slot **ret_slot, CURLcode *ret_code)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, ret_slot) != CURLE_OK)
            continue;
        *ret_code = message->data.result;
        return true;
    }
    return false;
}

bool http_client_result(struct http_client *c, struct http_result *ret_result)
{
    struct slot *slot;
    CURLcode code;
    long status = 0;

    if (!next_finished(c, &slot, &code))
        return false;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    slot->reply.status = status > 0 && status < 1000 ? (unsigned)status : 0;
    *ret_result = (struct http_result){ .tag = slot->tag, .reply = &slot->reply };
    /* An endless body after a status is still that status. */
    if (code != CURLE_OK && !slot->cut_off) {
        ret_result->failed = true;
        (void)fail(slot, code, &ret_result->failure);
    }
    release(c, slot);
    return true;
}

bool http_client_probe(struct http_client *c, const char *url, struct error *err)
{
    struct slot probe = { .client = c, .easy = curl_easy_init() };
    CURLcode code = CURLE_FAILED_INIT;

    if (probe.easy != NULL && set_up(c, probe.easy) &&
        curl_easy_setopt(probe.easy, CURLOPT_ERRORBUFFER, probe.why) == CURLE_OK &&
        curl_easy_setopt(probe.easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
        curl_easy_setopt(probe.easy, CURLOPT_URL, url) == CURLE_OK)
        code = curl_easy_perform(probe.easy);
    if (code != CURLE_OK)
        (void)fail(&probe, code, err);
    curl_easy_cleanup(probe.easy);
    return code == CURLE_OK;
}
