/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/partition.h"

static uint32_t word_le(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t kafka_murmur2(struct str key)
{
    const uint32_t m = 0x5bd1e995;
    const unsigned char *p = (const unsigned char *)key.p;
    uint32_t h = 0x9747b28cU ^ (uint32_t)key.n;
    size_t left = key.n;

    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k = word_le(p) * m;

        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (left >= 3)
        h ^= (uint32_t)p[2] << 16;
    if (left >= 2)
        h ^= (uint32_t)p[1] << 8;
    if (left >= 1)
        h = (h ^ p[0]) * m;
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}

int32_t kafka_partition(struct str key, int32_t count)
{
    return (int32_t)((kafka_murmur2(key) & 0x7fffffffU) % (uint32_t)count);
}
