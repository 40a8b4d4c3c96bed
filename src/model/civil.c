/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Years are counted from March, so that the day that some years have is their last one, and months from March have
 * 153 days in each five. 400 years are 146097 days, and 719468 of them lie between the March of the year 0 and 1970.
 */
#include "model/civil.h"

enum {
    ERA_YEARS = 400,
    ERA_DAYS = 146097,
    TO_1970 = 719468,
    HOUR = 3600,
    MINUTE = 60,
    US_DIGITS = 6
};

bool civil_is_valid(struct civil d)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % ERA_YEARS == 0);

    return d.month >= 1 && d.month <= 12 && d.day >= 1 &&
           d.day <= days[d.month - 1] + (d.month == 2 && leap ? 1u : 0u);
}

int64_t civil_to_days(struct civil d)
{
    int64_t y = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = (y >= 0 ? y : y - (ERA_YEARS - 1)) / ERA_YEARS;
    int64_t of_era = y - era * ERA_YEARS;
    int64_t of_year = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - TO_1970;
}

struct civil civil_from_days(int64_t days)
{
    int64_t z = days + TO_1970;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = z - era * ERA_DAYS;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct civil d;

    d.day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
    d.month = (unsigned)(month < 10 ? month + 3 : month - 9);
    d.year = y + era * ERA_YEARS + (d.month <= 2 ? 1 : 0);
    return d;
}

struct civil civil_read_day(struct rd *r, unsigned year_digits)
{
    struct civil d;

    d.year = rd_digits(r, 4, year_digits);
    rd_expect(r, '-');
    d.month = (unsigned)rd_digits(r, 2, 2);
    rd_expect(r, '-');
    d.day = (unsigned)rd_digits(r, 2, 2);
    return d;
}

int64_t civil_read_clock(struct rd *r, unsigned hour_digits)
{
    int64_t hour = rd_digits(r, 2, hour_digits);
    int64_t minute;
    int64_t second;
    int64_t seconds;

    rd_expect(r, ':');
    minute = rd_digits(r, 2, 2);
    rd_expect(r, ':');
    second = rd_digits(r, 2, 2);
    seconds = hour * HOUR + minute * MINUTE + second;
    if (minute > 59 || second > 59 || seconds >= INT64_MAX / 1000000)
        (void)rd_fail(r);
    return rd_ok(r) ? seconds * 1000000 + civil_read_fraction(r, US_DIGITS) : 0;
}

int64_t civil_read_zone(struct rd *r)
{
    bool west = rd_take(r, '-');
    int64_t seconds;

    if (!west && !rd_take(r, '+'))
        return 0;
    seconds = rd_digits(r, 2, 2) * HOUR;
    if (rd_take(r, ':'))
        seconds += rd_digits(r, 2, 2) * MINUTE;
    if (rd_take(r, ':'))
        seconds += rd_digits(r, 2, 2);
    return west ? -seconds : seconds;
}

int64_t civil_read_fraction(struct rd *r, unsigned digits)
{
    size_t before;
    int64_t v;

    if (!rd_take(r, '.'))
        return 0;
    before = rd_left(r);
    v = rd_digits(r, 1, digits);
    for (size_t n = before - rd_left(r); n < digits; n++)
        v *= 10;
    return v;
}
