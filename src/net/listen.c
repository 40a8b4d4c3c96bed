/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listen.h"

#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_at(const struct addrinfo *at, int backlog)
{
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int sys;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, backlog) == 0)
        return fd;
    sys = errno;
    (void)close(fd);
    errno = sys;
    return -1;
}

bool listen_open(const struct listen_opts *opts, int *ret_fd, struct error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found;
    char port[8];
    int rc;
    int fd;

    (void)snprintf(port, sizeof port, "%u", (unsigned)opts->port);
    rc = getaddrinfo(opts->host, port, &hints, &found);
    if (rc != 0)
        return error_set(err, ERR_STOP, opts->code, "cannot %s on %s port %s: %s", opts->purpose,
                         opts->host, port, gai_strerror(rc));
    fd = open_at(found, opts->backlog);
    rc = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return error_sys(err, ERR_STOP, opts->code, rc, "cannot %s on %s port %s", opts->purpose,
                         opts->host, port);
    *ret_fd = fd;
    return true;
}

uint16_t listen_port(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t n = sizeof address;
    char port[8] = "0";
    uint64_t number = 0;

    if (getsockname(fd, (struct sockaddr *)&address, &n) == 0 &&
        getnameinfo((struct sockaddr *)&address, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) ==
            0)
        (void)str_to_u64(str_from(port), &number);
    return (uint16_t)number;
}
