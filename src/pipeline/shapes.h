/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SHAPES_H
#define PIPELINE_SHAPES_H

/* The captured tables as the source's catalog has them now: put there by capture at each connection,
 * read by the deliver threads. Copies in, copies out, under a mutex; any thread. */

#include "model/relation.h"

#include <pthread.h>

struct shapes {
    pthread_mutex_t lock;
    unsigned generation; /* rises with every put of something new; 0: nothing yet */
    struct arena arena;
    const struct relation **rels;
    size_t count;
};

void shapes_init(struct shapes *s);
void shapes_done(struct shapes *s);
void shapes_put(struct shapes *s, const struct relation *const *rels, size_t count);
unsigned shapes_generation(struct shapes *s);
/* The generation of what is copied into `a`. */
unsigned shapes_get(struct shapes *s, struct arena *a, const struct relation *const **ret_rels,
                    size_t *ret_count);

#endif
