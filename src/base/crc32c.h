/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): in hardware where the processor has SSE 4.2, else by
 * table. Start with crc = 0; feeding a buffer in pieces gives the same result. Pure; any thread. */

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* The table form, for tests to compare with. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);

#endif
