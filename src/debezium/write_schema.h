/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_SCHEMA_H
#define DEBEZIUM_WRITE_SCHEMA_H

/*
 * Schemas as JsonConverter writes them. The order of members is always the same: type, then items, keys and
 * values, or fields; optional; name, version, doc, parameters, default where there is one; and the name of
 * the field that has the schema. Pure.
 */

#include "debezium/write_type.h"

struct debezium_schema_opts {
    bool optional;
    struct str fallback; /* the default as JSON; n == 0: none */
    struct str field;    /* n == 0: no field's */
};

void debezium_schema(struct buf *b, const struct debezium_type *type,
                     const struct debezium_schema_opts *opts);

/* Schemas without parts: {"type":T,"optional":O,"field":F}. */
void debezium_schema_plain(struct buf *b, const char *type, bool optional, const char *field);

/* source, transaction and the like, with the commas between their members; as a field of that name. */
void debezium_schema_source(struct buf *b, enum debezium_compat compat);
void debezium_schema_transaction(struct buf *b);
/* The one of source.snapshot, with or without its default, as field `field`. */
void debezium_schema_snapshot(struct buf *b, enum debezium_compat compat, bool with_default,
                              struct str field);

#endif
