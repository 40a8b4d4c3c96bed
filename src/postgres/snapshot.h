/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_SNAPSHOT_H
#define POSTGRES_SNAPSHOT_H

/*
 * The first copy of the tables: COPY of each, in the snapshot that the slot's creation exported, so
 * that stream and copy meet without gap and overlap. Columns and rows are those that the publication
 * publishes.
 *
 *     postgres_snapshot_open(sql, made.snapshot, publication, relations, &snap)
 *     for each table: postgres_snapshot_copy(snap, i, row, ctx)
 *     postgres_snapshot_close(snap)
 *
 * The replication connection that made the slot must stay open and idle until _open has returned; it
 * may start streaming after that (the transaction here holds the snapshot). `sql` is an ordinary
 * connection, borrowed, used for nothing else meanwhile. One thread.
 */

#include "model/change.h"
#include "postgres/catalog.h"
#include "postgres/relations.h"

struct postgres_snapshot;

struct postgres_snapshot_table {
    const struct relation *rel; /* of the relations given, with its version */
    int64_t row_estimate;       /* -1: not known */
};

/* `tables`: names as in postgres_tables_find; every published table that is one of them, or a partition
 * of one, is taken, in the order of these names. count 0: all that the publication publishes. ERR_RETRY, E_SNAPSHOT_GONE: the
 * exporting connection is gone; start over with a new slot. */
bool postgres_snapshot_open(struct postgres_conn *sql, const char *snapshot,
                            const char *publication, const char *const *tables, size_t count,
                            struct postgres_relations *relations,
                            struct postgres_snapshot **ret_snapshot, struct error *err) MUST_CHECK;
size_t postgres_snapshot_count(const struct postgres_snapshot *s);
struct postgres_snapshot_table postgres_snapshot_table(const struct postgres_snapshot *s,
                                                       size_t index);

/* Takes one row: rel->column_count values that live until it returns. False with err ends the copy. */
typedef bool postgres_snapshot_row(void *ctx, const struct relation *rel, const struct value *row,
                                   struct error *err);
/* All rows of one table. Looks at the connection's stop fd; no deadline but for silence (60 s). */
bool postgres_snapshot_copy(struct postgres_snapshot *s, size_t index, postgres_snapshot_row *row,
                            void *ctx, struct error *err) MUST_CHECK;
/* Ends the transaction; NULL is fine. */
void postgres_snapshot_close(struct postgres_snapshot *s);

#endif
