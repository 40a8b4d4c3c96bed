/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL writes of the escapes only \b \f \n \r \t \v \\ and \N, but its manual also names octal
 * (\1 to \377) and hex (\x1 to \xff), and says that any other character behind a backslash stands for
 * itself. Text shrinks when unescaped, so it is done in place; columns without a backslash, nearly
 * all of them, are not touched.
 */
#include "postgres/copytext.h"

#include <ctype.h>

static char simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return c;
    }
}

static unsigned digit(char c)
{
    return isdigit((unsigned char)c) ? (unsigned)(c - '0')
                                     : (unsigned)(tolower((unsigned char)c) - 'a') + 10;
}

/* Up to `max` digits of `base` (8 or 16) from p; gives the place behind them. */
static const char *number(const char *p, const char *end, unsigned base, int max, char *ret_byte)
{
    unsigned v = 0;

    for (int i = 0; i < max && p < end && isxdigit((unsigned char)*p) && digit(*p) < base; i++)
        v = v * base + digit(*p++);
    *ret_byte = (char)(unsigned char)v;
    return p;
}

/* p is behind the backslash, below end; gives the place behind the escape. */
static const char *escape(const char *p, const char *end, char *ret_byte)
{
    if (*p >= '0' && *p <= '7')
        return number(p, end, 8, 3, ret_byte);
    if (*p == 'x' && p + 1 < end && isxdigit((unsigned char)p[1]))
        return number(p + 1, end, 16, 2, ret_byte);
    *ret_byte = simple_escape(*p);
    return p + 1;
}

/* One column's bytes, without tab and newline. False: a backslash at the end. */
static bool unescape(char *p, char *end, struct value *v)
{
    char *slash = end > p ? memchr(p, '\\', (size_t)(end - p)) : NULL;
    const char *from = slash;
    char *to = slash;

    *v = (struct value){ VALUE_TEXT, str_make(p, (size_t)(end - p)) };
    if (slash == NULL)
        return true;
    if (slash == p && end - p == 2 && p[1] == 'N') {
        *v = (struct value){ VALUE_NULL, STR_NONE };
        return true;
    }
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        if (++from == end)
            return false;
        from = escape(from, end, to++);
    }
    v->text.n = (size_t)(to - p);
    return true;
}

bool postgres_copytext(char *line, size_t n, uint32_t column_count, struct value *values,
                       struct error *err)
{
    char *end = line + n;
    char *p = line;
    uint32_t count = 0;

    if (n == 0 || end[-1] != '\n')
        return error_set(err, ERR_STOP, E_PG_COPY,
                         "cannot read a row of COPY: no newline at its end");
    end--;
    /* A table may have no columns at all: then the line is empty. */
    if (column_count == 0 && p == end)
        return true;
    for (;;) {
        char *tab = memchr(p, '\t', (size_t)(end - p));
        char *stop = tab != NULL ? tab : end;

        if (count < column_count && !unescape(p, stop, &values[count]))
            return error_set(err, ERR_STOP, E_PG_COPY,
                             "cannot read a row of COPY: nothing behind the backslash in column %u",
                             count + 1);
        count++;
        if (tab == NULL)
            break;
        p = tab + 1;
    }
    return count == column_count ||
           error_set(err, ERR_STOP, E_PG_COPY,
                     "cannot read a row of COPY: %u columns instead of %u", count, column_count);
}
