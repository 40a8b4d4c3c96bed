/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_MAILBOX_H
#define CONTROL_MAILBOX_H

/*
 * Commands from other threads to the main thread, in the order in which they came. The items are the
 * sender's; the main thread tells it when one is done with, by means of its own.
 *
 *     any thread:   if (!mailbox_post(m, &item->letter)) ... it is closed: answer at once
 *     main thread:  poll m->wake.fd; while ((letter = mailbox_take(m)) != NULL) ...
 */

#include "base/wake.h"

#include <pthread.h>

struct letter {
    struct letter *next;
};

struct mailbox {
    pthread_mutex_t lock;
    struct letter *first;
    struct letter *last;
    bool closed;
    struct wake wake; /* set while there is something to take */
};

bool mailbox_init(struct mailbox *m, struct error *err) MUST_CHECK;
/* Empty by then. */
void mailbox_done(struct mailbox *m);
/* Any thread. False: nobody takes letters any more. */
bool mailbox_post(struct mailbox *m, struct letter *letter) MUST_CHECK;
/* The oldest letter, or NULL. */
struct letter *mailbox_take(struct mailbox *m);
/* From now on nothing can be posted; what is there can still be taken. */
void mailbox_close(struct mailbox *m);

#endif
