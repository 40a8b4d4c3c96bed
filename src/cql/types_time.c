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

#include "model/civil.h"

enum { DAY = 86400, YEAR_DIGITS = 7 };

static const char why_form[] = "it is not in PostgreSQL's ISO form";
static const char why_range[] = "it is out of the type's range";
static const char why_infinity[] = "infinity has no form there";

/* ---- reading ------------------------------------------------------------------------------------ */

/* " BC" at the end turns the year; then nothing may be left. */
static bool finish_day(struct rd *r, struct civil d, int64_t *ret_days)
{
    bool bc = rd_left(r) > 0;

    if (bc && !str_is(rd_bytes(r, rd_left(r)), " BC"))
        return false;
    if (!rd_done(r) || d.year == 0)
        return false;
    if (bc)
        d.year = 1 - d.year;
    if (!civil_is_valid(d))
        return false;
    *ret_days = civil_to_days(d);
    return true;
}

static bool is_infinity(struct str s)
{
    return str_is(s, "infinity") || str_is(s, "-infinity");
}

/* ---- the types ---------------------------------------------------------------------------------- */

bool cql_types_put_timestamp(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct civil day = civil_read_day(&r, YEAR_DIGITS);
    int64_t us;
    int64_t zone;
    int64_t days;

    rd_expect(&r, ' ');
    us = civil_read_clock(&r, 2);
    zone = civil_read_zone(&r);
    *ret_why = is_infinity(text) ? why_infinity : why_form;
    if (!finish_day(&r, day, &days) || us >= (int64_t)DAY * 1000000)
        return false;
    /* us is never negative, so the division drops toward minus infinity. */
    buf_be64(out, (uint64_t)((days * DAY - zone) * 1000 + us / 1000));
    return true;
}

bool cql_types_put_date(struct str text, struct buf *out, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct civil day = civil_read_day(&r, YEAR_DIGITS);
    int64_t days;

    *ret_why = is_infinity(text) ? why_infinity : why_form;
    if (!finish_day(&r, day, &days))
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
    int64_t us = civil_read_clock(&r, 2);

    *ret_why = why_form;
    if (!rd_done(&r))
        return false;
    *ret_why = "a day ends before 24:00:00 there";
    if (us >= (int64_t)DAY * 1000000)
        return false;
    buf_be64(out, (uint64_t)us * 1000);
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
    int64_t n;

    if (!rd_take(r, '-'))
        (void)rd_take(r, '+');
    ahead = *r;
    n = rd_digits(r, 1, 10);
    if (rd_take(r, ' ')) {
        (void)take_unit(r, negative ? -n : n, iv);
        return;
    }
    *r = ahead;
    n = civil_read_clock(r, 10);
    iv->us = negative ? -n : n;
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
    while (rd_take(&r, ' '));
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
