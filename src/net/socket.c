/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets are non-blocking from the start; every wait is one poll over the socket and the stop fd. A
 * name's addresses are tried in turn: each gets an equal share of the time that is left, so that one
 * that swallows packets does not cost the others their chance.
 */
#include "net/net.h"

#include "base/mem.h"
#include "base/wake.h"
#include "net/conn.h"
#include "net/resolve.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    KEEPALIVE_IDLE_S = 15,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_COUNT = 3,
    /* Sent bytes that stay unacknowledged so long mean a dead path; the kernel's own limit is about a
     * quarter of an hour. */
    USER_TIMEOUT_MS = 30000
};

/* ---- waiting ---------------------------------------------------------------------------------- */

bool conn_wait(const struct net_conn *c, short events, int64_t deadline_us, struct error *err)
{
    struct pollfd fds[2] = { { .fd = c->fd, .events = events },
                             { .fd = c->stop_fd, .events = POLLIN } };

    for (;;) {
        int left = clock_left_ms(&clock_system, deadline_us, INT_MAX);
        int n = poll(fds, c->stop_fd >= 0 ? 2 : 1, left);

        if (n < 0 && errno != EINTR)
            return error_sys(err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot wait for %s", c->peer);
        if (n > 0 && fds[1].revents != 0)
            return error_cancel(err);
        if (n > 0 && fds[0].revents != 0)
            return true;
        if (left == 0) {
            return error_set(err, ERR_RETRY, E_NET_TIMEOUT, "cannot talk to %s: no answer in time",
                             c->peer);
        }
    }
}

bool conn_lost(const struct net_conn *c, int sys, struct error *err)
{
    return error_sys(err, ERR_RETRY, E_NET_LOST, sys, "cannot talk to %s", c->peer);
}

/* ---- connecting ------------------------------------------------------------------------------- */

static void set_option(int fd, int level, int option, int value)
{
    /* None of them is needed for correctness; a kernel without one is not an error. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void set_tcp_options(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

/* The result of a connect that was under way; 0 or errno. */
static int pending_error(int fd)
{
    int sys = 0;
    socklen_t n = sizeof sys;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) == 0 ? sys : errno;
}

static bool connect_fd(struct net_conn *c, const struct sockaddr *addr, socklen_t n,
                       int64_t deadline_us, struct error *err)
{
    int sys = 0;

    c->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        enum error_kind kind = errno == EAFNOSUPPORT ? ERR_RETRY : ERR_STOP;

        return error_sys(err, kind, kind == ERR_RETRY ? E_NET_CONNECT : E_SYS_RESOURCE, errno,
                         "cannot make a socket for %s", c->peer);
    }
    if (addr->sa_family != AF_UNIX)
        set_tcp_options(c->fd);
    if (connect(c->fd, addr, n) != 0)
        sys = errno;
    if (sys == EINPROGRESS || sys == EINTR) {
        if (!conn_wait(c, POLLOUT, deadline_us, err))
            return error_wrap(err, "cannot connect");
        sys = pending_error(c->fd);
    }
    if (sys != 0)
        return error_sys(err, ERR_RETRY, E_NET_CONNECT, sys, "cannot connect to %s", c->peer);
    return true;
}

static bool connect_unix(struct net_conn *c, const char *path, int64_t deadline_us,
                         struct error *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    c->peer = mem_strdup(path);
    if (!str_copy(str_from(path), addr.sun_path, sizeof addr.sun_path)) {
        return error_set(err, ERR_STOP, E_NET_CONNECT,
                         "cannot connect to \"%s\": a socket's path has at most %zu bytes", path,
                         sizeof addr.sun_path - 1);
    }
    return connect_fd(c, (const struct sockaddr *)&addr, sizeof addr, deadline_us, err);
}

/* "host (address):port"; for the common case of an address as host just that. */
static char *peer_text(const char *host, uint16_t port, const struct addrinfo *ai)
{
    char address[NI_MAXHOST];
    const char *open = strchr(host, ':') != NULL ? "[" : "";
    const char *close_text = *open != '\0' ? "]" : "";

    if (getnameinfo(ai->ai_addr, ai->ai_addrlen, address, sizeof address, NULL, 0,
                    NI_NUMERICHOST) != 0 ||
        strcmp(address, host) == 0) {
        return mem_printf("%s%s%s:%u", open, host, close_text, (unsigned)port);
    }
    return mem_printf("%s:%u (%s)", host, (unsigned)port, address);
}

static bool connect_tcp(struct net_conn *c, const struct net_opts *opts, int64_t deadline_us,
                        struct error *err)
{
    struct addrinfo *list;
    int left = 0;
    bool ok = false;

    if (!resolve_host(opts->host, opts->port, &list, err))
        return false;
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
        left++;
    for (const struct addrinfo *ai = list; ai != NULL && !ok; ai = ai->ai_next) {
        int64_t now = clock_mono_us(&clock_system);
        int64_t share = deadline_us > now ? (deadline_us - now) / left-- : 0;

        if (c->fd >= 0)
            (void)close(c->fd);
        c->fd = -1;
        free(c->peer);
        c->peer = peer_text(opts->host, opts->port, ai);
        ok = connect_fd(c, ai->ai_addr, ai->ai_addrlen, now + share, err);
        if (!ok && err->kind != ERR_RETRY)
            break;
    }
    freeaddrinfo(list);
    return ok;
}

bool net_connect(const struct net_opts *opts, struct net_conn **ret_conn, struct error *err)
{
    int timeout_ms = opts->connect_timeout_ms > 0 ? opts->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    int64_t deadline_us = clock_mono_us(&clock_system) + (int64_t)timeout_ms * 1000;
    struct net_conn *c = mem_zalloc(1, sizeof *c);
    struct error cause = {
        0
    }; /* untouched on success, though an earlier address may have failed */
    bool ok;

    c->fd = -1;
    c->stop_fd = opts->stop_fd;
    if (wake_is_set(opts->stop_fd))
        ok = error_cancel(&cause);
    else if (opts->unix_path != NULL)
        ok = connect_unix(c, opts->unix_path, deadline_us, &cause);
    else
        ok = connect_tcp(c, opts, deadline_us, &cause);
    if (ok && opts->tls != NULL && opts->tls->enabled) {
        const char *host = opts->unix_path == NULL ? opts->host : NULL;

        ok = tls_start(c, opts->tls, host, deadline_us, &cause);
    }
    if (!ok) {
        net_close(c);
        *err = cause;
        return false;
    }
    *ret_conn = c;
    return true;
}

void net_close(struct net_conn *c)
{
    if (c == NULL)
        return;
    tls_close(c->tls);
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c->peer);
    free(c);
}

/* ---- moving bytes ----------------------------------------------------------------------------- */

static enum net_io io_result(const struct net_conn *c, ssize_t n, enum net_io want, size_t *ret_n,
                             struct error *err)
{
    if (n > 0) {
        *ret_n = (size_t)n;
        return NET_IO_DONE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return want;
    if (n < 0)
        (void)conn_lost(c, errno, err);
    else
        (void)error_set(err, ERR_RETRY, E_NET_LOST, "cannot talk to %s: it closed the connection",
                        c->peer);
    return NET_IO_FAILED;
}

static enum net_io io_read(struct net_conn *c, void *p, size_t n, size_t *ret_n, struct error *err)
{
    if (c->tls != NULL)
        return tls_read(c, p, n, ret_n, err);
    return io_result(c, recv(c->fd, p, n, 0), NET_IO_WANT_READ, ret_n, err);
}

static enum net_io io_write(struct net_conn *c, const void *p, size_t n, size_t *ret_n,
                            struct error *err)
{
    if (c->tls != NULL)
        return tls_write(c, p, n, ret_n, err);
    return io_result(c, send(c->fd, p, n, MSG_NOSIGNAL), NET_IO_WANT_WRITE, ret_n, err);
}

bool net_try_read(struct net_conn *c, void *p, size_t n, size_t *ret_n, struct error *err)
{
    size_t moved = 0;

    if (n > 0 && io_read(c, p, n, &moved, err) == NET_IO_FAILED)
        return false;
    *ret_n = moved;
    return true;
}

bool net_try_write(struct net_conn *c, const void *p, size_t n, size_t *ret_n, struct error *err)
{
    size_t moved = 0;

    if (n > 0 && io_write(c, p, n, &moved, err) == NET_IO_FAILED)
        return false;
    *ret_n = moved;
    return true;
}

bool net_read(struct net_conn *c, void *p, size_t n, int64_t deadline_us, size_t *ret_n,
              struct error *err)
{
    for (;;) {
        size_t moved;
        enum net_io io = io_read(c, p, n, &moved, err);

        if (io == NET_IO_DONE) {
            *ret_n = moved;
            return true;
        }
        if (io == NET_IO_FAILED)
            return false;
        if (!conn_wait(c, io == NET_IO_WANT_WRITE ? POLLOUT : POLLIN, deadline_us, err))
            return false;
    }
}

bool net_read_full(struct net_conn *c, void *p, size_t n, int64_t deadline_us, struct error *err)
{
    char *to = p;

    while (n > 0) {
        size_t moved;

        if (!net_read(c, to, n, deadline_us, &moved, err))
            return false;
        to += moved;
        n -= moved;
    }
    return true;
}

bool net_write(struct net_conn *c, const void *p, size_t n, int64_t deadline_us, struct error *err)
{
    const char *from = p;

    while (n > 0) {
        size_t moved;
        enum net_io io = io_write(c, from, n, &moved, err);

        if (io == NET_IO_DONE) {
            from += moved;
            n -= moved;
            continue;
        }
        if (io == NET_IO_FAILED)
            return false;
        if (!conn_wait(c, io == NET_IO_WANT_READ ? POLLIN : POLLOUT, deadline_us, err))
            return false;
    }
    return true;
}

int net_fd(const struct net_conn *c)
{
    return c->fd;
}

short net_events(const struct net_conn *c, bool want_write)
{
    int events = POLLIN | (want_write ? POLLOUT : 0) | (c->tls != NULL ? tls_events(c->tls) : 0);

    return (short)events; /* both flags are small */
}

const char *net_peer(const struct net_conn *c)
{
    return c->peer;
}
