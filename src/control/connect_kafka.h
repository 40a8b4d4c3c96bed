/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_KAFKA_H
#define CONTROL_CONNECT_KAFKA_H

/*
 * Connectors of a worker that was told of brokers: what their properties say of topics and of the records in them, as
 * the keys of stream.kafka. The daemon's own stream.kafka is what a Connect worker's file is: it has the brokers, how to
 * log in, and what counts where a connector says nothing. Pure.
 */

#include "control/connect_translate.h"

/* The daemon's stream.kafka without what each connector has of its own; NULL when its stream is a log. */
json_t *connect_kafka_base(const struct config *config);

/* What Kafka cannot be given: another converter than JSON's, topics of another kind and so on. */
void connect_kafka_check(const struct connect_plugin *plugin, const json_t *config,
                         connect_fault *fault, void *ctx);

/* stream.kafka of a connector that keeps its state in `dir`. */
json_t *connect_kafka_of_source(const json_t *config, const json_t *base, const char *dir);
json_t *connect_kafka_of_sink(const json_t *base, const char *dir);

/* Does a source connector's property of that name say something of topics or records? */
bool connect_kafka_takes(const json_t *config, const char *name);

#endif
