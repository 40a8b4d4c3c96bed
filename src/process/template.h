/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_TEMPLATE_H
#define PROCESS_TEMPLATE_H

/*
 * Text with {{column}} and {{before.column}} holes, e.g. "top:{{content_id}}". Compiled once, bound to
 * a relation's columns, rendered per change. Besides columns there are {{@table}}, {{@schema}}, {{@op}},
 * {{@position}} and {{@commit_time}} (ISO 8601 UTC). "{{{{" is a literal "{{". Pure.
 */

#include "base/buf.h"
#include "base/error.h"
#include "model/change.h"

struct template; /* lives in the arena it was compiled into */

/* Does not compile: false with a message and *ret_at, the offset of the fault in `text`. */
bool template_compile(struct str text, struct arena *a, const struct template **ret_template,
                      size_t *ret_at, struct error *err) MUST_CHECK;
/* The first column that the template names and the relation lacks, or {NULL, 0}. */
struct str template_missing(const struct template *t, const struct relation *rel);
/* Does it use {{before.x}}? */
bool template_uses_before(const struct template *t);
/* The first column whose old value it wants ({{before.x}}; with row_is_old also {{x}}, as in a delete)
 * and that PostgreSQL does not send with this table's replica identity, or {NULL, 0}. */
struct str template_old_unknown(const struct template *t, const struct relation *rel,
                                bool row_is_old);
/* Appends the text for a change. A NULL or unchanged column, or an old value that is not known, is
 * ERR_REJECT naming it: a hole is never filled with something else. */
bool template_render(const struct template *t, const struct change *c, struct buf *b,
                     struct error *err) MUST_CHECK;

#endif
