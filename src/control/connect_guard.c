/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_guard.h"

#include "config/config.h"

#include <string.h>
#include <strings.h>

/* "host", "host:port", "[address]:port": is it a name of this machine's own? */
static bool is_own_host(const char *text)
{
    char host[128];
    uint16_t port;
    size_t n = strlen(text);

    if (config_listen_parse(text, host, sizeof host, &port))
        return config_host_is_loopback(host);
    if (n > 2 && text[0] == '[' && text[n - 1] == ']')
        return strcmp(text, "[::1]") == 0;
    return config_host_is_loopback(text);
}

static bool is_own_origin(const char *origin)
{
    if (strncmp(origin, "http://", 7) == 0)
        return is_own_host(origin + 7);
    if (strncmp(origin, "https://", 8) == 0)
        return is_own_host(origin + 8);
    return false;
}

/* Goes through all of what was sent, wherever the first difference is. */
static bool same_secret(const char *secret, const char *given)
{
    size_t n = strlen(secret);
    size_t given_n = strlen(given);
    unsigned different = n != given_n;

    for (size_t i = 0; i < given_n; i++)
        different |= (unsigned)(unsigned char)given[i] ^ (unsigned char)secret[n > 0 ? i % n : 0];
    return different == 0;
}

static bool is_authorized(const struct connect_guard *guard, const char *authorization)
{
    return authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0 &&
           same_secret(guard->token, authorization + 7);
}

unsigned connect_guard_check(const struct connect_guard *guard, const struct connect_head *head,
                             const char **ret_text)
{
    if (guard->token == NULL && (head->host == NULL || !is_own_host(head->host))) {
        *ret_text = "The Host of the request is not a name of this machine";
        return 403;
    }
    if (head->origin != NULL && !is_own_origin(head->origin)) {
        *ret_text = "Requests of other origins are not answered";
        return 403;
    }
    if (guard->token != NULL && !is_authorized(guard, head->authorization)) {
        *ret_text = "User cannot access the resource.";
        return 401;
    }
    return 0;
}

unsigned connect_guard_check_type(const struct connect_head *head, const char **ret_text)
{
    static const char json[] = "application/json";
    const char *type = head->content_type;

    if (!head->wants_body)
        return 0;
    if (type != NULL && strncasecmp(type, json, sizeof json - 1) == 0 &&
        (type[sizeof json - 1] == '\0' || strchr("; \t", type[sizeof json - 1]) != NULL))
        return 0;
    *ret_text = "HTTP 415 Unsupported Media Type";
    return 415;
}
