/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mailbox.h"

bool mailbox_init(struct mailbox *m, struct error *err)
{
    *m = (struct mailbox){ .wake = { -1 } };
    (void)pthread_mutex_init(&m->lock, NULL);
    return wake_init(&m->wake, err);
}

void mailbox_done(struct mailbox *m)
{
    wake_done(&m->wake);
    (void)pthread_mutex_destroy(&m->lock);
}

bool mailbox_post(struct mailbox *m, struct letter *letter)
{
    bool open;

    letter->next = NULL;
    (void)pthread_mutex_lock(&m->lock);
    open = !m->closed;
    if (open) {
        if (m->last != NULL)
            m->last->next = letter;
        else
            m->first = letter;
        m->last = letter;
        wake_set(&m->wake);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return open;
}

struct letter *mailbox_take(struct mailbox *m)
{
    struct letter *letter;

    (void)pthread_mutex_lock(&m->lock);
    letter = m->first;
    if (letter != NULL)
        m->first = letter->next;
    if (m->first == NULL) {
        m->last = NULL;
        wake_clear(&m->wake);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return letter;
}

void mailbox_close(struct mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    m->closed = true;
    (void)pthread_mutex_unlock(&m->lock);
}
