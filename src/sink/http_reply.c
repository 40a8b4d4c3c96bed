/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer means:
 *
 *   2xx                 taken
 *   408 429 5xx, other  again, not before Retry-After; nothing else is known to be wrong with the record
 *   3xx                 stop: the address is wrong, and following it could lead anywhere
 *   401 407             stop: the credentials are wrong, for every record alike
 *   410                 stop: the receiver asks to be left alone (Standard Webhooks)
 *   other 4xx           this record is refused, now and later
 */
#include "base/json.h"
#include "base/limits.h"
#include "sink/http.h"

#include <curl/curl.h>
#include <strings.h>

void http_reply_init(struct http_reply *r)
{
    *r = (struct http_reply){ .retry_after_ms = -1 };
    buf_init(&r->body, LIMIT_HTTP_REPLY_KEPT);
}

void http_reply_done(struct http_reply *r)
{
    buf_done(&r->body);
}

void http_reply_clear(struct http_reply *r)
{
    r->status = 0;
    r->retry_after_ms = -1;
    r->location[0] = '\0';
    buf_clear(&r->body);
    r->body_bytes = 0;
    r->header_bytes = 0;
}

bool http_retry_after(struct str value, int64_t now_real_us, int64_t *ret_ms)
{
    char text[64];
    uint64_t seconds;
    int64_t at;

    value = str_trim(value);
    if (value.n > 0 && value.p[0] >= '0' && value.p[0] <= '9') {
        for (size_t i = 0; i < value.n; i++) {
            if (value.p[i] < '0' || value.p[i] > '9')
                return false;
        }
        if (!str_to_u64(value, &seconds) || seconds > HTTP_RETRY_AFTER_MAX_MS / 1000)
            seconds = HTTP_RETRY_AFTER_MAX_MS / 1000;
        *ret_ms = (int64_t)seconds * 1000;
        return true;
    }
    if (value.n == 0 || !str_copy(value, text, sizeof text))
        return false;
    at = (int64_t)curl_getdate(text, NULL);
    if (at < 0)
        return false;
    at = at > now_real_us / 1000000 ? at - now_real_us / 1000000 : 0;
    *ret_ms = at > HTTP_RETRY_AFTER_MAX_MS / 1000 ? HTTP_RETRY_AFTER_MAX_MS : at * 1000;
    return true;
}

/* Is it the header of that name? Then *ret_value is what stands behind the colon. */
static bool is_header(struct str line, struct str name, struct str *ret_value)
{
    if (line.n <= name.n || line.p[name.n] != ':' || strncasecmp(line.p, name.p, name.n) != 0)
        return false;
    *ret_value = str_trim(str_make(line.p + name.n + 1, line.n - name.n - 1));
    return true;
}

bool http_reply_header(struct http_reply *r, struct str line, int64_t now_real_us)
{
    struct str value;

    r->header_bytes += line.n;
    if (r->header_bytes > LIMIT_HTTP_REPLY_HEADERS)
        return false;
    if (is_header(line, STR("Retry-After"), &value))
        (void)http_retry_after(value, now_real_us, &r->retry_after_ms);
    else if (is_header(line, STR("Location"), &value))
        (void)str_copy(value, r->location, sizeof r->location);
    return true;
}

bool http_reply_body(struct http_reply *r, struct str bytes)
{
    size_t room = LIMIT_HTTP_REPLY_KEPT - r->body.n;

    buf_put(&r->body, bytes.p, bytes.n < room ? bytes.n : room);
    r->body_bytes += bytes.n;
    return r->body_bytes <= LIMIT_HTTP_REPLY_READ;
}

enum http_verdict http_reply_verdict(const struct http_reply *r)
{
    if (r->status >= 200 && r->status < 300)
        return HTTP_ACCEPTED;
    if (r->status >= 300 && r->status < 400)
        return HTTP_STOP;
    switch (r->status) {
    case 401:
    case 407:
    case 410:
        return HTTP_STOP;
    case 408:
    case 429:
        return HTTP_AGAIN;
    default:
        return r->status >= 400 && r->status < 500 ? HTTP_REFUSED : HTTP_AGAIN;
    }
}

/* The start of the body on one line, nothing in it that a terminal would obey. */
static void put_shown(struct str s, struct buf *b)
{
    s = str_trim(s);
    if (s.n > 0)
        json_escaped(b, str_make(s.p, s.n < HTTP_SHOWN ? s.n : HTTP_SHOWN));
    if (s.n > HTTP_SHOWN)
        buf_text(b, "...");
}

static bool stop_error(const struct http_reply *r, const char *host, const char *shown,
                       struct error *err)
{
    if (r->status == 410)
        return error_set(err, ERR_STOP, E_HTTP_GONE,
                         "cannot deliver to %s: HTTP 410, the endpoint is gone for good: %s", host,
                         shown);
    if (r->status >= 300 && r->status < 400) {
        return error_set(
            err, ERR_STOP, E_HTTP_REDIRECT,
            "cannot deliver to %s: HTTP %u sends elsewhere (\"%s\"), which is not followed", host,
            r->status, shown);
    }
    return error_set(err, ERR_STOP, E_HTTP_CREDENTIALS,
                     "cannot deliver to %s: HTTP %u, the credentials are not accepted: %s", host,
                     r->status, shown);
}

bool http_reply_error(const struct http_reply *r, const char *host, struct error *err)
{
    bool redirect = r->status >= 300 && r->status < 400;
    struct buf b;

    buf_init(&b, 8 * KIB);
    put_shown(redirect ? str_from(r->location) : buf_view(&r->body), &b);
    switch (http_reply_verdict(r)) {
    case HTTP_STOP:
        (void)stop_error(r, host, buf_cstr(&b), err);
        break;
    case HTTP_REFUSED:
        (void)error_set(err, ERR_REJECT, E_HTTP_REFUSED, "%s refused it: HTTP %u: %s", host,
                        r->status, buf_cstr(&b));
        break;
    case HTTP_ACCEPTED:
    case HTTP_AGAIN:
        (void)error_set(err, ERR_RETRY, E_HTTP_BUSY, "%s answers HTTP %u: %s", host, r->status,
                        buf_cstr(&b));
        break;
    }
    buf_done(&b);
    return false;
}
