/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_TYPE_H
#define DEBEZIUM_WRITE_TYPE_H

/*
 * What a column is in Kafka Connect: its schema and the encoder of its values, as Debezium's
 * PostgresValueConverter decides them from the column's type and the connector's modes. Pure.
 */

#include "base/arena.h"
#include "debezium/format.h"
#include "debezium/write_put.h"
#include "model/relation.h"

struct debezium_type {
    const char *connect; /* the schema's "type" */
    const char *name;    /* of the logical type, or NULL */
    int version;         /* 0: none */
    const char *doc;
    struct str parameters; /* the members, as JSON without the braces; n == 0: none */
    struct str fields;     /* of a struct: the list, as JSON with its brackets */
    debezium_put *put;
    /* What Debezium writes for a NOT NULL column whose value is not known (a delete's old row), as JSON. */
    struct str zero;
    /* What it writes for an unchanged TOAST value, as JSON. */
    struct str unavailable;
    int32_t digits; /* of fractions: a decimal's scale, a time's precision, money's digits */
    bool as_text;   /* a value that does not fit is written as its text, not refused */
    const struct debezium_type *item; /* of an array */
    bool item_optional;
};

/* Everything that the result points to lives in `a` or for ever. */
const struct debezium_type *debezium_type_of(const struct debezium_format *f,
                                             const struct column *column, struct arena *a);

/* What a value that does not fit its type becomes: its text as a JSON string, or a refusal. */
static inline bool debezium_misfit(const struct debezium_type *type, struct str text,
                                   struct buf *out, const char **ret_why, const char *why)
{
    if (!type->as_text) {
        *ret_why = why;
        return false;
    }
    debezium_json_string(out, text);
    return true;
}

#endif
