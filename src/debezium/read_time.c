/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days and times as PostgreSQL writes them (DateStyle ISO, IntervalStyle postgres, TimeZone UTC):
 *
 *   date          2024-02-29      0044-03-15 BC
 *   time          10:34:56.5      timetz     10:34:56.5+00
 *   timestamp     2024-02-29 10:34:56.123456     timestamptz  the same with +00     infinity, -infinity
 *   interval      1 year -2 mons +3 days -04:05:06.5
 *
 * They come as counts of days or of nanoseconds, or as ISO 8601 text. The calendar is the proleptic Gregorian
 * one on both sides; year 0 is 1 BC.
 */
#include "debezium/read_type.h"

#include "model/civil.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, MICRO = 1000 };

static const int64_t SECOND_US = 1000000;
static const int64_t DAY_US = INT64_C(86400000000);

/* PostgreSQL's limits (src/include/datatype/timestamp.h): from 4714-11-24 BC up to 5874897-12-31 for a date, to
 * the end of 294276 for a timestamp; here in days since 1970. */
static const int64_t DAYS_FIRST = -2440588;
static const int64_t DAYS_LAST_DATE = 2145042905;
static const int64_t DAYS_LAST = 106762939;

static const char why_range[] = "it is out of PostgreSQL's range";
static const char why_fine[] = "it has digits below the microsecond, which PostgreSQL cannot hold";

/* ---- writing ------------------------------------------------------------------------------------ */

/* At least so many digits. */
void debezium_read_put_padded(uint64_t v, unsigned digits, struct buf *out)
{
    char text[20];
    unsigned n = 0;

    do {
        text[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0 || n < digits);
    while (n > 0)
        buf_u8(out, (uint8_t)text[--n]);
}

static void put_day(const struct civil *d, struct buf *out)
{
    debezium_read_put_padded((uint64_t)(d->year > 0 ? d->year : 1 - d->year), 4, out);
    buf_u8(out, '-');
    debezium_read_put_padded(d->month, 2, out);
    buf_u8(out, '-');
    debezium_read_put_padded(d->day, 2, out);
}

static void put_era(const struct civil *d, struct buf *out)
{
    if (d->year <= 0)
        buf_str(out, STR(" BC"));
}

/* hh:mm:ss and the microseconds without their last zeros. */
void debezium_read_put_clock(int64_t us, struct buf *out)
{
    int64_t seconds = us / SECOND_US;
    int64_t fraction = us % SECOND_US;
    unsigned digits = 6;

    debezium_read_put_padded((uint64_t)(seconds / HOUR), 2, out);
    buf_u8(out, ':');
    debezium_read_put_padded((uint64_t)(seconds / MINUTE % 60), 2, out);
    buf_u8(out, ':');
    debezium_read_put_padded((uint64_t)(seconds % 60), 2, out);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_u8(out, '.');
    debezium_read_put_padded((uint64_t)fraction, digits, out);
}

bool debezium_read_put_timestamp(int64_t days, int64_t us, struct str zone, struct buf *out,
                                 const char **ret_why)
{
    struct civil d;

    days += us / DAY_US;
    us %= DAY_US;
    if (us < 0) {
        us += DAY_US;
        days--;
    }
    *ret_why = why_range;
    if (days < DAYS_FIRST || days > DAYS_LAST)
        return false;
    d = civil_from_days(days);
    put_day(&d, out);
    buf_u8(out, ' ');
    debezium_read_put_clock(us, out);
    buf_str(out, zone);
    put_era(&d, out);
    return true;
}

/* ---- counts ------------------------------------------------------------------------------------- */

/* The driver's java.sql.Date for infinity in days, as a snapshot and as the stream make them, cut to 32
 * bits; none is a date of PostgreSQL. */
static const struct {
    int64_t days;
    const char *text;
} infinite_days[] = {
    { -622191234, "infinity" },
    { -2147472692, "infinity" },
    { -625821272, "-infinity" },
    { -2147472691, "-infinity" },
};

bool debezium_read_date(int64_t days, struct buf *out, const char **ret_why)
{
    struct civil d;

    for (size_t i = 0; i < sizeof infinite_days / sizeof infinite_days[0]; i++) {
        if (infinite_days[i].days == days) {
            buf_text(out, infinite_days[i].text);
            return true;
        }
    }
    *ret_why = why_range;
    if (days < DAYS_FIRST || days > DAYS_LAST_DATE)
        return false;
    d = civil_from_days(days);
    put_day(&d, out);
    put_era(&d, out);
    return true;
}

/* Microseconds, where that is a whole number. */
static bool to_us(int64_t value, int64_t unit, int64_t *ret_us, const char **ret_why)
{
    *ret_why = why_fine;
    if (unit < MICRO) {
        *ret_us = value / (MICRO / unit);
        return value % (MICRO / unit) == 0;
    }
    *ret_why = why_range;
    return !__builtin_mul_overflow(value, unit / MICRO, ret_us);
}

bool debezium_read_time(int64_t value, int64_t unit, struct buf *out, const char **ret_why)
{
    int64_t us;

    if (!to_us(value, unit, &us, ret_why))
        return false;
    *ret_why = "it is no time of a day";
    if (us < 0 || us > DAY_US)
        return false;
    debezium_read_put_clock(us, out);
    return true;
}

/* What the driver hands out for infinity (PGStatement.DATE_POSITIVE_INFINITY, milliseconds), in whatever unit
 * it ended up. */
static const struct {
    int64_t value;
    const char *text;
} infinities[] = {
    { INT64_C(9223372036825200000), "infinity" },
    { INT64_C(-9223372036832400000), "-infinity" },
    { INT64_C(9223372036825200), "infinity" },
    { INT64_C(-9223372036832400), "-infinity" },
};

bool debezium_read_timestamp(int64_t value, int64_t unit, struct buf *out, const char **ret_why)
{
    for (size_t i = 0; i < sizeof infinities / sizeof infinities[0]; i++) {
        if (infinities[i].value == value && (i < 2 || unit > MICRO)) {
            buf_text(out, infinities[i].text);
            return true;
        }
    }
    if (unit > MICRO) { /* milliseconds: more than microseconds can count */
        int64_t per_day = DAY_US / (unit / MICRO);

        return debezium_read_put_timestamp(value / per_day, value % per_day * (unit / MICRO),
                                           STR_NONE, out, ret_why);
    }
    if (!to_us(value, unit, &value, ret_why))
        return false;
    return debezium_read_put_timestamp(0, value, STR_NONE, out, ret_why);
}

/* ---- intervals ---------------------------------------------------------------------------------- */

/* EncodeInterval(): a part that follows a negative one carries its sign. */
static void put_part(int64_t value, const char *unit, bool *first, bool *negative, struct buf *out)
{
    if (value == 0)
        return;
    if (!*first)
        buf_u8(out, ' ');
    if (*negative && value > 0)
        buf_u8(out, '+');
    buf_dec(out, value);
    buf_u8(out, ' ');
    buf_text(out, unit);
    if (value != 1)
        buf_u8(out, 's');
    *first = false;
    *negative = value < 0;
}

bool debezium_read_put_interval(const struct debezium_interval *iv, struct buf *out,
                                const char **ret_why)
{
    bool first = true;
    bool negative = false;

    *ret_why = why_range;
    if (iv->months < INT32_MIN || iv->months > INT32_MAX || iv->days < INT32_MIN ||
        iv->days > INT32_MAX || iv->us == INT64_MIN)
        return false;
    put_part(iv->months / 12, "year", &first, &negative, out);
    put_part(iv->months % 12, "mon", &first, &negative, out);
    put_part(iv->days, "day", &first, &negative, out);
    if (iv->us == 0 && !first)
        return true;
    if (!first)
        buf_u8(out, ' ');
    if (iv->us < 0)
        buf_u8(out, '-');
    else if (negative)
        buf_u8(out, '+');
    debezium_read_put_clock(iv->us < 0 ? -iv->us : iv->us, out);
    return true;
}

bool debezium_read_duration(int64_t value, int64_t unit, struct buf *out, const char **ret_why)
{
    struct debezium_interval iv = { 0, 0, 0 };

    return to_us(value, unit, &iv.us, ret_why) && debezium_read_put_interval(&iv, out, ret_why);
}
