/* SPDX-License-Identifier: Apache-2.0 */
#include "cassandra_fixture.h"

/* Of the test that runs; made by it, freed behind it. */
static struct fixture f;

static int teardown(void **state)
{
    (void)state;
    arena_done(&f.a);
    return 0;
}

/* id, note -> the same in ks.orders */
static void make_simple(struct fixture *to)
{
    fixture_init(to);
    fixture_key(to, "id", PG_INT8);
    (void)fixture_source(to, "note", PG_TEXT);
    fixture_target(to, "id", CQL_PARTITION_KEY, "bigint");
    fixture_target(to, "note", CQL_REGULAR, "text");
}

static void columns_map_by_name_key_first(void **state)
{
    const struct sink_cassandra_map *map;

    (void)state;
    fixture_init(&f);
    (void)fixture_source(&f, "note", PG_TEXT);
    fixture_key(&f, "id", PG_INT8);
    fixture_target(&f, "id", CQL_PARTITION_KEY, "bigint");
    fixture_target(&f, "extra", CQL_REGULAR, "text");
    fixture_target(&f, "note", CQL_REGULAR, "text");
    map = fixture_map(&f, NULL, NULL);
    assert_non_null(map);
    assert_int_equal(map->bind_count, 2);
    assert_int_equal(map->key_count, 1);
    assert_int_equal(map->binds[0].source, 1);
    assert_int_equal(map->binds[1].source, 0);
    assert_true(str_is(map->insert_text, "INSERT INTO ks.orders (id, note) VALUES (?, ?)"));
    assert_true(str_is(map->delete_text, "DELETE FROM ks.orders WHERE id = ?"));
}

static void names_are_quoted_where_cql_needs_it(void **state)
{
    const struct sink_cassandra_map *map;

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "order", PG_INT8);
    (void)fixture_source(&f, "we\"ird; DROP", PG_TEXT);
    fixture_target(&f, "order", CQL_PARTITION_KEY, "bigint");
    fixture_target(&f, "we\"ird; DROP", CQL_REGULAR, "text");
    f.table.name = "Orders";
    map = fixture_map(&f, NULL, NULL);
    assert_non_null(map);
    assert_true(str_is(map->insert_text,
                       "INSERT INTO ks.\"Orders\" (\"order\", \"we\"\"ird; DROP\") "
                       "VALUES (?, ?)"));
    assert_true(str_is(map->delete_text, "DELETE FROM ks.\"Orders\" WHERE \"order\" = ?"));
}

static void columns_may_be_chosen_and_renamed(void **state)
{
    const struct sink_cassandra_map *map;

    (void)state;
    make_simple(&f);
    (void)fixture_source(&f, "secret", PG_TEXT);
    f.target[0].name = "order_id";
    fixture_map_column(&f, "id", "order_id");
    map = fixture_map(&f, NULL, NULL);
    assert_non_null(map);
    assert_int_equal(map->bind_count, 1);
    assert_string_equal(map->binds[0].target, "order_id");
}

static void all_faults_come_at_once_each_with_its_cure(void **state)
{
    struct error err;

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "id", PG_INT8);
    (void)fixture_source(&f, "amount", PG_NUMERIC);
    (void)fixture_source(&f, "when", PG_TIMESTAMPTZ);
    fixture_target(&f, "id", CQL_PARTITION_KEY, "int");
    fixture_target(&f, "region", CQL_CLUSTERING, "text");
    fixture_target(&f, "amount", CQL_REGULAR, "double");
    assert_null(fixture_map(&f, NULL, NULL));
    assert_int_equal(f.faults.count, 4);
    fixture_expect_fault(
        &f, 0, E_CASSANDRA_MAPPING,
        "\"id\" is bigint, which int cannot take: it cannot hold every value of the "
        "source's type",
        NULL);
    fixture_expect_fault(
        &f, 1, E_CASSANDRA_MAPPING,
        "\"amount\" is numeric, which double cannot take: it would round large values", NULL);
    fixture_expect_fault(&f, 2, E_CASSANDRA_MAPPING,
                         "no target column \"when\" (timestamp with time zone)",
                         "ALTER TABLE ks.orders ADD when timestamp;");
    fixture_expect_fault(&f, 3, E_CASSANDRA_MAPPING, "nothing is mapped to key column \"region\"",
                         "add a source column for \"region\" (text) to \"columns\"");
    assert_false(sink_cassandra_map_error(&f.conf, &f.rel, &f.faults, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0652");
    assert_non_null(strstr(err.msg, "cannot write public.orders to ks.orders: \"id\" is bigint"));
}

static void a_single_fault_names_its_cure_in_the_message(void **state)
{
    struct error err;

    (void)state;
    make_simple(&f);
    (void)fixture_source(&f, "total", PG_INT4);
    assert_null(fixture_map(&f, NULL, NULL));
    assert_false(sink_cassandra_map_error(&f.conf, &f.rel, &f.faults, &err));
    assert_string_equal(err.msg,
                        "cannot write public.orders to ks.orders: no target column \"total\" "
                        "(integer) (ALTER TABLE ks.orders ADD total int;)");
}

static void more_faults_than_fit_are_counted(void **state)
{
    struct error err;
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };

    (void)state;
    fixture_init(&f);
    fixture_key(&f, "id", PG_INT8);
    fixture_target(&f, "id", CQL_PARTITION_KEY, "bigint");
    for (size_t i = 0; i < 6; i++)
        (void)fixture_source(&f, names[i], PG_TIMESTAMPTZ);
    assert_null(fixture_map(&f, NULL, NULL));
    assert_int_equal(f.faults.count, 6);
    assert_false(sink_cassandra_map_error(&f.conf, &f.rel, &f.faults, &err));
    assert_non_null(strstr(err.msg, "more, see multisink check"));
}

static void a_misspelt_source_column_gets_the_nearest_name(void **state)
{
    (void)state;
    make_simple(&f);
    fixture_map_column(&f, "id", "id");
    fixture_map_column(&f, "notte", "note");
    assert_null(fixture_map(&f, NULL, NULL));
    assert_int_equal(f.faults.count, 1);
    fixture_expect_fault(&f, 0, E_CASSANDRA_MAPPING, "no source column \"notte\"",
                         "did you mean \"note\"?");
}

static void a_mapped_column_that_went_is_told_apart(void **state)
{
    struct fixture old;

    (void)state;
    make_simple(&old);
    make_simple(&f);
    fixture_map_column(&f, "id", "id");
    fixture_map_column(&f, "note", "note");
    f.columns[1].name = STR("renamed");
    assert_null(fixture_map(&f, &old.rel, NULL));
    assert_int_equal(f.faults.count, 1);
    fixture_expect_fault(&f, 0, E_CASSANDRA_COLUMN_GONE,
                         "source column \"note\" was dropped or renamed", NULL);
    arena_done(&old.a);
}

static void a_column_that_only_a_newer_shape_has_is_left_out_of_old_rows(void **state)
{
    struct fixture next;
    const struct sink_cassandra_map *map;

    (void)state;
    make_simple(&next);
    make_simple(&f);
    f.rel.column_count = 1;
    fixture_map_column(&f, "id", "id");
    fixture_map_column(&f, "note", "note");
    map = fixture_map(&f, NULL, &next.rel);
    assert_non_null(map);
    assert_int_equal(map->bind_count, 1);
    arena_done(&next.a);
}

static void a_column_dropped_on_both_sides_is_left_out_of_old_rows(void **state)
{
    struct fixture next;
    const struct sink_cassandra_map *map;

    (void)state;
    make_simple(&next);
    make_simple(&f);
    (void)fixture_source(&f, "dropped", PG_TEXT);
    map = fixture_map(&f, NULL, &next.rel);
    assert_non_null(map);
    assert_int_equal(map->bind_count, 2);
    assert_null(fixture_map(&f, NULL, NULL));
    arena_done(&next.a);
}

static void a_new_source_column_asks_for_its_target(void **state)
{
    struct fixture old;

    (void)state;
    make_simple(&old);
    make_simple(&f);
    (void)fixture_source(&f, "tags", 1009);
    assert_null(fixture_map(&f, &old.rel, NULL));
    fixture_expect_fault(&f, 0, E_CASSANDRA_COLUMN_NEW, "no target column \"tags\" (other)",
                         "ALTER TABLE ks.orders ADD tags frozen<list<text>>;");
    arena_done(&old.a);
}

static void a_new_source_column_is_ignored_when_columns_are_listed(void **state)
{
    struct fixture old;

    (void)state;
    make_simple(&old);
    make_simple(&f);
    (void)fixture_source(&f, "tags", 1009);
    fixture_map_column(&f, "id", "id");
    fixture_map_column(&f, "note", "note");
    assert_non_null(fixture_map(&f, &old.rel, NULL));
    arena_done(&old.a);
}

/* The target is keyed by a column that PostgreSQL does not send with a delete. */
static void make_other_key(void)
{
    fixture_init(&f);
    fixture_key(&f, "id", PG_INT8);
    (void)fixture_source(&f, "note", PG_TEXT);
    fixture_target(&f, "note", CQL_PARTITION_KEY, "text");
    fixture_target(&f, "id", CQL_CLUSTERING, "bigint");
}

static void another_key_needs_the_old_row(void **state)
{
    (void)state;
    make_other_key();
    assert_null(fixture_map(&f, NULL, NULL));
    assert_int_equal(f.faults.count, 1);
    fixture_expect_fault(
        &f, 0, E_CASSANDRA_IDENTITY,
        "key column \"note\" comes from \"note\", which deletes and updates of the source "
        "do not carry",
        "ALTER TABLE public.orders REPLICA IDENTITY FULL; or on_delete: ignore");
}

static void another_key_is_fine_with_full_identity_or_without_deletes(void **state)
{
    (void)state;
    make_other_key();
    f.columns[1].identity = true;
    assert_non_null(fixture_map(&f, NULL, NULL));
    f.columns[1].identity = false;
    f.conf.on_delete = SINK_CASSANDRA_DELETE_IGNORE;
    assert_non_null(fixture_map(&f, NULL, NULL));
    f.conf.on_delete = SINK_CASSANDRA_DELETE_APPLY;
    f.columns[0].identity = false; /* no identity at all: the source itself refuses both */
    assert_non_null(fixture_map(&f, NULL, NULL));
}

static void a_type_that_is_not_known_is_a_fault(void **state)
{
    (void)state;
    make_simple(&f);
    f.target[1].type = NULL;
    f.target[1].type_text = "strange<";
    assert_null(fixture_map(&f, NULL, NULL));
    fixture_expect_fault(
        &f, 0, E_CASSANDRA_MAPPING,
        "\"note\" is text, which strange< cannot take: multisink does not know this type", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(columns_map_by_name_key_first, teardown),
        cmocka_unit_test_teardown(names_are_quoted_where_cql_needs_it, teardown),
        cmocka_unit_test_teardown(columns_may_be_chosen_and_renamed, teardown),
        cmocka_unit_test_teardown(all_faults_come_at_once_each_with_its_cure, teardown),
        cmocka_unit_test_teardown(a_single_fault_names_its_cure_in_the_message, teardown),
        cmocka_unit_test_teardown(more_faults_than_fit_are_counted, teardown),
        cmocka_unit_test_teardown(a_misspelt_source_column_gets_the_nearest_name, teardown),
        cmocka_unit_test_teardown(a_mapped_column_that_went_is_told_apart, teardown),
        cmocka_unit_test_teardown(a_column_that_only_a_newer_shape_has_is_left_out_of_old_rows,
                                  teardown),
        cmocka_unit_test_teardown(a_column_dropped_on_both_sides_is_left_out_of_old_rows, teardown),
        cmocka_unit_test_teardown(a_new_source_column_asks_for_its_target, teardown),
        cmocka_unit_test_teardown(a_new_source_column_is_ignored_when_columns_are_listed, teardown),
        cmocka_unit_test_teardown(another_key_needs_the_old_row, teardown),
        cmocka_unit_test_teardown(another_key_is_fine_with_full_identity_or_without_deletes,
                                  teardown),
        cmocka_unit_test_teardown(a_type_that_is_not_known_is_a_fault, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
