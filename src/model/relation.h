/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_RELATION_H
#define MODEL_RELATION_H

/*
 * The shape of a table at one moment: an immutable version. A change points at the version that its
 * row was written in; when the table changes, a new version with a new number is made and the old one
 * stays as long as its owner (the capture's or a reader's cache).
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/rd.h"

enum relation_identity { /* pg_class.relreplident */
                         RELATION_IDENTITY_DEFAULT = 'd',
                         RELATION_IDENTITY_NOTHING = 'n',
                         RELATION_IDENTITY_FULL = 'f',
                         RELATION_IDENTITY_INDEX = 'i'
};

struct column {
    struct str name;
    uint32_t type_oid;
    int32_t typmod;       /* -1: none */
    struct str type_name; /* as format_type() gives it, e.g. "numeric(10,2)", "public.mood" */
    uint32_t element_oid; /* of an array type, else 0 */
    char
        type_kind; /* pg_type.typtype: b base, e enum, d domain, c composite, r range, m multirange; p:
                      nobody declared it, the type is that of the values so far */
    bool identity; /* part of the replica identity (pgoutput's flag); all of them when FULL */
    bool primary_key;
    bool not_null;
    /* What only the catalog knows; all zero where it could not be asked. */
    /* Place in the primary key, or in the unique index that stands in for a missing one, from 1; 0: not in it */
    uint16_t key_order;
    char element_kind;       /* of an array type: pg_type.typtype of its element */
    uint32_t base_oid;       /* of a domain: the type below all its domains, else 0 */
    int32_t base_typmod;     /* of a domain */
    struct str default_text; /* SQL expression of the column's default; n == 0: none */
    struct str labels;       /* of an enum (or an array of one), in their order, joined by commas */
};

struct relation {
    uint32_t version; /* ours, rises by one for every new shape of any table, from 1 */
    uint32_t oid;
    struct str schema;
    struct str table;
    enum relation_identity identity;
    uint32_t column_count;
    const struct column *columns;
};

/* The index of the column, or column_count when there is none. Names compare byte for byte. */
uint32_t relation_column(const struct relation *rel, struct str name);
/* Are the two alike in everything but their version? */
bool relation_same(const struct relation *a, const struct relation *b);
/* Does the table have a primary key? */
bool relation_has_primary_key(const struct relation *rel);
/* A deep copy whose parts all live in `a`. */
const struct relation *relation_copy(const struct relation *rel, struct arena *a);
/* "schema"."table" as the user writes it: public.events, quoted where SQL would need it. */
void relation_name(const struct relation *rel, struct buf *b);

/* The stored form (docs/log-format.md, record R); decode gives a relation whose parts live in `a`. */
void relation_encode(const struct relation *rel, struct buf *b);
bool relation_decode(struct rd *r, struct arena *a, const struct relation **ret_rel);

#endif
