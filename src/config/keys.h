/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

/* Inside of the config room: the key table's machinery beyond config_parse_keys. */

#include "config/report.h"

/* As config_parse_keys; keys of the map that unknown_ok accepts are left alone (NULL: none are). */
void config_parse_keys_but(const struct config_node *map, const struct config_key *keys,
                           void *fields,
                           bool (*unknown_ok)(void *ctx, const struct config_node *key), void *ctx,
                           struct config_report *rep);

/* A fault: the map must have that key. */
void config_missing(const struct config_node *map, const char *name, struct config_report *rep);

/* Names of the keys of a table that are shown, and then more; returns how many, at most cap. */
size_t config_key_names(const struct config_key *keys, const char **names, size_t n, size_t cap);

/* One value into its field; false after a fault. */
bool config_parse_value(const struct config_node *node, const struct config_key *key, void *field,
                        struct config_report *rep);

enum { CONFIG_NAMES_MAX = 96 }; /* keys of one map, with room */

#endif
