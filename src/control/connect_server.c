/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_server.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "control/connect_guard.h"
#include "control/mailbox.h"
#include "net/listen.h"

#include <errno.h>
#include <microhttpd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, IDLE_TIMEOUT_S = 30, BACKLOG = 64, PEM_MAX = 256 * 1024 };

/* Of one connection, for its request's line and headers. */
#define HEADERS_MAX (32 * KIB)

/* One request under way. Its own thread is the library's, but between post and answer: then the main
 * thread has call and reply. */
struct request {
    struct letter letter;
    struct connect_server *server;
    struct MHD_Connection *connection;
    char *target; /* path and query as they came */
    struct buf body;
    struct connect_call call;
    struct connect_reply reply;
    bool routed;
    bool answered;
};

struct connect_server {
    struct MHD_Daemon *daemon;
    struct mailbox mailbox;
    struct connect_guard guard;
    char *cert;
    char *key;
    char address[160];
};

/* ---- answers ------------------------------------------------------------------------------------------- */

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct request *r)
{
    char *text = r->reply.body != NULL ? json_dumps(r->reply.body, JSON_COMPACT) : NULL;
    size_t n = text != NULL ? strlen(text) : 0;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        n, text, text != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result;

    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    if (text != NULL)
        (void)MHD_add_response_header(response, "Content-Type", "application/json");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (r->reply.location != NULL)
        (void)MHD_add_response_header(response, "Location", r->reply.location);
    if (r->reply.status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    result = MHD_queue_response(connection, r->reply.status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, struct request *r, unsigned status,
                              const char *text)
{
    connect_reply_error(&r->reply, status, "%s", text);
    return send_reply(connection, r);
}

/* ---- requests -------------------------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The headers are here, the body is not. False: *ret_result is the library's next step. */
static bool admit(struct connect_server *s, struct MHD_Connection *connection, struct request *r,
                  const char *method, enum MHD_Result *ret_result)
{
    struct connect_head head = { .host = header(connection, "Host"),
                                 .origin = header(connection, "Origin"),
                                 .authorization = header(connection, "Authorization"),
                                 .content_type = header(connection, "Content-Type") };
    const char *text;
    unsigned status = connect_guard_check(&s->guard, &head, &text);

    if (status != 0) {
        *ret_result = refuse(connection, r, status, text);
        return false;
    }
    if (!connect_route(method, str_from(r->target), &r->call, &r->reply)) {
        *ret_result = send_reply(connection, r);
        return false;
    }
    head.wants_body = r->call.body_kind != CONNECT_BODY_NONE;
    status = connect_guard_check_type(&head, &text);
    if (status != 0) {
        *ret_result = refuse(connection, r, status, text);
        return false;
    }
    r->routed = true;
    return true;
}

/* All of the body is here: over to the main thread. */
static enum MHD_Result submit(struct connect_server *s, struct MHD_Connection *connection,
                              struct request *r)
{
    if (!buf_ok(&r->body))
        return refuse(connection, r, 413, "The body of the request is too large");
    if (!connect_route_body(&r->call, buf_view(&r->body), &r->reply))
        return send_reply(connection, r);
    if (r->body.p != NULL)
        explicit_bzero(r->body.p, r->body.n);
    /* Before it is posted: the main thread takes the connection up again at once. */
    MHD_suspend_connection(connection);
    if (mailbox_post(&s->mailbox, &r->letter))
        return MHD_YES;
    r->answered = true;
    connect_reply_error(&r->reply, 503, "The worker is stopping");
    MHD_resume_connection(connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **con_cls)
{
    struct connect_server *s = ctx;
    struct request *r = *con_cls;
    enum MHD_Result result;

    (void)url;
    (void)version;
    if (r == NULL)
        return MHD_NO;
    if (!r->routed) {
        r->connection = connection;
        return admit(s, connection, r, method, &result) ? MHD_YES : result;
    }
    if (r->answered)
        return send_reply(connection, r);
    if (*data_n > 0) {
        buf_put(&r->body, data, *data_n); /* past its limit it only remembers that */
        *data_n = 0;
        return MHD_YES;
    }
    return submit(s, connection, r);
}

/* The first thing of a request, with its line as it came. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct request *r = mem_zalloc(1, sizeof *r);

    (void)connection;
    r->server = ctx;
    r->target = mem_strdup(uri);
    buf_init(&r->body, LIMIT_CONNECT_BODY);
    connect_reply_init(&r->reply);
    return r;
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode how)
{
    struct request *r = *con_cls;

    (void)ctx;
    (void)connection;
    (void)how;
    if (r == NULL)
        return;
    connect_call_done(&r->call);
    connect_reply_done(&r->reply);
    buf_done(&r->body);
    free(r->target);
    free(r);
    *con_cls = NULL;
}

/* Paths are decoded where they are taken apart, so that %2F stays within a name. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx;
    (void)connection;
    return strlen(text);
}

/* ---- the main thread's side --------------------------------------------------------------------------------- */

void connect_server_serve(struct connect_server *s,
                          void (*handle)(void *ctx, const struct connect_call *call,
                                         struct connect_reply *reply),
                          void *ctx)
{
    struct letter *letter;

    while ((letter = mailbox_take(&s->mailbox)) != NULL) {
        struct request *r =
            (struct request *)(uintptr_t)((char *)letter - offsetof(struct request, letter));

        handle(ctx, &r->call, &r->reply);
        r->answered = true;
        MHD_resume_connection(r->connection);
    }
}

int connect_server_fd(const struct connect_server *s)
{
    return s->mailbox.wake.fd;
}

const char *connect_server_address(const struct connect_server *s)
{
    return s->address;
}

/* ---- opening --------------------------------------------------------------------------------------------------- */

static bool fail_listen(const struct connect_server_opts *opts, const char *reason,
                        struct error *err)
{
    return error_set(err, ERR_STOP, E_CONNECT_LISTEN,
                     "cannot serve the connectors' REST API on %s port %u: %s", opts->host,
                     (unsigned)opts->port, reason);
}

static void note_address(struct connect_server *s, const char *host, int fd)
{
    (void)snprintf(s->address, sizeof s->address,
                   strchr(host, ':') != NULL ? "[%.128s]:%u" : "%.128s:%u", host,
                   (unsigned)listen_port(fd));
}

static bool read_pem(const struct connect_server_opts *opts, const char *path, char **ret_text,
                     struct error *err)
{
    struct error cause;
    struct str text;

    if (!file_read_all(path, PEM_MAX, &text, &cause))
        return fail_listen(opts, cause.msg, err);
    *ret_text = (char *)(uintptr_t)text.p;
    return true;
}

/* The library takes over the socket. */
static bool start_daemon(struct connect_server *s, int fd, bool tls)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_SUSPEND_RESUME |
                     (tls ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    struct MHD_OptionItem pem[] = { { MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert },
                                    { MHD_OPTION_HTTPS_MEM_KEY, 0, s->key },
                                    { MHD_OPTION_END, 0, NULL } };

    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_NOTIFY_COMPLETED, on_done, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX, MHD_OPTION_ARRAY, tls ? pem : none,
        MHD_OPTION_END);
    return s->daemon != NULL;
}

bool connect_server_open(const struct connect_server_opts *opts, struct connect_server **ret_server,
                         bool *ret_taken, struct error *err)
{
    const struct listen_opts at = { .host = opts->host,
                                    .port = opts->port,
                                    .backlog = BACKLOG,
                                    .code = E_CONNECT_LISTEN,
                                    .purpose = "serve the connectors' REST API" };
    bool tls = opts->cert != NULL;
    struct connect_server *s;
    int fd = -1;

    *ret_taken = false;
    if (!listen_open(&at, &fd, err)) {
        *ret_taken = err->sys == EADDRINUSE;
        return false;
    }
    s = mem_zalloc(1, sizeof *s);
    s->guard.token = opts->token;
    note_address(s, opts->host, fd);
    if (!mailbox_init(&s->mailbox, err))
        goto fail;
    if (tls &&
        (!read_pem(opts, opts->cert, &s->cert, err) || !read_pem(opts, opts->key, &s->key, err)))
        goto fail;
    if (!start_daemon(s, fd, tls)) {
        (void)fail_listen(opts, tls ? "its certificate and key cannot be used" : "it did not start",
                          err);
        goto fail;
    }
    *ret_server = s;
    return true;
fail:
    (void)close(fd);
    connect_server_close(s);
    return false;
}

static void say_stopping(void *ctx, const struct connect_call *call, struct connect_reply *reply)
{
    (void)ctx;
    (void)call;
    connect_reply_error(reply, 503, "The worker is stopping");
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void connect_server_close(struct connect_server *s)
{
    if (s == NULL)
        return;
    mailbox_close(&s->mailbox);
    if (s->daemon != NULL) {
        connect_server_serve(s, say_stopping, NULL);
        MHD_stop_daemon(s->daemon);
    }
    mailbox_done(&s->mailbox);
    free(s->cert);
    wipe(s->key);
    free(s);
}
