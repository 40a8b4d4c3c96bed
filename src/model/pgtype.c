/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pgtype.h"

static const struct {
    uint32_t oid;
    uint32_t array;
    const char *name;
} types[] = {
    { PG_BOOL, 1000, "boolean" },
    { PG_BYTEA, 1001, "bytea" },
    { PG_CHAR, 1002, "\"char\"" },
    { PG_NAME, 1003, "name" },
    { PG_INT8, 1016, "bigint" },
    { PG_INT2, 1005, "smallint" },
    { PG_INT4, 1007, "integer" },
    { PG_TEXT, 1009, "text" },
    { PG_OID, 1028, "oid" },
    { PG_JSON, 199, "json" },
    { PG_XML, 143, "xml" },
    { PG_FLOAT4, 1021, "real" },
    { PG_FLOAT8, 1022, "double precision" },
    { PG_MACADDR8, 775, "macaddr8" },
    { PG_MONEY, 791, "money" },
    { PG_MACADDR, 1040, "macaddr" },
    { PG_CIDR, 651, "cidr" },
    { PG_INET, 1041, "inet" },
    { PG_BPCHAR, 1014, "character" },
    { PG_VARCHAR, 1015, "character varying" },
    { PG_DATE, 1182, "date" },
    { PG_TIME, 1183, "time without time zone" },
    { PG_TIMESTAMP, 1115, "timestamp without time zone" },
    { PG_TIMESTAMPTZ, 1185, "timestamp with time zone" },
    { PG_INTERVAL, 1187, "interval" },
    { PG_TIMETZ, 1270, "time with time zone" },
    { PG_BIT, 1561, "bit" },
    { PG_VARBIT, 1563, "bit varying" },
    { PG_NUMERIC, 1231, "numeric" },
    { PG_UUID, 2951, "uuid" },
    { PG_JSONB, 3807, "jsonb" },
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

const char *pgtype_name(uint32_t oid)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].oid == oid)
            return types[i].name;
    }
    return NULL;
}

uint32_t pgtype_element(uint32_t array_oid)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].array == array_oid)
            return types[i].oid;
    }
    return 0;
}

uint32_t pgtype_array(uint32_t element_oid)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].oid == element_oid)
            return types[i].array;
    }
    return 0;
}
