/* SPDX-License-Identifier: Apache-2.0 */
#include "model/change.h"

const char *change_op_name(enum change_op op)
{
    switch (op) {
    case CHANGE_INSERT:
        return "insert";
    case CHANGE_UPDATE:
        return "update";
    case CHANGE_DELETE:
        return "delete";
    case CHANGE_TRUNCATE:
        return "truncate";
    case CHANGE_SNAPSHOT:
        return "snapshot";
    case CHANGE_MESSAGE:
        return "message";
    }
    return "unknown";
}

const struct value *change_row(const struct change *c)
{
    return c->after != NULL ? c->after : c->before;
}
