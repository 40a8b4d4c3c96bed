/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_UNWRAP_H
#define DEBEZIUM_WRITE_UNWRAP_H

/*
 * ExtractNewRecordState's add.fields and add.headers: which member of the envelope each asks for, and under
 * which name it is written. Pure.
 */

#include "base/arena.h"
#include "debezium/format.h"

#include "base/buf.h"

enum debezium_unwrap_what {
    UNWRAP_NONE, /* no such member: left out, as the real one does */
    UNWRAP_OP,
    UNWRAP_TS_MS,
    UNWRAP_TS_US,
    UNWRAP_TS_NS,
    UNWRAP_VERSION,
    UNWRAP_CONNECTOR,
    UNWRAP_NAME,
    UNWRAP_SOURCE_TS_MS,
    UNWRAP_SNAPSHOT,
    UNWRAP_DB,
    UNWRAP_SEQUENCE,
    UNWRAP_SOURCE_TS_US,
    UNWRAP_SOURCE_TS_NS,
    UNWRAP_SCHEMA,
    UNWRAP_TABLE,
    UNWRAP_TXID,
    UNWRAP_LSN,
    UNWRAP_XMIN,
    UNWRAP_TX_ID,
    UNWRAP_TX_TOTAL,
    UNWRAP_TX_COLLECTION,
    UNWRAP_COLUMN_BEFORE, /* before.NAME */
    UNWRAP_COLUMN_AFTER
};

struct debezium_unwrap_item {
    enum debezium_unwrap_what what;
    struct str name;   /* with its prefix */
    struct str member; /* ,"name": */
    struct str column; /* of before.NAME and after.NAME */
};

struct debezium_unwrap_plan {
    struct arena arena;
    struct debezium_unwrap_item *fields;
    size_t field_count;
    struct debezium_unwrap_item *headers;
    size_t header_count;
};

void debezium_unwrap_plan_init(struct debezium_unwrap_plan *plan, const struct debezium_format *f);
void debezium_unwrap_plan_done(struct debezium_unwrap_plan *plan);

/* Do rows have the member "__deleted"? */
bool debezium_unwrap_rewrites(const struct debezium_format *f);
/* The schema of an added field; nothing for those of columns, which the shape knows. */
void debezium_unwrap_schema(struct buf *b, const struct debezium_format *f,
                            const struct debezium_unwrap_item *item);

#endif
