/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

/*
 * Allocation that never returns NULL: memory that cannot be had ends the process in one place
 * (error_out_of_memory). Sizes that come from outside are checked against limits.h first. Memory is
 * freed with free(). Any thread.
 */

#include "base/str.h"

#include <stddef.h>

/* Cleared. */
void *mem_zalloc(size_t count, size_t size);
/* Resizes to count * size, checked for overflow; the new part is not cleared. */
void *mem_resize(void *p, size_t count, size_t size);
char *mem_strdup(const char *text);
/* A terminated copy. */
char *mem_strndup(struct str s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
