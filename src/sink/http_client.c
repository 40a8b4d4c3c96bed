/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each slot has an easy handle for its whole life, and libcurl keeps the connections between requests.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "sink/http_curl.h"
#include "sink/http_head.h"

#include <stdlib.h>

enum { SLOT_BODY_KEPT = 256 * 1024, ID_BYTES = 128 };

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
    struct http_head head;
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

static bool slot_init(struct http_client *c, struct slot *slot)
{
    slot->client = c;
    buf_init(&slot->id, ID_BYTES);
    buf_init(&slot->body, LIMIT_HTTP_REQUEST);
    buf_init(&slot->url, LIMIT_HTTP_URL);
    http_reply_init(&slot->reply);
    http_head_init(&slot->head);
    slot->next_free = c->free;
    c->free = slot;
    slot->easy = curl_easy_init();
    return slot->easy != NULL && http_curl_set_up(slot->easy, c->conf, c->connect_to) &&
           curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->why) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->head.list) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot) == CURLE_OK;
}

static bool open_all(struct http_client *c)
{
    long slots = (long)c->conf->max_in_flight;

    c->multi = curl_multi_init();
    if (c->multi == NULL || !http_head_fixed(c->conf, &c->fixed) ||
        !http_curl_connect_to(c->conf, &c->connect_to) ||
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

    if (!http_curl_start(err))
        return false;
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
    http_head_done(&slot->head);
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
    const struct http_head_values head = {
        .id = buf_view(&slot->id),
        .body = buf_view(&slot->body),
        .op = req->op,
        .unchanged = req->unchanged,
        .real_s = clock_real_us(c->clock) / 1000000,
        .signer = &c->signer,
    };

    if (!buf_ok(&slot->body))
        return error_set(err, ERR_REJECT, E_HTTP_SIZE, "the request would be larger than %zu bytes",
                         slot->body.limit);
    if (!http_head_put(&slot->head, &head, c->fixed, err))
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
        (void)http_curl_error(code, slot->why, http_url_host(c->conf->all.url),
                              &ret_result->failure);
    }
    release(c, slot);
    return true;
}

bool http_client_probe(struct http_client *c, const char *url, struct error *err)
{
    CURL *easy = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;
    char why[CURL_ERROR_SIZE] = "";

    if (easy != NULL && http_curl_set_up(easy, c->conf, c->connect_to) &&
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK)
        code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        (void)http_curl_error(code, why, http_url_host(c->conf->all.url), err);
    curl_easy_cleanup(easy);
    return code == CURLE_OK;
}
