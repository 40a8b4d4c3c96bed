/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     client                                     node
 *     OPTIONS                  ->
 *                              <-  SUPPORTED (PROTOCOL_VERSIONS), or ERROR: not this version
 *     STARTUP                  ->
 *                              <-  READY, or AUTHENTICATE
 *     AUTH_RESPONSE            ->                (v5: from here on in segments)
 *                              <-  AUTH_SUCCESS
 *
 * A node that does not speak v5 refuses the first OPTIONS and closes the connection; then a second
 * connection starts with v4. The name of the authenticator is not looked at: every one that takes a
 * password takes SASL PLAIN.
 */
#include "cql/startup.h"

#include "cql/failure.h"
#include "cql/request.h"

enum { VERSION_FIRST = 5, VERSION_LAST = 4 };

static void write_options(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    (void)arg;
    cql_request_options(b, version, stream);
}

static void write_startup(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    const struct cql_startup_opts *o = arg;

    cql_request_startup(b, version, stream, o->application_name);
}

static void write_auth(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    const struct cql_startup_opts *o = arg;

    cql_request_auth(b, version, stream, str_from(o->username),
                     str_from(o->password != NULL ? o->password : ""));
}

static bool unexpected(struct cql_conn *c, const struct cql_envelope *e, struct error *err)
{
    return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                     "cannot start the protocol with %s: unexpected answer 0x%02x",
                     cql_conn_peer(c), e->opcode);
}

/* An ERROR in place of what was hoped for, worded. */
static bool refused(struct cql_conn *c, const struct cql_envelope *e, const char *what,
                    struct error *err)
{
    struct cql_failure f;

    if (e->opcode != CQL_OP_ERROR)
        return unexpected(c, e, err);
    if (!cql_reply_failure(e, &f, err))
        return false;
    return cql_failure_error(&f, what, cql_conn_peer(c), err);
}

static bool no_version(struct cql_conn *c, const struct cql_startup_opts *o, struct error *err)
{
    return error_set(err, ERR_STOP, E_CQL_VERSION,
                     "cannot agree with %s on a version of the native protocol: it offers none of "
                     "%s",
                     cql_conn_peer(c),
                     o->version == 0   ? "4 and 5"
                     : o->version == 4 ? "4"
                                       : "5");
}

/* Old nodes call it a server error (CASSANDRA-9451). */
static bool refuses_version(const struct cql_envelope *e)
{
    struct cql_failure f;
    struct error ignored;

    if (e->opcode != CQL_OP_ERROR || !cql_reply_failure(e, &f, &ignored))
        return false;
    return f.code == CQL_ERR_PROTOCOL ||
           (f.code == CQL_ERR_SERVER && memmem(f.text.p, f.text.n, "protocol version", 16) != NULL);
}

/* *ret_version: what to go on with; other than the connection's own: on a new connection. */
static bool choose_version(struct cql_conn *c, const struct cql_startup_opts *o, int64_t deadline,
                           unsigned *ret_version, struct error *err)
{
    struct cql_envelope e;
    unsigned offered;

    if (!cql_conn_call(c, write_options, NULL, deadline, &e, err))
        return false;
    if (refuses_version(&e)) {
        if (o->version != 0 || cql_conn_version(c) == VERSION_LAST)
            return no_version(c, o, err);
        *ret_version = VERSION_LAST;
        return true;
    }
    if (e.opcode != CQL_OP_SUPPORTED)
        return refused(c, &e, "ask for the options", err);
    if (!cql_reply_supported(&e, cql_conn_version(c), &offered, err))
        return false;
    if (offered == 0 || offered < o->version)
        return no_version(c, o, err);
    if (offered > cql_conn_version(c)) /* refused before, or not wanted */
        offered = cql_conn_version(c);
    *ret_version = offered;
    return true;
}

static bool authenticate(struct cql_conn *c, const struct cql_startup_opts *o, int64_t deadline,
                         struct error *err)
{
    struct cql_envelope e;

    if (o->username == NULL)
        return error_set(err, ERR_STOP, E_CQL_AUTH_NEEDED,
                         "cannot log in to %s: it asks for a user name and none is configured",
                         cql_conn_peer(c));
    if (!cql_conn_call(c, write_auth, o, deadline, &e, err))
        return false;
    cql_conn_wipe(c);
    if (e.opcode == CQL_OP_AUTH_CHALLENGE)
        return error_set(err, ERR_STOP, E_CQL_AUTH,
                         "cannot log in to %s: its authenticator wants more than a password",
                         cql_conn_peer(c));
    return e.opcode == CQL_OP_AUTH_SUCCESS || refused(c, &e, "log in", err);
}

static bool start(struct cql_conn *c, const struct cql_startup_opts *o, int64_t deadline,
                  struct error *err)
{
    struct cql_envelope e;

    if (!cql_conn_call(c, write_startup, o, deadline, &e, err))
        return false;
    if (e.opcode != CQL_OP_READY && e.opcode != CQL_OP_AUTHENTICATE)
        return refused(c, &e, "start the protocol", err);
    if (cql_conn_version(c) >= 5)
        cql_conn_use_segments(c);
    return e.opcode == CQL_OP_READY || authenticate(c, o, deadline, err);
}

static bool dial(const struct cql_startup_opts *o, unsigned version, int64_t deadline,
                 struct cql_conn **ret_conn, struct error *err)
{
    struct net_opts opts = { .host = o->host,
                             .port = o->port,
                             .tls = o->tls,
                             .connect_timeout_ms =
                                 clock_left_ms(o->clock, deadline, o->connect_timeout_ms),
                             .stop_fd = o->stop_fd };
    struct net_conn *net;

    if (opts.connect_timeout_ms <= 0) {
        return error_set(err, ERR_RETRY, E_CQL_TIMEOUT,
                         "cannot start the protocol with %s: no "
                         "time is left",
                         o->host);
    }
    if (!net_connect(&opts, &net, err))
        return false;
    *ret_conn = cql_conn_new(net, version, o->in_flight_max, o->stop_fd, o->clock);
    return true;
}

bool cql_startup_open(const struct cql_startup_opts *o, struct cql_conn **ret_conn,
                      struct error *err)
{
    int64_t deadline = clock_mono_us(o->clock) + (int64_t)o->connect_timeout_ms * 1000;
    unsigned asked = o->version != 0 ? o->version : (unsigned)VERSION_FIRST;
    struct cql_conn *c = NULL;

    for (;;) {
        unsigned version = 0;

        if (!dial(o, asked, deadline, &c, err))
            return false;
        if (!choose_version(c, o, deadline, &version, err))
            goto fail;
        if (version == asked)
            break;
        cql_conn_close(c);
        c = NULL;
        asked = version;
    }
    if (!start(c, o, deadline, err))
        goto fail;
    *ret_conn = c;
    return true;
fail:
    cql_conn_close(c);
    return false;
}
