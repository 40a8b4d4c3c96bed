/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_MURMUR3_H
#define CQL_MURMUR3_H

/*
 * The token of a partition key under Cassandra's Murmur3Partitioner. Pure; any thread.
 *
 * It is MurmurHash3 x64 128 with seed 0, of which the first 64 bits are kept, but for Cassandra's own
 * quirk: the bytes of the tail are sign-extended. INT64_MIN is the ring's minimum and never a key's
 * token: it becomes INT64_MAX. An empty key has the minimum token.
 */

#include "base/str.h"

#include <stdint.h>

int64_t cql_murmur3_token(struct str key);

#endif
