/* SPDX-License-Identifier: Apache-2.0 */
#include "model/civil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void days_are_counted_from_1970(void **state)
{
    (void)state;
    assert_int_equal(civil_to_days((struct civil){ 1970, 1, 1 }), 0);
    assert_int_equal(civil_to_days((struct civil){ 1969, 12, 31 }), -1);
    assert_int_equal(civil_to_days((struct civil){ 2000, 2, 29 }), 11016);
    assert_int_equal(civil_to_days((struct civil){ 0, 3, 1 }), -719468);
    /* PostgreSQL's first and last date */
    assert_int_equal(civil_to_days((struct civil){ -4713, 11, 24 }), -2440588);
    assert_int_equal(civil_to_days((struct civil){ 5874897, 12, 31 }), 2145042905);
}

static void every_day_of_a_thousand_years_comes_back(void **state)
{
    int64_t first = civil_to_days((struct civil){ -401, 1, 1 });
    int64_t last = civil_to_days((struct civil){ 600, 1, 1 });
    struct civil before = civil_from_days(first - 1);

    (void)state;
    for (int64_t day = first; day < last; day++) {
        struct civil d = civil_from_days(day);

        assert_true(civil_is_valid(d));
        assert_int_equal(civil_to_days(d), day);
        if (d.day != before.day + 1) {
            assert_int_equal(d.day, 1);
            before.day++;
            assert_false(civil_is_valid(before));
        }
        before = d;
    }
}

static void days_that_no_calendar_has_are_told(void **state)
{
    static const struct civil none[] = { { 2023, 2, 29 }, { 1900, 2, 29 }, { 2024, 2, 30 },
                                         { 2024, 4, 31 }, { 2024, 0, 1 },  { 2024, 13, 1 },
                                         { 2024, 1, 0 },  { -1, 2, 29 } };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(civil_is_valid(none[i]));
    assert_true(civil_is_valid((struct civil){ 0, 2, 29 }));
    assert_true(civil_is_valid((struct civil){ 2000, 2, 29 }));
}

static void days_and_clocks_are_read(void **state)
{
    struct rd r = rd_make(STR("294276-12-31 23:59:59.999999"));
    struct civil d = civil_read_day(&r, 7);

    (void)state;
    assert_true(d.year == 294276 && d.month == 12 && d.day == 31);
    rd_expect(&r, ' ');
    assert_int_equal(civil_read_clock(&r, 2), INT64_C(86399999999));
    assert_true(rd_done(&r));
    /* Of hours PostgreSQL's intervals have many; what does not fit is no clock. */
    r = rd_make(STR("2562047787:59:59"));
    assert_int_equal(civil_read_clock(&r, 10), INT64_C(2562047787) * 3600000000 + 3599000000);
    r = rd_make(STR("9999999999:00:00"));
    assert_int_equal(civil_read_clock(&r, 10), 0);
    assert_false(rd_ok(&r));
    r = rd_make(STR("10:60:00"));
    (void)civil_read_clock(&r, 2);
    assert_false(rd_ok(&r));
}

static void zones_and_fractions_are_read(void **state)
{
    struct rd r = rd_make(STR("+05:30-02:00:15-03.5.123456"));

    (void)state;
    assert_int_equal(civil_read_zone(&r), 19800);
    assert_int_equal(civil_read_zone(&r), -7215);
    assert_int_equal(civil_read_zone(&r), -10800);
    assert_int_equal(civil_read_zone(&r), 0);
    assert_int_equal(civil_read_fraction(&r, 6), 500000);
    assert_int_equal(civil_read_fraction(&r, 6), 123456);
    assert_int_equal(civil_read_fraction(&r, 6), 0);
    assert_true(rd_done(&r));
    r = rd_make(STR(".1234567"));
    assert_int_equal(civil_read_fraction(&r, 6), 123456);
    assert_false(rd_done(&r));
    r = rd_make(STR("+5"));
    (void)civil_read_zone(&r);
    assert_false(rd_ok(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_counted_from_1970),
        cmocka_unit_test(every_day_of_a_thousand_years_comes_back),
        cmocka_unit_test(days_that_no_calendar_has_are_told),
        cmocka_unit_test(days_and_clocks_are_read),
        cmocka_unit_test(zones_and_fractions_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
