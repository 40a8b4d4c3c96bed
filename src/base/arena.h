/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * Memory that is freed all at once: one arena per batch. Nothing in it is freed alone, nothing in it
 * outlives arena_reset. In the steady state reset keeps one chunk, so that no allocation is made per
 * row or per batch. Owned by one thread.
 *
 * Sizes that come from outside are checked against limits.h before they get here; passing the
 * arena's own ceiling is a fault of ours and ends the process, as does memory that cannot be had.
 */

#include "base/str.h"

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *head; /* the chunk being filled; older ones behind it */
    size_t used;              /* bytes handed out since the last reset */
    size_t limit;
};

void arena_init(struct arena *a, size_t limit);
void arena_done(struct arena *a);
/* Frees everything but the largest chunk of at most 1 MiB. */
void arena_reset(struct arena *a);

/* What was handed out since the mark is given back; for work that is tried again and again within one
 * batch. Nothing older is touched. */
struct arena_mark {
    const struct arena_chunk *head;
    size_t head_used;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

/* Aligned for any type, not cleared; never NULL. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size, checked for overflow, cleared. */
void *arena_zalloc(struct arena *a, size_t count, size_t size);
/* For a list that grows in the arena: `items` when one more fits into *cap, else a copy with room for twice
 * as many (and 8 at least). The old one stays behind. */
void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size);
/* A copy with a terminator behind it (not counted). */
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
