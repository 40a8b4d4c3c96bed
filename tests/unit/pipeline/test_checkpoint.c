/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/buf.h"
#include "base/limits.h"
#include "pipeline/checkpoint.h"

#include <sqlite3.h>
#include <stdio.h>

static struct state *open_state(const char *dir)
{
    struct state *st;
    struct error err;

    assert_ok(state_open(dir, true, &st, &err), err);
    return st;
}

static void a_position_is_there_after_a_restart(void **state)
{
    struct state *st = open_state(*state);
    struct position at = { 3, 17, { 0x16B3748 } };
    struct position got;
    struct error err;
    bool found;
    bool started;

    assert_ok(checkpoint_get_position(st, "top", &found, &got, &started, &err), err);
    assert_false(found);
    assert_ok(checkpoint_set_position(st, "top", at, true, &err), err);
    state_close(st);
    st = open_state(*state);
    assert_ok(checkpoint_get_position(st, "top", &found, &got, &started, &err), err);
    assert_true(found);
    assert_true(started);
    assert_int_equal(position_cmp(got, at), 0);
    assert_ok(checkpoint_get_position(st, "other", &found, &got, &started, &err), err);
    assert_false(found);
    state_close(st);
}

static void the_source_is_remembered_whole(void **state)
{
    struct state *st = open_state(*state);
    struct checkpoint_source in = { .epoch = 2,
                                    .system_id = UINT64_MAX - 5,
                                    .timeline = 7,
                                    .database = "engagement_db",
                                    .slot = "cdc_slot",
                                    .phase = CHECKPOINT_SNAPSHOT,
                                    .slot_txns = 99 };
    struct checkpoint_source out;
    struct error err;
    bool found;

    assert_ok(checkpoint_get_source(st, &found, &out, &err), err);
    assert_false(found);
    assert_ok(checkpoint_set_source(st, &in, &err), err);
    assert_ok(checkpoint_get_source(st, &found, &out, &err), err);
    assert_true(found);
    assert_int_equal(out.epoch, in.epoch);
    assert_true(out.system_id == in.system_id);
    assert_int_equal(out.timeline, in.timeline);
    assert_string_equal(out.database, in.database);
    assert_string_equal(out.slot, in.slot);
    assert_int_equal(out.phase, in.phase);
    assert_int_equal(out.slot_txns, in.slot_txns);
    state_close(st);
}

static void sinks_do_not_see_each_others_values(void **state)
{
    struct state *st = open_state(*state);
    struct checkpoint_store a = { st, "a" };
    struct checkpoint_store b = { st, "b" };
    struct sink_store sa = checkpoint_store(&a);
    struct sink_store sb = checkpoint_store(&b);
    struct arena arena;
    struct str value;
    struct error err;

    arena_init(&arena, MIB);
    assert_ok(sa.put(sa.ctx, "boundary", STR("\0binary\xff"), &err), err);
    assert_ok(sb.get(sb.ctx, "boundary", &arena, &value, &err), err);
    assert_null(value.p);
    assert_ok(sa.get(sa.ctx, "boundary", &arena, &value, &err), err);
    assert_true(str_eq(value, STR("\0binary\xff")));
    arena_done(&arena);
    state_close(st);
}

static void run_sql(const char *dir, const char *sql)
{
    char path[4200];
    sqlite3 *db;

    (void)snprintf(path, sizeof path, "%s/state.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void a_newer_format_is_refused(void **state)
{
    struct state *st = open_state(*state);
    struct error err;

    state_close(st);
    run_sql(*state, "PRAGMA user_version = 2");
    assert_code(state_open(*state, true, &st, &err), err, E_STATE_VERSION);
    assert_int_equal(err.kind, ERR_STOP);
}

static void a_position_that_makes_no_sense_is_not_guessed(void **state)
{
    struct state *st = open_state(*state);
    struct position got;
    struct error err;
    bool found;
    bool started;

    run_sql(*state, "INSERT INTO sink VALUES('top', '1/garbage/2', 0)");
    assert_code(checkpoint_get_position(st, "top", &found, &got, &started, &err), err, E_STATE_BAD);
    assert_int_equal(err.kind, ERR_CORRUPT);
    state_close(st);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    char path[4200];
    struct state *st;
    struct error err;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/state.db", (const char *)*state);
    f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 400; i++)
        assert_true(fputs("this is not a database\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_code(state_open(*state, true, &st, &err), err, E_STATE_BAD);
}

static void a_directory_that_is_not_there_is_said(void **state)
{
    struct state *st;
    struct error err;

    (void)state;
    assert_code(state_open("/nonexistent/dir", true, &st, &err), err, E_STATE_FILE);
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_position_is_there_after_a_restart),
        WITH_DIRECTORY(the_source_is_remembered_whole),
        WITH_DIRECTORY(sinks_do_not_see_each_others_values),
        WITH_DIRECTORY(a_newer_format_is_refused),
        WITH_DIRECTORY(a_position_that_makes_no_sense_is_not_guessed),
        WITH_DIRECTORY(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(a_directory_that_is_not_there_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
