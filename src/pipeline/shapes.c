/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/shapes.h"

#include "base/limits.h"
#include "pipeline/tables.h"

void shapes_init(struct shapes *s)
{
    *s = (struct shapes){ 0 };
    (void)pthread_mutex_init(&s->lock, NULL);
    arena_init(&s->arena, 256 * MIB);
}

void shapes_done(struct shapes *s)
{
    arena_done(&s->arena);
    (void)pthread_mutex_destroy(&s->lock);
}

static const struct relation **copy_all(const struct relation *const *rels, size_t count,
                                        struct arena *a)
{
    const struct relation **copies =
        arena_alloc(a, count * sizeof *copies); /* NOLINT(bugprone-sizeof-expression): pointers */

    for (size_t i = 0; i < count; i++)
        copies[i] = relation_copy(rels[i], a);
    return copies;
}

static bool same(const struct shapes *s, const struct relation *const *rels, size_t count)
{
    if (count != s->count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!relation_same(s->rels[i], rels[i]))
            return false;
    }
    return true;
}

void shapes_put(struct shapes *s, const struct relation *const *rels, size_t count)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->generation == 0 || !same(s, rels, count)) {
        arena_reset(&s->arena);
        s->rels = copy_all(rels, count, &s->arena);
        s->count = count;
        s->generation++;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

unsigned shapes_generation(struct shapes *s)
{
    unsigned generation;

    (void)pthread_mutex_lock(&s->lock);
    generation = s->generation;
    (void)pthread_mutex_unlock(&s->lock);
    return generation;
}

unsigned shapes_get(struct shapes *s, struct arena *a, const struct relation *const **ret_rels,
                    size_t *ret_count)
{
    unsigned generation;

    (void)pthread_mutex_lock(&s->lock);
    *ret_rels = copy_all(s->rels, s->count, a);
    *ret_count = s->count;
    generation = s->generation;
    (void)pthread_mutex_unlock(&s->lock);
    return generation;
}

bool shapes_tell(struct shapes *s, struct shapes_listener *to, struct arena *a, struct error *err)
{
    const struct relation *const *rels;
    unsigned generation;
    size_t count;

    if (s == NULL || shapes_generation(s) == to->told)
        return true;
    arena_reset(a);
    generation = shapes_get(s, a, &rels, &count);
    for (size_t i = 0; to->ops->relation != NULL && i < count; i++) {
        if ((to->from == NULL || tables_listed(to->from, rels[i]->schema, rels[i]->table)) &&
            !to->ops->relation(to->sink, rels[i], err))
            return false;
    }
    to->told = generation;
    return true;
}
