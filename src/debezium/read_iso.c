/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ISO 8601 as Java writes it:
 *
 *   2024-02-29Z  10:34:56.123456Z  2024-02-29T10:34:56.123456+02:00  -0043-03-15T00:00:00Z  P1Y2M3DT4H5M6.78S
 */
#include "debezium/read_type.h"

#include "base/rd.h"

#include <stdlib.h>

enum { MINUTE = 60, HOUR = 3600, MICRO = 1000, NANO_DIGITS = 9 };

static const int64_t SECOND_US = 1000000;

static const char why_form[] = "it is not in ISO 8601 form";
static const char why_fine[] = "it has digits below the microsecond, which PostgreSQL cannot hold";

struct day {
    int64_t year;
    unsigned month;
    unsigned day;
};

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar. */
static int64_t days_from_civil(const struct day *d)
{
    int64_t y = d->month <= 2 ? d->year - 1 : d->year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (d->month > 2 ? d->month - 3 : d->month + 9) + 2) / 5 + d->day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* min to max digits. */
static uint64_t take_number(struct rd *r, unsigned min, unsigned max)
{
    uint64_t v = 0;
    unsigned n = 0;

    while (n < max && rd_left(r) > 0 && is_digit(rd_peek(r))) {
        v = v * 10 + (uint64_t)(rd_u8(r) - '0');
        n++;
    }
    if (n < min)
        (void)rd_fail(r);
    return v;
}

static bool take_if(struct rd *r, char c)
{
    if (rd_left(r) == 0 || rd_peek(r) != (unsigned char)c)
        return false;
    (void)rd_u8(r);
    return true;
}

static void take(struct rd *r, char c)
{
    if (!take_if(r, c))
        (void)rd_fail(r);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* [+-]YYYY-MM-DD: days since 1970. */
static int64_t take_day(struct rd *r)
{
    bool negative = take_if(r, '-');
    struct day d;

    if (!negative)
        (void)take_if(r, '+');
    d.year = (int64_t)take_number(r, 4, 9);
    d.year = negative ? -d.year : d.year;
    take(r, '-');
    d.month = (unsigned)take_number(r, 2, 2);
    take(r, '-');
    d.day = (unsigned)take_number(r, 2, 2);
    if (!rd_ok(r) || d.month < 1 || d.month > 12 || d.day < 1 ||
        d.day > days_in_month(d.year, d.month))
        (void)rd_fail(r);
    return rd_ok(r) ? days_from_civil(&d) : 0;
}

/* ".5" to ".123456789", or nothing: nanoseconds. */
static uint64_t take_fraction(struct rd *r)
{
    size_t before;
    uint64_t ns;

    if (!take_if(r, '.'))
        return 0;
    before = rd_left(r);
    ns = take_number(r, 1, NANO_DIGITS);
    for (size_t n = before - rd_left(r); n < NANO_DIGITS; n++)
        ns *= 10;
    return ns;
}

/* hh:mm[:ss[.f]]: microseconds; *ret_fine: there was more. */
static int64_t take_clock(struct rd *r, bool *ret_fine)
{
    uint64_t hour = take_number(r, 2, 2);
    uint64_t minute;
    uint64_t second = 0;
    uint64_t ns = 0;

    take(r, ':');
    minute = take_number(r, 2, 2);
    if (take_if(r, ':')) {
        second = take_number(r, 2, 2);
        ns = take_fraction(r);
    }
    if (hour > 24 || minute > 59 || second > 59 ||
        (hour == 24 && (minute > 0 || second > 0 || ns > 0)))
        (void)rd_fail(r);
    *ret_fine = ns % MICRO != 0;
    return (int64_t)((hour * HOUR + minute * MINUTE + second) * 1000000 + ns / MICRO);
}

/* Z or [+-]hh[:mm[:ss]]: seconds east of UTC. Nothing: UTC. */
static int64_t take_zone(struct rd *r)
{
    bool west = rd_left(r) > 0 && rd_peek(r) == '-';
    uint64_t seconds;

    if (take_if(r, 'Z'))
        return 0;
    if (!take_if(r, '-') && !take_if(r, '+'))
        return 0;
    seconds = take_number(r, 2, 2) * HOUR;
    if (take_if(r, ':'))
        seconds += take_number(r, 2, 2) * MINUTE;
    if (take_if(r, ':'))
        seconds += take_number(r, 2, 2);
    return west ? -(int64_t)seconds : (int64_t)seconds;
}

static void put_zone(int64_t zone, struct buf *out)
{
    int64_t seconds = llabs(zone);

    buf_u8(out, zone < 0 ? '-' : '+');
    debezium_read_put_padded((uint64_t)(seconds / HOUR), 2, out);
    if (seconds % HOUR == 0)
        return;
    buf_u8(out, ':');
    debezium_read_put_padded((uint64_t)(seconds / MINUTE % 60), 2, out);
    if (seconds % MINUTE == 0)
        return;
    buf_u8(out, ':');
    debezium_read_put_padded((uint64_t)(seconds % 60), 2, out);
}

static bool iso_time(struct str text, bool zoned, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    bool fine;
    int64_t us = take_clock(&r, &fine);
    int64_t zone = take_zone(&r);

    *ret_why = fine ? why_fine : why_form;
    if (!rd_done(&r) || fine || (!zoned && zone != 0))
        return false;
    debezium_read_put_clock(us, out);
    if (zoned)
        put_zone(zone, out);
    return true;
}

/* The word, or what Java makes of the driver's greatest and least java.sql.Date: years that PostgreSQL does not
 * have, the least one without its era. */
static bool take_infinity(struct str text, struct buf *out)
{
    if (str_is(text, "infinity") || str_starts(text, STR("+292278994-")))
        buf_str(out, STR("infinity"));
    else if (str_is(text, "-infinity") || str_starts(text, STR("+292269055-")))
        buf_str(out, STR("-infinity"));
    else
        return false;
    return true;
}

/* The driver's infinity (see debezium_read_timestamp), written out. */
static bool is_infinite(int64_t days, int64_t us, struct buf *out)
{
    if (days == 106751991 && us == INT64_C(14425200000))
        buf_str(out, STR("infinity"));
    else if (days == -106751992 && us == INT64_C(71967600000))
        buf_str(out, STR("-infinity"));
    else
        return false;
    return true;
}

static bool iso_timestamp(struct str text, bool zoned, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    bool fine;
    int64_t days;
    int64_t us;
    int64_t zone;

    if (take_infinity(text, out))
        return true;
    days = take_day(&r);
    take(&r, 'T');
    us = take_clock(&r, &fine);
    zone = take_zone(&r);
    *ret_why = fine ? why_fine : why_form;
    if (!rd_done(&r) || fine || (!zoned && zone != 0))
        return false;
    if (!zoned && is_infinite(days, us, out))
        return true;
    return debezium_read_put_timestamp(days, us - zone * SECOND_US, zoned ? STR("+00") : STR_NONE,
                                       out, ret_why);
}

static bool iso_date(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    int64_t days;

    if (take_infinity(text, out))
        return true;
    days = take_day(&r);
    *ret_why = why_form;
    if (take_zone(&r) != 0 || !rd_done(&r))
        return false;
    return debezium_read_date(days, out, ret_why);
}

bool debezium_read_iso(struct str text, enum debezium_read_as as, struct buf *out,
                       const char **ret_why)
{
    switch (as) {
    case READ_ISO_DATE:
        return iso_date(text, out, ret_why);
    case READ_ISO_TIME:
        return iso_time(text, false, out, ret_why);
    case READ_ZONED_TIME:
        return iso_time(text, true, out, ret_why);
    case READ_ISO_TIMESTAMP:
        return iso_timestamp(text, false, out, ret_why);
    default:
        return iso_timestamp(text, true, out, ret_why);
    }
}

/* What a designator counts; those behind the T stand apart, because both have an M. */
static const struct {
    char letter;
    bool time;
    int64_t months;
    int64_t days;
    int64_t us;
} designators[] = {
    { 'Y', false, 12, 0, 0 },     { 'M', false, 1, 0, 0 },         { 'W', false, 0, 7, 0 },
    { 'D', false, 0, 1, 0 },      { 'H', true, 0, 0, 3600000000 }, { 'M', true, 0, 0, 60000000 },
    { 'S', true, 0, 0, 1000000 },
};

static bool add_product(int64_t count, int64_t unit, int64_t *sum)
{
    int64_t product;

    return !__builtin_mul_overflow(count, unit, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

static bool take_designator(struct rd *r, bool time, struct debezium_interval *iv)
{
    bool negative = take_if(r, '-');
    int64_t count = (int64_t)take_number(r, 1, 18);
    int64_t ns = (int64_t)take_fraction(r);
    char letter = (char)rd_u8(r);

    if ((ns != 0 && letter != 'S') || ns % MICRO != 0)
        return false;
    count = negative ? -count : count;
    for (size_t i = 0; i < sizeof designators / sizeof designators[0]; i++) {
        if (designators[i].letter == letter && designators[i].time == time) {
            return add_product(count, designators[i].months, &iv->months) &&
                   add_product(count, designators[i].days, &iv->days) &&
                   add_product(count, designators[i].us, &iv->us) &&
                   add_product(negative ? -ns / MICRO : ns / MICRO, 1, &iv->us);
        }
    }
    return false;
}

bool debezium_read_interval(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct debezium_interval iv = { 0, 0, 0 };
    bool time = false;

    *ret_why = why_form;
    take(&r, 'P');
    if (!rd_ok(&r) || rd_left(&r) == 0)
        return false;
    while (rd_left(&r) > 0) {
        if (!time && take_if(&r, 'T'))
            time = true;
        if (!take_designator(&r, time, &iv) || !rd_ok(&r))
            return false;
    }
    return debezium_read_put_interval(&iv, out, ret_why);
}
