/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ISO 8601 as Java writes it:
 *
 *   2024-02-29Z  10:34:56.123456Z  2024-02-29T10:34:56.123456+02:00  -0043-03-15T00:00:00Z  P1Y2M3DT4H5M6.78S
 */
#include "debezium/read_type.h"

#include "base/rd.h"
#include "model/civil.h"

#include <stdlib.h>

enum { MINUTE = 60, HOUR = 3600, MICRO = 1000, NANO_DIGITS = 9, YEAR_DIGITS = 9 };

static const int64_t SECOND_US = 1000000;

static const char why_form[] = "it is not in ISO 8601 form";
static const char why_fine[] = "it has digits below the microsecond, which PostgreSQL cannot hold";

/* [+-]YYYY-MM-DD: days since 1970. */
static int64_t take_day(struct rd *r)
{
    bool negative = rd_take(r, '-');
    struct civil d;

    if (!negative)
        (void)rd_take(r, '+');
    d = civil_read_day(r, YEAR_DIGITS);
    d.year = negative ? -d.year : d.year;
    if (!civil_is_valid(d))
        (void)rd_fail(r);
    return rd_ok(r) ? civil_to_days(d) : 0;
}

/* hh:mm[:ss[.f]]: microseconds; *ret_fine: there was more. */
static int64_t take_clock(struct rd *r, bool *ret_fine)
{
    int64_t hour = rd_digits(r, 2, 2);
    int64_t minute;
    int64_t second = 0;
    int64_t ns = 0;

    rd_expect(r, ':');
    minute = rd_digits(r, 2, 2);
    if (rd_take(r, ':')) {
        second = rd_digits(r, 2, 2);
        ns = civil_read_fraction(r, NANO_DIGITS);
    }
    if (hour > 24 || minute > 59 || second > 59 ||
        (hour == 24 && (minute > 0 || second > 0 || ns > 0)))
        (void)rd_fail(r);
    *ret_fine = ns % MICRO != 0;
    return (hour * HOUR + minute * MINUTE + second) * 1000000 + ns / MICRO;
}

/* Z or [+-]hh[:mm[:ss]]: seconds east of UTC. Nothing: UTC. */
static int64_t take_zone(struct rd *r)
{
    return rd_take(r, 'Z') ? 0 : civil_read_zone(r);
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
    rd_expect(&r, 'T');
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
    bool negative = rd_take(r, '-');
    int64_t count = rd_digits(r, 1, 18);
    int64_t ns = (int64_t)civil_read_fraction(r, NANO_DIGITS);
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
    rd_expect(&r, 'P');
    if (!rd_ok(&r) || rd_left(&r) == 0)
        return false;
    while (rd_left(&r) > 0) {
        if (!time && rd_take(&r, 'T'))
            time = true;
        if (!take_designator(&r, time, &iv) || !rd_ok(&r))
            return false;
    }
    return debezium_read_put_interval(&iv, out, ret_why);
}
