/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_TABLES_H
#define PIPELINE_TABLES_H

/*
 * Which of the relations that PostgreSQL names are captured, and under what name: a table that is
 * listed in source.tables goes by its own name; a partition of a listed table goes by that table's
 * name, so that a partitioned table looks the same with and without publish_via_partition_root; all
 * others are skipped. Decided once per relation version. Owned by the capture thread.
 */

#include "base/map.h"
#include "config/config.h"
#include "model/relation.h"
#include "postgres/conn.h"

struct tables {
    const struct config_strings *wanted;
    const char *publication;
    struct map by_version; /* version -> const struct relation *, or NULL: skipped */
    struct arena arena;
};

void tables_init(struct tables *t, const struct config_strings *wanted, const char *publication);
void tables_done(struct tables *t);
/* *ret_rel: the relation to write changes of `rel` with; NULL: they are not wanted. Lives until
 * tables_done. Asks the catalog when a relation is not listed by its own name. */
bool tables_resolve(struct tables *t, struct postgres_conn *sql, const struct relation *rel,
                    const struct relation **ret_rel, struct error *err) MUST_CHECK;
/* Is the table, by schema and name, in the list? A name without a schema means public. */
bool tables_listed(const struct config_strings *names, struct str schema, struct str table);

#endif
