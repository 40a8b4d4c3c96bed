/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_KAFKA_CONF_H
#define SINK_KAFKA_CONF_H

/* stream.kafka of the configuration as the rooms below want it. Results live in `a` and borrow from the
 * configuration. Pure. */

#include "config/config.h"
#include "debezium/format.h"
#include "kafka/client.h"

void sink_kafka_settings(const struct config_kafka *conf, struct arena *a,
                         struct kafka_settings *ret_settings);

/* The consumer group of a sink, by the name that stands for it. */
const char *sink_kafka_group(const struct config_kafka *conf, const char *sink, struct arena *a);

void sink_kafka_format(const struct config *config, struct arena *a,
                       struct debezium_format *ret_format);

/* config_kinds.kafka_property */
bool sink_kafka_property(const char *name, const char *value, struct arena *a, const char **ret_why,
                         const char **ret_near);

#endif
