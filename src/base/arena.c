/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

enum { ALIGN = _Alignof(max_align_t) };

#define CHUNK_FIRST (16 * KIB)
#define CHUNK_KEPT  (1 * MIB)

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){ .limit = limit };
}

void arena_done(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->head != NULL) {
        struct arena_chunk *next = a->head->next;

        free(a->head);
        a->head = next;
    }
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *kept = NULL;

    while (a->head != NULL) {
        struct arena_chunk *chunk = a->head;

        a->head = chunk->next;
        if (chunk->size <= CHUNK_KEPT && (kept == NULL || chunk->size > kept->size)) {
            free(kept);
            kept = chunk;
        } else {
            free(chunk);
        }
    }
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->head = kept;
    a->used = 0;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ a->head, a->head != NULL ? a->head->used : 0, a->used };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    while (a->head != mark.head) {
        struct arena_chunk *chunk = a->head;

        a->head = chunk->next;
        free(chunk);
    }
    if (a->head != NULL)
        a->head->used = mark.head_used;
    a->used = mark.used;
}

static void add_chunk(struct arena *a, size_t n)
{
    size_t size = a->head != NULL ? a->head->size * 2 : CHUNK_FIRST;
    struct arena_chunk *chunk;

    if (size > CHUNK_KEPT)
        size = CHUNK_KEPT;
    if (size < n)
        size = n;
    chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
        error_out_of_memory(size);
    chunk->next = a->head;
    chunk->size = size;
    chunk->used = 0;
    a->head = chunk;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t rounded = (n + ALIGN - 1) / ALIGN * ALIGN;
    void *p;

    if (rounded < n || rounded > a->limit || a->used > a->limit - rounded)
        error_out_of_memory(n);
    if (a->head == NULL || a->head->size - a->head->used < rounded)
        add_chunk(a, rounded);
    p = a->head->bytes + a->head->used;
    a->head->used += rounded;
    a->used += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size)
{
    size_t n;
    void *p;

    if (__builtin_mul_overflow(count, size, &n))
        error_out_of_memory(count);
    p = arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

void *arena_grow(struct arena *a, void *items, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap > 0 ? *cap * 2 : 8;
    void *grown;

    if (count < *cap)
        return items;
    grown = arena_zalloc(a, wanted, size);
    if (count > 0)
        memcpy(grown, items, count * size);
    *cap = wanted;
    return grown;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_make(p, s.n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    p = arena_alloc(a, (size_t)n + 1);
    p[0] = '\0';
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
