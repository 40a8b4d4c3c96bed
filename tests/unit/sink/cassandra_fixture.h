/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SINK_CASSANDRA_FIXTURE_H
#define TESTS_SINK_CASSANDRA_FIXTURE_H

/* A relation and a Cassandra table to map it to, for the tests of the pure parts of the sink. */

#include "base/limits.h"
#include "model/pgtype.h"
#include "sink/cassandra_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct arena a;
    struct column columns[8];
    struct relation rel;
    struct cql_column target[8];
    struct cql_table table;
    struct sink_cassandra_column mapped[8];
    struct sink_cassandra_conf conf;
    struct sink_cassandra_faults faults;
};

/* public.orders (id bigint primary key), target ks.orders without columns. */
static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){ .rel = { .version = 1,
                                    .oid = 16400,
                                    .schema = STR("public"),
                                    .table = STR("orders"),
                                    .identity = RELATION_IDENTITY_DEFAULT } };
    arena_init(&f->a, 4 * MIB);
    f->rel.columns = f->columns;
    f->table = (struct cql_table){ .keyspace = "ks", .name = "orders", .columns = f->target };
    f->conf.table = (struct sink_cassandra_table){ "ks", "orders" };
    f->conf.columns.items = f->mapped;
}

static inline struct column *fixture_source(struct fixture *f, const char *name, uint32_t oid)
{
    struct column *col = &f->columns[f->rel.column_count++];

    *col =
        (struct column){ .name = str_from(name), .type_oid = oid, .typmod = -1, .type_kind = 'b' };
    col->type_name = str_from(pgtype_name(oid) != NULL ? pgtype_name(oid) : "other");
    return col;
}

static inline void fixture_key(struct fixture *f, const char *name, uint32_t oid)
{
    struct column *col = fixture_source(f, name, oid);

    col->primary_key = true;
    col->identity = true;
}

/* Key columns first, as cql_session_table gives them. */
static inline void fixture_target(struct fixture *f, const char *name, enum cql_column_kind kind,
                                  const char *type)
{
    struct cql_column *col = &f->target[f->table.column_count++];

    *col = (struct cql_column){ .name = name, .kind = kind, .type_text = type };
    assert_true(cql_types_parse(str_from(type), &f->a, &col->type));
}

static inline void fixture_map_column(struct fixture *f, const char *source, const char *target)
{
    f->mapped[f->conf.columns.count++] =
        (struct sink_cassandra_column){ str_from(source), str_from(target) };
}

static inline const struct sink_cassandra_map *
fixture_map(struct fixture *f, const struct relation *older, const struct relation *newer)
{
    struct sink_cassandra_history history = { older, newer };

    return sink_cassandra_map_new(&f->conf, &f->rel, &f->table, history, &f->a, &f->faults);
}

/* One fault of this code, whose text and fix are these. */
static inline void fixture_expect_fault(const struct fixture *f, size_t index, enum error_code code,
                                        const char *text, const char *fix)
{
    assert_true(index < f->faults.count);
    assert_string_equal(f->faults.items[index].text, text);
    assert_int_equal(f->faults.items[index].code, code);
    if (fix != NULL)
        assert_string_equal(f->faults.items[index].fix, fix);
}

#endif
