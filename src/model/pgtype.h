/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_PGTYPE_H
#define MODEL_PGTYPE_H

/*
 * PostgreSQL's built-in types that something here treats specially. The OIDs are fixed for ever
 * (src/include/catalog/pg_type.dat). Every other type is carried as exact text under its name.
 */

#include "base/str.h"

enum pgtype {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_CHAR = 18,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_JSON = 114,
    PG_XML = 142,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_UNKNOWN = 705, /* a text of which nobody said what it stands for */
    PG_MACADDR8 = 774,
    PG_MONEY = 790,
    PG_MACADDR = 829,
    PG_CIDR = 650,
    PG_INET = 869,
    PG_BPCHAR = 1042,
    PG_VARCHAR = 1043,
    PG_DATE = 1082,
    PG_TIME = 1083,
    PG_TIMESTAMP = 1114,
    PG_TIMESTAMPTZ = 1184,
    PG_INTERVAL = 1186,
    PG_TIMETZ = 1266,
    PG_BIT = 1560,
    PG_VARBIT = 1562,
    PG_NUMERIC = 1700,
    PG_UUID = 2950,
    PG_JSONB = 3802
};

/* SQL name ("bigint", "timestamp with time zone"), or NULL for a type that is not in the list. */
const char *pgtype_name(uint32_t oid);
/* Element type of a built-in array type ("_int4" 1007 -> 23), or 0. */
uint32_t pgtype_element(uint32_t array_oid);
/* Array type of an element type of the list, or 0. */
uint32_t pgtype_array(uint32_t element_oid);

#endif
