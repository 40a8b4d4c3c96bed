/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days and times, from PostgreSQL's ISO style.
 *
 *   date       5874897-12-31, 0044-03-15 BC, infinity       uint32: days, 1970-01-01 is 2^31
 *   time       23:59:59.999999                              int64: nanoseconds since midnight
 *   timestamp  2026-11-22 10:23:27.123456[+00] [BC]         int64: milliseconds since 1970, UTC
 *   interval   1 year -2 mons +3 days -04:05:06.5           duration: vint months, days, nanoseconds
 *
 * A vint is zig-zag coded, then written big-endian behind as many leading one bits as there are further
 * bytes (native_protocol_v5.spec 3, [vint]). The calendar is the proleptic Gregorian one on both sides;
 * 1 BC is the year 0.
 */
#include "cql/types_impl.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, US_DIGITS = 6 };

static const char why_form[] = "it is not in PostgreSQL's ISO form";
static const char why_range[] = "it is out of the type's range";
static const char why_infinity[] = "infinity has no form there";

/* ---- reading ------------------------------------------------------------------------------------ */

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

/* Days since 1970-01-01 of a day of the proleptic Gregorian calendar (years from March, in cycles of
 * 400 years = 146097 days). */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

struct day {
    uint64_t year;
    unsigned month;
    unsigned day;
};

static struct day take_day(struct rd *r)
{
    struct day d;

    d.year = take_number(r, 4, 7);
    take(r, '-');
    d.month = (unsigned)take_number(r, 2, 2);
    take(r, '-');
    d.day = (unsigned)take_number(r, 2, 2);
    return d;
}

/* " BC" at the end turns the year; then nothing may be left. */
static bool finish_day(struct rd *r, const struct day *d, int64_t *ret_days)
{
    bool bc = rd_left(r) > 0;
    int64_t year = (int64_t)d->year;

    if (bc && !str_is(rd_bytes(r, rd_left(r)), " BC"))
        return false;
    if (!rd_done(r) || d->year == 0 || d->month < 1 || d->month > 12)
        return false;
    year = bc ? 1 - year : year;
    if (d->day < 1 || d->day > days_in_month(year, d->month))
        return false;
    *ret_days = days_from_civil(year, d->month, d->day);
    return true;
}

/* ".5" to ".123456", or nothing: microseconds. */
static uint64_t take_fraction(struct rd *r)
{
    size_t before;
    uint64_t us;

    if (!take_if(r, '.'))
        return 0;
    before = rd_left(r);
    us = take_number(r, 1, US_DIGITS);
    for (size_t n = before - rd_left(r); n < US_DIGITS; n++)
        us *= 10;
    return us;
}

/* HH:MM:SS[.ffffff]: microseconds; up to `hour_digits` digits for the hours. */
static uint64_t take_clock(struct rd *r, unsigned hour_digits)
{
    uint64_t hour = take_number(r, 2, hour_digits);
    uint64_t minute;
    uint64_t second;

    take(r, ':');
    minute = take_number(r, 2, 2);
    take(r, ':');
    second = take_number(r, 2, 2);
    if (minute > 59 || second > 59)
        (void)rd_fail(r);
    return (hour * HOUR + minute * MINUTE + second) * 1000000 + take_fraction(r);
}

/* [+-]HH[:MM[:SS]], or nothing: seconds east of UTC. */
static int64_t take_zone(struct rd *r)
{
    bool west = rd_left(r) > 0 && rd_peek(r) == '-';
    uint64_t seconds;

    if (!take_if(r, '-') && !take_if(r, '+'))
        return 0;
    seconds = take_number(r, 2, 2) * HOUR;
    if (take_if(r, ':'))
        seconds += take_number(r, 2, 2) * MINUTE;
    if (take_if(r, ':'))
        seconds += take_number(r, 2, 2);
    return west ? -(int64_t)seconds : (int64_t)seconds;
}

static bool is_infinity(struct str s)
{
    return str_is(s, "infinity") || str_is(s, "-infinity");
}

/* ---- the types ---------------------------------------------------------------------------------- */

bool cql_types_put_timestamp(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct day day = take_day(&r);
    uint64_t us;
    int64_t zone;
    int64_t days;

    take(&r, ' ');
    us = take_clock(&r, 2);
    zone = take_zone(&r);
    *ret_why = is_infinity(text) ? why_infinity : why_form;
    if (!finish_day(&r, &day, &days) || us >= (uint64_t)DAY * 1000000)
        return false;
    /* us is never negative, so the division drops toward minus infinity. */
    buf_be64(out, (uint64_t)((days * DAY - zone) * 1000 + (int64_t)(us / 1000)));
    return true;
}

bool cql_types_put_date(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct day day = take_day(&r);
    int64_t days;

    *ret_why = is_infinity(text) ? why_infinity : why_form;
    if (!finish_day(&r, &day, &days))
        return false;
    *ret_why = why_range;
    if (days < INT32_MIN || days > INT32_MAX)
        return false;
    buf_be32(out, (uint32_t)(days + (INT64_C(1) << 31)));
    return true;
}

bool cql_types_put_time(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    uint64_t us = take_clock(&r, 2);

    *ret_why = why_form;
    if (!rd_done(&r))
        return false;
    *ret_why = "a day ends before 24:00:00 there";
    if (us >= (uint64_t)DAY * 1000000)
        return false;
    buf_be64(out, us * 1000);
    return true;
}

/* ---- durations ---------------------------------------------------------------------------------- */

static void put_vint(struct buf *out, int64_t value)
{
    uint64_t v = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned extra = bits > 56 ? 8 : (bits - 1) / 7;

    if (extra == 8)
        buf_u8(out, 0xff);
    else
        buf_u8(out, (uint8_t)(v >> (8 * extra) | (0xff00u >> extra & 0xff)));
    while (extra-- > 0)
        buf_u8(out, (uint8_t)(v >> (8 * extra)));
}

struct interval {
    int64_t months;
    int64_t days;
    int64_t us;
};

static const struct {
    const char *word;
    int64_t months;
    int64_t days;
} units[] = { { "year", 12, 0 }, { "years", 12, 0 }, { "mon", 1, 0 },
              { "mons", 1, 0 },  { "day", 0, 1 },    { "days", 0, 1 } };

static bool take_unit(struct rd *r, int64_t count, struct interval *iv)
{
    const unsigned char *start = r->p;
    struct str word;

    while (rd_left(r) > 0 && rd_peek(r) >= 'a' && rd_peek(r) <= 'z')
        (void)rd_u8(r);
    word = str_make(start, (size_t)(r->p - start));
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (str_is(word, units[i].word)) {
            iv->months += count * units[i].months;
            iv->days += count * units[i].days;
            return true;
        }
    }
    return rd_fail(r);
}

/* One part: "-2 mons", or the time of day at the end. */
static void take_part(struct rd *r, struct interval *iv)
{
    struct rd ahead;
    bool negative = rd_left(r) > 0 && rd_peek(r) == '-';
    uint64_t n;

    if (!take_if(r, '-'))
        (void)take_if(r, '+');
    ahead = *r;
    n = take_number(r, 1, 10);
    if (take_if(r, ' ')) {
        (void)take_unit(r, negative ? -(int64_t)n : (int64_t)n, iv);
        return;
    }
    *r = ahead;
    n = take_clock(r, 10);
    iv->us = negative ? -(int64_t)n : (int64_t)n;
    if (rd_left(r) > 0)
        (void)rd_fail(r);
}

bool cql_types_put_duration(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct interval iv = { 0, 0, 0 };
    bool negative;
    bool positive;
    int64_t ns;

    do
        take_part(&r, &iv);
    while (take_if(&r, ' '));
    *ret_why = why_form;
    if (!rd_done(&r))
        return false;
    *ret_why = why_range;
    if (iv.months < INT32_MIN || iv.months > INT32_MAX || iv.days < INT32_MIN ||
        iv.days > INT32_MAX || __builtin_mul_overflow(iv.us, INT64_C(1000), &ns))
        return false;
    *ret_why = "its parts differ in sign";
    negative = iv.months < 0 || iv.days < 0 || ns < 0;
    positive = iv.months > 0 || iv.days > 0 || ns > 0;
    if (negative && positive)
        return false;
    put_vint(out, iv.months);
    put_vint(out, iv.days);
    put_vint(out, ns);
    return true;
}
