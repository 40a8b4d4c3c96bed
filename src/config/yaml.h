/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

/*
 * Inside of the config room: text -> tree. Only here: libyaml. Everything is bounded: size, depth, number
 * of nodes, what ${...} takes in. All in the report's arena. One thread.
 */

#include "config/report.h"

/* Parses rep->source. Faults go into the report; NULL when there is no tree at all (there may be faults
 * beside a tree, too). Values have ${...} resolved. */
const struct config_node *config_yaml_parse(struct config_report *rep);

/* The first byte of rep->source that cannot stand in a YAML text, as a fault; true when there is none. */
bool config_bytes_check(struct config_report *rep);

/* Replaces ${env:NAME}, ${file:PATH} and $${ in a scalar's text. What cannot be resolved is a fault and
 * leaves the text as it is. */
void config_resolve(struct config_report *rep, struct config_node *scalar);

#endif
