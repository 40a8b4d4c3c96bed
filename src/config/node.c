/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/limits.h"

const struct config_node *config_get(const struct config_node *map, const char *name)
{
    if (map == NULL || map->kind != CONFIG_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (str_is(map->keys[i]->text, name))
            return map->items[i];
    }
    return NULL;
}

bool config_is_null(const struct config_node *node)
{
    if (node->kind != CONFIG_SCALAR || node->quoted || node->secret)
        return false;
    return node->text.n == 0 || str_is(node->text, "~") || str_is(node->text, "null");
}

static size_t index_in(const struct config_node *list, const struct config_node *item)
{
    size_t i = 0;

    while (i < list->count && list->items[i] != item)
        i++;
    return i;
}

/* A list item is called by its name where it has one. */
static void put_item(const struct config_node *item, struct buf *b)
{
    const struct config_node *name = config_get(item, "name");

    if (name != NULL && name->kind == CONFIG_SCALAR && name->text.n > 0 && !name->secret) {
        buf_text(b, ".");
        buf_str(b, name->text);
    } else {
        buf_putf(b, "[%zu]", index_in(item->parent, item));
    }
}

void config_node_path(const struct config_node *node, struct buf *b)
{
    const struct config_node *chain[LIMIT_CONFIG_DEPTH + 1];
    size_t n = 0;

    for (; node != NULL && node->parent != NULL && n <= LIMIT_CONFIG_DEPTH; node = node->parent)
        chain[n++] = node;
    while (n-- > 0) {
        if (chain[n]->key == NULL) {
            put_item(chain[n], b);
            continue;
        }
        if (b->n > 0)
            buf_text(b, ".");
        buf_str(b, chain[n]->key->text);
    }
}
