/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_COLUMNS_H
#define POSTGRES_COLUMNS_H

/* Columns of tables as the catalog has them now. Nothing outside src/postgres includes it. */

#include "model/relation.h"
#include "postgres/conn.h"

struct postgres_column {
    struct column column;
    bool generated;
};

struct postgres_columns {
    uint32_t oid; /* of the table */
    struct postgres_column *items;
    uint32_t count;
};

/* Of each table that still exists, ascending by OID; parts live in `a`. */
bool postgres_columns_look(struct postgres_conn *c, const uint32_t *oids, size_t oid_count,
                           struct arena *a, struct postgres_columns **ret_tables, size_t *ret_count,
                           struct error *err) MUST_CHECK;
/* NULL when there is none. */
const struct postgres_columns *postgres_columns_of(const struct postgres_columns *tables,
                                                   size_t count, uint32_t oid);
/* Fills in what the type alone says (type_name, type_kind, element_oid, element_kind, base_oid,
 * base_typmod, labels) of columns whose type_oid and typmod are known, as the catalog has the type
 * now; leaves it empty when the type is gone. */
bool postgres_columns_types(struct postgres_conn *c, struct column *columns, uint32_t count,
                            struct arena *a, struct error *err) MUST_CHECK;

#endif
