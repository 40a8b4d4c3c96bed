/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DEBEZIUM_RECORDING_IMPL_H
#define TESTS_DEBEZIUM_RECORDING_IMPL_H

/* What recording.c and recording_compare.c share. */

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "unit/debezium/recording.h"

#include <jansson.h>

enum { RELATIONS_MAX = 512, COLLECTIONS_MAX = 16 };

/* The recorded records of one topic, in their order. */
struct topic {
    char *name;
    json_t *records; /* array */
    size_t next;
};

struct player {
    struct recording *r;
    struct debezium_writer *w;
    struct arena arena; /* relations, and the texts of the line at hand */
    const struct relation *relations[RELATIONS_MAX];
    struct map topics;
    json_t *schemas; /* array: text of schema i */
    struct lsn last_commit;
    int64_t last_commit_us;
    const char *prefix;
    struct debezium_collection collections[COLLECTIONS_MAX]; /* of the transaction at hand */
    size_t collection_count;
    uint64_t total;
    size_t noticed; /* differences, allowed ones too */
};

/* A difference, unless it is an allowed one. */
void recording_differs(struct player *p, struct str table, const char *column, const char *ours,
                       const char *theirs);
/* Is it allowed? Counts it. */
bool recording_allowed(struct player *p, struct str table, const char *column);
/* `what`: "key" or "value". */
void recording_compare(struct player *p, struct str table, const char *what, bool has,
                       struct str ours, const json_t *record);
void recording_compare_headers(struct player *p, struct str table,
                               const struct debezium_record *ours, const json_t *record);

static inline struct str recording_text(const json_t *s)
{
    return json_is_string(s) ? str_make(json_string_value(s), json_string_length(s)) : STR_NONE;
}

static inline int64_t recording_number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static inline char recording_letter(const json_t *o, const char *name)
{
    struct str s = recording_text(json_object_get(o, name));

    return s.n > 0 ? s.p[0] : '\0';
}

/* Keeps a version of a table. */
void recording_take_relation(struct player *p, const json_t *o);
/* NULL for null. */
const struct value *recording_take_values(struct player *p, const json_t *list);

#endif
