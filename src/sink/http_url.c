/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address is cut at its holes; each hole is a template of its own, so that its value can be encoded
 * before it is put in. Scheme, host and port are never taken from a row.
 */
#include "base/limits.h"
#include "process/template.h"
#include "sink/http.h"

#include <curl/curl.h>

struct piece {
    struct str text;             /* literal, terminated */
    const struct template *hole; /* behind the text, or NULL */
    bool in_query;
};

struct http_url {
    struct str text;
    struct str scheme; /* with "://" */
    struct str host;   /* "host" or "host:port" */
    struct str tail;   /* all behind the host, as written */
    struct piece *pieces;
    size_t count;
};

/* Does not quote the address: it may hold a password. */
static bool refuse(const char *why, struct error *err)
{
    return error_set(err, ERR_STOP, E_CONFIG_VALUE, "the address cannot be used: %s", why);
}

static size_t find_text(struct str s, struct str what)
{
    const char *hit = s.n > 0 ? memmem(s.p, s.n, what.p, what.n) : NULL;

    return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

/* libcurl's own parser has the last word; a hole is put to it as a letter. */
static bool curl_accepts(struct str text, struct arena *a)
{
    char *sample = arena_alloc(a, text.n + 1);
    CURLU *parsed = curl_url();
    size_t n = 0;
    bool ok;

    for (size_t i = 0; i < text.n; i++) {
        if (str_starts(str_make(text.p + i, text.n - i), STR("{{"))) {
            i += find_text(str_make(text.p + i, text.n - i), STR("}}")) + 1;
            sample[n++] = 'x';
        } else {
            sample[n++] = text.p[i];
        }
    }
    sample[n] = '\0';
    ok = parsed != NULL &&
         curl_url_set(parsed, CURLUPART_URL, sample, CURLU_PATH_AS_IS) == CURLUE_OK;
    curl_url_cleanup(parsed);
    return ok;
}

static bool split(struct http_url *url, struct str text, struct arena *a, struct error *err)
{
    size_t scheme = find_text(text, STR("://"));
    struct str rest;
    size_t end = 0;

    if (!str_starts(text, STR("http://")) && !str_starts(text, STR("https://")))
        return refuse("it must start with http:// or https://", err);
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] <= 0x20 || (unsigned char)text.p[i] >= 0x7F) {
            return refuse("spaces, control characters and letters beyond ASCII must be written"
                          " as %XX",
                          err);
        }
    }
    rest = str_make(text.p + scheme + 3, text.n - scheme - 3);
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    url->text = text;
    url->scheme = str_make(text.p, scheme + 3);
    url->host = str_make(rest.p, end);
    url->tail = str_make(rest.p + end, rest.n - end);
    if (find_text(url->host, STR("{{")) < url->host.n)
        return refuse("scheme, host and port are fixed, holes may stand only behind them", err);
    if (str_find(url->host, '@') < url->host.n)
        return refuse("a user and password do not belong here; use headers: {Authorization: ...}",
                      err);
    if (str_find(url->tail, '#') < url->tail.n)
        return refuse("a fragment (#) is never sent", err);
    if (url->host.n == 0 || !curl_accepts(text, a))
        return refuse("it is not a valid URL", err);
    return true;
}

static bool add_piece(struct http_url *url, struct str text, struct str hole, bool in_query,
                      struct arena *a, struct error *err)
{
    struct piece *piece = &url->pieces[url->count];
    size_t at;

    *piece = (struct piece){ .text = arena_str(a, text), .in_query = in_query };
    if (hole.n > 0 && !template_compile(hole, a, &piece->hole, &at, err))
        return false;
    url->count++;
    return true;
}

static bool cut(struct http_url *url, struct arena *a, struct error *err)
{
    struct str left = url->tail;
    size_t holes = 1;
    bool in_query = false;

    for (size_t i = 0; i + 1 < left.n; i++)
        holes += left.p[i] == '{' && left.p[i + 1] == '{';
    url->pieces = arena_zalloc(a, holes, sizeof *url->pieces);
    while (left.n > 0) {
        struct str text = str_make(left.p, find_text(left, STR("{{")));
        struct str rest = str_make(left.p + text.n, left.n - text.n);
        size_t end = find_text(rest, STR("}}"));
        struct str hole = str_make(rest.p, end < rest.n ? end + 2 : rest.n);

        in_query = in_query || str_find(text, '?') < text.n;
        if (!add_piece(url, text, hole, in_query, a, err))
            return false;
        left = str_make(rest.p + hole.n, rest.n - hole.n);
    }
    return true;
}

bool http_url_compile(struct str text, struct arena *a, const struct http_url **ret_url,
                      struct error *err)
{
    struct http_url *url = arena_zalloc(a, 1, sizeof *url);

    if (!split(url, arena_str(a, text), a, err) || !cut(url, a, err))
        return false;
    *ret_url = url;
    return true;
}

bool http_url_has_holes(const struct http_url *url)
{
    for (size_t i = 0; i < url->count; i++) {
        if (url->pieces[i].hole != NULL)
            return true;
    }
    return false;
}

bool http_url_is_tls(const struct http_url *url)
{
    return str_is(url->scheme, "https://");
}

struct str http_url_host(const struct http_url *url)
{
    return url->host;
}

struct str http_url_text(const struct http_url *url)
{
    return url->text;
}

struct str http_url_missing(const struct http_url *url, const struct relation *rel)
{
    for (size_t i = 0; i < url->count; i++) {
        struct str name =
            url->pieces[i].hole != NULL ? template_missing(url->pieces[i].hole, rel) : STR_NONE;

        if (name.n > 0)
            return name;
    }
    return STR_NONE;
}

void http_url_encode(struct str s, struct buf *b)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '~' || c == '.';

        if (plain) {
            buf_u8(b, c);
        } else {
            char code[3] = { '%', hex[c >> 4], hex[c & 15] };

            buf_put(b, code, sizeof code);
        }
    }
}

static bool put_hole(const struct piece *piece, const struct change *c, struct buf *b,
                     struct error *err)
{
    struct buf value;
    bool ok;

    buf_init(&value, LIMIT_HTTP_URL);
    ok = template_render(piece->hole, c, &value, err);
    if (ok && !buf_ok(&value))
        ok = error_set(err, ERR_REJECT, E_HTTP_URL_VALUE, "a value is too long for an address");
    if (ok && value.n == 0 && !piece->in_query)
        ok = error_set(
            err, ERR_REJECT, E_HTTP_URL_VALUE,
            "a value for the path of the address is empty: it would name another address");
    if (ok)
        http_url_encode(buf_view(&value), b);
    buf_done(&value);
    return ok;
}

/* "/a/../b" means "/b" to most servers, however the dots are written. */
static bool has_dot_segment(struct str path)
{
    path.n = str_find(path, '?');
    while (path.n > 0) {
        struct str rest = str_make(path.p + 1, path.n - 1);
        size_t end = str_find(rest, '/');
        struct str segment = str_make(rest.p, end);

        if (str_is(segment, ".") || str_is(segment, ".."))
            return true;
        path = str_make(rest.p + end, rest.n - end);
    }
    return false;
}

/* "host:5000" with another name for the host: "name:5000". */
static void put_host(struct str host, const char *server_name, struct buf *b)
{
    size_t colon = host.n;

    if (server_name == NULL) {
        buf_str(b, host);
        return;
    }
    while (colon > 0 && host.p[colon - 1] != ':' && host.p[colon - 1] != ']')
        colon--;
    buf_text(b, server_name);
    if (colon > 0 && host.p[colon - 1] == ':')
        buf_put(b, host.p + colon - 1, host.n - colon + 1);
}

bool http_url_render(const struct http_url *url, const char *server_name, const struct change *c,
                     struct buf *b, struct error *err)
{
    size_t path;

    buf_str(b, url->scheme);
    put_host(url->host, server_name, b);
    path = b->n;
    for (size_t i = 0; i < url->count; i++) {
        buf_str(b, url->pieces[i].text);
        if (url->pieces[i].hole != NULL && !put_hole(&url->pieces[i], c, b, err))
            return false;
    }
    if (!buf_ok(b))
        return error_set(err, ERR_REJECT, E_HTTP_URL_VALUE,
                         "the address would be longer than %zu bytes", b->limit);
    if (has_dot_segment(str_make(b->p + path, b->n - path)))
        return error_set(
            err, ERR_REJECT, E_HTTP_URL_VALUE,
            "a value makes a \"..\" of the address's path: it would name another address");
    return true;
}
