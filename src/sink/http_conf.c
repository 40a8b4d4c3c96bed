/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "sink/http.h"
#include "sink/tls_conf.h"

#include <strings.h>

static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };
enum { METHODS = sizeof methods / sizeof methods[0], HEADERS_MAX = 64, LINE_MAX_BYTES = 8192 };

/* Set by the sink itself, or never to be set. */
static const char *const own_headers[] = {
    "content-type",
    "content-length",
    "transfer-encoding",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "idempotency-key",
    "x-multisink-op",
    "x-multisink-unchanged",
    "connection",
    "expect",
};

const char *http_method_name(int method)
{
    return methods[method > HTTP_METHOD_NONE ? method - HTTP_POST : 0];
}

static bool want_scalar(const struct config_node *node, const char *what, struct config_report *rep)
{
    if (node->kind == CONFIG_SCALAR)
        return true;
    config_fault(rep, node, E_CONFIG_TYPE, "%s must be one value", what);
    return false;
}

static void parse_url(const struct config_node *node, void *field, struct config_report *rep)
{
    struct error err;

    if (want_scalar(node, "an address", rep) &&
        !http_url_compile(node->text, config_report_arena(rep), field, &err))
        config_fault(rep, node, E_CONFIG_VALUE, "%s", err.msg);
}

static void parse_method(const struct config_node *node, void *field, struct config_report *rep)
{
    if (!want_scalar(node, "a method", rep))
        return;
    for (int i = 0; i < METHODS; i++) {
        if (str_is(node->text, methods[i])) {
            *(int *)field = HTTP_POST + i;
            return;
        }
    }
    config_fault_name(rep, node, E_CONFIG_CHOICE, "method", methods, METHODS);
}

/* RFC 9110 section 5.6.2: token. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.n > 0;
}

static bool is_header_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7F)
            return false;
    }
    return s.n > 0 && s.n <= LINE_MAX_BYTES;
}

static bool is_own(struct str name)
{
    for (size_t i = 0; i < sizeof own_headers / sizeof own_headers[0]; i++) {
        if (name.n == strlen(own_headers[i]) && strncasecmp(name.p, own_headers[i], name.n) == 0)
            return true;
    }
    return false;
}

static bool check_header(const struct config_node *key, const struct config_node *value,
                         struct config_report *rep)
{
    config_mask(rep, value);
    if (!is_token(key->text))
        config_fault(rep, key, E_CONFIG_VALUE, "this is not the name of an HTTP header");
    else if (is_own(key->text))
        config_fault(rep, key, E_CONFIG_VALUE, "the header \"%.*s\" is set by the sink itself",
                     STR_ARG(key->text));
    else if (value->kind != CONFIG_SCALAR)
        config_fault(rep, value, E_CONFIG_TYPE, "a header has one value");
    else if (!is_header_value(value->text)) {
        config_fault(
            rep, value, E_CONFIG_VALUE,
            "a header's value must not be empty, longer than %d bytes, or hold line ends or other"
            " control characters",
            LINE_MAX_BYTES);
    } else {
        return true;
    }
    return false;
}

static void parse_headers(const struct config_node *node, void *field, struct config_report *rep)
{
    struct http_lines *lines = field;
    struct arena *a = config_report_arena(rep);
    const char **items;

    if (node->kind != CONFIG_MAP) {
        config_fault(rep, node, E_CONFIG_TYPE, "headers are a map: {Name: value}");
        return;
    }
    if (node->count > HEADERS_MAX) {
        config_fault(rep, node, E_CONFIG_RANGE, "at most %d headers can be given", HEADERS_MAX);
        return;
    }
    items = arena_zalloc(a, node->count, sizeof *items);
    for (size_t i = 0; i < node->count; i++) {
        const struct config_node *key = node->keys[i];
        const struct config_node *value = node->items[i];

        if (check_header(key, value, rep))
            items[lines->count++] =
                arena_printf(a, "%.*s: %.*s", STR_ARG(key->text), STR_ARG(value->text));
    }
    lines->items = items;
}

static void parse_one_secret(const struct config_node *node, struct http_secrets *secrets,
                             struct config_report *rep)
{
    config_mask(rep, node);
    if (node->kind != CONFIG_SCALAR ||
        !http_secret_parse(node->text, &secrets->items[secrets->count])) {
        config_fault(
            rep, node, E_CONFIG_VALUE,
            "a secret is whsec_ and base64 of %d to %d bytes (whsec_$(openssl rand -base64 32))",
            HTTP_SECRET_MIN, HTTP_SECRET_MAX);
    } else {
        secrets->count++;
    }
}

static void parse_secrets(const struct config_node *node, void *field, struct config_report *rep)
{
    struct http_secrets *secrets = field;

    if (node->kind != CONFIG_LIST) {
        parse_one_secret(node, secrets, rep);
        return;
    }
    if (node->count > HTTP_SECRETS) {
        config_fault(rep, node, E_CONFIG_RANGE, "at most %d secrets can be given", HTTP_SECRETS);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        parse_one_secret(node->items[i], secrets, rep);
}

static const char *const envelopes[] = { "row", "debezium-like", NULL };
static const char *const formats[] = { "json-array", "ndjson", NULL };
static const char *const on_deletes[] = { "send", "skip", NULL };
static const char *const on_truncates[] = { "refuse", "skip", NULL };

static const struct config_key route_keys[] = {
    { .name = "url",
      .type = CONFIG_CUSTOM,
      .offset = offsetof(struct http_route, url),
      .parse = parse_url,
      .help = "Address for this operation; without it, the sink's own." },
    { .name = "method",
      .type = CONFIG_CUSTOM,
      .offset = offsetof(struct http_route, method),
      .parse = parse_method,
      .help =
          "Method for this operation: POST, PUT, PATCH or DELETE; without it, the sink's own." },
    { .name = NULL },
};

static const struct config_key batch_keys[] = {
    { .name = "max",
      .type = CONFIG_INT,
      .fallback = "1",
      .offset = offsetof(struct http_conf, batch.max) - offsetof(struct http_conf, batch),
      .min = 1,
      .max = 4096,
      .help =
          "Records in one request at most. Above 1 the body is a list; its records are of one table"
          " and operation, unless the envelope says so itself." },
    { .name = "format",
      .type = CONFIG_CHOICE,
      .fallback = "json-array",
      .offset = offsetof(struct http_conf, batch.format) - offsetof(struct http_conf, batch),
      .choices = formats,
      .help =
          "How a list is written: one JSON array, or one JSON text a line (application/x-ndjson)." },
    { .name = NULL },
};

#define ROUTE_KEY(key, field, text)                                                                \
    {                                                                                              \
        .name = (key), .type = CONFIG_GROUP, .offset = offsetof(struct http_conf, field),          \
        .group = route_keys, .help = (text)                                                        \
    }

const struct config_key http_keys[] = {
    { .name = "url",
      .type = CONFIG_CUSTOM,
      .required = true,
      .offset = offsetof(struct http_conf, all.url),
      .parse = parse_url,
      .help =
          "Where to send: http:// or https://. Path and query may have holes, {{column}}, whose values"
          " are URL-encoded." },
    { .name = "method",
      .type = CONFIG_CUSTOM,
      .fallback = "POST",
      .offset = offsetof(struct http_conf, all.method),
      .parse = parse_method,
      .help = "POST, PUT, PATCH or DELETE." },
    ROUTE_KEY("insert", on_insert, "Another address or method for inserts."),
    ROUTE_KEY("update", on_update, "Another address or method for updates."),
    ROUTE_KEY("delete", on_remove, "Another address or method for deletes."),
    ROUTE_KEY(
        "snapshot", on_snapshot,
        "Another address or method for the rows of the first snapshot; without it, as for inserts."),
    { .name = "headers",
      .type = CONFIG_CUSTOM,
      .offset = offsetof(struct http_conf, headers),
      .parse = parse_headers,
      .help =
          "More headers, the same for every request: {Authorization: \"Bearer ${env:TOKEN}\"}. Their"
          " values are never shown." },
    { .name = "envelope",
      .type = CONFIG_CHOICE,
      .fallback = "row",
      .offset = offsetof(struct http_conf, envelope),
      .choices = envelopes,
      .help = "row: the row as a flat JSON object, a delete's as far as the old row is known."
              " debezium-like: before, after, op, source and ts_ms." },
    { .name = "batch",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct http_conf, batch),
      .group = batch_keys,
      .help = "Several records in one request." },
    { .name = "on_delete",
      .type = CONFIG_CHOICE,
      .fallback = "send",
      .offset = offsetof(struct http_conf, on_delete),
      .choices = on_deletes,
      .help = "send: deletes are sent like the rest. skip: they are left out." },
    { .name = "on_truncate",
      .type = CONFIG_CHOICE,
      .fallback = "refuse",
      .offset = offsetof(struct http_conf, on_truncate),
      .choices = on_truncates,
      .help = "refuse: the sink stops in front of a TRUNCATE and says so. skip: it is left out." },
    { .name = "secret",
      .type = CONFIG_CUSTOM,
      .offset = offsetof(struct http_conf, secrets),
      .parse = parse_secrets,
      .help =
          "Key for the webhook-signature header (Standard Webhooks): whsec_ and base64 of 24 to 64"
          " bytes. A list of up to four while one is being replaced." },
    { .name = "timeout",
      .type = CONFIG_DURATION,
      .fallback = "15s",
      .offset = offsetof(struct http_conf, timeout_ms),
      .min = 100,
      .max = 600000,
      .help =
          "For one request, from connecting to the end of the answer. After it the request is sent"
          " again." },
    { .name = "max_in_flight",
      .type = CONFIG_INT,
      .fallback = "16",
      .offset = offsetof(struct http_conf, max_in_flight),
      .min = 1,
      .max = 256,
      .help =
          "Requests under way at a time, each on a connection of its own; never two of one key." },
    { .name = "tls",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct http_conf, tls),
      .group = TLS_CONF_HOW,
      .help = "For https addresses; `server_name` is also sent as the host." },
    { .name = NULL },
};

struct http_route http_conf_route(const struct http_conf *conf, enum change_op op)
{
    struct http_route route = { NULL, HTTP_METHOD_NONE };

    switch (op) {
    case CHANGE_SNAPSHOT:
        route = conf->on_snapshot;
        if (route.url == NULL)
            route.url = conf->on_insert.url;
        if (route.method == HTTP_METHOD_NONE)
            route.method = conf->on_insert.method;
        break;
    case CHANGE_INSERT:
        route = conf->on_insert;
        break;
    case CHANGE_UPDATE:
        route = conf->on_update;
        break;
    case CHANGE_DELETE:
        route = conf->on_remove;
        break;
    case CHANGE_TRUNCATE:
    case CHANGE_MESSAGE:
        break;
    }
    if (route.url == NULL)
        route.url = conf->all.url;
    if (route.method == HTTP_METHOD_NONE)
        route.method = conf->all.method != HTTP_METHOD_NONE ? conf->all.method : HTTP_POST;
    return route;
}

static void check_url(const struct http_conf *conf, const struct http_url *url,
                      const struct config_node *map, struct config_report *rep)
{
    const struct config_node *at = config_get(map, "url");

    if (at == NULL || url == NULL)
        return;
    if (conf->batch.max > 1 && http_url_has_holes(url))
        config_fault(rep, at, E_CONFIG_VALUE,
                     "an address with holes is different for every row, so batch.max must be 1");
    if (conf->tls.server_name != NULL &&
        (!http_url_is_tls(url) ||
         (conf->all.url != NULL && !str_eq(http_url_host(url), http_url_host(conf->all.url)))))
        config_fault(rep, at, E_CONFIG_VALUE,
                     "with tls.server_name every address must be https:// and of the same host");
}

void http_conf_check(const void *conf_fields, const struct config_node *map,
                     struct config_report *rep)
{
    static const char *const groups[] = { "insert", "update", "delete", "snapshot" };
    const struct http_conf *conf = conf_fields;
    const struct http_route *routes[] = { &conf->on_insert, &conf->on_update, &conf->on_remove,
                                          &conf->on_snapshot };
    const struct config_node *tls = config_get(map, "tls");

    check_url(conf, conf->all.url, map, rep);
    for (size_t i = 0; i < 4; i++) {
        const struct config_node *group = config_get(map, groups[i]);

        if (group != NULL && group->kind == CONFIG_MAP)
            check_url(conf, routes[i]->url, group, rep);
    }
    if (tls != NULL && (conf->tls.cert_file == NULL) != (conf->tls.key_file == NULL))
        config_fault(rep, tls, E_CONFIG_VALUE, "tls.cert and tls.key belong together");
}
