/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_TYPES_H
#define CQL_TYPES_H

/*
 * CQL's types, and the exact conversion of PostgreSQL's text values into their wire form. Pure: no I/O,
 * no clock, no locale. Any thread.
 *
 * A type is a small immutable tree. It is made from the text of system_schema.columns
 * (cql_types_parse) or from a type option of the protocol (cql_types_read); both give the same tree
 * for the same type, but for user types, whose fields only the protocol names.
 *
 * A value fits or it does not: conversion never rounds, cuts or replaces (but for the one documented
 * rule for `timestamp`, below). Whether a pair of types can be mapped at all is cql_types_fit, asked
 * once when the mapping is made; whether one value fits is cql_types_encode's answer, for every row.
 *
 *   timestamp: CQL keeps milliseconds, PostgreSQL microseconds. The fraction below the millisecond is
 *   dropped toward minus infinity (…59.123999 is …59.123; 1969-12-31 23:59:59.9995 is -1 ms).
 *   A column of type text keeps everything, where that matters.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/rd.h"
#include "model/change.h"

enum cql_type_id { /* native_protocol_v5.spec 4.2.5.2 */
                   CQL_CUSTOM = 0x00,
                   CQL_ASCII = 0x01,
                   CQL_BIGINT = 0x02,
                   CQL_BLOB = 0x03,
                   CQL_BOOLEAN = 0x04,
                   CQL_COUNTER = 0x05,
                   CQL_DECIMAL = 0x06,
                   CQL_DOUBLE = 0x07,
                   CQL_FLOAT = 0x08,
                   CQL_INT = 0x09,
                   CQL_TIMESTAMP = 0x0B,
                   CQL_UUID = 0x0C,
                   CQL_TEXT = 0x0D, /* varchar */
                   CQL_VARINT = 0x0E,
                   CQL_TIMEUUID = 0x0F,
                   CQL_INET = 0x10,
                   CQL_DATE = 0x11,
                   CQL_TIME = 0x12,
                   CQL_SMALLINT = 0x13,
                   CQL_TINYINT = 0x14,
                   CQL_DURATION = 0x15,
                   CQL_LIST = 0x20,
                   CQL_MAP = 0x21,
                   CQL_SET = 0x22,
                   CQL_UDT = 0x30,
                   CQL_TUPLE = 0x31,
                   CQL_VECTOR =
                       0x10000 /* ours: on the wire a custom class, org.apache.cassandra.db.marshal.VectorType */
};

struct cql_type {
    enum cql_type_id id;
    bool frozen;        /* as the schema's text says; the protocol does not tell */
    uint32_t dimension; /* vector */
    uint32_t of_count;  /* list, set, vector: 1; map: 2; tuple, UDT: fields (0: not known) */
    const struct cql_type *const *of;
    const struct str *fields; /* UDT: of_count names, or NULL */
    struct str name;          /* UDT: its name; custom: the class */
};

/* "bigint", "frozen<map<text, list<int>>>", "vector<float, 3>", "'org.example.Class'"; a name that is
 * no built-in type is a user type. Parts live in `a`, names are copied. False: not a type. */
bool cql_types_parse(struct str text, struct arena *a, const struct cql_type **ret_type);
/* A protocol [option]. Names point into the reader's bytes. A type nested too deep, or bytes that end
 * too soon, set the reader bad and return false. */
bool cql_types_read(struct rd *r, struct arena *a, const struct cql_type **ret_type);
/* The same type? `frozen`, and fields of user types that one side does not know, do not count. */
bool cql_types_equal(const struct cql_type *x, const struct cql_type *y);
/* As CQL writes it. */
void cql_types_text(const struct cql_type *type, struct buf *b);
/* Appends the CQL type for a PostgreSQL column in CREATE TABLE: the one of the same kind; what has no
 * equal becomes text, an array a frozen list. */
void cql_types_suggest(const struct column *col, struct buf *b);

/* Can a column of this shape be stored in the type? On false *ret_why is a static half-sentence
 * ("int holds less than bigint"). Narrowing is refused here, not row by row. */
bool cql_types_fit(const struct column *col, const struct cql_type *type, const char **ret_why);

/* Appends the value's bytes, without a length, for a pair that cql_types_fit accepts. ERR_REJECT
 * (E_CQL_VALUE) names column, value (cut), PostgreSQL type and CQL type; `out` is then as before. */
bool cql_types_encode(const struct column *col, const struct cql_type *type, struct str text,
                      struct buf *out, struct error *err) MUST_CHECK;

#endif
