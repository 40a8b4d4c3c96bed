/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READ_RECORD_H
#define DEBEZIUM_READ_RECORD_H

/* The record being read, as the files of reader.h hand it on. Pure; one thread. */

#include "debezium/read_row.h"

enum { NO_TOKEN = UINT32_MAX };

struct debezium_reader {
    char *placeholder;
    char *fields_prefix;
    char *headers_prefix;
    char *schema;
    char *table;
    struct jsonread key;
    struct jsonread value;
    struct jsonread header;
    struct debezium_recent key_schemas;
    struct debezium_recent value_schemas;
    struct debezium_shapes shapes;
    struct debezium_rows rows;
    struct buf deleted_key; /* of the record before this one, if that was a delete */
    bool deleted;
    bool ready;
    bool hex;
};

/* The record being read. */
struct debezium_read_record {
    struct debezium_reader *r;
    const struct debezium_input *in;
    struct arena *a;
    struct change *c;
    struct debezium_document key; /* j NULL: none */
    struct debezium_document value;
    bool unwrapped;
    uint32_t before; /* tokens of rows; NO_TOKEN: none */
    uint32_t after;
    const struct debezium_read_fields *row_fields;
    const struct debezium_read_fields *key_fields;
    const struct debezium_shape *shape;
    struct str schema;
    struct str table;
    char op;
    struct error *err;
};

struct debezium_envelope {
    uint32_t before;
    uint32_t after;
    uint32_t source;
    uint32_t op;
    uint32_t message;
};

/* Fails with what and where; `where`: "key", "value", "after", ...; `field` may be none. */
bool debezium_record_reject(struct debezium_read_record *rec, const char *where, struct str field,
                            const char *why);
bool debezium_record_reject_at(struct debezium_read_record *rec, const char *where, size_t at,
                               const char *why);

static inline bool debezium_record_is(const struct debezium_document *d, uint32_t token,
                                      enum jsonread_type type)
{
    return jsonread_at(d->j, token)->type == type;
}

/* The text of a string; one with escapes is copied into the arena. */
struct str debezium_record_text(struct debezium_read_record *rec, const struct jsonread *j,
                                uint32_t token);
void debezium_record_time(struct change *c, int64_t value, int64_t us);

/* The envelope's "source". */
bool debezium_record_source(struct debezium_read_record *rec, uint32_t source);
/* What ExtractNewRecordState adds: in headers, and to an unwrapped row. */
void debezium_record_headers(struct debezium_read_record *rec);
void debezium_record_fields(struct debezium_read_record *rec);
/* The change of a row, once op, table and rows are known. */
bool debezium_record_rows(struct debezium_read_record *rec);
bool debezium_record_message(struct debezium_read_record *rec, const struct debezium_envelope *e);

#endif
