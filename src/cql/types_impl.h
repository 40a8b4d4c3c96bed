/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_TYPES_IMPL_H
#define CQL_TYPES_IMPL_H

/* What the files of types.h share among themselves. Pure; any thread. */

#include "cql/types.h"

/* ---- trees ---- */

/* Static types; NULL when there is none. */
const struct cql_type *cql_types_scalar(unsigned id);
const struct cql_type *cql_types_scalar_named(struct str text);
/* By class name without its package. */
const struct cql_type *cql_types_scalar_class(struct str name);
/* The collection that CQL calls so, with the number of its parts (0: any); CQL_CUSTOM for none. */
enum cql_type_id cql_types_collection(struct str name, uint32_t *ret_of_count);
struct cql_type *cql_types_new(struct arena *a, enum cql_type_id id);
/* Room for the parts of a type, cleared. */
const struct cql_type **cql_types_parts(struct arena *a, size_t count);
/* A custom class of the protocol: a built-in type where it names one, else CQL_CUSTOM. Never NULL. */
const struct cql_type *cql_types_from_class(struct str text, struct arena *a, unsigned depth);

/* ---- what a PostgreSQL column is, for conversion ---- */

enum cql_types_from {
    FROM_OTHER,  /* carried as its text: text, varchar, json, enums, ranges, composites, ... */
    FROM_DOMAIN, /* its base type is not known here: each value is looked at */
    FROM_LOOSE,  /* nobody said what it stands for: read as the target's type (types_loose.c) */
    FROM_LOOSE_NUMBER, /* the same, and it came as a number */
    FROM_BOOL,
    FROM_INT2,
    FROM_INT4,
    FROM_INT8,
    FROM_OID,
    FROM_NUMERIC,
    FROM_FLOAT4,
    FROM_FLOAT8,
    FROM_BYTEA,
    FROM_UUID,
    FROM_TIMESTAMP, /* with and without time zone */
    FROM_DATE,
    FROM_TIME,
    FROM_INTERVAL,
    FROM_INET, /* and cidr */
    FROM_ARRAY
};

enum cql_types_from cql_types_from(const struct column *col);
/* The element of an array column, as a column of its own. */
struct column cql_types_element(const struct column *col);

/* ---- converters ----
 * Each appends the bytes of one value. On false *ret_why is a static half-sentence ("... : it is not a
 * number") and what was appended is the caller's to take back. */

bool cql_types_put_integer(struct str text, unsigned bytes, struct buf *out, const char **ret_why);
bool cql_types_put_varint(struct str text, struct buf *out, const char **ret_why);
bool cql_types_put_decimal(struct str text, struct buf *out, const char **ret_why);
bool cql_types_put_timestamp(struct str text, struct buf *out, const char **ret_why);
bool cql_types_put_date(struct str text, struct buf *out, const char **ret_why);
bool cql_types_put_time(struct str text, struct buf *out, const char **ret_why);
bool cql_types_put_duration(struct str text, struct buf *out, const char **ret_why);
/* `element` says how the elements are to be read. */
bool cql_types_put_array(enum cql_types_from element, const struct cql_type *type, struct str text,
                         struct buf *out, const char **ret_why);
/* A value of FROM_LOOSE; `number`: it came as one. */
bool cql_types_put_loose(bool number, enum cql_type_id id, struct str text, struct buf *out,
                         const char **ret_why);
bool cql_types_put_loose_array(const struct cql_type *type, struct str text, struct buf *out,
                               const char **ret_why);
/* Any but an array. */
bool cql_types_put_scalar(enum cql_types_from from, enum cql_type_id id, struct str text,
                          struct buf *out, const char **ret_why);

#endif
