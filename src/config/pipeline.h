/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_PIPELINE_H
#define CONFIG_PIPELINE_H

/* Inside of the config room: what a pipeline file holds. The tables (pipeline.c), and the checks that
 * go across keys (check.c). */

#include "config/keys.h"

/* All but the sinks' own keys. */
extern const struct config_key config_root_keys[];
extern const struct config_key config_postgres_keys[];
extern const struct config_key config_log_keys[];
extern const struct config_key config_sink_keys[];
extern const struct config_key config_kafka_keys[];  /* kafka.c */
extern const struct config_key config_format_keys[]; /* format.c */
extern const struct config_key config_control_keys[];

/* CUSTOM parser of "sinks"; field is the struct config. */
void config_parse_sinks(const struct config_node *node, void *field, struct config_report *rep);

/* CUSTOM parser of "stream.kafka"; field is the struct config_stream. (kafka.c) */
void config_parse_kafka(const struct config_node *node, void *field, struct config_report *rep);
/* What goes across the keys of stream.kafka, and the defaults that follow from other keys. */
void config_check_topic(const struct config_node *node, const char *topic,
                        struct config_report *rep);
void config_check_kafka(struct config *c, const struct config_node *map, struct config_report *rep);
/* Likewise of stream.kafka.format. (format.c) */
void config_check_format(struct config_format *f, const struct config_node *map,
                         struct config_report *rep);

/* Checks across keys, and the defaults that follow from other keys. */
void config_check(struct config *c, const struct config_node *root, struct config_report *rep);

/* Takes the password out of a PostgreSQL URL (*ret_password: NULL when there is none; the rest in
 * *ret_url) and checks scheme and ports; faults go to the node. */
bool config_postgres_url(const struct config_node *node, struct config_report *rep,
                         const char **ret_url, const char **ret_password);

/* Longest name of a pipeline or sink: with "multisink_" before it, it is still a name of PostgreSQL. */
enum { CONFIG_NAME_MAX = 53, CONFIG_SLOT_MAX = 63 };

#endif
