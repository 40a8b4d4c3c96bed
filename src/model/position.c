/* SPDX-License-Identifier: Apache-2.0 */
#include "model/position.h"

#include <stdio.h>

const char *position_format(struct position p, char text[POSITION_TEXT])
{
    char lsn[LSN_TEXT];

    (void)snprintf(text, POSITION_TEXT, "%u/%s/%u", p.epoch, lsn_format(p.commit_end, lsn),
                   p.ordinal);
    return text;
}

bool position_parse(struct str s, struct position *ret_position)
{
    size_t first = str_find(s, '/');
    size_t last = s.n;
    uint64_t epoch;
    uint64_t ordinal;
    struct lsn lsn;

    while (last > 0 && s.p[last - 1] != '/')
        last--;
    if (first + 1 >= last)
        return false;
    if (!str_to_u64(str_make(s.p, first), &epoch) || epoch > UINT32_MAX ||
        !lsn_parse(str_make(s.p + first + 1, last - 1 - (first + 1)), &lsn) ||
        !str_to_u64(str_make(s.p + last, s.n - last), &ordinal) || ordinal > UINT32_MAX)
        return false;
    *ret_position = (struct position){ (uint32_t)epoch, (uint32_t)ordinal, lsn };
    return true;
}
