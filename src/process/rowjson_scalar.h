/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_ROWJSON_SCALAR_H
#define PROCESS_ROWJSON_SCALAR_H

/* One value that is no array, as JSON; a part of rowjson.h. Pure; any thread. */

#include "base/buf.h"

/* PostgreSQL's text of a value of this type. */
void rowjson_scalar(uint32_t type_oid, struct str text, struct buf *b);
/* The same from between the quotes of an array's item; a backslash before a byte is still in it, at least
 * one. */
void rowjson_scalar_escaped(uint32_t type_oid, struct str raw, struct buf *b);

#endif
