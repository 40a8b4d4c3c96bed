/* SPDX-License-Identifier: Apache-2.0 */
#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(enum config_units units, const char *text, int64_t wanted)
{
    int64_t value = -1;

    assert_int_equal(config_unit_parse(units, str_from(text), &value), CONFIG_UNIT_OK);
    assert_int_equal(value, wanted);
}

static enum config_unit_fault fault(enum config_units units, const char *text)
{
    int64_t value = -1;
    enum config_unit_fault f = config_unit_parse(units, str_from(text), &value);

    assert_int_equal(value, -1);
    return f;
}

static void durations_are_milliseconds(void **state)
{
    (void)state;
    expect(CONFIG_UNITS_TIME, "500ms", 500);
    expect(CONFIG_UNITS_TIME, "10s", 10000);
    expect(CONFIG_UNITS_TIME, "5m", 300000);
    expect(CONFIG_UNITS_TIME, "2h", 7200000);
    expect(CONFIG_UNITS_TIME, "7d", 604800000);
    expect(CONFIG_UNITS_TIME, "10 s", 10000);
}

static void sizes_know_both_thousands(void **state)
{
    (void)state;
    expect(CONFIG_UNITS_SIZE, "64KiB", 65536);
    expect(CONFIG_UNITS_SIZE, "10MB", 10000000);
    expect(CONFIG_UNITS_SIZE, "20GiB", (int64_t)20 << 30);
    expect(CONFIG_UNITS_SIZE, "0B", 0);
}

static void a_unit_is_needed(void **state)
{
    (void)state;
    assert_int_equal(fault(CONFIG_UNITS_TIME, "10"), CONFIG_UNIT_MISSING);
    assert_int_equal(fault(CONFIG_UNITS_SIZE, "0"), CONFIG_UNIT_MISSING);
}

static void what_is_no_whole_number_is_refused(void **state)
{
    (void)state;
    assert_int_equal(fault(CONFIG_UNITS_TIME, "1.5s"), CONFIG_UNIT_NO_NUMBER);
    assert_int_equal(fault(CONFIG_UNITS_TIME, "-1s"), CONFIG_UNIT_NO_NUMBER);
    assert_int_equal(fault(CONFIG_UNITS_TIME, ""), CONFIG_UNIT_NO_NUMBER);
    assert_int_equal(fault(CONFIG_UNITS_TIME, "s"), CONFIG_UNIT_NO_NUMBER);
}

static void units_are_not_guessed(void **state)
{
    (void)state;
    assert_int_equal(fault(CONFIG_UNITS_TIME, "1M"), CONFIG_UNIT_UNKNOWN);
    assert_int_equal(fault(CONFIG_UNITS_TIME, "1GiB"), CONFIG_UNIT_UNKNOWN);
    assert_int_equal(fault(CONFIG_UNITS_SIZE, "1kb"), CONFIG_UNIT_UNKNOWN);
    assert_int_equal(fault(CONFIG_UNITS_SIZE, "1e3B"), CONFIG_UNIT_UNKNOWN);
}

static void overflow_is_told(void **state)
{
    (void)state;
    assert_int_equal(fault(CONFIG_UNITS_SIZE, "9223372036854775807KiB"), CONFIG_UNIT_OVERFLOW);
    assert_int_equal(fault(CONFIG_UNITS_SIZE, "99999999999999999999B"), CONFIG_UNIT_OVERFLOW);
}

static void values_are_shown_in_the_largest_unit_that_divides_them(void **state)
{
    char text[CONFIG_UNIT_TEXT];

    (void)state;
    assert_string_equal(config_unit_format(CONFIG_UNITS_TIME, 90000, text), "90s");
    assert_string_equal(config_unit_format(CONFIG_UNITS_TIME, 86400000, text), "1d");
    assert_string_equal(config_unit_format(CONFIG_UNITS_TIME, 0, text), "0ms");
    assert_string_equal(config_unit_format(CONFIG_UNITS_SIZE, 65536, text), "64KiB");
    assert_string_equal(config_unit_format(CONFIG_UNITS_SIZE, 1000, text), "1000B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_milliseconds),
        cmocka_unit_test(sizes_know_both_thousands),
        cmocka_unit_test(a_unit_is_needed),
        cmocka_unit_test(what_is_no_whole_number_is_refused),
        cmocka_unit_test(units_are_not_guessed),
        cmocka_unit_test(overflow_is_told),
        cmocka_unit_test(values_are_shown_in_the_largest_unit_that_divides_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
