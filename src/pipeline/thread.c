/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/thread.h"

#include "base/limits.h"

#include <signal.h>

/* Enough for the deepest call chain (TLS handshakes included) and small beside the memory target. */
#define STACK_BYTES (512 * KIB)

static void *enter(void *arg)
{
    struct thread *t = arg;

    t->body(t->arg);
    return NULL;
}

static int create(struct thread *t)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int sys = pthread_attr_init(&attr);

    if (sys != 0)
        return sys;
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    sys = pthread_create(&t->id, &attr, enter, t);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return sys;
}

bool thread_start(struct thread *t, const char *name, void (*body)(void *arg), void *arg,
                  struct error *err)
{
    int sys;

    t->body = body;
    t->arg = arg;
    sys = create(t);
    if (sys != 0)
        return error_sys(err, ERR_STOP, E_SYS_RESOURCE, sys, "cannot start thread %s", name);
    t->running = true;
    (void)pthread_setname_np(t->id, name);
    return true;
}

void thread_join(struct thread *t)
{
    if (!t->running)
        return;
    (void)pthread_join(t->id, NULL);
    t->running = false;
}
