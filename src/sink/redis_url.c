/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_url.h"

enum { REDIS_PORT = 6379, DB_MAX = 1000000 };

static bool fault(const char **ret_fault, const char *text)
{
    *ret_fault = text;
    return false;
}

static bool decode(struct str s, struct arena *a, const char **ret_text)
{
    char *to = arena_alloc(a, s.n + 1);

    if (!str_percent_decode(s, to))
        return false;
    *ret_text = to;
    return true;
}

static struct str tail(struct str s, size_t from)
{
    return str_make(s.p + from, s.n - from);
}

static bool parse_db(struct str s, int64_t *ret_db, const char **ret_fault)
{
    uint64_t db;

    if (!str_to_u64(s, &db) || db > DB_MAX)
        return fault(ret_fault, "the database is a number, as in redis://host/0");
    *ret_db = (int64_t)db;
    return true;
}

static bool parse_unix(struct str rest, struct arena *a, struct redis_url *url,
                       const char **ret_fault)
{
    size_t question = str_find(rest, '?');

    if (question < rest.n) {
        struct str query = tail(rest, question + 1);

        if (!str_starts(query, STR("db=")))
            return fault(ret_fault, "after ? only db=N is known");
        if (!parse_db(tail(query, 3), &url->db, ret_fault))
            return false;
    }
    rest.n = question;
    if (rest.n < 2 || rest.p[0] != '/')
        return fault(ret_fault, "the path of the socket is absolute, as in unix:///run/redis.sock");
    if (!decode(rest, a, &url->unix_path))
        return fault(ret_fault, "a % is not followed by two hexadecimal digits");
    return true;
}

static bool parse_user(struct str s, struct arena *a, struct redis_url *url, const char **ret_fault)
{
    size_t colon = str_find(s, ':');

    if (colon > 0 && !decode(str_make(s.p, colon), a, &url->username))
        return fault(ret_fault, "a % in the user is not followed by two hexadecimal digits");
    if (colon < s.n && !decode(tail(s, colon + 1), a, &url->password))
        return fault(ret_fault, "a % in the password is not followed by two hexadecimal digits");
    return true;
}

static bool parse_host(struct str s, struct arena *a, struct redis_url *url, const char **ret_fault)
{
    struct str host = s;
    struct str port = STR_NONE;
    uint16_t number = REDIS_PORT;

    if (s.n > 0 && s.p[0] == '[') { /* [::1]:6379 */
        size_t shut = str_find(s, ']');

        if (shut == s.n || (shut + 1 < s.n && s.p[shut + 1] != ':'))
            return fault(ret_fault, "an IPv6 address is written [::1]:6379");
        host = str_make(s.p + 1, shut - 1);
        if (shut + 1 < s.n)
            port = tail(s, shut + 2);
    } else {
        size_t colon = str_find(s, ':');

        host.n = colon;
        if (colon < s.n)
            port = tail(s, colon + 1);
    }
    if (host.n == 0)
        return fault(ret_fault, "it has no host");
    if (port.p != NULL && !str_to_port(port, &number))
        return fault(ret_fault, "the port is not between 1 and 65535");
    url->port = number;
    if (!decode(host, a, &url->host))
        return fault(ret_fault, "a % in the host is not followed by two hexadecimal digits");
    return true;
}

static bool parse_tcp(struct str rest, struct arena *a, struct redis_url *url,
                      const char **ret_fault)
{
    size_t slash = str_find(rest, '/');
    struct str authority = str_make(rest.p, slash);
    size_t at = authority.n;

    if (slash + 1 < rest.n && !parse_db(tail(rest, slash + 1), &url->db, ret_fault))
        return false;
    while (at > 0 && authority.p[at - 1] != '@')
        at--;
    if (at > 0 && !parse_user(str_make(authority.p, at - 1), a, url, ret_fault))
        return false;
    return parse_host(tail(authority, at), a, url, ret_fault);
}

bool redis_url_parse(struct str text, struct arena *a, struct redis_url *ret_url,
                     const char **ret_fault)
{
    const struct str plain = STR("redis://");
    const struct str tls = STR("rediss://");
    const struct str local = STR("unix://");
    struct redis_url url = { .db = -1 };
    bool ok;

    if (str_starts(text, plain)) {
        ok = parse_tcp(tail(text, plain.n), a, &url, ret_fault);
    } else if (str_starts(text, tls)) {
        url.tls = true;
        ok = parse_tcp(tail(text, tls.n), a, &url, ret_fault);
    } else if (str_starts(text, local)) {
        ok = parse_unix(tail(text, local.n), a, &url, ret_fault);
    } else {
        return fault(ret_fault, "it begins with redis://, rediss:// or unix://");
    }
    if (ok)
        *ret_url = url;
    return ok;
}
