/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */

static uint32_t table[8][256];
static bool in_hardware;

__attribute__((constructor)) static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c & 1) != 0 ? (c >> 1) ^ POLYNOMIAL : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int t = 1; t < 8; t++)
            table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xff];
    }
#if defined(__x86_64__)
    __builtin_cpu_init();
    in_hardware = __builtin_cpu_supports("sse4.2") != 0;
#endif
}

/* Slicing by eight. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint32_t c = ~crc;

    while (n >= 8) {
        uint64_t v;

        memcpy(&v, bytes, sizeof v);
        v ^= c;
        c = table[7][v & 0xff] ^ table[6][(v >> 8) & 0xff] ^ table[5][(v >> 16) & 0xff] ^
            table[4][(v >> 24) & 0xff] ^ table[3][(v >> 32) & 0xff] ^ table[2][(v >> 40) & 0xff] ^
            table[1][(v >> 48) & 0xff] ^ table[0][v >> 56];
        bytes += 8;
        n -= 8;
    }
    while (n-- > 0)
        c = (c >> 8) ^ table[0][(c ^ *bytes++) & 0xff];
    return ~c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint64_t c = ~crc;

    while (n >= 8) {
        uint64_t v;

        memcpy(&v, bytes, sizeof v);
        c = __builtin_ia32_crc32di(c, v);
        bytes += 8;
        n -= 8;
    }
    while (n-- > 0)
        c = __builtin_ia32_crc32qi((uint32_t)c, *bytes++);
    return ~(uint32_t)c;
}
#else
static uint32_t hardware(uint32_t crc, const void *p, size_t n)
{
    return crc32c_portable(crc, p, n);
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return in_hardware ? hardware(crc, p, n) : crc32c_portable(crc, p, n);
}
