/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_JAVA_H
#define DEBEZIUM_WRITE_JAVA_H

/*
 * The order in which a java.util.HashMap<String, ...> gives its entries: by bucket, within a bucket as they
 * came. The bucket is the low bits of String.hashCode() mixed with its high half, in a table of the smallest
 * power of two (16 or more) of which the entries fill three quarters at most. Pure.
 */

#include "base/str.h"

struct debezium_java_hash {
    uint32_t v; /* String.hashCode() of what was added */
};

/* UTF-8; goes by UTF-16 units, as Java does. */
void debezium_java_hash_add(struct debezium_java_hash *h, struct str s);
uint32_t debezium_java_bucket(uint32_t hash, size_t entries);

#endif
