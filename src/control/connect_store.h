/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_STORE_H
#define CONTROL_CONNECT_STORE_H

/*
 * What was told over REST, in state.db: each connector with its properties and the state it shall be in.
 * A connector of the configuration file has no properties here, only a state. Every change is durable
 * when the call returns. Main thread.
 */

#include "pipeline/state.h"

#include <jansson.h>

struct connect_store;

/* Opens DIR/state.db and makes its table when it is missing. */
bool connect_store_open(const char *dir, struct connect_store **ret_store,
                        struct error *err) MUST_CHECK;
void connect_store_close(struct connect_store *s);

struct connect_stored {
    const char *name;
    json_t *config;    /* NULL: a connector of the file */
    const char *state; /* "RUNNING", "PAUSED", "STOPPED" */
    json_t *notes;     /* what is to be remembered of it; NULL: nothing */
};

/* Calls `each` for all of them, in the order in which they were made; the texts and objects are lent. */
bool connect_store_load(struct connect_store *s,
                        void (*each)(void *ctx, const struct connect_stored *c), void *ctx,
                        struct error *err) MUST_CHECK;
bool connect_store_put(struct connect_store *s, const struct connect_stored *c,
                       struct error *err) MUST_CHECK;
bool connect_store_delete(struct connect_store *s, const char *name, struct error *err) MUST_CHECK;

#endif
