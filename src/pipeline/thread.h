/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_THREAD_H
#define PIPELINE_THREAD_H

/* The one place where threads are made. A thread runs `body(arg)` with all signals blocked, so that
 * they reach the main thread only, and is joined by the thread that started it. */

#include "base/error.h"

#include <pthread.h>

struct thread {
    pthread_t id;
    bool running;
    void (*body)(void *arg);
    void *arg;
};

/* `name` is shown by ps and top, at most 15 characters. *t must stay where it is until thread_join. */
bool thread_start(struct thread *t, const char *name, void (*body)(void *arg), void *arg,
                  struct error *err) MUST_CHECK;
/* Waits for its end; nothing when it was never started. */
void thread_join(struct thread *t);

#endif
