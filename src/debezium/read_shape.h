/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READ_SHAPE_H
#define DEBEZIUM_READ_SHAPE_H

/*
 * What a reader remembers: schemas by their bytes, so that the same text is read once; the fields of rows
 * without schemas, whose types widen as values come; and for each table and pair of row and key the relation
 * that its changes point at. Everything lives until the memory is freed and is bounded by
 * LIMIT_DEBEZIUM_SHAPES. Pure; one thread.
 */

#include "base/map.h"
#include "debezium/read_type.h"

/* What a field of a row that is no column says. */
enum debezium_meta {
    META_COLUMN, /* it is a column */
    META_OP,
    META_DELETED,
    META_SCHEMA,
    META_TABLE,
    META_TS_US,
    META_TS_MS,
    META_TX,
    META_LSN,
    META_OTHER
};

enum { DEBEZIUM_NO_COLUMN = UINT32_MAX };

struct debezium_slot {
    enum debezium_meta meta;
    uint32_t column; /* DEBEZIUM_NO_COLUMN: none */
};

struct debezium_shape {
    const struct relation *rel;
    bool unwrapped;
    const struct debezium_read_fields *row; /* NULL: only the key is known */
    const struct debezium_slot *row_slots;
    const struct debezium_read_fields *key; /* NULL: none */
    const uint32_t *key_columns;
};

enum { DEBEZIUM_RECENT = 4 };

struct debezium_recent {
    const struct debezium_document_schema *items[DEBEZIUM_RECENT]; /* the latest first */
};

struct debezium_shapes {
    struct arena arena;
    struct map schemas; /* by text */
    struct map guessed; /* fields of rows without a schema, by table and names */
    struct map shapes;
    struct map tables; /* the latest shape with a row, by table */
    const struct debezium_shape *last;
    const struct debezium_shape *last_row; /* the latest with a row, of whatever table */
    struct buf name;                       /* scratch */
    struct str meta_prefix;                /* borrowed */
    uint32_t next_version;
    uint32_t next_id;
    size_t mapped; /* bytes of the maps' keys */
};

void debezium_shapes_init(struct debezium_shapes *s, struct str meta_prefix);
void debezium_shapes_done(struct debezium_shapes *s);

/* A key or a value: tokens of its payload and, where it brings one, its schema. */
struct debezium_document {
    const struct jsonread *j;
    uint32_t payload;
    const struct debezium_read_schema *schema; /* NULL: none */
};

/* Reads it into *j. False: *ret_why is a half-sentence, *ret_at the offset it is about. */
bool debezium_shapes_read(struct debezium_shapes *s, struct debezium_recent *recent,
                          struct jsonread *j, struct str text,
                          struct debezium_document *ret_document, const char **ret_why,
                          size_t *ret_at);

/* The fields of an object without a schema: one type per name, wide enough for every row of the table that came
 * so far. `kind` keeps keys and rows apart. */
bool debezium_shapes_guess(struct debezium_shapes *s, const struct jsonread *j, uint32_t object,
                           char kind, struct str schema, struct str table,
                           const struct debezium_read_fields **ret_fields, const char **ret_why);

/* `row` and `key` may be NULL. With `unwrapped`, fields that begin with the prefix are no columns. */
bool debezium_shapes_find(struct debezium_shapes *s, const struct debezium_read_fields *row,
                          const struct debezium_read_fields *key, bool unwrapped, struct str schema,
                          struct str table, const struct debezium_shape **ret_shape,
                          const char **ret_why);
/* The latest shape with a row of that table, or NULL. */
const struct debezium_shape *debezium_shapes_latest(const struct debezium_shapes *s,
                                                    struct str schema, struct str table);
/* ---- shared by its files ---- */

extern const char debezium_shapes_why_full[];
/* Would so many bytes more be too many? */
bool debezium_shapes_full(const struct debezium_shapes *s, size_t wanted);
/* map_put, counted. */
void debezium_shapes_remember(struct debezium_shapes *s, struct map *m, struct str key,
                              void *value);
/* Appends a part of a key, with its length, to s->name. */
void debezium_shapes_put_part(struct debezium_shapes *s, struct str part);

/* What a field of an unwrapped row is. */
enum debezium_meta debezium_shapes_meta(const struct debezium_shapes *s, struct str name);
/* The same without its prefix; never META_COLUMN. */
enum debezium_meta debezium_shapes_meta_of(struct str name);

#endif
