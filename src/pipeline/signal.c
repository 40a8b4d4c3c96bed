/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execute-snapshot  {"data-collections": ["public.t", ...], "type": "incremental",
 *                    "additional-conditions": [{"data-collection": "public.t", "filter": "n > 5"}],
 *                    "additional-condition": "n > 5", "surrogate-key": "n"}
 * stop-snapshot     {"data-collections": [...], "type": "incremental"}; without names: all
 * pause-snapshot, resume-snapshot   {"type": "incremental"} or nothing
 * log               {"message": "... {} ..."}
 */
#include "pipeline/signal.h"

#include "base/limits.h"
#include "pipeline/pattern.h"

#include <jansson.h>
#include <strings.h>

static bool refuse(const char *what, const char *why, struct error *err)
{
    return error_set(err, ERR_REJECT, E_SIGNAL, "cannot carry out the signal %.60s: %s", what, why);
}

static bool kind_of(struct str type, enum signal_kind *ret_kind)
{
    static const struct {
        const char *name;
        enum signal_kind kind;
    } kinds[] = {
        { "execute-snapshot", SIGNAL_EXECUTE },
        { "stop-snapshot", SIGNAL_STOP },
        { "pause-snapshot", SIGNAL_PAUSE },
        { "resume-snapshot", SIGNAL_RESUME },
        { "log", SIGNAL_LOG },
        { "snapshot-window-open", SIGNAL_NOTHING },
        { "snapshot-window-close", SIGNAL_NOTHING },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_is(type, kinds[i].name)) {
            *ret_kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* A copy in the arena; NULL for what is no text or an empty one. */
static const char *text_of(const json_t *v, struct arena *a)
{
    const char *s = json_string_value(v);

    return s != NULL && *s != '\0' ? arena_str(a, str_from(s)).p : NULL;
}

static bool take_name(const json_t *v, const char *what, struct arena *a, const char **ret_name,
                      struct error *err)
{
    *ret_name = text_of(v, a);
    if (*ret_name == NULL)
        return refuse(what, "a data-collection is no name", err);
    return strlen(*ret_name) <= LIMIT_PATTERN ||
           refuse(what, "a data-collection is longer than 1024 bytes", err);
}

static bool take_tables(const json_t *root, const char *what, struct arena *a, struct signal *s,
                        struct error *err)
{
    const json_t *list = json_object_get(root, "data-collections");
    const char **tables;

    if (list == NULL || json_is_null(list))
        return true;
    if (!json_is_array(list))
        return refuse(what, "data-collections is no list", err);
    if (json_array_size(list) > LIMIT_SIGNAL_NAMES)
        return refuse(what, "data-collections has more than 1024 names", err);
    tables = arena_zalloc(a, json_array_size(list),
                          sizeof *tables); /* NOLINT(bugprone-sizeof-expression): of pointers */
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!take_name(json_array_get(list, i), what, a, &tables[i], err))
            return false;
    }
    s->tables = tables;
    s->table_count = json_array_size(list);
    return true;
}

static bool take_conditions(const json_t *root, const char *what, struct arena *a, struct signal *s,
                            struct error *err)
{
    const json_t *list = json_object_get(root, "additional-conditions");
    const char *plain = text_of(json_object_get(root, "additional-condition"), a);
    size_t n = json_array_size(list);
    struct signal_condition *conditions;

    if (list != NULL && !json_is_array(list))
        return refuse(what, "additional-conditions is no list", err);
    if (n > LIMIT_SIGNAL_NAMES)
        return refuse(what, "additional-conditions has more than 1024 members", err);
    conditions = arena_zalloc(a, n + 1, sizeof *conditions);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(list, i);

        conditions[i].filter = text_of(json_object_get(one, "filter"), a);
        if (conditions[i].filter == NULL)
            return refuse(what, "each of additional-conditions has a data-collection and a filter",
                          err);
        if (!take_name(json_object_get(one, "data-collection"), what, a, &conditions[i].table, err))
            return false;
    }
    if (plain != NULL)
        conditions[n++].filter = plain;
    s->conditions = conditions;
    s->condition_count = n;
    return true;
}

/* Left out, it is incremental. */
static bool is_incremental(const json_t *root)
{
    const json_t *type = json_object_get(root, "type");
    const char *text = json_is_string(type) ? json_string_value(type) : "incremental";

    return strcasecmp(text, "incremental") == 0;
}

static bool take_data(const json_t *root, const char *what, struct arena *a, struct signal *s,
                      struct error *err)
{
    if (s->kind == SIGNAL_LOG) {
        s->message = text_of(json_object_get(root, "message"), a);
        return s->message != NULL || refuse(what, "it has no message", err);
    }
    if (!is_incremental(root))
        return refuse(what, "only incremental snapshots are made, no blocking ones", err);
    if (!take_tables(root, what, a, s, err) || !take_conditions(root, what, a, s, err))
        return false;
    s->surrogate = text_of(json_object_get(root, "surrogate-key"), a);
    return s->kind != SIGNAL_EXECUTE || s->table_count > 0 ||
           refuse(what, "data-collections is missing or empty", err);
}

bool signal_parse(struct str type, struct str data, struct arena *a, struct signal *ret_signal,
                  struct error *err)
{
    const char *what = arena_str(a, type).p;
    struct signal s = { 0 };
    json_t *root;
    bool ok;

    if (!kind_of(type, &s.kind))
        return refuse(what, "its type is not known", err);
    if (s.kind == SIGNAL_NOTHING) {
        *ret_signal = s;
        return true;
    }
    root = data.n > 0 ? json_loadb(data.p, data.n, JSON_REJECT_DUPLICATES, NULL) : json_object();
    ok = json_is_object(root) ? take_data(root, what, a, &s, err)
                              : refuse(what, "its data is no JSON object", err);
    json_decref(root);
    if (ok)
        *ret_signal = s;
    return ok;
}

static bool matches(const char *pattern, const char *name)
{
    return strcmp(pattern, name) == 0 || pattern_fits(pattern, name);
}

bool signal_names(const char *const *tables, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (matches(tables[i], name))
            return true;
    }
    return false;
}

const char *signal_filter(const struct signal *s, const char *name)
{
    for (size_t i = 0; i < s->condition_count; i++) {
        const char *table = s->conditions[i].table;

        if (table == NULL || matches(table, name))
            return s->conditions[i].filter;
    }
    return NULL;
}
