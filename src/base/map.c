/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most 70 % full; removal moves the run behind the hole up,
 * so that there are no tombstones. */
#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>

enum { FIRST_CAP = 16 };

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++) {
        free((char *)m->slots[i].key.p);
        m->slots[i] = (struct map_slot){ 0 };
    }
    m->n = 0;
}

void map_done(struct map *m)
{
    if (m == NULL)
        return;
    map_clear(m);
    free(m->slots);
    *m = (struct map){ 0 };
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_slot *find(const struct map *m, struct str key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);

    while (m->slots[i].key.p != NULL) {
        if (m->slots[i].hash == hash && str_eq(m->slots[i].key, key))
            break;
        i = (i + 1) & (m->cap - 1);
    }
    return &m->slots[i];
}

bool map_has(const struct map *m, struct str key)
{
    return m->n > 0 && find(m, key, str_hash(key))->key.p != NULL;
}

void *map_get(const struct map *m, struct str key)
{
    return m->n > 0 ? find(m, key, str_hash(key))->value : NULL;
}

static void grow(struct map *m)
{
    struct map old = *m;

    m->cap = old.cap > 0 ? old.cap * 2 : FIRST_CAP;
    m->slots = mem_zalloc(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].key.p != NULL)
            *find(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
    }
    free(old.slots);
}

void *map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = str_hash(key);
    struct map_slot *slot;
    void *before;

    if ((m->n + 1) * 10 > m->cap * 7)
        grow(m);
    slot = find(m, key, hash);
    before = slot->value;
    if (slot->key.p == NULL) {
        slot->key = str_make(mem_strndup(key), key.n);
        slot->hash = hash;
        m->n++;
    }
    slot->value = value;
    return before;
}

void *map_remove(struct map *m, struct str key)
{
    struct map_slot *slot = m->n > 0 ? find(m, key, str_hash(key)) : NULL;
    void *value;
    size_t hole;

    if (slot == NULL || slot->key.p == NULL)
        return NULL;
    value = slot->value;
    free((char *)slot->key.p);
    hole = (size_t)(slot - m->slots);
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].key.p != NULL;
         i = (i + 1) & (m->cap - 1)) {
        size_t home = (size_t)m->slots[i].hash & (m->cap - 1);

        /* Move up only what does not already sit between its home and the hole. */
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){ 0 };
    m->n--;
    return value;
}

struct map_slot *map_next(const struct map *m, const struct map_slot *slot)
{
    size_t i = slot != NULL ? (size_t)(slot - m->slots) + 1 : 0;

    for (; i < m->cap; i++) {
        if (m->slots[i].key.p != NULL)
            return &m->slots[i];
    }
    return NULL;
}
