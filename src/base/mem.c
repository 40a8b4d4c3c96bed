/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *mem_zalloc(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (p == NULL)
        error_out_of_memory(size);
    return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
    size_t n;
    void *grown;

    if (__builtin_mul_overflow(count, size, &n))
        error_out_of_memory(count);
    grown = realloc(p, n > 0 ? n : 1);
    if (grown == NULL)
        error_out_of_memory(n);
    return grown;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(str_from(text));
}

char *mem_strndup(struct str s)
{
    char *p = mem_zalloc(s.n + 1, 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    p = mem_zalloc((size_t)n + 1, 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
