/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_CATALOG_H
#define POSTGRES_CATALOG_H

/*
 * Tables and publications as the catalog has them now. Everything returned lives in the arena given.
 * Ordinary connection; changes nothing but for postgres_publication_create. One thread.
 */

#include "model/relation.h"
#include "postgres/conn.h"

struct postgres_table {
    const struct relation
        *rel;  /* version 0; columns as pgoutput sends them: no dropped or generated ones */
    char kind; /* pg_class.relkind: 'r' table, 'p' partitioned table */
    bool is_partition;
    bool has_identity;          /* UPDATE and DELETE can be published: without it PostgreSQL refuses
                                   them to the application once the table is in a publication */
    bool may_select;            /* our user may read all of it */
    uint32_t generated_columns; /* not published before PostgreSQL 18 */
    int64_t row_estimate;       /* of the last ANALYZE, over all partitions; -1: never analyzed */
    int64_t bytes;
};

/* Tables named "schema.table" (a quoted part may hold dots and capitals: public."My.Table"; a name
 * without a schema means public). In the order given. All faults come in one error: E_TABLE_MISSING with the
 * nearest name, E_TABLE_KIND for views, foreign and unlogged tables. */
bool postgres_tables_find(struct postgres_conn *c, const char *const *names, size_t count,
                          struct arena *a, struct postgres_table **ret_tables,
                          struct error *err) MUST_CHECK;
/* Every table of the user's schemas that could be published; partitions are left out. */
bool postgres_tables_list(struct postgres_conn *c, struct arena *a,
                          struct postgres_table **ret_tables, size_t *ret_count,
                          struct error *err) MUST_CHECK;
/* The table with that OID; *ret_table is NULL when there is none any more. */
bool postgres_table_by_oid(struct postgres_conn *c, uint32_t oid, struct arena *a,
                           struct postgres_table **ret_table, struct error *err) MUST_CHECK;

/* Splits "schema.table" as SQL would, but without folding capitals: names match exactly. False when it is
 * not of that form. The parts live in `a`. Pure. */
bool postgres_name_split(const char *name, struct arena *a, struct str *ret_schema,
                         struct str *ret_table);

/* One table of a publication as its changes will name it: with via_root the partitioned root, else
 * the leaf partitions. */
struct postgres_published {
    uint32_t oid;
    struct str schema;
    struct str table;
    struct str root_schema; /* topmost partitioned ancestor, or the table itself */
    struct str root_table;
    bool partitioned;          /* rows are in its partitions */
    bool has_column_list;      /* 15 and up; false: all columns */
    const struct str *columns; /* with or without a list: the published ones, in table order */
    uint32_t column_count;
    struct str where; /* row filter as SQL, 15 and up; n == 0: none */
};

struct postgres_publication {
    bool exists;
    bool all_tables;
    bool insert, update, delete, truncate;
    bool via_root;
    struct postgres_published *tables;
    size_t table_count;
};

/* A publication that is not there is no error: exists is false then. */
bool postgres_publication_look(struct postgres_conn *c, const char *name, struct arena *a,
                               struct postgres_publication *ret_publication,
                               struct error *err) MUST_CHECK;
/* Does it publish every one of these tables (itself, or its partitions)? Pure. ERR_STOP,
 * E_PUBLICATION_TABLE naming all that are missing and the ALTER PUBLICATION that adds them;
 * E_PUBLICATION_MISSING when it does not exist. */
bool postgres_publication_judge(const struct postgres_publication *p, const char *name,
                                const struct postgres_table *tables, size_t count,
                                struct error *err) MUST_CHECK;
/* CREATE PUBLICATION ... FOR TABLE ..., with publish_via_partition_root. Must come before the slot: a
 * slot never sees a publication that is younger than its position. Refuses tables without replica
 * identity (E_TABLE_NO_IDENTITY): it would break the application's UPDATE and DELETE. */
bool postgres_publication_create(struct postgres_conn *c, const char *name,
                                 const struct postgres_table *tables, size_t count,
                                 struct error *err) MUST_CHECK;
/* The statement that postgres_publication_create runs; pure. */
void postgres_publication_sql(struct buf *b, const char *name, const struct postgres_table *tables,
                              size_t count);

#endif
