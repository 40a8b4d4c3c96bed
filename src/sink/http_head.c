/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list is built once; only the bytes it points to change from request to request:
 *
 *   webhook-id -> Idempotency-Key -> webhook-timestamp -> x-multisink-op [-> x-multisink-unchanged]
 *              [-> webhook-signature] -> content-type -> ... the same for all
 */
#include "sink/http_head.h"

#include "base/limits.h"
#include "sink/http_curl.h"

enum { LINE_BYTES = 512 };

static const char *const line_names[HTTP_HEAD_LINES] = {
    [HTTP_HEAD_ID] = "webhook-id: ",
    [HTTP_HEAD_KEY] = "Idempotency-Key: ",
    [HTTP_HEAD_TIME] = "webhook-timestamp: ",
    [HTTP_HEAD_OP] = "x-multisink-op: ",
    [HTTP_HEAD_UNCHANGED] = "x-multisink-unchanged: ",
    [HTTP_HEAD_SIGNATURE] = "webhook-signature: ",
};

void http_head_init(struct http_head *h)
{
    *h = (struct http_head){ 0 };
    for (size_t i = 0; i < HTTP_HEAD_LINES; i++)
        buf_init(&h->lines[i],
                 i == HTTP_HEAD_UNCHANGED ? LIMIT_HTTP_UNCHANGED + LINE_BYTES : LINE_BYTES);
}

void http_head_done(struct http_head *h)
{
    for (size_t i = 0; i < HTTP_HEAD_LINES; i++)
        buf_done(&h->lines[i]);
}

bool http_head_fixed(const struct http_conf *conf, struct curl_slist **list)
{
    bool lines = conf->batch.max > 1 && conf->batch.format == HTTP_FORMAT_NDJSON;
    bool ok = http_curl_add(list, lines ? "content-type: application/x-ndjson"
                                        : "content-type: application/json") &&
              http_curl_add(list, "user-agent: multisink/" MULTISINK_VERSION) &&
              /* Without a value: libcurl leaves its own out. */
              http_curl_add(list, "Accept:") && http_curl_add(list, "Expect:");

    for (size_t i = 0; ok && i < conf->headers.count; i++)
        ok = http_curl_add(list, conf->headers.items[i]);
    return ok;
}

/* Links the line in behind `tail` and returns it. */
static struct curl_slist *put_line(struct http_head *h, enum http_head_line line, struct str value,
                                   struct curl_slist *tail)
{
    struct buf *b = &h->lines[line];
    struct curl_slist *item = &h->list[line];

    buf_clear(b);
    buf_text(b, line_names[line]);
    buf_str(b, value);
    (void)buf_cstr(b);
    item->data = b->p;
    if (tail != NULL)
        tail->next = item;
    return item;
}

static bool put_signature(struct http_head *h, const struct http_head_values *v, struct str time,
                          struct curl_slist **tail, struct error *err)
{
    struct buf *line = &h->lines[HTTP_HEAD_SIGNATURE];

    if (v->signer->count == 0)
        return true;
    *tail = put_line(h, HTTP_HEAD_SIGNATURE, STR(""), *tail);
    if (!http_sign(v->signer, v->id, time, v->body, line, err))
        return false;
    (void)buf_cstr(line);
    (*tail)->data = line->p;
    return true;
}

bool http_head_put(struct http_head *h, const struct http_head_values *v, struct curl_slist *fixed,
                   struct error *err)
{
    char text[24];
    struct curl_slist *tail = put_line(h, HTTP_HEAD_ID, v->id, NULL);
    struct str time;

    (void)snprintf(text, sizeof text, "%lld", (long long)v->real_s);
    time = str_from(text);
    tail = put_line(h, HTTP_HEAD_KEY, v->id, tail);
    tail = put_line(h, HTTP_HEAD_TIME, time, tail);
    tail = put_line(h, HTTP_HEAD_OP, str_from(v->op), tail);
    if (v->unchanged.n > 0)
        tail = put_line(h, HTTP_HEAD_UNCHANGED, v->unchanged, tail);
    if (!put_signature(h, v, time, &tail, err))
        return false;
    tail->next = fixed;
    return true;
}
