/* SPDX-License-Identifier: Apache-2.0 */
#include "model/lsn.h"

#include <stdio.h>

const char *lsn_format(struct lsn lsn, char text[LSN_TEXT])
{
    (void)snprintf(text, LSN_TEXT, "%X/%X", (unsigned)(lsn.v >> 32), (unsigned)lsn.v);
    return text;
}

bool lsn_parse(struct str s, struct lsn *ret_lsn)
{
    size_t slash = str_find(s, '/');
    uint64_t high;
    uint64_t low;

    if (slash == s.n || slash > 8 || s.n - slash - 1 > 8)
        return false;
    if (!str_to_hex64(str_make(s.p, slash), &high) ||
        !str_to_hex64(str_make(s.p + slash + 1, s.n - slash - 1), &low))
        return false;
    ret_lsn->v = high << 32 | low;
    return true;
}
