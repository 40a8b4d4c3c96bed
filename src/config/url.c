/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres://user:password@host1:5432,host2/database?name=value
 *
 * libpq reads the URL itself; here only what it cannot do for us is done: take the password out, so that
 * the rest can be shown, and say early what is wrong. No message quotes the URL.
 */
#include "config/pipeline.h"

/* With %XX decoded; NULL when it is not well formed or holds a NUL. */
static const char *percent_decode(struct arena *a, struct str s)
{
    char *text = arena_alloc(a, s.n + 1);

    return str_percent_decode(s, text) ? text : NULL;
}

struct url {
    struct str scheme;
    struct str user; /* without the password */
    struct str password;
    bool has_user, has_password;
    struct str hosts;
    struct str rest; /* from the "/" or "?" on */
};

static size_t find_any(struct str s, const char *set)
{
    size_t i = 0;

    while (i < s.n && strchr(set, s.p[i]) == NULL)
        i++;
    return i;
}

static bool split(struct str text, struct url *u)
{
    const char *mark = text.n > 0 ? memmem(text.p, text.n, "://", 3) : NULL;
    struct str authority, left;
    size_t n, at;

    *u = (struct url){ .scheme = STR_NONE };
    if (mark == NULL)
        return false;
    u->scheme = str_make(text.p, (size_t)(mark - text.p));
    left = str_make(mark + 3, text.n - u->scheme.n - 3);
    n = find_any(left, "/?");
    authority = str_make(left.p, n);
    u->rest = str_make(left.p + n, left.n - n);
    for (at = authority.n; at > 0 && authority.p[at - 1] != '@'; at--)
        ;
    u->hosts = str_make(authority.p + at, authority.n - at);
    if (at == 0)
        return true;
    u->has_user = true;
    u->user = str_make(authority.p, at - 1);
    n = str_find(u->user, ':');
    u->has_password = n < u->user.n;
    if (u->has_password)
        u->password = str_make(u->user.p + n + 1, u->user.n - n - 1);
    u->user.n = n;
    return true;
}

/* "host:port", "[::1]:port", "host" or nothing. */
static bool check_host(const struct config_node *node, struct str host, struct config_report *rep)
{
    size_t close = host.n > 0 && host.p[0] == '[' ? str_find(host, ']') : 0;
    struct str port;
    uint16_t number;
    size_t colon;

    if (close == host.n && host.n > 0) {
        config_fault(rep, node, E_CONFIG_URL, "the address in [ ] is not closed");
        return false;
    }
    colon = close + str_find(str_make(host.p + close, host.n - close), ':');
    if (colon >= host.n)
        return true;
    port = str_make(host.p + colon + 1, host.n - colon - 1);
    if (str_to_port(port, &number))
        return true;
    /* What is no number may be a part of a password with a "/" in it: not shown. */
    config_fault(rep, node, E_CONFIG_URL,
                 "the port in the URL is not a number from 1 to 65535; in a password, / is written "
                 "%%2F and @ is written %%40");
    return false;
}

static bool check_hosts(const struct config_node *node, struct str hosts, struct config_report *rep)
{
    while (hosts.n > 0) {
        size_t n = str_find(hosts, ',');

        if (!check_host(node, str_make(hosts.p, n), rep))
            return false;
        n += n < hosts.n ? 1 : 0;
        hosts = str_make(hosts.p + n, hosts.n - n);
    }
    return true;
}

/* Puts the URL together again, without "password=..." among the parameters. */
static void put_rest(struct url *u, struct buf *out)
{
    size_t query = str_find(u->rest, '?');
    struct str left = str_make(u->rest.p + query, u->rest.n - query);
    char separator = '?';

    buf_put(out, u->rest.p, query);
    while (left.n > 1) {
        struct str one = str_make(left.p + 1, left.n - 1);
        size_t n = str_find(one, '&');

        one.n = n;
        if (str_starts(one, STR("password="))) {
            u->has_password = true;
            u->password = str_make(one.p + 9, one.n - 9);
        } else {
            buf_put(out, &separator, 1);
            buf_str(out, one);
            separator = '&';
        }
        left = str_make(left.p + 1 + n, left.n - 1 - n);
    }
}

static void put_head(const struct url *u, struct buf *out)
{
    buf_str(out, u->scheme);
    buf_text(out, "://");
    if (u->has_user) {
        buf_str(out, u->user);
        buf_text(out, "@");
    }
    buf_str(out, u->hosts);
}

static bool check_url(const struct config_node *node, const struct url *u,
                      struct config_report *rep)
{
    if (!str_is(u->scheme, "postgres") && !str_is(u->scheme, "postgresql")) {
        config_fault(rep, node, E_CONFIG_URL,
                     "the URL starts with postgres:// or postgresql://, not \"%s://\"",
                     u->scheme.n > 16 || node->secret ? "..." : arena_str(rep->arena, u->scheme).p);
        return false;
    }
    return check_hosts(node, u->hosts, rep);
}

bool config_postgres_url(const struct config_node *node, struct config_report *rep,
                         const char **ret_url, const char **ret_password)
{
    const char *password = NULL;
    struct url u;
    struct buf out;

    if (!split(node->text, &u) || memchr(node->text.p, '\0', node->text.n) != NULL) {
        config_fault(rep, node, E_CONFIG_URL,
                     "this is not a URL of the form postgres://user@host:5432/database");
        return false;
    }
    if (!check_url(node, &u, rep))
        return false;
    buf_init(&out, LIMIT_CONFIG_FILE + LIMIT_CONFIG_SECRETS);
    put_head(&u, &out);
    put_rest(&u, &out);
    if (u.has_password) {
        password = percent_decode(rep->arena, u.password);
        if (password == NULL)
            config_fault(rep, node, E_CONFIG_URL,
                         "a %% in the URL is not followed by two hex digits");
        else
            config_secret_add(rep, str_from(password));
    }
    if (u.has_password && !node->secret)
        config_warning(rep, node, E_CONFIG_URL_PASSWORD,
                       "the URL holds a password; write it as password: ${env:NAME} instead");
    *ret_url = arena_str(rep->arena, buf_view(&out)).p;
    *ret_password = password;
    buf_done(&out);
    return !u.has_password || password != NULL;
}

bool config_url_split(const char *url, struct arena *a, const char **ret_url,
                      const char **ret_password)
{
    const struct config_node node = { .kind = CONFIG_SCALAR,
                                      .text = str_from(url),
                                      .secret = true };
    struct config_report rep = { .path = "", .arena = a };
    const char *left, *password;

    if (!config_postgres_url(&node, &rep, &left, &password) || rep.error_count > 0)
        return false;
    *ret_url = left;
    *ret_password = password;
    return true;
}
