/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

/*
 * A hash map from bytes to a pointer. Keys are copied, values are borrowed and never freed here.
 * Integers are used as keys through MAP_KEY(variable). Owned by one thread.
 *
 *     struct map m; map_init(&m);
 *     map_put(&m, MAP_KEY(oid), rel);   rel = map_get(&m, MAP_KEY(oid));
 *     for (struct map_slot *s = map_next(&m, NULL); s != NULL; s = map_next(&m, s)) ...
 *     map_done(&m);
 */

#include "base/str.h"

#include <stddef.h>

#define MAP_KEY(variable) str_make(&(variable), sizeof(variable))

struct map_slot {
    struct str key; /* owned; p == NULL: free */
    uint64_t hash;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t n;
};

void map_init(struct map *m);
void map_done(struct map *m);
void map_clear(struct map *m);
/* NULL when there is none; a stored NULL looks the same, use map_has. */
void *map_get(const struct map *m, struct str key);
bool map_has(const struct map *m, struct str key);
/* Returns the value that was there before, or NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Returns the value that was removed, or NULL. */
void *map_remove(struct map *m, struct str key);
/* First or next used slot, in no order; the map must not change in between. */
struct map_slot *map_next(const struct map *m, const struct map_slot *slot);

#endif
