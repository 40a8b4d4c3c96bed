/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library is driven by our own loop (MHD_run beside its epoll fd), so that there is one thread, no
 * lock, and a moment where nothing is left to do: that is when standard output is flushed.
 *
 * A request is answered when all of its body is here and printed. With a delay the connection is
 * suspended in between; as every request waits equally long, those who wait form a queue.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "cli/receive.h"
#include "net/listen.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    IDLE_SECONDS = 300, /* a kept connection that says nothing */
    CONNECTIONS = 1000,
    BACKLOG = 128,
    BODY_KEPT = 256 * 1024, /* memory that a finished request may keep for the next one */
};

static char nothing[1]; /* the library wants it writable */

/* One request under way; kept in a list of spares between requests. */
struct request {
    struct request *next; /* in `spare` or in the queue of those who wait */
    struct MHD_Connection *conn;
    struct buf body;
    bool printed;
    unsigned status;
    int64_t due_us;
};

struct receive_server {
    const struct receive_opts *opts;
    struct receive_printer *printer;
    struct MHD_Daemon *daemon;
    struct MHD_Response *empty;
    int epoll_fd;
    uint16_t port;
    uint64_t count;
    struct request *spare;
    struct request *wait_first;
    struct request *wait_last;
    bool failed; /* the printer could not print; cause says why */
    struct error cause;
};

/* ---- requests ------------------------------------------------------------------------------------ */

static struct request *request_take(struct receive_server *s, struct MHD_Connection *conn)
{
    struct request *r = s->spare;

    if (r != NULL) {
        s->spare = r->next;
    } else {
        r = mem_zalloc(1, sizeof *r);
        buf_init(&r->body, LIMIT_HTTP_BODY);
    }
    r->next = NULL;
    r->conn = conn;
    r->printed = false;
    return r;
}

static void wait_remove(struct receive_server *s, const struct request *r)
{
    struct request *before = NULL;

    for (struct request *at = s->wait_first; at != NULL; before = at, at = at->next) {
        if (at != r)
            continue;
        if (before != NULL)
            before->next = r->next;
        else
            s->wait_first = r->next;
        if (s->wait_last == r)
            s->wait_last = before;
        return;
    }
}

static void request_done(void *ctx, struct MHD_Connection *conn, void **con_cls,
                         enum MHD_RequestTerminationCode how)
{
    struct receive_server *s = ctx;
    struct request *r = *con_cls;

    (void)conn;
    (void)how;
    if (r == NULL)
        return;
    wait_remove(s, r);
    buf_shrink(&r->body, BODY_KEPT);
    r->next = s->spare;
    s->spare = r;
    *con_cls = NULL;
}

static struct str header(struct MHD_Connection *conn, const char *name)
{
    const char *text = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);

    return text != NULL ? str_from(text) : STR("");
}

/* The path itself and everything below it. */
static bool path_matches(const char *path, const char *url)
{
    size_t n = strlen(path);

    if (n > 0 && path[n - 1] == '/')
        n--;
    return strncmp(path, url, n) == 0 && (url[n] == '\0' || url[n] == '/');
}

static unsigned choose_status(struct receive_server *s, const struct request *r, const char *url,
                              const char *method)
{
    if (!path_matches(s->opts->path, url))
        return MHD_HTTP_NOT_FOUND;
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!buf_ok(&r->body))
        return MHD_HTTP_CONTENT_TOO_LARGE;
    s->count++;
    if (s->opts->fail_every > 0 && s->count % (uint64_t)s->opts->fail_every == 0)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    return s->opts->status;
}

/* All of the body is here. What is answered with success is printed, and nothing else. */
static void complete(struct receive_server *s, struct request *r, const char *url,
                     const char *method)
{
    struct receive_request req = {
        .id = header(r->conn, "webhook-id"),
        .op = header(r->conn, "x-multisink-op"),
        .body = buf_view(&r->body),
        .lines = str_starts(header(r->conn, "content-type"), STR("application/x-ndjson")),
    };

    r->printed = true;
    r->status = choose_status(s, r, url, method);
    if (r->status / 100 == 2 && !s->failed && !receive_print(s->printer, &req, &s->cause))
        s->failed = true;
    if (s->failed)
        r->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void wait_add(struct receive_server *s, struct request *r)
{
    r->due_us = clock_mono_us(&clock_system) + s->opts->delay_ms * 1000;
    if (s->wait_last != NULL)
        s->wait_last->next = r;
    else
        s->wait_first = r;
    s->wait_last = r;
    MHD_suspend_connection(r->conn);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **con_cls)
{
    struct receive_server *s = ctx;
    struct request *r = *con_cls;

    (void)version;
    if (r == NULL) {
        *con_cls = request_take(s, conn);
        return MHD_YES;
    }
    if (*data_n > 0) {
        buf_put(&r->body, data, *data_n);
        *data_n = 0;
        return MHD_YES;
    }
    if (!r->printed) {
        complete(s, r, url, method);
        if (s->opts->delay_ms > 0) {
            wait_add(s, r);
            return MHD_YES;
        }
    }
    return MHD_queue_response(conn, r->status, s->empty);
}

/* ---- the server ------------------------------------------------------------------------------------ */

static bool fail_listen(const struct receive_opts *opts, const char *reason, struct error *err)
{
    return error_set(err, ERR_STOP, E_RECEIVE_LISTEN, "cannot listen on %s port %u: %s", opts->host,
                     (unsigned)opts->port, reason);
}

bool receive_server_open(const struct receive_opts *opts, struct receive_printer *printer,
                         struct receive_server **ret_server, struct error *err)
{
    const struct listen_opts at = { .host = opts->host,
                                    .port = opts->port,
                                    .backlog = BACKLOG,
                                    .code = E_RECEIVE_LISTEN,
                                    .purpose = "listen" };
    struct receive_server *s;
    const union MHD_DaemonInfo *info;
    int fd = -1;

    if (!listen_open(&at, &fd, err))
        return false;
    s = mem_zalloc(1, sizeof *s);
    s->opts = opts;
    s->printer = printer;
    s->port = listen_port(fd);
    s->empty = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
        opts->port, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, request_done, s, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    info = s->daemon != NULL ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (s->empty == NULL || info == NULL) {
        if (s->daemon == NULL)
            (void)close(fd);
        receive_server_close(s);
        return fail_listen(opts, "the HTTP library did not start", err);
    }
    s->epoll_fd = info->epoll_fd;
    *ret_server = s;
    return true;
}

/* Connections that are suspended must be taken up again before the library may stop. */
static void resume_all(struct receive_server *s)
{
    for (struct request *r = s->wait_first; r != NULL; r = s->wait_first) {
        s->wait_first = r->next;
        r->next = NULL;
        MHD_resume_connection(r->conn);
    }
    s->wait_last = NULL;
}

void receive_server_close(struct receive_server *s)
{
    if (s == NULL)
        return;
    resume_all(s);
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    if (s->empty != NULL)
        MHD_destroy_response(s->empty);
    while (s->spare != NULL) {
        struct request *r = s->spare;

        s->spare = r->next;
        buf_done(&r->body);
        free(r);
    }
    free(s);
}

uint16_t receive_server_port(const struct receive_server *s)
{
    return s->port;
}

uint64_t receive_server_count(const struct receive_server *s)
{
    return s->count;
}

/* Takes up those whose delay is over. Milliseconds until the next one, 0 when there were any (the
 * library must run to notice), -1 when nobody waits. */
static int resume_due(struct receive_server *s)
{
    int64_t now_us = clock_mono_us(&clock_system);
    bool any = false;

    while (s->wait_first != NULL && s->wait_first->due_us <= now_us) {
        struct request *r = s->wait_first;

        s->wait_first = r->next;
        if (s->wait_first == NULL)
            s->wait_last = NULL;
        r->next = NULL;
        MHD_resume_connection(r->conn);
        any = true;
    }
    if (any)
        return 0;
    return s->wait_first != NULL ? clock_left_ms(&clock_system, s->wait_first->due_us, 60000) : -1;
}

/* How long the loop may wait: until a delay is over, or the library has something to time out. */
static int wait_ms(struct receive_server *s, int due_ms)
{
    MHD_UNSIGNED_LONG_LONG library_ms;

    if (MHD_get_timeout(s->daemon, &library_ms) != MHD_YES)
        return due_ms;
    if (library_ms > 60000)
        library_ms = 60000;
    return due_ms >= 0 && due_ms < (int)library_ms ? due_ms : (int)library_ms;
}

bool receive_server_run(struct receive_server *s, int stop_fd, struct error *err)
{
    struct pollfd fds[2] = { { .fd = s->epoll_fd, .events = POLLIN },
                             { .fd = stop_fd, .events = POLLIN } };

    while ((fds[1].revents & POLLIN) == 0) {
        int timeout_ms = wait_ms(s, resume_due(s));

        if (timeout_ms != 0 && poll(fds, 2, 0) == 0) {
            if (!receive_flush(s->printer, err))
                return false;
            (void)poll(fds, 2, timeout_ms); /* EINTR: the stop flag is looked at again */
        }
        if (MHD_run(s->daemon) != MHD_YES)
            return error_set(err, ERR_STOP, E_SYS_RESOURCE,
                             "cannot serve: the HTTP library failed");
        if (s->failed) {
            *err = s->cause;
            return false;
        }
    }
    return receive_flush(s->printer, err);
}
