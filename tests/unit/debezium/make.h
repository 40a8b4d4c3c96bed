/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DEBEZIUM_MAKE_H
#define TESTS_DEBEZIUM_MAKE_H

/* A table public.t with the columns that a test names, and one row of it through a writer. */

#include "base/error.h"
#include "debezium/writer.h"
#include "model/pgtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { COLUMNS_MAX = 8 };

struct made {
    struct debezium_format format;
    struct relation rel;
    struct column columns[COLUMNS_MAX];
    struct value before[COLUMNS_MAX];
    struct value after[COLUMNS_MAX];
    struct change change;
    struct debezium_moment moment;
    struct debezium_writer *w;
    struct debezium_records records;
    struct error err;
};

/* An insert into a table with the key id = 1. */
static inline void made_init(struct made *m)
{
    *m = (struct made){ 0 };
    debezium_format_init(&m->format, DEBEZIUM_2_5, "P", "db");
    m->format.key_schemas = false;
    m->format.value_schemas = false;
    m->columns[0] = (struct column){ .name = STR("id"),
                                     .type_oid = PG_INT4,
                                     .typmod = -1,
                                     .type_name = STR("integer"),
                                     .type_kind = 'b',
                                     .identity = true,
                                     .primary_key = true,
                                     .not_null = true,
                                     .key_order = 1 };
    m->rel = (struct relation){ .version = 1,
                                .oid = 20000,
                                .schema = STR("public"),
                                .table = STR("t"),
                                .identity = RELATION_IDENTITY_DEFAULT,
                                .column_count = 1,
                                .columns = m->columns };
    m->after[0] = (struct value){ VALUE_TEXT, STR("1") };
    m->change = (struct change){ .op = CHANGE_INSERT,
                                 .commit_time_us = 1500000000123456,
                                 .lsn = { 200 },
                                 .xid = 7,
                                 .rel = &m->rel,
                                 .after = m->after };
    m->moment = (struct debezium_moment){ .now_us = 1600000000654321, .last_commit = { 100 } };
}

static inline struct column *made_column(struct made *m, const char *name, uint32_t oid)
{
    struct column *c = &m->columns[m->rel.column_count];

    assert_true(m->rel.column_count < COLUMNS_MAX);
    *c = (struct column){ .name = str_from(name),
                          .type_oid = oid,
                          .typmod = -1,
                          .type_kind = 'b',
                          .element_oid = pgtype_element(oid) };
    c->element_kind = c->element_oid != 0 ? 'b' : '\0';
    m->rel.column_count++;
    return c;
}

static inline bool made_write(struct made *m)
{
    if (m->w == NULL)
        m->w = debezium_writer_new(&m->format);
    return debezium_write(m->w, &m->change, &m->moment, &m->records, &m->err);
}

static inline void made_done(struct made *m)
{
    debezium_writer_free(m->w);
}

static inline void expect_text(struct str got, const char *want)
{
    if (!str_is(got, want))
        fail_msg("got  %.*s\nwant %s", STR_ARG(got), want);
}

#endif
