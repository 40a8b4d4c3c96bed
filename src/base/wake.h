/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_WAKE_H
#define BASE_WAKE_H

/*
 * A flag that can be waited for: an eventfd. It stands for "stop was asked" in every blocking call
 * (as an fd to poll beside the socket), and for "there is something new" between two threads.
 * wake_set may be called from any thread and from a signal handler.
 */

#include "base/error.h"

struct wake {
    int fd; /* readable while set; -1 before wake_init */
};

bool wake_init(struct wake *w, struct error *err) MUST_CHECK;
void wake_done(struct wake *w);
void wake_set(struct wake *w);
void wake_clear(struct wake *w);

/* Is the flag behind `fd` set? fd -1 is never set. Does not clear it. */
bool wake_is_set(int fd);
/* Waits until the flag behind `fd` is set or the time is over; true when it is set. */
bool wake_wait(int fd, int timeout_ms);

/* One that is set by time: never, until wake_set_after; each of those counts anew. */
bool wake_init_timer(struct wake *w, struct error *err) MUST_CHECK;
void wake_set_after(struct wake *w, int ms);

#endif
