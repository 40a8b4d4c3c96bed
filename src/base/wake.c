/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wake.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

bool wake_init(struct wake *w, struct error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot make an eventfd");
    w->fd = fd;
    return true;
}

bool wake_init_timer(struct wake *w, struct error *err)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_RESOURCE, errno, "cannot make a timerfd");
    w->fd = fd;
    return true;
}

void wake_set_after(struct wake *w, int ms)
{
    const struct itimerspec when = { .it_value = { .tv_sec = ms / 1000,
                                                   .tv_nsec = (long)(ms % 1000) * 1000000 } };
    int failed = timerfd_settime(w->fd, 0, &when, NULL);

    (void)failed; /* only for a time that is none */
}

void wake_done(struct wake *w)
{
    if (w == NULL || w->fd < 0)
        return;
    (void)close(w->fd);
    w->fd = -1;
}

void wake_set(struct wake *w)
{
    uint64_t one = 1;
    /* EAGAIN means that it is set already. */
    ssize_t n = write(w->fd, &one, sizeof one);

    (void)n;
}

void wake_clear(struct wake *w)
{
    uint64_t count;
    ssize_t n = read(w->fd, &count, sizeof count);

    (void)n;
}

bool wake_wait(int fd, int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, timeout_ms) > 0 && (p.revents & POLLIN) != 0;
}

bool wake_is_set(int fd)
{
    return fd >= 0 && wake_wait(fd, 0);
}
