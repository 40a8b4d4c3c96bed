/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/relations.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pgoutput_column columns[2];
static struct pgoutput_relation table;
static struct postgres_relations *rs;
static struct error err;

static int setup(void **state)
{
    (void)state;
    columns[0] = (struct pgoutput_column){ STR("id"), 23, -1, true };
    columns[1] = (struct pgoutput_column){ STR("tags"), 1009, -1, false };
    table = (struct pgoutput_relation){ .oid = 500,
                                        .schema = STR("public"),
                                        .table = STR("t"),
                                        .identity = RELATION_IDENTITY_DEFAULT,
                                        .column_count = 2,
                                        .columns = columns };
    rs = postgres_relations_new(8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    postgres_relations_free(rs);
    return 0;
}

static const struct relation *put(bool is_new)
{
    const struct relation *rel = NULL;
    bool made = !is_new;

    assert_true(postgres_relations_put(rs, NULL, &table, &rel, &made, &err));
    assert_int_equal(made, is_new);
    return rel;
}

static void a_new_shape_gets_the_next_version(void **state)
{
    (void)state;
    assert_int_equal(put(true)->version, 8);
    columns[1].name = STR("labels");
    assert_int_equal(put(true)->version, 9);
}

static void an_unchanged_shape_keeps_its_version(void **state)
{
    const struct relation *rel = put(true);

    (void)state;
    assert_ptr_equal(put(false), rel);
    postgres_relations_begin(rs);
    assert_ptr_equal(put(false), rel);
}

static void old_versions_stay_valid(void **state)
{
    const struct relation *old = put(true);

    (void)state;
    columns[1].name = STR("labels");
    (void)put(true);
    assert_true(str_is(old->columns[1].name, "tags"));
}

static void built_in_types_are_named_without_the_catalog(void **state)
{
    const struct relation *rel = put(true);

    (void)state;
    assert_true(str_is(rel->columns[0].type_name, "integer"));
    assert_true(str_is(rel->columns[1].type_name, "text[]"));
    assert_int_equal(rel->columns[1].element_oid, 25);
    assert_int_equal(rel->columns[1].type_kind, 'b');
}

static void type_messages_name_what_is_not_built_in(void **state)
{
    const struct pgoutput_type type = { 90001, STR("public"), STR("mood") };

    (void)state;
    postgres_relations_type(rs, &type);
    columns[1].type_oid = 90001;
    assert_true(str_is(put(true)->columns[1].type_name, "public.mood"));
}

static void an_unknown_type_is_never_dropped(void **state)
{
    (void)state;
    columns[1].type_oid = 90002;
    assert_true(str_is(put(true)->columns[1].type_name, "type 90002"));
}

static void a_connection_knows_only_what_it_was_told(void **state)
{
    const struct relation *rel = put(true);

    (void)state;
    assert_ptr_equal(postgres_relations_current(rs, 500), rel);
    postgres_relations_begin(rs);
    assert_null(postgres_relations_current(rs, 500));
    assert_ptr_equal(postgres_relations_get(rs, 500), rel);
    assert_null(postgres_relations_get(rs, 501));
}

static void versions_count_on_from_those_adopted(void **state)
{
    const struct relation earlier = { .version = 40,
                                      .oid = 700,
                                      .schema = STR("public"),
                                      .table = STR("u"),
                                      .identity = RELATION_IDENTITY_FULL };
    const struct relation *rel = NULL;

    (void)state;
    assert_true(postgres_relations_adopt(rs, &earlier, &rel, &err));
    assert_int_equal(rel->version, 40);
    assert_int_equal(put(true)->version, 41);
}

static void a_snapshot_and_the_stream_share_a_version(void **state)
{
    struct column known[2] = {
        { .name = STR("id"),
          .type_oid = 23,
          .typmod = -1,
          .type_name = STR("integer"),
          .type_kind = 'b',
          .identity = true,
          .primary_key = true,
          .not_null = true },
        { .name = STR("tags"),
          .type_oid = 1009,
          .typmod = -1,
          .type_name = STR("text[]"),
          .type_kind = 'b' },
    };
    const struct relation snapshot = { .oid = 500,
                                       .schema = STR("public"),
                                       .table = STR("t"),
                                       .identity = RELATION_IDENTITY_DEFAULT,
                                       .column_count = 2,
                                       .columns = known };
    const struct relation *rel = NULL;

    (void)state;
    assert_true(postgres_relations_adopt(rs, &snapshot, &rel, &err));
    assert_int_equal(rel->version, 8);
    assert_ptr_equal(put(false), rel);
    assert_true(rel->columns[0].primary_key);
    /* Nor does a second message take away what is known, when nobody can be asked. */
    assert_ptr_equal(put(false), rel);
}

static void more_versions_than_the_limit_are_refused(void **state)
{
    const struct relation *rel = NULL;
    bool made;

    (void)state;
    table.column_count = 1;
    for (uint32_t i = 0; i < LIMIT_PG_RELATIONS; i++) {
        table.oid = 500 + i;
        assert_true(postgres_relations_put(rs, NULL, &table, &rel, &made, &err));
    }
    table.oid++;
    assert_false(postgres_relations_put(rs, NULL, &table, &rel, &made, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_PG_RELATIONS));
    /* What is known goes on. */
    table.oid = 500;
    (void)put(false);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_shape_gets_the_next_version),
        CASE(an_unchanged_shape_keeps_its_version),
        CASE(old_versions_stay_valid),
        CASE(built_in_types_are_named_without_the_catalog),
        CASE(type_messages_name_what_is_not_built_in),
        CASE(an_unknown_type_is_never_dropped),
        CASE(a_connection_knows_only_what_it_was_told),
        CASE(versions_count_on_from_those_adopted),
        CASE(a_snapshot_and_the_stream_share_a_version),
        CASE(more_versions_than_the_limit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
