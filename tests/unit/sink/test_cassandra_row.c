/* SPDX-License-Identifier: Apache-2.0 */
#include "cassandra_fixture.h"
#include "sink/cassandra_row.h"

/* Statements are only carried, never looked into. */
static char insert_stmt;
static char delete_stmt;

struct rows {
    struct fixture f;
    const struct sink_cassandra_map *map;
    struct buf scratch;
    struct cql_request out[SINK_CASSANDRA_ROW_REQUESTS];
    size_t count;
    int on_delete;
    struct error err;
};

/* (id bigint primary key, note text, n numeric) -> the same */
static void make(struct rows *r)
{
    *r = (struct rows){ .count = 0 };
    fixture_init(&r->f);
    fixture_key(&r->f, "id", PG_INT8);
    (void)fixture_source(&r->f, "note", PG_TEXT);
    (void)fixture_source(&r->f, "n", PG_NUMERIC);
    fixture_target(&r->f, "id", CQL_PARTITION_KEY, "bigint");
    fixture_target(&r->f, "n", CQL_REGULAR, "decimal");
    fixture_target(&r->f, "note", CQL_REGULAR, "text");
    r->map = fixture_map(&r->f, NULL, NULL);
    assert_non_null(r->map);
    buf_init(&r->scratch, MIB);
}

/* (note, id) is the key, and the source sends whole old rows. */
static void make_other_key(struct rows *r)
{
    *r = (struct rows){ .count = 0 };
    fixture_init(&r->f);
    fixture_key(&r->f, "id", PG_INT8);
    fixture_source(&r->f, "note", PG_TEXT)->identity = true;
    fixture_target(&r->f, "note", CQL_PARTITION_KEY, "text");
    fixture_target(&r->f, "id", CQL_CLUSTERING, "bigint");
    r->map = fixture_map(&r->f, NULL, NULL);
    assert_non_null(r->map);
    buf_init(&r->scratch, MIB);
}

static void done(struct rows *r)
{
    buf_done(&r->scratch);
    arena_done(&r->f.a);
}

static bool run(struct rows *r, const struct change *c)
{
    struct sink_cassandra_stmts stmts = { (struct cql_stmt *)&insert_stmt,
                                          (struct cql_stmt *)&delete_stmt };

    r->count = 0;
    return sink_cassandra_row(r->map, &stmts, r->on_delete, c, &r->f.a, &r->scratch, r->out,
                              &r->count, &r->err);
}

static struct value text(const char *s)
{
    return (struct value){ VALUE_TEXT, str_from(s) };
}

static const struct value null = { .kind = VALUE_NULL };
static const struct value unchanged = { .kind = VALUE_UNCHANGED };

static bool is_insert(const struct cql_request *q)
{
    return q->stmt == (struct cql_stmt *)&insert_stmt;
}

static void an_insert_binds_every_column_with_the_write_stamp(void **state)
{
    struct value after[] = { text("7"), text("hi"), text("1.23") };
    struct change c = { .op = CHANGE_INSERT, .wts = 1234, .after = after };
    struct rows r;

    (void)state;
    make(&r);
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 1);
    assert_true(is_insert(&r.out[0]));
    assert_int_equal(r.out[0].timestamp_us, 1234);
    assert_true(str_eq(r.out[0].values[0], STR("\0\0\0\0\0\0\0\7")));
    assert_true(str_eq(r.out[0].values[1], STR("\0\0\0\2\x7b")));
    assert_true(str_is(r.out[0].values[2], "hi"));
    done(&r);
}

static void null_is_null_and_unchanged_is_unset(void **state)
{
    struct value after[] = { text("7"), unchanged, null };
    struct change c = { .op = CHANGE_UPDATE, .wts = 5, .after = after };
    struct rows r;

    (void)state;
    make(&r);
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 1);
    assert_null(r.out[0].values[1].p);
    assert_int_equal(r.out[0].values[1].n, CQL_NULL.n);
    assert_null(r.out[0].values[2].p);
    assert_int_equal(r.out[0].values[2].n, CQL_UNSET.n);
    done(&r);
}

static void an_empty_text_is_a_value(void **state)
{
    struct value after[] = { text("7"), text(""), null };
    struct change c = { .op = CHANGE_SNAPSHOT, .wts = 5, .after = after };
    struct rows r;

    (void)state;
    make(&r);
    assert_true(run(&r, &c));
    assert_non_null(r.out[0].values[2].p);
    assert_int_equal(r.out[0].values[2].n, 0);
    done(&r);
}

static void a_delete_binds_the_key_of_the_old_row(void **state)
{
    struct value before[] = { text("7"), null, null };
    struct change c = {
        .op = CHANGE_DELETE, .wts = 9, .before_kind = CHANGE_BEFORE_KEY, .before = before
    };
    struct rows r;

    (void)state;
    make(&r);
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 1);
    assert_false(is_insert(&r.out[0]));
    assert_int_equal(r.out[0].timestamp_us, 9);
    assert_true(str_eq(r.out[0].values[0], STR("\0\0\0\0\0\0\0\7")));
    done(&r);
}

static void deletes_may_be_left_out(void **state)
{
    struct value before[] = { text("7"), null, null };
    struct change c = {
        .op = CHANGE_DELETE, .wts = 9, .before_kind = CHANGE_BEFORE_KEY, .before = before
    };
    struct rows r;

    (void)state;
    make(&r);
    r.on_delete = SINK_CASSANDRA_DELETE_IGNORE;
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 0);
    done(&r);
}

static void an_update_of_the_targets_key_deletes_the_old_place_just_below_its_stamp(void **state)
{
    struct value before[] = { text("7"), text("old") };
    struct value after[] = { text("7"), text("new") };
    struct change c = { .op = CHANGE_UPDATE,
                        .wts = 100,
                        .before_kind = CHANGE_BEFORE_FULL,
                        .before = before,
                        .after = after };
    struct rows r;

    (void)state;
    make_other_key(&r);
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 2);
    assert_false(is_insert(&r.out[0]));
    assert_int_equal(r.out[0].timestamp_us, 99);
    assert_true(str_is(r.out[0].values[0], "old"));
    assert_true(is_insert(&r.out[1]));
    assert_int_equal(r.out[1].timestamp_us, 100);
    assert_true(str_is(r.out[1].values[0], "new"));
    done(&r);
}

static void an_update_that_keeps_the_key_is_one_insert(void **state)
{
    struct value before[] = { text("7"), text("same") };
    struct value after[] = { text("7"), unchanged };
    struct change c = { .op = CHANGE_UPDATE,
                        .wts = 100,
                        .before_kind = CHANGE_BEFORE_FULL,
                        .before = before,
                        .after = after };
    struct rows r;

    (void)state;
    make_other_key(&r);
    assert_true(run(&r, &c));
    assert_int_equal(r.count, 1);
    assert_true(str_is(r.out[0].values[0], "same"));
    done(&r);
}

static void a_row_without_its_key_is_rejected(void **state)
{
    struct value nulls[] = { text("7"), null };
    struct value gaps[] = { text("7"), unchanged };
    struct change c = { .op = CHANGE_UPDATE, .wts = 100, .after = nulls };
    struct rows r;

    (void)state;
    make_other_key(&r);
    assert_false(run(&r, &c));
    assert_int_equal(r.err.kind, ERR_REJECT);
    assert_string_equal(r.err.code, "E0657");
    assert_string_equal(r.err.msg,
                        "cannot write a row without its key (column \"note\", key column "
                        "\"note\"): it is NULL");
    c.after = gaps;
    assert_false(run(&r, &c));
    assert_string_equal(r.err.code, "E0657");
    assert_int_equal(r.count, 0);
    done(&r);
}

static void a_delete_that_does_not_carry_the_key_is_rejected(void **state)
{
    struct value before[] = { text("7"), null };
    struct change c = {
        .op = CHANGE_DELETE, .wts = 9, .before_kind = CHANGE_BEFORE_KEY, .before = before
    };
    struct rows r;

    (void)state;
    make_other_key(&r);
    r.f.columns[1].identity = false;
    assert_false(run(&r, &c));
    assert_string_equal(r.err.code, "E0657");
    done(&r);
}

static void a_value_that_does_not_fit_rejects_the_row(void **state)
{
    struct value after[] = { text("7"), text("hi"), text("NaN") };
    struct change c = { .op = CHANGE_INSERT, .wts = 1, .after = after };
    struct rows r;

    (void)state;
    make(&r);
    assert_false(run(&r, &c));
    assert_string_equal(r.err.code, "E0650");
    assert_int_equal(r.count, 0);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_insert_binds_every_column_with_the_write_stamp),
        cmocka_unit_test(null_is_null_and_unchanged_is_unset),
        cmocka_unit_test(an_empty_text_is_a_value),
        cmocka_unit_test(a_delete_binds_the_key_of_the_old_row),
        cmocka_unit_test(deletes_may_be_left_out),
        cmocka_unit_test(an_update_of_the_targets_key_deletes_the_old_place_just_below_its_stamp),
        cmocka_unit_test(an_update_that_keeps_the_key_is_one_insert),
        cmocka_unit_test(a_row_without_its_key_is_rejected),
        cmocka_unit_test(a_delete_that_does_not_carry_the_key_is_rejected),
        cmocka_unit_test(a_value_that_does_not_fit_rejects_the_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
