/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_REREAD_H
#define POSTGRES_REREAD_H

/*
 * Reads columns of one row again, by its key, as the source has them now. For the one case in which
 * pgoutput does not send a value at all: an update changed the key and left a TOAST value alone.
 */

#include "model/change.h"
#include "postgres/conn.h"

/*
 * `xid` is the transaction that wrote the row. A commit is in the WAL, and may come to us, a moment before
 * other sessions see what it wrote (with synchronous replication: before the standby has confirmed it), so
 * the row is waited for until that transaction is visible. Takes that too long: ERR_RETRY, E_PG_REREAD.
 *
 * Fills every VALUE_UNCHANGED of `row` (rel->column_count values) from the row whose primary key, else
 * replica identity, has the values in `row`. *ret_found false: there is no such row any more (deleted
 * or moved since: a later change says so), nothing is filled. Texts live in `a`. Ordinary connection.
 * ERR_STOP, E_PG_REREAD: no usable key, or the column or table is gone since.
 */
bool postgres_reread(struct postgres_conn *sql, const struct relation *rel, uint32_t xid,
                     struct value *row, struct arena *a, bool *ret_found,
                     struct error *err) MUST_CHECK;

#endif
