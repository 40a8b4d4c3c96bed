/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_ROWJSON_H
#define PROCESS_ROWJSON_H

/*
 * PostgreSQL values as JSON: a row as a flat object, the same everywhere it is shown or sent.
 *
 *   boolean -> true/false        smallint, integer, bigint, oid -> number
 *   real, double precision -> number; NaN and the infinities as strings
 *   numeric -> number with all its digits; NaN and the infinities as strings
 *   json, jsonb -> nested as it is     bytea -> base64 string
 *   timestamptz -> "2026-11-22T10:23:27.123456Z" (ISO 8601 UTC); timestamp the same without the Z
 *   arrays of the above -> nested JSON arrays; everything else -> the exact text as a string
 *   infinity and BC dates stay as PostgreSQL writes them.     NULL -> null
 * Pure; appends to a buf.
 */

#include "base/buf.h"
#include "model/change.h"

void rowjson_value(const struct column *col, struct value v, struct buf *b);
/* {"name":value,...}; unchanged columns are left out. `row` has rel->column_count values. With
 * key_only just the identity's columns (an old row of which only the key is known). */
void rowjson_object(const struct relation *rel, const struct value *row, bool key_only,
                    struct buf *b);
/* One change on one line, without the newline: position, op, table, commit time, xid, wts, before,
 * after, unchanged. What `log read`, `dlq show` and the stdout sink print. */
void rowjson_change(const struct change *c, struct buf *b);

#endif
