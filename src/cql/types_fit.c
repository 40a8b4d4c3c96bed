/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which PostgreSQL type may be stored in which CQL type. The rule: a pair is allowed when the CQL type
 * holds every value of the PostgreSQL type, but for the few that only one row in a million has
 * (infinity, NaN, 24:00:00, a network mask, a NULL in an array); those are refused one by one. Text
 * holds everything, in PostgreSQL's own text form.
 *
 *   boolean                       boolean
 *   smallint                      smallint, int, bigint, varint, decimal, float, double
 *   integer                       int, bigint, varint, decimal, double
 *   bigint                        bigint, varint, decimal
 *   oid                           bigint, varint, decimal, double
 *   numeric                       decimal; varint (a fraction is refused, by row or by numeric(p,s));
 *                                 numeric(p,0): also the integers that hold p digits
 *   real                          float, double
 *   double precision              double
 *   bytea                         blob
 *   uuid                          uuid, timeuuid (other versions than 1 are refused by row)
 *   timestamp, timestamptz        timestamp (milliseconds)
 *   date                          date
 *   time                          time
 *   interval                      duration (parts of different sign are refused by row)
 *   inet, cidr                    inet (a mask that is not the whole address is refused by row)
 *   array of T                    frozen<list<E>>, set<E>, vector<E, n> where T fits E; nested alike
 *   a domain                      any of the scalars but float, each value looked at
 *   unknown, and what nobody has  any of the scalars, lists, sets and vectors, each value read as that
 *   declared (type_kind p)        (types_loose.c)
 *   everything, those included    text, varchar, ascii (7-bit text only)
 */
#include "cql/types_impl.h"

#include "model/pgtype.h"

static const char why_kind[] = "there is no exact conversion between the two";
static const char why_narrow[] = "it cannot hold every value of the source's type";
static const char why_round[] = "it would round large values";
static const char why_fraction[] = "it has no digits behind the point";
static const char why_counter[] =
    "a counter cannot be set, and a repeated increment would count twice";
static const char why_list[] = "a list that is not frozen doubles its elements when a write is "
                               "repeated; use frozen<list<...>> or set<...>";
static const char why_user[] = "only built-in types, lists, sets and vectors can be written";
static const char why_domain[] = "the precision of a domain's base type is not known here";
static const char why_vector[] = "only vectors of boolean, int, bigint, float, double, timestamp, "
                                 "uuid and timeuuid can be written";

enum { INTEGER_NONE = 0, INTEGER_HUGE = 99 };

enum cql_types_from cql_types_from(const struct column *col)
{
    if (col->element_oid != 0 || pgtype_element(col->type_oid) != 0)
        return FROM_ARRAY;
    if (col->type_kind == 'd')
        return FROM_DOMAIN;
    if (col->type_kind == 'p' && (col->type_oid == PG_INT8 || col->type_oid == PG_NUMERIC))
        return FROM_LOOSE_NUMBER;
    if (col->type_kind == 'p' || col->type_oid == PG_UNKNOWN)
        return FROM_LOOSE;
    switch (col->type_oid) {
    case PG_BOOL:
        return FROM_BOOL;
    case PG_INT2:
        return FROM_INT2;
    case PG_INT4:
        return FROM_INT4;
    case PG_INT8:
        return FROM_INT8;
    case PG_OID:
        return FROM_OID;
    case PG_NUMERIC:
        return FROM_NUMERIC;
    case PG_FLOAT4:
        return FROM_FLOAT4;
    case PG_FLOAT8:
        return FROM_FLOAT8;
    case PG_BYTEA:
        return FROM_BYTEA;
    case PG_UUID:
        return FROM_UUID;
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return FROM_TIMESTAMP;
    case PG_DATE:
        return FROM_DATE;
    case PG_TIME:
        return FROM_TIME;
    case PG_INTERVAL:
        return FROM_INTERVAL;
    case PG_INET:
    case PG_CIDR:
        return FROM_INET;
    default:
        return FROM_OTHER;
    }
}

struct column cql_types_element(const struct column *col)
{
    struct column element = { .typmod = col->typmod, .type_kind = 'b' };

    element.type_oid = col->element_oid != 0 ? col->element_oid : pgtype_element(col->type_oid);
    element.name = col->name;
    return element;
}

/* numeric(p,s): digits before and behind the point; false for numeric without them. The scale is an
 * 11-bit signed number (numeric.c, make_numeric_typmod). */
static bool numeric_shape(int32_t typmod, int *ret_before, int *ret_behind)
{
    int precision;
    int scale;

    if (typmod < 4)
        return false;
    precision = ((typmod - 4) >> 16) & 0xffff;
    scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
    *ret_before = precision - scale;
    *ret_behind = scale > 0 ? scale : 0;
    return true;
}

/* Bytes of the smallest integer that holds every value of the column; INTEGER_NONE: not integers. */
static int integer_bytes(const struct column *col, enum cql_types_from from)
{
    int before;
    int behind;

    switch (from) {
    case FROM_INT2:
        return 2;
    case FROM_INT4:
        return 4;
    case FROM_OID:
        return 5;
    case FROM_INT8:
        return 8;
    case FROM_NUMERIC:
        if (!numeric_shape(col->typmod, &before, &behind) || behind > 0)
            return INTEGER_NONE;
        if (before > 18)
            return INTEGER_HUGE;
        if (before > 4)
            return before > 9 ? 8 : 4;
        return before > 2 ? 2 : 1;
    default:
        return INTEGER_NONE;
    }
}

static const char *integer_fault(const struct column *col, enum cql_types_from from, int bytes)
{
    int needed = integer_bytes(col, from);

    if (needed == INTEGER_NONE)
        return from == FROM_NUMERIC ? why_narrow : why_kind;
    return needed <= bytes ? NULL : why_narrow;
}

static const char *number_fault(const struct column *col, enum cql_types_from from,
                                enum cql_type_id id)
{
    int bytes = integer_bytes(col, from);
    int before;
    int behind = 0;

    switch (id) {
    case CQL_DECIMAL:
        return bytes != INTEGER_NONE || from == FROM_NUMERIC ? NULL : why_kind;
    case CQL_VARINT:
        if (from == FROM_NUMERIC && numeric_shape(col->typmod, &before, &behind) && behind > 0)
            return why_fraction;
        return bytes != INTEGER_NONE || from == FROM_NUMERIC ? NULL : why_kind;
    case CQL_FLOAT:
        if (from == FROM_FLOAT4 || from == FROM_INT2)
            return NULL;
        break;
    default: /* CQL_DOUBLE */
        if (from == FROM_FLOAT4 || from == FROM_FLOAT8)
            return NULL;
        if (from == FROM_INT2 || from == FROM_INT4 || from == FROM_OID)
            return NULL;
    }
    if (from == FROM_FLOAT8)
        return why_narrow;
    return bytes != INTEGER_NONE || from == FROM_NUMERIC ? why_round : why_kind;
}

/* The types that take one kind of source and no other. */
static const struct {
    enum cql_type_id id;
    enum cql_types_from from;
} pairs[] = {
    { CQL_BOOLEAN, FROM_BOOL },  { CQL_BLOB, FROM_BYTEA },          { CQL_UUID, FROM_UUID },
    { CQL_TIMEUUID, FROM_UUID }, { CQL_TIMESTAMP, FROM_TIMESTAMP }, { CQL_DATE, FROM_DATE },
    { CQL_TIME, FROM_TIME },     { CQL_DURATION, FROM_INTERVAL },   { CQL_INET, FROM_INET },
};

static const char *pair_fault(enum cql_types_from from, enum cql_type_id id)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].id == id && pairs[i].from == from)
            return NULL;
    }
    return why_kind;
}

static bool is_loose(enum cql_types_from from)
{
    return from == FROM_LOOSE || from == FROM_LOOSE_NUMBER;
}

static const char *scalar_fault(const struct column *col, enum cql_types_from from,
                                enum cql_type_id id)
{
    bool loose = is_loose(from);
    bool domain = from == FROM_DOMAIN || loose; /* each value is looked at */

    switch (id) {
    case CQL_TEXT:
    case CQL_ASCII:
        return NULL;
    case CQL_COUNTER:
        return why_counter;
    case CQL_CUSTOM:
    case CQL_MAP:
    case CQL_UDT:
    case CQL_TUPLE:
        return why_user;
    case CQL_BIGINT:
        return domain ? NULL : integer_fault(col, from, 8);
    case CQL_INT:
        return domain ? NULL : integer_fault(col, from, 4);
    case CQL_SMALLINT:
        return domain ? NULL : integer_fault(col, from, 2);
    case CQL_TINYINT:
        return domain ? NULL : integer_fault(col, from, 1);
    case CQL_FLOAT:
        if (loose)
            return NULL;
        return domain ? why_domain : number_fault(col, from, id);
    case CQL_DECIMAL:
    case CQL_VARINT:
    case CQL_DOUBLE:
        return domain ? NULL : number_fault(col, from, id);
    default:
        return domain ? NULL : pair_fault(from, id);
    }
}

static bool is_collection(const struct cql_type *type)
{
    return type->id == CQL_LIST || type->id == CQL_SET || type->id == CQL_VECTOR;
}

/* The types whose values have one length in a vector (AbstractType.valueLengthIfFixed). */
static bool is_vector_element(enum cql_type_id id)
{
    return id == CQL_BOOLEAN || id == CQL_INT || id == CQL_BIGINT || id == CQL_FLOAT ||
           id == CQL_DOUBLE || id == CQL_TIMESTAMP || id == CQL_UUID || id == CQL_TIMEUUID;
}

/* PostgreSQL does not tell how many dimensions an array column has: each value is looked at. */
static const char *array_fault(const struct column *element, const struct cql_type *type)
{
    const struct cql_type *of = type->of[0];

    if (type->id == CQL_VECTOR && !is_vector_element(of->id))
        return why_vector;
    if (is_collection(of))
        return array_fault(element, of);
    return scalar_fault(element, cql_types_from(element), of->id);
}

bool cql_types_fit(const struct column *col, const struct cql_type *type, const char **ret_why)
{
    enum cql_types_from from = cql_types_from(col);
    const char *fault;

    if (!is_collection(type)) {
        fault = scalar_fault(col, from, type->id);
    } else if (from != FROM_ARRAY && from != FROM_LOOSE) {
        fault = why_kind;
    } else if (type->id == CQL_LIST && !type->frozen) {
        fault = why_list;
    } else {
        struct column element = cql_types_element(col);

        if (from == FROM_LOOSE)
            element.type_oid = PG_UNKNOWN;
        fault = array_fault(&element, type);
    }
    if (fault == NULL)
        return true;
    *ret_why = fault;
    return false;
}

/* What nobody has declared: the kind of its values so far. */
static const char *suggest_loose(const struct column *col)
{
    switch (col->type_oid) {
    case PG_INT8:
        return "bigint";
    case PG_NUMERIC:
        return "decimal";
    case PG_BOOL:
        return "boolean";
    default:
        return "text";
    }
}

static const char *suggest_scalar(const struct column *col)
{
    switch (cql_types_from(col)) {
    case FROM_LOOSE:
    case FROM_LOOSE_NUMBER:
        return suggest_loose(col);
    case FROM_BOOL:
        return "boolean";
    case FROM_INT2:
        return "smallint";
    case FROM_INT4:
        return "int";
    case FROM_INT8:
    case FROM_OID:
        return "bigint";
    case FROM_NUMERIC:
        return "decimal";
    case FROM_FLOAT4:
        return "float";
    case FROM_FLOAT8:
        return "double";
    case FROM_BYTEA:
        return "blob";
    case FROM_UUID:
        return "uuid";
    case FROM_TIMESTAMP:
        return "timestamp";
    case FROM_DATE:
        return "date";
    case FROM_TIME:
        return "time";
    case FROM_INET:
        return col->type_oid == PG_INET ? "inet" : "text";
    case FROM_INTERVAL: /* a duration cannot mix signs */
    case FROM_OTHER:
    case FROM_DOMAIN:
    case FROM_ARRAY:
        break;
    }
    return "text";
}

void cql_types_suggest(const struct column *col, struct buf *b)
{
    struct column element;

    if (cql_types_from(col) != FROM_ARRAY) {
        buf_text(b, suggest_scalar(col));
        return;
    }
    element = cql_types_element(col);
    buf_putf(b, "frozen<list<%s>>", suggest_scalar(&element));
}
