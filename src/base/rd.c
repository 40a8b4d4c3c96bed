/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    error "rd and buf are written for little-endian machines"
#endif

uint64_t rd_varint(struct rd *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = rd_u8(r);

        if (r->bad)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return v;
    }
    (void)rd_fail(r);
    return 0;
}

struct str rd_varstr(struct rd *r, size_t limit)
{
    uint64_t n = rd_varint(r);

    if (n > limit) {
        (void)rd_fail(r);
        return STR_NONE;
    }
    return rd_bytes(r, (size_t)n);
}

struct str rd_cstr(struct rd *r, size_t limit)
{
    const unsigned char *nul = rd_left(r) > 0 ? memchr(r->p, '\0', rd_left(r)) : NULL;
    struct str s;

    if (r->bad || nul == NULL || (size_t)(nul - r->p) > limit) {
        (void)rd_fail(r);
        return STR_NONE;
    }
    s = str_make(r->p, (size_t)(nul - r->p));
    r->p = nul + 1;
    return s;
}
