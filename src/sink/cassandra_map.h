/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_CASSANDRA_MAP_H
#define SINK_CASSANDRA_MAP_H

/*
 * How the rows of one relation version become CQL: which source column goes into which bind marker, and
 * the two statements. Pure: made from values, connects to nothing. A map lives in one arena and points
 * into the relation, the table and the configuration it was made from. One thread.
 */

#include "cql/session.h"
#include "model/relation.h"
#include "sink/cassandra_conf.h"

struct sink_cassandra_bind {
    uint32_t source;             /* column of the relation */
    const struct column *column; /* the same */
    const struct cql_type *type;
    const char *target;
    bool key; /* part of the target's primary key */
};

struct sink_cassandra_map {
    const struct relation *rel;
    const struct sink_cassandra_bind
        *binds; /* the INSERT's markers, in their order; the key first */
    size_t bind_count;
    size_t key_count; /* the first so many binds are the DELETE's markers as well */
    struct str insert_text;
    struct str delete_text;
};

/* One thing that does not match, and the CQL or configuration that mends it. */
struct sink_cassandra_fault {
    enum error_code code;
    const char *text;
    const char *fix; /* NULL: the text says it */
};

struct sink_cassandra_faults {
    struct sink_cassandra_fault *items;
    size_t count;
    size_t cap;
    struct arena *arena;
};

/* Other shapes of the same table, to tell a column that went from one that was not yet. Each may be NULL. */
struct sink_cassandra_history {
    const struct relation *older; /* the version before this one */
    const struct relation *newer; /* the newest of all, where that is not this one */
};

/* Everything lives in `a`. NULL when there are faults, all of them in ret_faults. A column of `columns`
 * that only a newer version has is left out: those rows were written before it came. So is, without
 * `columns`, one that the newest version and the target both lack: it was dropped on both sides since. */
const struct sink_cassandra_map *
sink_cassandra_map_new(const struct sink_cassandra_conf *conf, const struct relation *rel,
                       const struct cql_table *table, struct sink_cassandra_history history,
                       struct arena *a, struct sink_cassandra_faults *ret_faults);

/* All faults as one ERR_STOP, cut after as many as fit. */
bool sink_cassandra_map_error(const struct sink_cassandra_conf *conf, const struct relation *rel,
                              const struct sink_cassandra_faults *faults, struct error *err);

#endif
