/* SPDX-License-Identifier: Apache-2.0 */
/* Expected bytes: cassandra.cqltypes DateType, SimpleDateType, TimeType and DurationType; far dates by
 * PostgreSQL (date - '1970-01-01'). */
#include "convert.h"

static void timestamps_are_milliseconds_since_1970(void **state)
{
    static const struct convert_case cases[] = {
        { "1970-01-01 00:00:00+00", "0000000000000000" },
        { "2026-11-22 00:00:00+00", "000001a2008d7400" },
        { "2026-11-22 10:23:27.123+00", "000001a202c83d93" },
        { "0001-01-01 00:00:00+00", "ffffc77cedd32800" },
        { "9999-12-31 23:59:59.999+00", "0000e677d21fdbff" },
        { "2026-11-22 10:23:27.123", "000001a202c83d93" },
        { "2026-11-22 10:23:27.1+00", "000001a202c83d7c" },
    };

    (void)state;
    EXPECT_ALL(PG_TIMESTAMPTZ, "timestamp", cases);
}

static void timestamps_without_time_zone_are_taken_as_utc(void **state)
{
    (void)state;
    expect_bytes(PG_TIMESTAMP, "timestamp", "2026-11-22 10:23:27.123", "000001a202c83d93");
}

static void microseconds_drop_toward_minus_infinity(void **state)
{
    (void)state;
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "2026-11-22 10:23:27.123999+00", "000001a202c83d93");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1969-12-31 23:59:59.9995+00", "ffffffffffffffff");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1969-12-31 23:59:59.999+00", "ffffffffffffffff");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1969-12-31 23:59:59.000001+00", "fffffffffffffc18");
}

static void zones_are_subtracted(void **state)
{
    (void)state;
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1970-01-01 01:00:00+01", "0000000000000000");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1969-12-31 20:30:00-03:30", "0000000000000000");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "1970-01-01 00:19:32+00:19:32", "0000000000000000");
}

/* Both ends of PostgreSQL's range, and the year 1 BC, fit 64 bits of milliseconds. */
static void the_whole_range_of_postgresql_fits(void **state)
{
    (void)state;
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "294276-12-31 23:59:59.999999+00",
                 "0020c577e6a38fff");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "4714-11-24 00:00:00+00 BC", "ffff4037bf19b000");
    expect_bytes(PG_TIMESTAMPTZ, "timestamp", "0001-12-31 00:00:00+00 BC", "ffffc77ce8accc00");
}

static void infinite_and_malformed_timestamps_are_refused(void **state)
{
    (void)state;
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "infinity", "infinity has no form there");
    expect_refused(PG_TIMESTAMP, "timestamp", "-infinity", "infinity has no form there");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-02-29 00:00:00+00", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-13-01 00:00:00+00", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-11-22 24:00:00+00", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-11-22 10:60:00+00", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-11-22 10:00:00+00 AD", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-11-22", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "11/22/2026 10:00:00", "ISO form");
    expect_refused(PG_TIMESTAMPTZ, "timestamp", "2026-11-22 10:00:00.+00", "ISO form");
}

static void dates_count_from_the_middle_of_their_range(void **state)
{
    static const struct convert_case cases[] = {
        { "1970-01-01", "80000000" },    { "1969-12-31", "7fffffff" },
        { "2026-11-22", "8000512b" },    { "2000-02-29", "80002b08" },
        { "0001-01-01", "7ff506c6" },    { "9999-12-31", "802cc0a0" },
        { "0001-12-31 BC", "7ff506c5" }, { "4713-01-01 BC", "7fdac29a" },
        { "5874897-12-31", "ffdac1d9" },
    };

    (void)state;
    EXPECT_ALL(PG_DATE, "date", cases);
}

static void infinite_and_malformed_dates_are_refused(void **state)
{
    (void)state;
    expect_refused(PG_DATE, "date", "infinity", "infinity has no form there");
    expect_refused(PG_DATE, "date", "9999999-12-31", "out of the type's range");
    expect_refused(PG_DATE, "date", "2026-11-31", "ISO form");
    expect_refused(PG_DATE, "date", "0000-01-01", "ISO form");
    expect_refused(PG_DATE, "date", "2026-11-22 ", "ISO form");
}

static void times_are_nanoseconds_of_the_day(void **state)
{
    static const struct convert_case cases[] = {
        { "00:00:00", "0000000000000000" },
        { "23:59:59.999999", "00004e94914efc18" },
        { "10:23:27.123456", "00002205864e4000" },
    };

    (void)state;
    EXPECT_ALL(PG_TIME, "time", cases);
}

static void the_end_of_the_day_is_refused(void **state)
{
    (void)state;
    expect_refused(PG_TIME, "time", "24:00:00", "a day ends before 24:00:00");
    expect_refused(PG_TIME, "time", "10:00", "ISO form");
    expect_refused(PG_TIME, "time", "10:00:00+00", "ISO form");
}

static void intervals_become_durations(void **state)
{
    static const struct convert_case cases[] = {
        { "00:00:00", "000000" },
        { "178000000 years", "f0fea18c000000" },
        { "1 year 2 mons 3 days 04:05:06.789", "1c06fc1ac061de4680" },
        { "-1 mons -2 days -00:00:03", "0103f165a0bbff" },
        { "64 days", "00808000" },
        { "63 days", "007e00" },
        { "-178956970 years -8 mons -2147483648 days -2562047:47:16.854775",
          "f0fffffffff0fffffffffffffffffffffff9af" },
    };

    (void)state;
    EXPECT_ALL(PG_INTERVAL, "duration", cases);
}

static void durations_do_not_mix_signs(void **state)
{
    (void)state;
    expect_refused(PG_INTERVAL, "duration", "-1 mons +1 day", "its parts differ in sign");
    expect_refused(PG_INTERVAL, "duration", "1 day -00:00:01", "its parts differ in sign");
}

static void durations_out_of_range_are_refused(void **state)
{
    (void)state;
    expect_refused(PG_INTERVAL, "duration", "2562048:00:00", "out of the type's range");
    expect_refused(PG_INTERVAL, "duration", "178956971 years", "out of the type's range");
    expect_refused(PG_INTERVAL, "duration", "", "ISO form");
    expect_refused(PG_INTERVAL, "duration", "1 week", "ISO form");
    expect_refused(PG_INTERVAL, "duration", "1 day ", "ISO form");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_are_milliseconds_since_1970),
        cmocka_unit_test(timestamps_without_time_zone_are_taken_as_utc),
        cmocka_unit_test(microseconds_drop_toward_minus_infinity),
        cmocka_unit_test(zones_are_subtracted),
        cmocka_unit_test(the_whole_range_of_postgresql_fits),
        cmocka_unit_test(infinite_and_malformed_timestamps_are_refused),
        cmocka_unit_test(dates_count_from_the_middle_of_their_range),
        cmocka_unit_test(infinite_and_malformed_dates_are_refused),
        cmocka_unit_test(times_are_nanoseconds_of_the_day),
        cmocka_unit_test(the_end_of_the_day_is_refused),
        cmocka_unit_test(intervals_become_durations),
        cmocka_unit_test(durations_do_not_mix_signs),
        cmocka_unit_test(durations_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
