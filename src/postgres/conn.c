/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting: PQconnectPoll under our deadline and stop fd.
 *
 * libpq does not hand out the SQLSTATE of a refused connection, but in its verbose form the text holds
 * it: `connection to server at "h", port 5432 failed: FATAL:  28P01: password authentication failed`.
 * So verbosity is raised while connecting, and the text is read back. What the client side itself
 * refuses (certificates, options) has no SQLSTATE and is told by libpq's own words, which are not
 * translated because this program never calls setlocale.
 */
#include "postgres/conn.h"

#include "base/mem.h"
#include "base/wake.h"
#include "postgres/link.h"
#include "postgres/sqlstate.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_MS = 10000, QUERY_MS = 30000, SERVER_MIN = 140000, KEYWORDS = 16 };

/* The timeouts are switched off because a role or database may have them set for its own users: a
 * snapshot or a stream is one long statement. */
static const char session[] =
    "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3"
    " -c bytea_output=hex -c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=0"
    " -c idle_in_transaction_session_timeout=0 -c standard_conforming_strings=on";

/* What libpq says when trying again cannot help. */
static const struct {
    const char *words;
    enum error_code code;
} refusals[] = {
    { "certificate verify failed", E_TLS_VERIFY },
    { "does not match host name", E_TLS_VERIFY },
    { "server does not support SSL", E_TLS_SETUP },
    { "root certificate file", E_TLS_SETUP },
    { "certificate file", E_TLS_SETUP },
    { "private key file", E_TLS_SETUP },
    { "could not load", E_TLS_SETUP },
    { "no password supplied", E_PG_AUTH },
    { "authentication method", E_PG_AUTH },
    { "channel binding", E_PG_AUTH },
    { "invalid ", E_PG_URL },
    { "definition of service", E_PG_URL },
};

/* Does the URL itself hold a password? Then nothing that quotes the URL may be shown. */
static bool url_has_password(const char *url)
{
    const char *host = strstr(url, "://");
    const char *at = strrchr(url, '@');
    const char *colon = host == NULL ? NULL : strchr(host + 3, ':');

    return strstr(url, "password") != NULL || (at != NULL && colon != NULL && colon < at);
}

/* 127.0.0.0/8 as an address, not a name that begins like one. */
static bool is_loopback(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] != '.' && !isdigit((unsigned char)host.p[i]))
            return false;
    }
    return str_starts(host, STR("127."));
}

static bool is_local(struct str host)
{
    return host.n == 0 || host.p[0] == '/' || host.p[0] == '@' || str_is(host, "localhost") ||
           str_is(host, "::1") || is_loopback(host);
}

bool postgres_hosts_are_local(const char *hosts)
{
    struct str left = str_from(hosts != NULL ? hosts : "");
    bool local = true;

    for (;;) {
        size_t n = str_find(left, ',');

        local = local && is_local(str_make(left.p, n));
        if (n == left.n)
            return local;
        left = str_make(left.p + n + 1, left.n - n - 1);
    }
}

/* The user's own `options` of the URL, with ours behind them, so that ours win; and whether the
 * connection stays on this machine. */
static bool session_options(const char *url, char **ret_options, bool *ret_local, struct error *err)
{
    char *reason = NULL;
    PQconninfoOption *all = PQconninfoParse(url, &reason);
    const char *own = NULL;
    const char *host = NULL;

    if (all == NULL) {
        struct str text = str_trim(str_from(reason != NULL ? reason : "out of memory"));

        if (url_has_password(url))
            text = STR("it is not of the form that libpq expects");
        (void)error_set(err, ERR_STOP, E_PG_URL, "cannot use the PostgreSQL URL: %.*s",
                        STR_ARG(text));
        PQfreemem(reason);
        return false;
    }
    for (PQconninfoOption *o = all; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "options") == 0)
            own = o->val;
        if ((strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "hostaddr") == 0) &&
            o->val != NULL)
            host = o->val;
    }
    *ret_local = postgres_hosts_are_local(host);
    *ret_options = mem_printf("%s %s", own != NULL ? own : "", session);
    PQconninfoFree(all);
    return true;
}

static PGconn *start(const struct postgres_opts *opts, const char *options, bool local)
{
    const char *keys[KEYWORDS + 1];
    const char *values[KEYWORDS + 1];
    int n = 0;

#define ADD(key, value) (keys[n] = (key), values[n] = (value), n++)
    /* Before the URL: it may say otherwise. A peer that vanishes is found out within the time. */
    ADD("keepalives_idle", "20");
    ADD("keepalives_interval", "5");
    ADD("keepalives_count", "3");
    ADD("tcp_user_timeout", "10000");
    /* libpq's own default would fall back to plain text without a word. */
    if (!local)
        ADD("sslmode", "require");
    ADD("dbname", opts->url);
    /* Behind the URL: whatever it says. */
    if (opts->password != NULL)
        ADD("password", opts->password);
    if (opts->application_name != NULL)
        ADD("application_name", opts->application_name);
    if (opts->replication)
        ADD("replication", "database");
    ADD("client_encoding", "UTF8");
    ADD("options", options);
#undef ADD
    keys[n] = NULL;
    values[n] = NULL;
    return PQconnectStartParams(keys, values, 1);
}

/* Finds "FATAL:  28P01: text": five capitals or digits between colons. NULL when there is none. */
static const char *find_sqlstate(const char *line, char ret_sqlstate[6])
{
    for (const char *p = strstr(line, ":  "); p != NULL; p = strstr(p + 1, ":  ")) {
        int n = 0;

        while (n < 5 && (isdigit((unsigned char)p[3 + n]) || isupper((unsigned char)p[3 + n])))
            n++;
        if (n == 5 && p[8] == ':' && p[9] == ' ') {
            memcpy(ret_sqlstate, p + 3, 5);
            ret_sqlstate[5] = '\0';
            return p + 10;
        }
    }
    return NULL;
}

/* The connection could not be made. With several hosts the last one's words count. */
static bool refused(const struct postgres_conn *c, struct error *err)
{
    const char *text = PQerrorMessage(c->pq);
    const char *line = text;
    char sqlstate[6];
    const char *words;
    int length;

    for (const char *p = text; (p = strstr(p, "connection to server")) != NULL; p++)
        line = p;
    length = (int)str_find(str_from(line), '\n');
    words = find_sqlstate(line, sqlstate);
    if (words != NULL) {
        struct postgres_verdict v = postgres_sqlstate(sqlstate);

        return error_set(err, v.kind, v.code,
                         "cannot log in to PostgreSQL at %s: %.*s (SQLSTATE %s)", c->peer,
                         (int)str_find(str_from(words), '\n'), words, sqlstate);
    }
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strstr(line, refusals[i].words) != NULL)
            return error_set(err, ERR_STOP, refusals[i].code, "cannot connect to PostgreSQL: %.*s",
                             length, line);
    }
    return error_set(err, ERR_RETRY, E_PG_CONNECT, "cannot connect to PostgreSQL: %.*s", length,
                     line);
}

static void name_peer(struct postgres_conn *c)
{
    const char *host = PQhost(c->pq);
    const char *port = PQport(c->pq);
    const char *db = PQdb(c->pq);

    (void)snprintf(c->peer, sizeof c->peer, "%s:%s/%s", host != NULL ? host : "?",
                   port != NULL ? port : "?", db != NULL ? db : "?");
}

static bool finish(struct postgres_conn *c, int timeout_ms, struct error *err)
{
    int64_t deadline_us = postgres_link_deadline(c, timeout_ms);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;

    while (want != PGRES_POLLING_OK) {
        short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;

        if (want == PGRES_POLLING_FAILED || PQstatus(c->pq) == CONNECTION_BAD)
            return refused(c, err);
        if (!postgres_link_wait(c, events, deadline_us, err))
            return err->kind != ERR_CANCEL && error_wrap(err, "cannot connect to PostgreSQL");
        want = PQconnectPoll(c->pq);
        name_peer(c);
    }
    return true;
}

static void drop_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

static struct postgres_conn *make(const struct postgres_opts *opts, PGconn *pq)
{
    struct postgres_conn *c = mem_zalloc(1, sizeof *c);

    c->pq = pq;
    c->clock = opts->clock != NULL ? opts->clock : &clock_system;
    c->stop_fd = opts->stop_fd;
    c->query_timeout_ms = opts->query_timeout_ms > 0 ? opts->query_timeout_ms : QUERY_MS;
    c->replication = opts->replication;
    (void)PQsetNoticeReceiver(pq, drop_notice, NULL);
    (void)PQsetErrorVerbosity(pq, PQERRORS_VERBOSE);
    name_peer(c);
    return c;
}

bool postgres_connect(const struct postgres_opts *opts, struct postgres_conn **ret_conn,
                      struct error *err)
{
    struct postgres_conn *c;
    bool local;
    char *options = NULL;
    PGconn *pq;

    if (!session_options(opts->url, &options, &local, err))
        return false;
    pq = start(opts, options, local);
    free(options);
    if (pq == NULL)
        error_out_of_memory(0);
    c = make(opts, pq);
    if (!finish(c, opts->connect_timeout_ms > 0 ? opts->connect_timeout_ms : CONNECT_MS, err))
        goto fail;
    (void)PQsetErrorVerbosity(pq, PQERRORS_DEFAULT);
    if (PQserverVersion(pq) < SERVER_MIN) {
        (void)error_set(err, ERR_STOP, E_PG_VERSION,
                        "cannot use PostgreSQL %s at %s: version 14 or newer is needed",
                        PQparameterStatus(pq, "server_version"), c->peer);
        goto fail;
    }
    if (PQsetnonblocking(pq, 1) != 0) {
        (void)postgres_link_lost(c, "cannot set the connection up", err);
        goto fail;
    }
    *ret_conn = c;
    return true;
fail:
    postgres_close(c);
    return false;
}

void postgres_close(struct postgres_conn *c)
{
    if (c == NULL)
        return;
    PQfinish(c->pq);
    free(c);
}

const char *postgres_peer(const struct postgres_conn *c)
{
    return c->peer;
}

int postgres_version(const struct postgres_conn *c)
{
    return PQserverVersion(c->pq);
}

int postgres_backend_pid(const struct postgres_conn *c)
{
    return PQbackendPID(c->pq);
}

bool postgres_uses_tls(const struct postgres_conn *c)
{
    return PQsslInUse(c->pq) != 0;
}

bool postgres_is_alive(const struct postgres_conn *c)
{
    return !c->broken && PQstatus(c->pq) == CONNECTION_OK;
}
