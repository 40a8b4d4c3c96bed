/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROCESS_KEY_H
#define PROCESS_KEY_H

/*
 * The key of a change: what its order is kept by. Built from the primary key's columns, else the
 * replica identity's, else the whole row. Pure.
 */

#include "base/buf.h"
#include "model/change.h"

/* Injective bytes: schema, table and key values, each with its length, so that no two keys are
 * written alike, whatever they hold. A truncate's key is its table alone. */
void key_bytes(const struct change *c, struct buf *b);
/* For people and messages: "id=1881" or "a=1, b=x"; long values are cut. */
void key_text(const struct change *c, struct buf *b);

#endif
