/* SPDX-License-Identifier: Apache-2.0 */
#include "model/relation.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct relation make(struct column columns[2])
{
    columns[0] = (struct column){ .name = STR("id"),
                                  .type_oid = 20,
                                  .typmod = -1,
                                  .type_name = STR("bigint"),
                                  .type_kind = 'b',
                                  .identity = true,
                                  .primary_key = true,
                                  .not_null = true };
    columns[1] = (struct column){ .name = STR("Note"),
                                  .type_oid = 1009,
                                  .typmod = 5,
                                  .type_name = STR("text[]"),
                                  .element_oid = 25,
                                  .type_kind = 'b' };
    return (struct relation){ 3, 77,     STR("public"), STR("events"), RELATION_IDENTITY_DEFAULT,
                              2, columns };
}

static void a_column_is_found_by_its_exact_name(void **state)
{
    (void)state;
    struct column columns[2];
    struct relation rel = make(columns);

    assert_int_equal(relation_column(&rel, STR("Note")), 1);
    assert_int_equal(relation_column(&rel, STR("note")), 2);
    assert_int_equal(relation_column(&rel, STR("i")), 2);
}

static void every_difference_but_the_version_is_seen(void **state)
{
    (void)state;
    struct column columns[2];
    struct column other[2];
    struct relation a = make(columns);
    struct relation b = make(other);

    b.version = 9;
    assert_true(relation_same(&a, &b));
    other[1].typmod = 6;
    assert_false(relation_same(&a, &b));
    other[1].typmod = 5;
    other[0].primary_key = false;
    assert_false(relation_same(&a, &b));
    other[0].primary_key = true;
    b.identity = RELATION_IDENTITY_FULL;
    assert_false(relation_same(&a, &b));
    b.identity = RELATION_IDENTITY_DEFAULT;
    b.column_count = 1;
    assert_false(relation_same(&a, &b));
}

static void a_primary_key_is_a_column_of_it(void **state)
{
    (void)state;
    struct column columns[2];
    struct relation rel = make(columns);

    assert_true(relation_has_primary_key(&rel));
    columns[0].primary_key = false;
    assert_false(relation_has_primary_key(&rel));
}

static void a_copy_stands_alone(void **state)
{
    (void)state;
    struct column columns[2];
    char name[] = "events";
    struct relation rel = make(columns);
    const struct relation *copy;
    struct arena a;

    arena_init(&a, 1 * MIB);
    rel.table = str_from(name);
    copy = relation_copy(&rel, &a);
    name[0] = 'X';
    columns[0].type_oid = 0;
    assert_true(str_is(copy->table, "events"));
    assert_int_equal(copy->columns[0].type_oid, 20);
    assert_int_equal(copy->version, 3);
    arena_done(&a);
}

static void names_are_quoted_where_sql_would_need_it(void **state)
{
    (void)state;
    struct column columns[2];
    struct relation rel = make(columns);
    struct buf b;

    buf_init(&b, 100);
    relation_name(&rel, &b);
    assert_string_equal(buf_cstr(&b), "public.events");
    buf_clear(&b);
    rel.schema = STR("My");
    rel.table = STR("we\"ird; DROP");
    relation_name(&rel, &b);
    assert_string_equal(buf_cstr(&b), "\"My\".\"we\"\"ird; DROP\"");
    buf_done(&b);
}

static void comes_back_and_no_part_of_it_does(const struct relation *rel)
{
    const struct relation *again = NULL;
    struct arena a;
    struct buf b;
    struct rd r;

    arena_init(&a, 16 * MIB);
    buf_init(&b, 1000);
    relation_encode(rel, &b);
    r = rd_make(buf_view(&b));
    assert_true(relation_decode(&r, &a, &again) && rd_done(&r));
    assert_true(relation_same(rel, again));
    for (size_t n = 0; n < b.n; n++) {
        r = rd_make(str_make(b.p, n));
        assert_false(relation_decode(&r, &a, &again));
    }
    buf_done(&b);
    arena_done(&a);
}

static void the_stored_form_comes_back_and_no_part_of_it_does(void **state)
{
    (void)state;
    struct column columns[2];
    struct relation rel = make(columns);

    comes_back_and_no_part_of_it_does(&rel);
}

static void what_only_the_catalog_knows_comes_back_as_well(void **state)
{
    (void)state;
    struct column columns[2];
    struct relation rel = make(columns);

    columns[0].key_order = 1;
    columns[0].default_text = STR("nextval('public.s'::regclass)");
    columns[1].element_kind = 'e';
    columns[1].base_oid = 25;
    columns[1].base_typmod = -1;
    columns[1].labels = STR("sad,ok");
    comes_back_and_no_part_of_it_does(&rel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_is_found_by_its_exact_name),
        cmocka_unit_test(every_difference_but_the_version_is_seen),
        cmocka_unit_test(a_primary_key_is_a_column_of_it),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(names_are_quoted_where_sql_would_need_it),
        cmocka_unit_test(the_stored_form_comes_back_and_no_part_of_it_does),
        cmocka_unit_test(what_only_the_catalog_knows_comes_back_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
