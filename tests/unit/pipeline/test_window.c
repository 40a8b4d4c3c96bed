/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "pipeline/window.h"

enum { WINDOW_US = 15 * 60 * 1000000 };

static struct position at(int64_t minutes)
{
    return (struct position){ 1, 0, { (uint64_t)minutes + 1 } };
}

/* A minute's tick. */
static bool tick(struct window *w, int64_t minute, struct position slowest, struct position *ret)
{
    return window_move(w, WINDOW_US, minute * 60 * 1000000, slowest, ret);
}

static void invariant_5_nothing_goes_before_the_first_window_is_over(void **state)
{
    struct position needed = { 0 };
    struct window w = { 0 };

    (void)state;
    for (int64_t minute = 0; minute < 15; minute++)
        assert_false(tick(&w, minute, at(minute), &needed));
    assert_true(tick(&w, 15, at(15), &needed));
    assert_int_equal(position_cmp(needed, at(0)), 0);
}

static void invariant_5_what_goes_is_a_window_old(void **state)
{
    struct position needed = { 0 };
    struct window w = { 0 };

    (void)state;
    for (int64_t minute = 0; minute < 600; minute++) {
        if (!tick(&w, minute, at(minute), &needed) || minute < 17)
            continue;
        assert_true(position_cmp(needed, at(minute - 15)) <= 0);
        assert_true(position_cmp(needed, at(minute - 17)) >= 0);
    }
}

/* A target that fell back stands before what it had a window ago; what it lost must still be there. */
static void invariant_5_a_sink_that_fell_back_keeps_what_it_needs(void **state)
{
    struct position needed = { 0 };
    struct window w = { 0 };

    (void)state;
    for (int64_t minute = 0; minute <= 60; minute++)
        (void)tick(&w, minute, at(minute), &needed);
    for (int64_t minute = 61; minute < 120; minute++) {
        assert_true(tick(&w, minute, at(50), &needed));
        assert_true(position_cmp(needed, at(50)) <= 0);
    }
}

static void without_a_window_the_place_of_the_last_tick_counts(void **state)
{
    struct position needed = { 0 };
    struct window w = { 0 };

    (void)state;
    assert_false(window_move(&w, 0, 1, at(1), &needed));
    assert_true(window_move(&w, 0, 2, at(2), &needed));
    assert_int_equal(position_cmp(needed, at(1)), 0);
    assert_true(window_move(&w, 0, 3, at(3), &needed));
    assert_int_equal(position_cmp(needed, at(2)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_5_nothing_goes_before_the_first_window_is_over),
        cmocka_unit_test(invariant_5_what_goes_is_a_window_old),
        cmocka_unit_test(invariant_5_a_sink_that_fell_back_keeps_what_it_needs),
        cmocka_unit_test(without_a_window_the_place_of_the_last_tick_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
