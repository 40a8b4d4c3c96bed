/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_COPYTEXT_H
#define POSTGRES_COPYTEXT_H

/*
 * One row of COPY ... TO STDOUT in text format (PostgreSQL manual, COPY, "Text Format"): columns apart by
 * tabs, \N for NULL, backslash escapes, a newline at the end. Pure.
 */

#include "base/error.h"
#include "model/change.h"

/* Unescapes in place: the texts of `values` point into `line`, whose bytes are changed. Exactly
 * `column_count` columns, else ERR_STOP, E_PG_COPY. */
bool postgres_copytext(char *line, size_t n, uint32_t column_count, struct value *values,
                       struct error *err) MUST_CHECK;

#endif
