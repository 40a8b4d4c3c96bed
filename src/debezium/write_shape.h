/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_SHAPE_H
#define DEBEZIUM_WRITE_SHAPE_H

/*
 * What the records of one version of a table have in common, rendered once: topic, schemas, names of
 * members, the fixed parts of source. Owned by the writer; one thread.
 *
 * A record's value is then (envelope, 2.5):
 *
 *   value_open    {"schema":{...},"payload":{"before":
 *   row           null, or {"id":1,...}
 *                 ,"after":
 *   row
 *   source_open   ,"source":{"version":"2.5.4.Final",...,"ts_ms":
 *   ...
 *   source_table  ,"schema":"public","table":"t","txId":
 *   ...
 *   close         }}
 */

#include "debezium/write_type.h"
#include "debezium/write_unwrap.h"

struct debezium_shape_column {
    struct str name;
    struct str member; /* "name": with a comma before it but for the first */
    const struct debezium_type *type;
    bool not_null;
    struct str fallback; /* the column's default as JSON; n == 0: none */
};

struct debezium_shape_key {
    size_t count; /* 0: no key */
    uint32_t *columns;
    struct str *members; /* as debezium_shape_column's, in the key's order */
    struct str open;     /* {"schema":{...},"payload":{ */
};

struct debezium_shape {
    uint32_t oid;
    uint32_t version;
    struct arena arena; /* everything below lives here */
    size_t count;
    struct debezium_shape_column *columns;
    struct debezium_shape_key key;
    /* The replica identity's columns, where the key's are not all among them; else count == 0. */
    struct debezium_shape_key identity;
    struct str topic; /* terminated */
    struct str value_open;
    uint64_t opening;      /* the writer's count of it, from 1 */
    struct str null_value; /* unwrapped: a delete as null, which has a schema still */
    struct str source_open;
    struct str source_table;
};

struct debezium_shape *debezium_shape_new(const struct debezium_format *f,
                                          const struct debezium_unwrap_plan *plan,
                                          const struct relation *rel);
void debezium_shape_free(struct debezium_shape *s);

/* What source.version says. */
const char *debezium_shape_version(const struct debezium_format *f);
/* source up to ts_ms, and its version; shared with records that are of no table. */
void debezium_shape_source_open(struct buf *b, const struct debezium_format *f);

#endif
