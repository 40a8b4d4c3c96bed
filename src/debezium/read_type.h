/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READ_TYPE_H
#define DEBEZIUM_READ_TYPE_H

/*
 * What the files of reader.h share: the fields that a schema names, what each stands for in PostgreSQL, and
 * the way from a field's JSON value to PostgreSQL's text of it. Pure; one thread.
 */

#include "base/arena.h"
#include "base/jsonread.h"
#include "model/relation.h"

/* The longest length that PostgreSQL lets a bit string's type have (MaxAttrSize in bits). */
#define DEBEZIUM_LONGEST_BITS 83886080

enum debezium_read_as {
    READ_TEXT,      /* a string, as it is */
    READ_LOOSE,     /* whatever a JSON value is, as text: nobody says what it stands for */
    READ_JSON,      /* any JSON value, as its own text */
    READ_BOOLEAN,   /* */
    READ_INTEGER,   /* between `min` and -min - 1 */
    READ_REAL,      /* float4 */
    READ_DOUBLE,    /* float8 */
    READ_NUMERIC,   /* a JSON number with all its digits */
    READ_BYTES,     /* base64 */
    READ_DECIMAL,   /* base64 of the unscaled number, with `scale` digits behind the point */
    READ_VARIABLE,  /* the same with its scale beside it */
    READ_DATE,      /* days */
    READ_TIME,      /* `unit` nanoseconds each, since midnight */
    READ_TIMESTAMP, /* the same since 1970 */
    READ_ISO_DATE,
    READ_ISO_TIME,
    READ_ISO_TIMESTAMP,
    READ_ZONED_TIME,
    READ_ZONED_TIMESTAMP,
    READ_DURATION, /* `unit` nanoseconds each */
    READ_INTERVAL, /* P1Y2M3DT4H5M6.78S */
    READ_BITS,     /* base64 of the bits, lowest byte first; `length` of them */
    READ_POINT,
    READ_GEOMETRY,
    READ_HSTORE, /* a map of strings */
    READ_ARRAY   /* of `items` */
};

struct debezium_read_type {
    enum debezium_read_as as;
    int64_t min;
    int64_t unit;
    int32_t scale;
    uint32_t length;
    const struct debezium_read_type *items;
    struct column
        column; /* type_oid, typmod, type_name, element_oid, type_kind, element_kind, labels */
};

struct debezium_read_field {
    struct str name;
    const struct debezium_read_type *type;
    bool optional;
    struct str fallback; /* the schema's default as JSON; n == 0: none */
};

/* The fields of a struct, in their order. */
struct debezium_read_fields {
    uint32_t id; /* names them within their reader, from 1 */
    size_t count;
    const struct debezium_read_field *items;
};

enum debezium_read_form {
    FORM_ROW,      /* a key, or an unwrapped row */
    FORM_ENVELOPE, /* before, after, source, op; `fields` are the row's */
    FORM_MESSAGE,  /* a logical message */
    FORM_OTHER     /* heartbeats, transactions, notifications: no change */
};

struct debezium_read_schema {
    enum debezium_read_form form;
    struct debezium_read_fields fields;
};

/* Reads the schema at `token`. The texts and parts live in `a`. False: *ret_why is a half-sentence. */
bool debezium_read_schema(const struct jsonread *j, uint32_t token, struct arena *a,
                          struct debezium_read_schema *ret_schema, const char **ret_why);

/* What a value without a schema stands for. */
const struct debezium_read_type *debezium_read_guess(const struct jsonread *j, uint32_t token);
/* The narrowest type that takes values of both. */
const struct debezium_read_type *debezium_read_join(const struct debezium_read_type *x,
                                                    const struct debezium_read_type *y);

/* Appends PostgreSQL's text of a value that is not null. False: *ret_why is a static half-sentence ("it is not
 * base64"), and what was appended is the caller's to take back. */
bool debezium_read_value(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why);

/* ---- parts of it ---- */

/* A JSON number, or one of Java's names of what is none. `single`: a real. */
bool debezium_read_float(struct str text, bool single, struct buf *out, const char **ret_why);
/* A JSON number without its exponent. */
bool debezium_read_numeric(struct str text, struct buf *out, const char **ret_why);
/* Two's complement, highest byte first. */
bool debezium_read_decimal(struct str bytes, int64_t scale, struct buf *out, const char **ret_why);
/* Base64 of either alphabet, with its padding. */
bool debezium_read_base64(struct str text, struct buf *out);

bool debezium_read_hstore(const struct jsonread *j, uint32_t token, struct buf *out,
                          const char **ret_why);
bool debezium_read_array(const struct jsonread *j, uint32_t token,
                         const struct debezium_read_type *type, struct buf *out,
                         const char **ret_why);

bool debezium_read_date(int64_t days, struct buf *out, const char **ret_why);
bool debezium_read_time(int64_t value, int64_t unit, struct buf *out, const char **ret_why);
bool debezium_read_timestamp(int64_t value, int64_t unit, struct buf *out, const char **ret_why);
bool debezium_read_duration(int64_t value, int64_t unit, struct buf *out, const char **ret_why);
/* hh:mm:ss and the microseconds without their last zeros. */
void debezium_read_put_clock(int64_t us, struct buf *out);
/* At least so many digits. */
void debezium_read_put_padded(uint64_t v, unsigned digits, struct buf *out);
/* Days and microseconds since 1970, with the text of the zone behind it. */
bool debezium_read_put_timestamp(int64_t days, int64_t us, struct str zone, struct buf *out,
                                 const char **ret_why);

struct debezium_interval {
    int64_t months;
    int64_t days;
    int64_t us;
};
bool debezium_read_put_interval(const struct debezium_interval *iv, struct buf *out,
                                const char **ret_why);

/* READ_ISO_DATE to READ_ZONED_TIMESTAMP. */
bool debezium_read_iso(struct str text, enum debezium_read_as as, struct buf *out,
                       const char **ret_why);
bool debezium_read_interval(struct str text, struct buf *out, const char **ret_why);

#endif
