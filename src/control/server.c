/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16, IDLE_TIMEOUT_S = 10, BACKLOG = 16 };

#define STATUS_MAX (4 * MIB)

struct control {
    struct supervisor *supervisor;
    struct MHD_Daemon *daemon;
    int dir_fd;
    int listen_fd;
    char path[108];
};

bool control_socket_path(const char *dir, int *ret_fd, char *ret_path, size_t size,
                         struct error *err)
{
    int fd = file_posix.open(NULL, dir, O_PATH | O_DIRECTORY, 0);

    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open data directory %s", dir);
    (void)snprintf(ret_path, size, "/proc/self/fd/%d/control.sock", fd);
    *ret_fd = fd;
    return true;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
                              const char *content_type, struct str body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", content_type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_status(struct control *c, struct MHD_Connection *connection)
{
    enum MHD_Result result;
    struct buf b;

    buf_init(&b, STATUS_MAX);
    control_status(c->supervisor, &b);
    result =
        buf_ok(&b) ? answer(connection, MHD_HTTP_OK, "application/json", buf_view(&b)) : MHD_NO;
    buf_done(&b);
    return result;
}

/* Runs on the HTTP library's thread; the library fixes the types. */
static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload_data,
       size_t *upload_data_size, /* NOLINT(readability-non-const-parameter) */
       void **request)
{
    static int seen;

    (void)version;
    (void)upload_data;
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_data_size > 0)
        return MHD_NO;
    if (strcmp(url, "/v1/status") != 0)
        return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", STR("no such page\n"));
    if (strcmp(method, "GET") != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", STR("GET only\n"));
    return answer_status(cls, connection);
}

static bool listen_on(struct control *c, struct error *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    mode_t mask;
    int bound;

    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->listen_fd < 0)
        return error_sys(err, ERR_STOP, E_CONTROL_SOCKET, errno, "cannot make a socket");
    (void)str_copy(str_from(c->path), addr.sun_path, sizeof addr.sun_path);
    (void)unlink(c->path);
    mask = umask(0177);
    bound = bind(c->listen_fd, (struct sockaddr *)&addr, sizeof addr);
    (void)umask(mask);
    if (bound != 0 || listen(c->listen_fd, BACKLOG) != 0)
        return error_sys(err, ERR_STOP, E_CONTROL_SOCKET, errno,
                         "cannot listen on control.sock in the data directory");
    return true;
}

bool control_open(struct supervisor *s, const char *dir, struct control **ret_control,
                  struct error *err)
{
    struct control *c = mem_zalloc(1, sizeof *c);

    c->supervisor = s;
    c->dir_fd = -1;
    c->listen_fd = -1;
    if (!control_socket_path(dir, &c->dir_fd, c->path, sizeof c->path, err) || !listen_on(c, err))
        goto fail;
    c->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, handle, c,
        MHD_OPTION_LISTEN_SOCKET, c->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16 * KIB, MHD_OPTION_END);
    if (c->daemon == NULL) {
        (void)error_set(err, ERR_STOP, E_CONTROL_SOCKET, "cannot serve on control.sock");
        goto fail;
    }
    *ret_control = c;
    return true;
fail:
    control_close(c);
    return false;
}

void control_close(struct control *c)
{
    if (c == NULL)
        return;
    /* The library closes the socket that it was given once it runs. */
    if (c->daemon != NULL)
        MHD_stop_daemon(c->daemon);
    else if (c->listen_fd >= 0)
        (void)close(c->listen_fd);
    if (c->dir_fd >= 0) {
        (void)unlink(c->path);
        (void)close(c->dir_fd);
    }
    free(c);
}
