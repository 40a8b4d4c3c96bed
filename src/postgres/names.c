/* SPDX-License-Identifier: Apache-2.0 */
/* Table names as a user writes them: schema.table, each part plain or "quoted" with "" for a quote. */
#include "postgres/catalog.h"

/* One part from *p; gives false when it is empty or its quotes do not close. */
static bool part(const char **p, struct arena *a, struct str *ret_part)
{
    const char *s = *p;
    char *text = arena_alloc(a, strlen(s) + 1);
    size_t n = 0;

    if (*s != '"') {
        while (*s != '\0' && *s != '.' && *s != '"')
            text[n++] = *s++;
    } else {
        for (s++; *s != '\0' && (*s != '"' || s[1] == '"'); s++) {
            if (*s == '"')
                s++;
            text[n++] = *s;
        }
        if (*s++ != '"')
            return false;
    }
    text[n] = '\0';
    *p = s;
    *ret_part = str_make(text, n);
    return n > 0;
}

bool postgres_name_split(const char *name, struct arena *a, struct str *ret_schema,
                         struct str *ret_table)
{
    const char *p = name;
    struct str schema = STR("public");
    struct str table;

    if (!part(&p, a, &table))
        return false;
    if (*p == '.') {
        p++;
        schema = table;
        if (!part(&p, a, &table))
            return false;
    }
    if (*p != '\0')
        return false;
    *ret_schema = schema;
    *ret_table = table;
    return true;
}
