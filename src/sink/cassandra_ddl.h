/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_CASSANDRA_DDL_H
#define SINK_CASSANDRA_DDL_H

/* Writing CQL: names, and the table that would hold a relation. Pure. */

#include "base/buf.h"
#include "model/relation.h"

/* A name as CQL reads it back: in double quotes unless it is plain lower case and no reserved word. */
void sink_cassandra_ddl_name(struct str name, struct buf *b);
/* keyspace.table, each as above. */
void sink_cassandra_ddl_table(const char *keyspace, const char *table, struct buf *b);

/* CREATE TABLE IF NOT EXISTS for a relation, with all its columns or, when `columns` is not NULL, the named
 * ones. The whole primary key of the source (without one: its replica identity) becomes the partition
 * key: rows then spread evenly. A relation with neither gets a comment that says so instead of a key. */
void sink_cassandra_ddl_create(const struct relation *rel, const char *keyspace, const char *table,
                               const struct str *columns, size_t column_count, struct buf *b);
/* CREATE KEYSPACE IF NOT EXISTS, one replica: for a first try, with a comment for more. */
void sink_cassandra_ddl_keyspace(const char *keyspace, struct buf *b);

#endif
