/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_world.h"

/* Ten segments or so, begun a second apart each unit. */
static struct log_stats fill(struct world *w)
{
    struct log_stats stats;

    for (int i = 0; i < 40; i++) {
        w->now_us += 1000000;
        world_unit(w, 10);
        world_sync(w);
    }
    log_stats(w->log, &stats);
    assert_true(stats.segments > 8);
    return stats;
}

static void nothing_needed_is_removed(void **state)
{
    struct world *w = *state;
    struct log_stats before = fill(w);
    struct log_stats after;
    struct log_segment *segments;
    struct error err = { 0 };
    size_t count;

    log_segments(w->log, &segments, &count);
    assert_true(log_retain(w->log, (struct pos){ segments[3].base.v + 10 }, w->now_us, 0, &err));
    log_stats(w->log, &after);
    assert_int_equal(after.oldest.v, segments[3].base.v);
    assert_int_equal(after.segments, before.segments - 3);
    assert_int_equal(after.bytes, before.bytes - segments[3].base.v);
    free(segments);
    world_crash(w, DISK_LOSE);
    log_stats(w->log, &after);
    assert_int_equal(after.segments, before.segments - 3);
}

static void what_is_young_is_kept(void **state)
{
    struct world *w = *state;
    struct log_stats before = fill(w);
    struct log_stats after;
    struct error err = { 0 };

    assert_true(log_retain(w->log, before.tail, w->now_us, 3600 * 1000, &err));
    log_stats(w->log, &after);
    assert_int_equal(after.segments, before.segments);
    assert_true(log_retain(w->log, before.tail, w->now_us, 20 * 1000, &err));
    log_stats(w->log, &after);
    assert_true(after.segments > 2 && after.segments < before.segments);
}

static void the_segment_with_the_tail_stays(void **state)
{
    struct world *w = *state;
    struct log_stats stats = fill(w);
    struct error err = { 0 };

    assert_true(log_retain(w->log, (struct pos){ UINT64_MAX }, INT64_MAX, 0, &err));
    log_stats(w->log, &stats);
    assert_int_equal(stats.segments, 1);
    world_crash(w, DISK_LOSE);
    world_unit(w, 1);
    world_sync(w);
    log_stats(w->log, &stats);
    assert_true(stats.oldest.v > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_needed_is_removed),
        TEST(what_is_young_is_kept),
        TEST(the_segment_with_the_tail_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
