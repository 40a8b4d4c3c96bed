/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notify.h"

#include "base/str.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_state(const char *state)
{
    /* The environment is not changed after start. */
    const char *path = getenv("NOTIFY_SOCKET"); /* NOLINT(concurrency-mt-unsafe) */
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    socklen_t n;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        !str_copy(str_from(path), addr.sun_path, sizeof addr.sun_path))
        return;
    n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        addr.sun_path[0] = '\0'; /* the abstract name space */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr, n);
    (void)close(fd);
}
