/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/write_java.h"

enum { FIRST_TABLE = 16 };

static void mix_unit(struct debezium_java_hash *h, uint32_t unit)
{
    h->v = 31 * h->v + unit;
}

void debezium_java_hash_add(struct debezium_java_hash *h, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        uint32_t point = more == 3 ? c & 7u : more == 2 ? c & 15u : more == 1 ? c & 31u : c;

        for (; more > 0 && i + 1 < s.n; more--)
            point = point << 6 | ((unsigned char)s.p[++i] & 63u);
        if (point >= 0x10000) {
            mix_unit(h, 0xd800 + ((point - 0x10000) >> 10));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        mix_unit(h, point);
    }
}

uint32_t debezium_java_bucket(uint32_t hash, size_t entries)
{
    size_t table = FIRST_TABLE;

    while (entries > table / 4 * 3)
        table *= 2;
    return (hash ^ hash >> 16) & (uint32_t)(table - 1);
}
