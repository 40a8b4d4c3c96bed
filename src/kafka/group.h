/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_GROUP_H
#define KAFKA_GROUP_H

/*
 * The offsets that a consumer group has committed, looked at and changed from outside. Each call makes a connection of
 * its own, asks, waits up to five seconds and closes it; any thread. The brokers refuse a change while the group has a
 * member that reads the partition. Errors as in client.h.
 */

#include "kafka/client.h"
#include "kafka/consumer.h"

/* Each partition of these topics that has an offset. Topics that there are not have none. */
bool kafka_group_list(const struct kafka_settings *settings, const char *group,
                      const char *const *topics, size_t topic_count,
                      void (*each)(void *ctx, const struct kafka_place *place), void *ctx,
                      struct error *err) MUST_CHECK;
/* May the user see that group? It need not be there. */
bool kafka_group_may_see(const struct kafka_settings *settings, const char *group,
                         struct error *err) MUST_CHECK;
/* Of partitions whose offset is below 0 it is forgotten. Without `places` all are. */
bool kafka_group_set(const struct kafka_settings *settings, const char *group,
                     const struct kafka_place *places, size_t count, struct error *err) MUST_CHECK;

#endif
