/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_KEEPER_KAFKA_H
#define PIPELINE_KEEPER_KAFKA_H

/* The state topic as the keeper wants it: the key "capture" of a compacted topic. Connects when it is first used;
 * the configuration is borrowed. Two threads: put is guarded, load brings its own connection, next is the keeper
 * thread's. */

#include "config/config.h"
#include "pipeline/keeper.h"

struct keeper_table keeper_kafka_table(const struct config *config);

#endif
