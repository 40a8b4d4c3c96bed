/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "log_world.h"

static void what_was_synced_is_read(void **state)
{
    struct world *w = *state;
    char text[64];

    world_append(w, "a");
    world_append(w, "b");
    world_commit(w);
    world_sync(w);
    assert_string_equal(world_read(w, text, sizeof text), "a,b,");
}

static void what_was_not_synced_is_not_there(void **state)
{
    struct world *w = *state;
    char text[64];

    world_append(w, "a");
    world_commit(w);
    assert_string_equal(world_read(w, text, sizeof text), "");
    world_crash(w, DISK_KEEP);
    assert_string_equal(world_read(w, text, sizeof text), "");
}

static void a_sync_shows_no_part_of_an_open_unit(void **state)
{
    struct world *w = *state;
    char text[64];

    world_append(w, "a");
    world_commit(w);
    world_append(w, "b");
    world_sync(w);
    assert_string_equal(world_read(w, text, sizeof text), "a,");
    world_append(w, "c");
    world_commit(w);
    world_sync(w);
    assert_string_equal(world_read(w, text, sizeof text), "a,b,c,");
}

static void an_abort_drops_back_to_the_commit(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };
    char text[64];

    world_append(w, "a");
    world_commit(w);
    world_append(w, "b");
    assert_true(log_abort(w->log, &err));
    world_append(w, "c");
    world_commit(w);
    world_sync(w);
    assert_string_equal(world_read(w, text, sizeof text), "a,c,");
}

static void an_abort_removes_the_segments_it_began(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };
    struct log_stats stats;

    world_unit(w, 3);
    world_sync(w);
    for (int i = 0; i < 300; i++)
        world_append(w, "a record of some length that will never be committed at all, of 70 bytes");
    log_stats(w->log, &stats);
    assert_true(stats.segments > 3);
    assert_true(log_abort(w->log, &err));
    log_stats(w->log, &stats);
    assert_int_equal(stats.segments, 1);
    world_unit(w, 2);
    world_sync(w);
    assert_int_equal(world_count(w), 5);
    world_crash(w, DISK_LOSE);
    assert_int_equal(world_count(w), 5);
}

static void a_unit_may_span_segments(void **state)
{
    struct world *w = *state;

    world_unit(w, 500);
    world_sync(w);
    assert_non_null(disk_path(w->disk, 5));
    assert_int_equal(world_count(w), 500);
    world_crash(w, DISK_LOSE);
    assert_int_equal(world_count(w), 500);
}

static void a_record_above_the_limit_is_refused(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };
    static const char byte = 'x';

    /* Only the length is looked at. */
    assert_false(log_append(w->log, str_make(&byte, LIMIT_LOG_RECORD + 1), &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0904");
}

static void a_record_larger_than_a_segment_is_stored(void **state)
{
    struct world *w = *state;
    size_t n = 2 * MIB;
    char *large = malloc(n);
    struct error err = { 0 };

    assert_non_null(large);
    memset(large, 'x', n);
    world_append(w, "small");
    assert_true(log_append(w->log, str_make(large, n), &err));
    world_append(w, "small");
    world_commit(w);
    world_sync(w);
    free(large);
    world_crash(w, DISK_LOSE);
    assert_true(log_size(w->log) > n);
}

static void a_full_disk_takes_nothing_and_goes_on_later(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };

    world_unit(w, 2);
    disk_fault_at(w->disk, 1, DISK_ENOSPC);
    assert_false(log_sync(w->log, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.code, "E0902");
    assert_int_equal(world_count(w), 0);
    world_sync(w);
    assert_int_equal(world_count(w), 2);
}

static void a_failed_sync_is_never_tried_again(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };
    uint64_t calls;

    world_unit(w, 2);
    disk_fault_at(w->disk, 2, DISK_EIO); /* the first call writes */
    assert_false(log_sync(w->log, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_string_equal(err.code, "E0903");
    calls = disk_calls(w->disk);
    error_clear(&err);
    assert_false(log_sync(w->log, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_string_equal(err.code, "E0903");
    assert_false(log_append(w->log, STR("x"), &err));
    assert_int_equal(disk_calls(w->disk), calls);
}

static void a_disk_that_refuses_to_write_stops_the_log(void **state)
{
    struct world *w = *state;
    struct error err = { 0 };

    world_unit(w, 2);
    disk_fault_at(w->disk, 1, DISK_EIO);
    assert_false(log_sync(w->log, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0305");
}

static void one_sync_of_many_units_is_one_write_and_one_fdatasync(void **state)
{
    struct world *w = *state;
    uint64_t calls;

    for (int i = 0; i < 5; i++)
        world_unit(w, 1);
    calls = disk_calls(w->disk);
    world_sync(w);
    assert_int_equal(disk_calls(w->disk) - calls, 2);
    world_sync(w);
    assert_int_equal(disk_calls(w->disk) - calls, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_synced_is_read),
        TEST(what_was_not_synced_is_not_there),
        TEST(a_sync_shows_no_part_of_an_open_unit),
        TEST(an_abort_drops_back_to_the_commit),
        TEST(an_abort_removes_the_segments_it_began),
        TEST(a_unit_may_span_segments),
        TEST(a_record_above_the_limit_is_refused),
        TEST(a_record_larger_than_a_segment_is_stored),
        TEST(a_full_disk_takes_nothing_and_goes_on_later),
        TEST(a_failed_sync_is_never_tried_again),
        TEST(a_disk_that_refuses_to_write_stops_the_log),
        TEST(one_sync_of_many_units_is_one_write_and_one_fdatasync),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
