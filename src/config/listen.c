/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on. */
#include "config/config.h"

bool config_listen_parse(const char *text, char *ret_host, size_t size, uint16_t *ret_port)
{
    struct str s = str_from(text);
    size_t colon = s.n;
    struct str host;
    uint64_t port;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_u64(str_make(s.p + colon, s.n - colon), &port) || port > UINT16_MAX)
        return false;
    host = str_make(s.p, colon - 1);
    if (host.p[0] == '[') {
        if (host.n < 3 || host.p[host.n - 1] != ']')
            return false;
        host = str_make(host.p + 1, host.n - 2);
    } else if (str_find(host, ':') < host.n) {
        return false;
    }
    *ret_port = (uint16_t)port;
    return str_copy(host, ret_host, size);
}

/* Four numbers, the first of which is 127. */
static bool is_127(const char *host)
{
    int dots = 0;

    for (const char *p = host; *p != '\0'; p++) {
        if (*p == '.')
            dots++;
        else if (*p < '0' || *p > '9')
            return false;
    }
    return dots == 3 && strncmp(host, "127.", 4) == 0;
}

bool config_host_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || is_127(host);
}
