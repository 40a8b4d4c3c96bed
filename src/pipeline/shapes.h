/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SHAPES_H
#define PIPELINE_SHAPES_H

/* The captured tables as the source's catalog has them now: put there by capture at each connection,
 * read by the deliver threads. Copies in, copies out, under a mutex; any thread. */

#include "model/relation.h"
#include "sink/sink.h"

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

struct shapes_listener {
    const struct config_strings *from; /* the tables; NULL: every one */
    const struct sink_ops *ops;
    struct sink *sink;
    unsigned told; /* the generation that it knows; 0: none */
};
/* Tells a sink the shapes that it was not told yet: what does not fit the target is said at start, not with the first
 * change. The arena is for a moment; nothing for s NULL. Errors of sink_ops.relation. */
bool shapes_tell(struct shapes *s, struct shapes_listener *to, struct arena *a,
                 struct error *err) MUST_CHECK;

#endif
