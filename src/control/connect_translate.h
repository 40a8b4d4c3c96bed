/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_TRANSLATE_H
#define CONTROL_CONNECT_TRANSLATE_H

/*
 * A connector's properties as a pipeline file, which config_load_text then checks: there is one
 * validator, and one meaning of each key. The text is JSON, which is YAML. Values are taken as they are:
 * ${env:...} and ${file:...} are not looked up for what came over HTTP. Pure.
 */

#include "control/connect_props.h"

enum { CONNECT_NAME_TEXT = 54 };

/* The name of a pipeline or sink for a connector's: itself where that is allowed, else made of it and
 * a hash of it, so that two never meet. */
void connect_safe_name(const char *connector, char ret_name[CONNECT_NAME_TEXT]);

/* Which tables a source captures: four lists of regular expressions, as one expression each (NULL: none
 * given) in the arena. */
struct connect_filters {
    const char *table_include, *table_exclude;
    const char *schema_include, *schema_exclude;
};
void connect_filters_get(const json_t *config, struct arena *a, struct connect_filters *ret);
/* The tables that are named one by one in table.include.list; false when it has a pattern, or when there
 * is another list. */
bool connect_tables_named(const json_t *config, struct arena *a, const char *const **ret_tables,
                          size_t *ret_count);

/* The tables of a sink's topics ("prefix.schema.table"); *ret_prefix is the one all of them share.
 * False after a fault in `text`. */
bool connect_topics_get(const json_t *config, struct arena *a, const char **ret_prefix,
                        const char *const **ret_tables, size_t *ret_count, char *text, size_t size);

/* What goes across properties, beyond connect_props_check. `kafka`: the stream is in Kafka. */
void connect_translate_check(const struct connect_plugin *plugin, const json_t *config, bool kafka,
                             connect_fault *fault, void *ctx);

struct connect_source_text {
    const json_t *config;
    const char *name; /* of the pipeline */
    const char *dir;  /* its data directory */
    const char *const *tables;
    size_t table_count;
    const json_t *kafka; /* connect_kafka_base; NULL: a log */
};
void connect_source_text(const struct connect_source_text *source, struct buf *b);

/* A file with that sink alone, and a source that has its tables. */
void connect_sink_text(const struct connect_plugin *plugin, const json_t *config, const char *name,
                       const char *const *tables, size_t table_count, struct buf *b);
/* A file that delivers from its topics, which may have any names. */
void connect_sink_text_kafka(const struct connect_plugin *plugin, const json_t *config,
                             const char *name, const json_t *kafka, const char *dir, struct buf *b);

/* ---- shared by the files of the translation ------------------------------------------------------- */

/* The list of that name; empty when it is not there. */
struct str connect_list_of(const json_t *config, const char *name);
/* The next item of a comma-separated list, trimmed; false at its end. Empty ones are passed over. */
bool connect_next_item(struct str *rest, struct str *ret_item);
/* A value that the file takes as it is: nothing in it is looked up. */
json_t *connect_plain(const char *text);
json_t *connect_plain_list(const char *const *items, size_t count);
/* The items of a text with commas. */
json_t *connect_plain_items(struct str text);
/* Nothing for NULL. */
void connect_set(json_t *map, const char *key, const char *value);
/* Writes the file and gives the tree up. */
void connect_put_text(json_t *root, struct buf *b);

#endif
