/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PARTITION_H
#define KAFKA_PARTITION_H

/* Which partition a key belongs to, as Kafka's Java client decides it, so that other producers and consumers agree.
 * Pure; any thread. */

#include "base/str.h"

/* MurmurHash2 with the seed of org.apache.kafka.common.utils.Utils.murmur2. */
uint32_t kafka_murmur2(struct str key);
/* count > 0 */
int32_t kafka_partition(struct str key, int32_t count);

#endif
