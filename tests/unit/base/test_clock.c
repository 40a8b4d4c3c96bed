/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int64_t now;

static int64_t fake_now(const struct clock *c)
{
    (void)c;
    return now;
}

static const struct clock fake = { .real_us = fake_now, .mono_us = fake_now };

static void what_is_left_is_rounded_up_and_capped(void **state)
{
    (void)state;
    now = 1000;
    assert_int_equal(clock_left_ms(&fake, 1000, 50), 0);
    assert_int_equal(clock_left_ms(&fake, 0, 50), 0);
    assert_int_equal(clock_left_ms(&fake, 1001, 50), 1);
    assert_int_equal(clock_left_ms(&fake, 3000, 50), 2);
    assert_int_equal(clock_left_ms(&fake, INT64_MAX, 50), 50);
}

static void times_are_written_in_utc_with_microseconds(void **state)
{
    (void)state;
    char text[CLOCK_TEXT];

    assert_string_equal(clock_format_us(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(clock_format_us(1795343007123456, text), "2026-11-22T10:23:27.123456Z");
    assert_string_equal(clock_format_us(-1, text), "1969-12-31T23:59:59.999999Z");
}

static void the_system_clock_goes_forward(void **state)
{
    (void)state;
    int64_t first = clock_mono_us(&clock_system);

    assert_true(clock_mono_us(&clock_system) >= first);
    assert_true(clock_real_us(&clock_system) > 1600000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_rounded_up_and_capped),
        cmocka_unit_test(times_are_written_in_utc_with_microseconds),
        cmocka_unit_test(the_system_clock_goes_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
