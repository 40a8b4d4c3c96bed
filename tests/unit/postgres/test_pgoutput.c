/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct pgoutput_scratch scratch;
static struct pgoutput_msg msg;
static struct error err;

static bool decode(const char *bytes, size_t n)
{
    memset(&err, 0, sizeof err);
    return pgoutput_decode(str_make(bytes, n), &scratch, &msg, &err);
}

#define DECODE(bytes) decode(bytes, sizeof(bytes) - 1)

static void begin_is_read(void **state)
{
    (void)state;
    assert_true(DECODE("B\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\0\0\0\3\4"));
    assert_int_equal(msg.kind, PGOUTPUT_BEGIN);
    assert_int_equal(msg.begin.commit_lsn.v, 0x100000002);
    assert_int_equal(msg.begin.commit_time_us, 946684800000000);
    assert_int_equal(msg.begin.xid, 0x304);
}

static void commit_that_ends_before_it_begins_is_refused(void **state)
{
    (void)state;
    assert_true(DECODE("C\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0"));
    assert_false(DECODE("C\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0"));
    assert_string_equal(err.code, "E0440");
}

static void a_time_beyond_the_calendar_is_refused(void **state)
{
    (void)state;
    assert_false(DECODE("B\0\0\0\0\0\0\0\2\177\377\377\377\377\377\377\377\0\0\3\4"));
}

static void the_three_states_of_a_column_are_kept_apart(void **state)
{
    (void)state;
    assert_true(DECODE("I\0\0\0\7N\0\4nut\0\0\0\0t\0\0\0\2hi"));
    assert_int_equal(msg.row.relation_oid, 7);
    assert_int_equal(msg.row.after_count, 4);
    assert_null(msg.row.before);
    assert_int_equal(msg.row.after[0].kind, VALUE_NULL);
    assert_int_equal(msg.row.after[1].kind, VALUE_UNCHANGED);
    assert_int_equal(msg.row.after[2].kind, VALUE_TEXT);
    assert_int_equal(msg.row.after[2].text.n, 0);
    assert_true(str_is(msg.row.after[3].text, "hi"));
}

static void an_update_may_carry_key_or_whole_old_row(void **state)
{
    (void)state;
    assert_true(DECODE("U\0\0\0\7N\0\1n"));
    assert_int_equal(msg.row.before_kind, CHANGE_BEFORE_NONE);
    assert_true(DECODE("U\0\0\0\7K\0\1t\0\0\0\1aN\0\1n"));
    assert_int_equal(msg.row.before_kind, CHANGE_BEFORE_KEY);
    assert_true(str_is(msg.row.before[0].text, "a"));
    assert_true(DECODE("U\0\0\0\7O\0\1t\0\0\0\1aN\0\1n"));
    assert_int_equal(msg.row.before_kind, CHANGE_BEFORE_FULL);
}

static void a_delete_has_no_new_row(void **state)
{
    (void)state;
    assert_true(DECODE("D\0\0\0\7K\0\1t\0\0\0\1a"));
    assert_null(msg.row.after);
    assert_false(DECODE("D\0\0\0\7N\0\1n"));
}

static void binary_values_are_refused(void **state)
{
    (void)state;
    assert_false(DECODE("I\0\0\0\7N\0\1b\0\0\0\1x"));
    assert_non_null(strstr(err.msg, "bad value of a row at byte 8"));
}

static void a_length_that_lies_is_refused(void **state)
{
    (void)state;
    assert_false(DECODE("I\0\0\0\7N\0\1t\377\377\377\377x"));
    assert_false(DECODE("I\0\0\0\7N\0\1t\177\377\377\377x"));
    assert_false(DECODE("I\0\0\0\7N\377\377n"));
    assert_false(DECODE("T\100\0\0\1\0\0\0\0\1"));
}

static void bytes_left_over_are_refused(void **state)
{
    (void)state;
    assert_false(DECODE("I\0\0\0\7N\0\1nn"));
    assert_non_null(strstr(err.msg, "end"));
}

static void a_name_without_its_end_is_refused(void **state)
{
    (void)state;
    assert_false(DECODE("Y\0\0\0\7public\0mood"));
}

static void an_empty_schema_is_pg_catalog(void **state)
{
    (void)state;
    assert_true(DECODE("R\0\0\0\7\0t\0d\0\1\1id\0\0\0\0\27\377\377\377\377"));
    assert_true(str_is(msg.relation.schema, "pg_catalog"));
    assert_true(msg.relation.columns[0].identity);
    assert_int_equal(msg.relation.columns[0].type_oid, 23);
    assert_int_equal(msg.relation.columns[0].typmod, -1);
}

static void an_unknown_replica_identity_is_refused(void **state)
{
    (void)state;
    assert_false(DECODE("R\0\0\0\7\0t\0x\0\0"));
}

static void truncate_gives_each_relation(void **state)
{
    (void)state;
    assert_true(DECODE("T\0\0\0\2\3\0\0\0\1\0\0\1\0"));
    assert_int_equal(msg.truncate.flags, CHANGE_TRUNCATE_CASCADE | CHANGE_TRUNCATE_RESTART);
    assert_int_equal(msg.truncate.relation_count, 2);
    assert_int_equal(pgoutput_truncate_oid(&msg.truncate, 1), 256);
}

static void messages_that_were_not_asked_for_are_named(void **state)
{
    static const char kinds[] = "SEcAbPKrp";

    (void)state;
    for (const char *k = kinds; *k != '\0'; k++) {
        assert_false(decode(k, 1));
        assert_string_equal(err.code, "E0440");
        assert_non_null(strstr(err.msg, "not asked for"));
    }
}

static void nothing_and_unknown_kinds_are_refused(void **state)
{
    (void)state;
    assert_false(DECODE(""));
    assert_false(DECODE("\0"));
    assert_false(DECODE("?abc"));
}

static void a_row_must_have_the_columns_of_its_table(void **state)
{
    struct relation rel = { .schema = STR("public"), .table = STR("t"), .column_count = 2 };

    (void)state;
    assert_true(DECODE("U\0\0\0\7K\0\1nN\0\2nn"));
    assert_false(pgoutput_fits(&msg, &rel, &err));
    assert_non_null(strstr(err.msg, "it has 1 columns, its table 2"));
    assert_true(DECODE("U\0\0\0\7K\0\2nnN\0\2nn"));
    assert_true(pgoutput_fits(&msg, &rel, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begin_is_read),
        cmocka_unit_test(commit_that_ends_before_it_begins_is_refused),
        cmocka_unit_test(a_time_beyond_the_calendar_is_refused),
        cmocka_unit_test(the_three_states_of_a_column_are_kept_apart),
        cmocka_unit_test(an_update_may_carry_key_or_whole_old_row),
        cmocka_unit_test(a_delete_has_no_new_row),
        cmocka_unit_test(binary_values_are_refused),
        cmocka_unit_test(a_length_that_lies_is_refused),
        cmocka_unit_test(bytes_left_over_are_refused),
        cmocka_unit_test(a_name_without_its_end_is_refused),
        cmocka_unit_test(an_empty_schema_is_pg_catalog),
        cmocka_unit_test(an_unknown_replica_identity_is_refused),
        cmocka_unit_test(truncate_gives_each_relation),
        cmocka_unit_test(messages_that_were_not_asked_for_are_named),
        cmocka_unit_test(nothing_and_unknown_kinds_are_refused),
        cmocka_unit_test(a_row_must_have_the_columns_of_its_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
