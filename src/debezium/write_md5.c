/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/write_md5.h"

enum { BLOCK = 64, LENGTH_AT = 56, ROUNDS = 64 };

/* 2^32 * |sin(i + 1)| */
static const uint32_t sines[ROUNDS] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const unsigned char turns[4][4] = {
    { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 }
};

static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round) {
    case 0:
        return (b & c) | (~b & d);
    case 1:
        return (d & b) | (~d & c);
    case 2:
        return b ^ c ^ d;
    default:
        return c ^ (b | ~d);
    }
}

static unsigned word_of(unsigned i)
{
    static const unsigned char factor[4] = { 1, 5, 3, 7 };
    static const unsigned char first[4] = { 0, 1, 5, 0 };

    return (factor[i / 16] * i + first[i / 16]) % 16;
}

static void take_block(uint32_t state[4], const unsigned char block[BLOCK])
{
    uint32_t s[4] = { state[0], state[1], state[2], state[3] };

    for (unsigned i = 0; i < ROUNDS; i++) {
        const unsigned char *p = block + (size_t)word_of(i) * 4;
        uint32_t word =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        uint32_t sum = s[0] + mix(i / 16, s[1], s[2], s[3]) + sines[i] + word;
        unsigned turn = turns[i / 16][i % 4];

        s[0] = s[3];
        s[3] = s[2];
        s[2] = s[1];
        s[1] += sum << turn | sum >> (32 - turn);
    }
    for (size_t i = 0; i < 4; i++)
        state[i] += s[i];
}

void debezium_md5(struct str text, unsigned char ret_sum[DEBEZIUM_MD5_BYTES])
{
    uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    unsigned char block[BLOCK] = { 0 };
    uint64_t bits = (uint64_t)text.n * 8;
    size_t at = 0;

    for (; text.n - at >= BLOCK; at += BLOCK)
        take_block(state, (const unsigned char *)text.p + at);
    if (text.n > at)
        memcpy(block, text.p + at, text.n - at);
    block[text.n - at] = 0x80;
    if (text.n - at >= LENGTH_AT) {
        take_block(state, block);
        memset(block, 0, sizeof block);
    }
    for (size_t i = 0; i < 8; i++)
        block[LENGTH_AT + i] = (unsigned char)(bits >> (8 * i));
    take_block(state, block);
    for (size_t i = 0; i < DEBEZIUM_MD5_BYTES; i++)
        ret_sum[i] = (unsigned char)(state[i / 4] >> (i % 4 * 8));
}
