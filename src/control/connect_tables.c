/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in properties: of tables, of topics, and the patterns in them. */
#include "control/connect_translate.h"

#include "base/limits.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The next item of a comma-separated list, trimmed; false at its end. Empty ones are passed over. */
bool connect_next_item(struct str *rest, struct str *ret_item)
{
    while (rest->n > 0) {
        size_t comma = str_find(*rest, ',');
        struct str item = str_trim(str_make(rest->p, comma));

        comma += comma < rest->n ? 1 : 0;
        *rest = str_make(rest->p + comma, rest->n - comma);
        if (item.n > 0) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

struct str connect_list_of(const json_t *config, const char *name)
{
    const char *text = connect_get(config, name);

    return text != NULL ? str_from(text) : STR("");
}

/* Debezium's expressions fit the whole name, in any case of letters. */
static const char *alternatives(const json_t *config, const char *name, struct arena *a)
{
    struct str rest = connect_list_of(config, name);
    struct str item;
    struct buf b;
    const char *text = NULL;

    buf_init(&b, LIMIT_CONNECT_BODY * 2);
    while (connect_next_item(&rest, &item)) {
        buf_text(&b, b.n == 0 ? "^(?:" : "|");
        buf_str(&b, item);
    }
    if (b.n > 0) {
        buf_text(&b, ")$");
        text = arena_str(a, buf_view(&b)).p;
    }
    buf_done(&b);
    return text;
}

void connect_filters_get(const json_t *config, struct arena *a, struct connect_filters *ret)
{
    *ret = (struct connect_filters){
        .table_include = alternatives(config, "table.include.list", a),
        .table_exclude = alternatives(config, "table.exclude.list", a),
        .schema_include = alternatives(config, "schema.include.list", a),
        .schema_exclude = alternatives(config, "schema.exclude.list", a),
    };
}

/* A name in which nothing is a pattern but the dots, which everyone writes for dots; "\." is one too. */
static const char *literal(struct str item, struct arena *a)
{
    char *name = arena_alloc(a, item.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < item.n; i++) {
        if (strchr("*+?[](){}|^$", item.p[i]) != NULL)
            return NULL;
        if (item.p[i] == '\\' && (++i == item.n || isalnum((unsigned char)item.p[i])))
            return NULL;
        name[n++] = item.p[i];
    }
    name[n] = '\0';
    return memchr(name, '.', n) != NULL ? name : NULL;
}

static size_t count_items(struct str rest)
{
    struct str item;
    size_t n = 0;

    while (connect_next_item(&rest, &item))
        n++;
    return n;
}

bool connect_tables_named(const json_t *config, struct arena *a, const char *const **ret_tables,
                          size_t *ret_count)
{
    struct str rest = connect_list_of(config, "table.include.list");
    const char **tables = arena_zalloc(a, count_items(rest) + 1, sizeof(char *));
    struct connect_filters filters;
    struct str item;
    size_t n = 0;

    connect_filters_get(config, a, &filters);
    if (filters.table_include == NULL || filters.table_exclude != NULL ||
        filters.schema_include != NULL || filters.schema_exclude != NULL)
        return false;
    while (connect_next_item(&rest, &item)) {
        tables[n] = literal(item, a);
        if (tables[n++] == NULL)
            return false;
    }
    *ret_tables = tables;
    *ret_count = n;
    return true;
}

/* Splits "prefix.schema.table" before the last but one dot: a prefix may have dots of its own. */
static bool split_topic(struct str topic, struct arena *a, struct str *ret_prefix,
                        const char **ret_table)
{
    size_t at = topic.n;
    int dots = 0;

    while (at > 0 && dots < 2)
        dots += topic.p[--at] == '.' ? 1 : 0;
    if (dots < 2 || at == 0)
        return false;
    *ret_prefix = str_make(topic.p, at);
    *ret_table = arena_str(a, str_make(topic.p + at + 1, topic.n - at - 1)).p;
    return true;
}

bool connect_topics_get(const json_t *config, struct arena *a, const char **ret_prefix,
                        const char *const **ret_tables, size_t *ret_count, char *text, size_t size)
{
    struct str rest = connect_list_of(config, "topics");
    const char **tables = arena_zalloc(a, count_items(rest) + 1, sizeof(char *));
    struct str first = { 0 };
    struct str prefix;
    struct str item;
    size_t n = 0;

    while (connect_next_item(&rest, &item)) {
        if (!split_topic(item, a, &prefix, &tables[n])) {
            (void)snprintf(text, size, "\"%.*s\" is not of the form prefix.schema.table",
                           (int)(item.n < 100 ? item.n : 100), item.p);
            return false;
        }
        if (n++ == 0)
            first = prefix;
        if (!str_eq(first, prefix)) {
            (void)snprintf(text, size, "all topics of a sink come from one source connector");
            return false;
        }
    }
    *ret_prefix = arena_str(a, first).p;
    *ret_tables = tables;
    *ret_count = n;
    return true;
}
