/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_READ_ROW_H
#define DEBEZIUM_READ_ROW_H

/*
 * The values of a row, in the order of its relation's columns. They are collected in one buffer and copied into
 * the arena at the end, in one piece. Pure; one thread.
 */

#include "debezium/read_shape.h"
#include "debezium/reader.h"

/* Where a value's text stands in the buffer until it is copied. */
struct debezium_pending {
    struct value *value;
    size_t at;
};

struct debezium_rows {
    struct buf text;
    struct debezium_pending *pending;
    size_t count;
    size_t cap;
    /* The placeholder in the forms that it takes. */
    struct str placeholder;
    struct buf base64;
    struct buf hstore;
};

void debezium_rows_init(struct debezium_rows *rows, struct str placeholder);
void debezium_rows_done(struct debezium_rows *rows);
void debezium_rows_clear(struct debezium_rows *rows);

/* A failure: which field, and what is wrong with it. */
struct debezium_fault {
    struct str field; /* n == 0: none */
    const char *why;
};

struct debezium_row_opts {
    const struct debezium_shape *shape;
    bool placeholders; /* look for them */
    bool complete;     /* a column that cannot be null must have its value */
};

/* Fills values[column] from the members of `object`. *ret_real: a column that is not in the key holds something
 * else than null, its default, or its type's zero. */
bool debezium_rows_fill(struct debezium_rows *rows, const struct jsonread *j, uint32_t object,
                        const struct debezium_row_opts *opts, struct value *values, bool *ret_real,
                        struct debezium_fault *ret_fault);
/* The key's columns; with `all` those too that the row has filled. */
bool debezium_rows_fill_key(struct debezium_rows *rows, const struct jsonread *j, uint32_t object,
                            const struct debezium_shape *shape, bool all, struct value *values,
                            struct debezium_fault *ret_fault);
/* Copies the texts of all that was filled. False: they are too large. */
bool debezium_rows_finish(struct debezium_rows *rows, struct arena *a);

#endif
