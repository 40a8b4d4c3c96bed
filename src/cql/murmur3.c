/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MurmurHash3_x64_128 (Austin Appleby, public domain), as org.apache.cassandra.utils.MurmurHash
 * computes it. All arithmetic is unsigned: signed overflow and shifts are undefined in C.
 */
#include "cql/murmur3.h"

#define C1 UINT64_C(0x87c37b91114253d5)
#define C2 UINT64_C(0x4cf5ad432745937f)

static inline uint64_t rotl(uint64_t v, unsigned bits)
{
    return v << bits | v >> (64 - bits);
}

static inline uint64_t mix1(uint64_t k)
{
    return rotl(k * C1, 31) * C2;
}

static inline uint64_t mix2(uint64_t k)
{
    return rotl(k * C2, 33) * C1;
}

static inline uint64_t fmix(uint64_t k)
{
    k ^= k >> 33;
    k *= UINT64_C(0xff51afd7ed558ccd);
    k ^= k >> 33;
    k *= UINT64_C(0xc4ceb9fe1a85ec53);
    return k ^ k >> 33;
}

static inline uint64_t load_le64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Up to eight bytes, little-endian, each sign-extended before it is mixed in: Cassandra's quirk. */
static uint64_t load_tail(const char *p, size_t n)
{
    uint64_t k = 0;

    for (size_t i = 0; i < n; i++)
        k ^= (uint64_t)(int64_t)(int8_t)p[i] << (8 * i);
    return k;
}

int64_t cql_murmur3_token(struct str key)
{
    uint64_t h1 = 0;
    uint64_t h2 = 0;
    size_t tail = key.n % 16;
    const char *p = key.p;

    if (key.n == 0)
        return INT64_MIN;
    for (size_t left = key.n / 16; left > 0; left--, p += 16) {
        h1 = rotl(h1 ^ mix1(load_le64(p)), 27) + h2;
        h1 = h1 * 5 + 0x52dce729;
        h2 = rotl(h2 ^ mix2(load_le64(p + 8)), 31) + h1;
        h2 = h2 * 5 + 0x38495ab5;
    }
    if (tail > 8)
        h2 ^= mix2(load_tail(p + 8, tail - 8));
    if (tail > 0)
        h1 ^= mix1(load_tail(p, tail < 8 ? tail : 8));
    h1 ^= key.n;
    h2 ^= key.n;
    h1 += h2;
    h2 += h1;
    h1 = fmix(h1) + fmix(h2);
    return h1 == (uint64_t)INT64_MIN ? INT64_MAX : (int64_t)h1;
}
