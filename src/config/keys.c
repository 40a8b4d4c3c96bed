/* SPDX-License-Identifier: Apache-2.0 */
/* A map node against a table of keys. */
#include "config/keys.h"

#include <assert.h>

static void parse_map(const struct config_node *map, const struct config_key *keys, void *fields,
                      struct config_report *rep);

static void *field_of(void *fields, const struct config_key *key)
{
    return (char *)fields + key->offset;
}

/* "a" or "[a, b]" as the nodes that a file with the same text would give. */
static const struct config_node *fallback_node(struct arena *a, const struct config_key *key)
{
    struct str text = str_from(key->fallback);
    struct config_node *node = arena_zalloc(a, 1, sizeof *node);
    const struct config_node **items;

    node->text = text;
    if (key->type != CONFIG_STRINGS || !str_starts(text, STR("[")))
        return node;
    assert(text.p[text.n - 1] == ']');
    text = str_trim(str_make(text.p + 1, text.n - 2));
    node->kind = CONFIG_LIST;
    items = arena_zalloc(a, text.n + 1, sizeof(struct config_node *));
    while (text.n > 0) {
        size_t n = str_find(text, ',');
        struct config_node *item = arena_zalloc(a, 1, sizeof *item);

        item->text = arena_str(a, str_trim(str_make(text.p, n)));
        items[node->count++] = item;
        n += n < text.n ? 1 : 0;
        text = str_make(text.p + n, text.n - n);
    }
    node->items = items;
    return node;
}

static void put_default(const struct config_key *key, void *fields, struct config_report *rep)
{
    if (key->type == CONFIG_GROUP) {
        parse_map(NULL, key->group, field_of(fields, key), rep);
    } else if (key->fallback != NULL && key->type != CONFIG_CUSTOM) {
        bool ok =
            config_parse_value(fallback_node(rep->arena, key), key, field_of(fields, key), rep);

        assert(ok);
        (void)ok;
    }
}

void config_missing(const struct config_node *map, const char *name, struct config_report *rep)
{
    const char *separator;
    struct buf path;

    buf_init(&path, KIB);
    config_node_path(map, &path);
    separator = path.n > 0 ? " in " : "";
    config_fault(rep, map, E_CONFIG_MISSING_KEY, "missing key \"%s\"%s%s", name, separator,
                 path.n > 0 ? buf_cstr(&path) : "");
    buf_done(&path);
}

static void parse_key(const struct config_node *map, const struct config_key *key, void *fields,
                      struct config_report *rep)
{
    const struct config_node *node = config_get(map, key->name);
    void *field = field_of(fields, key);

    if (node == NULL) {
        if (key->required && map != NULL)
            config_missing(map, key->name, rep);
        else
            put_default(key, fields, rep);
    } else if (key->type == CONFIG_GROUP) {
        parse_map(node, key->group, field, rep);
    } else if (key->type == CONFIG_CUSTOM && !(key->required && config_is_null(node))) {
        key->parse(node, field, rep);
    } else if (config_is_null(node)) {
        if (!node->unresolved)
            config_fault(rep, node, E_CONFIG_EMPTY,
                         "\"%s\" has no value; write one behind the colon%s", key->name,
                         key->required ? "" : ", or remove the key");
    } else {
        (void)config_parse_value(node, key, field, rep);
    }
}

size_t config_key_names(const struct config_key *keys, const char **names, size_t n, size_t cap)
{
    for (; keys->name != NULL && n < cap; keys++) {
        if (keys->help != NULL)
            names[n++] = keys->name;
    }
    return n;
}

static const struct config_key *find(const struct config_key *keys, struct str name)
{
    for (; keys->name != NULL; keys++) {
        if (str_is(name, keys->name))
            return keys;
    }
    return NULL;
}

static void unknown(const struct config_node *map, size_t at, const struct config_key *keys,
                    struct config_report *rep)
{
    const char *names[CONFIG_NAMES_MAX];
    size_t n = config_key_names(keys, names, 0, CONFIG_NAMES_MAX);
    const struct config_node *key = map->keys[at];
    const char *near = config_nearest(key->text, names, n);
    struct buf path;

    /* A misspelt "password" must not lead to the password being shown. */
    if (near != NULL && find(keys, str_from(near))->type == CONFIG_SECRET)
        config_mask(rep, map->items[at]);
    buf_init(&path, KIB);
    config_node_path(map, &path);
    config_fault_known(rep, key, E_CONFIG_UNKNOWN_KEY, key->text, names, n,
                       "unknown key \"%s\"%s%s", config_shown(rep, key), path.n > 0 ? " in " : "",
                       path.n > 0 ? buf_cstr(&path) : "");
    buf_done(&path);
}

void config_parse_keys_but(const struct config_node *map, const struct config_key *keys,
                           void *fields,
                           bool (*unknown_ok)(void *ctx, const struct config_node *key), void *ctx,
                           struct config_report *rep)
{
    const struct config_node *given = map;

    /* "redis:" with nothing behind it is a map of nothing. */
    if (map != NULL && map->kind != CONFIG_MAP && !config_is_null(map)) {
        if (!map->unresolved) {
            config_fault(rep, map, E_CONFIG_TYPE, "%s%s%s expects a map of keys, not %s",
                         map->key != NULL ? "\"" : "", map->key != NULL ? map->key->text.p : "this",
                         map->key != NULL ? "\"" : "",
                         map->kind == CONFIG_LIST ? "a list" : "a single value");
        }
        given = NULL;
    }
    for (const struct config_key *key = keys; key->name != NULL; key++)
        parse_key(given, key, fields, rep);
    if (given == NULL || given->kind != CONFIG_MAP)
        return;
    for (size_t i = 0; i < given->count; i++) {
        if (find(keys, given->keys[i]->text) == NULL &&
            (unknown_ok == NULL || !unknown_ok(ctx, given->keys[i])))
            unknown(given, i, keys, rep);
    }
}

static void parse_map(const struct config_node *map, const struct config_key *keys, void *fields,
                      struct config_report *rep)
{
    config_parse_keys_but(map, keys, fields, NULL, NULL, rep);
}

void config_parse_keys(const struct config_node *map, const struct config_key *keys, void *fields,
                       struct config_report *rep)
{
    parse_map(map, keys, fields, rep);
}
