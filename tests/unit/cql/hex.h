/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CQL_HEX_H
#define TEST_CQL_HEX_H

/* Bytes written as hexadecimal text, for golden vectors. Include after cmocka. */

#include "base/buf.h"

#include <stdlib.h>

static inline void hex_put(struct buf *b, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        uint64_t byte;

        assert_true(str_to_hex64(str_make(hex, 2), &byte));
        buf_u8(b, (uint8_t)byte);
    }
}

static inline void hex_expect(const struct buf *b, const char *hex)
{
    struct buf want;

    buf_init(&want, 1 << 20);
    hex_put(&want, hex);
    assert_int_equal(b->n, want.n);
    assert_memory_equal(b->p, want.p, want.n);
    buf_done(&want);
}

#endif
