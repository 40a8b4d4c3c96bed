/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

/* The text of a page as its author meant it: what belongs to one line is joined, lines are apart by
 * `line_end`. Pure. */

#include "base/buf.h"
#include "base/error.h"

void explain_lines(const struct error_page *page, const char *line_end, struct buf *b);

#endif
