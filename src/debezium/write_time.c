/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days and times, from PostgreSQL's ISO style in UTC:
 *
 *   date         5874897-12-31, 0044-03-15 BC, infinity     days since 1970-01-01
 *   time         23:59:59.999999, 24:00:00                  since midnight
 *   timetz       11:51:30.123789+02[:30[:15]]               11:51:30.123789Z after moving to UTC
 *   timestamp    2026-11-22 10:23:27.123456[ BC]            since 1970, taken as UTC
 *   timestamptz  2026-11-22 10:23:27.123456+00[ BC]         2026-11-22T10:23:27.123456Z
 *
 * The calendar is the proleptic Gregorian one on both sides; 1 BC is the year 0, and ISO writes it 0000, the
 * one before -0001, and years of five digits with a plus.
 */
#include "debezium/write_type.h"

#include "base/rd.h"
#include "model/civil.h"

enum {
    MINUTE = 60,
    HOUR = 3600,
    DAY = 86400,
    US_DIGITS = 6,
    MILLIS = 1000,
    YEAR_DIGITS = 4,
    YEAR_DIGITS_MOST = 7
};

#define DAY_US (INT64_C(1000000) * DAY)
/* What pgjdbc calls infinity, in microseconds, and what Debezium makes of it for a date. */
#define INFINITY_US     INT64_C(9223372036825200000)
#define NEG_INFINITY_US INT64_C(-9223372036832400000)

static const char why_form[] = "it is not in PostgreSQL's ISO form";
static const char why_range[] = "it is out of the type's range";

struct moment {
    int64_t days; /* since 1970-01-01 */
    int64_t us;   /* of the day */
};

/* ---- reading ------------------------------------------------------------------------------------ */

/* " BC" at the end turns the year; then nothing may be left. */
static bool finish_day(struct rd *r, struct civil d, int64_t *ret_days)
{
    if (rd_take(r, ' ')) {
        if (!str_is(rd_bytes(r, rd_left(r)), "BC"))
            return false;
        if (d.year > 0)
            d.year = 1 - d.year;
    }
    if (!rd_done(r) || !civil_is_valid(d))
        return false;
    *ret_days = civil_to_days(d);
    return true;
}

/* Up to 24:00:00. */
static int64_t take_clock(struct rd *r)
{
    int64_t us = civil_read_clock(r, 2);

    if (us > DAY_US)
        (void)rd_fail(r);
    return us;
}

/* Microseconds east of UTC. */
static int64_t take_zone(struct rd *r)
{
    return civil_read_zone(r) * 1000000;
}

static bool parse_timestamp(struct str text, struct moment *ret_moment)
{
    struct rd r = rd_make(text);
    struct civil day = civil_read_day(&r, YEAR_DIGITS_MOST);
    struct moment m;

    rd_expect(&r, ' ');
    m.us = take_clock(&r);
    m.us -= take_zone(&r);
    if (!finish_day(&r, day, &m.days))
        return false;
    while (m.us < 0) {
        m.us += DAY_US;
        m.days--;
    }
    while (m.us >= DAY_US) {
        m.us -= DAY_US;
        m.days++;
    }
    *ret_moment = m;
    return true;
}

static bool is_infinity(struct str s)
{
    return str_is(s, "infinity") || str_is(s, "-infinity");
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_digits(struct buf *out, int64_t v, size_t digits)
{
    char text[20];

    for (size_t i = digits; i > 0; i--) {
        text[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    buf_put(out, text, digits);
}

static void put_day(struct buf *out, int64_t days)
{
    struct civil d = civil_from_days(days);

    if (d.year < 0)
        BUF_LIT(out, "-");
    else if (d.year > 9999)
        BUF_LIT(out, "+");
    if (d.year > 9999 || d.year < -9999)
        buf_dec(out, d.year < 0 ? -d.year : d.year);
    else
        put_digits(out, d.year < 0 ? -d.year : d.year, YEAR_DIGITS);
    BUF_LIT(out, "-");
    put_digits(out, d.month, 2);
    BUF_LIT(out, "-");
    put_digits(out, d.day, 2);
}

/* The fraction with exactly so many digits; 0: as many as it needs. */
static void put_clock(struct buf *out, int64_t us, int32_t digits)
{
    int64_t fraction = us % 1000000;
    int32_t count = digits > 0 ? digits : US_DIGITS;

    put_digits(out, us / 1000000 / HOUR, 2);
    BUF_LIT(out, ":");
    put_digits(out, us / 1000000 / MINUTE % 60, 2);
    BUF_LIT(out, ":");
    put_digits(out, us / 1000000 % 60, 2);
    if (digits <= 0 && fraction == 0)
        return;
    for (int32_t i = count; i < US_DIGITS; i++)
        fraction /= 10;
    while (digits <= 0 && fraction % 10 == 0) {
        fraction /= 10;
        count--;
    }
    BUF_LIT(out, ".");
    put_digits(out, fraction, (size_t)count);
}

/* ---- dates -------------------------------------------------------------------------------------- */

static bool parse_date(struct str text, int64_t *ret_days, const char **ret_why)
{
    struct rd r = rd_make(text);
    struct civil day = civil_read_day(&r, YEAR_DIGITS_MOST);

    *ret_why = why_form;
    return finish_day(&r, day, ret_days);
}

bool debezium_put_date(const struct debezium_type *type, struct str text, struct buf *out,
                       const char **ret_why)
{
    int64_t days;

    /* Debezium's own numbers for them, at the lower end of the range. */
    if (str_is(text, "infinity"))
        days = civil_to_days((struct civil){ -5877611, 6, 21 });
    else if (str_is(text, "-infinity"))
        days = civil_to_days((struct civil){ -5877611, 6, 22 });
    else if (!parse_date(text, &days, ret_why))
        return false;
    if (days < INT32_MIN || days > INT32_MAX)
        return debezium_misfit(type, text, out, ret_why, why_range);
    buf_dec(out, days);
    return true;
}

bool debezium_put_date_iso(const struct debezium_type *type, struct str text, struct buf *out,
                           const char **ret_why)
{
    int64_t days;

    (void)type;
    if (is_infinity(text)) {
        debezium_json_string(out, text);
        return true;
    }
    if (!parse_date(text, &days, ret_why))
        return false;
    BUF_LIT(out, "\"");
    put_day(out, days);
    BUF_LIT(out, "Z\"");
    return true;
}

/* ---- times of day ------------------------------------------------------------------------------- */

static bool parse_time(struct str text, int64_t *ret_us, const char **ret_why)
{
    struct rd r = rd_make(text);

    *ret_why = why_form;
    *ret_us = take_clock(&r);
    return rd_done(&r);
}

bool debezium_put_time_millis(const struct debezium_type *type, struct str text, struct buf *out,
                              const char **ret_why)
{
    int64_t us;

    (void)type;
    if (!parse_time(text, &us, ret_why))
        return false;
    buf_dec(out, us / MILLIS);
    return true;
}

bool debezium_put_time_micros(const struct debezium_type *type, struct str text, struct buf *out,
                              const char **ret_why)
{
    int64_t us;

    (void)type;
    if (!parse_time(text, &us, ret_why))
        return false;
    buf_dec(out, us);
    return true;
}

bool debezium_put_time_nanos(const struct debezium_type *type, struct str text, struct buf *out,
                             const char **ret_why)
{
    int64_t us;

    (void)type;
    if (!parse_time(text, &us, ret_why))
        return false;
    buf_dec(out, us * MILLIS);
    return true;
}

bool debezium_put_time_iso(const struct debezium_type *type, struct str text, struct buf *out,
                           const char **ret_why)
{
    int64_t us;

    (void)type;
    if (!parse_time(text, &us, ret_why))
        return false;
    BUF_LIT(out, "\"");
    put_clock(out, us, 0);
    BUF_LIT(out, "Z\"");
    return true;
}

bool debezium_put_timetz(const struct debezium_type *type, struct str text, struct buf *out,
                         const char **ret_why)
{
    struct rd r = rd_make(text);
    int64_t us = take_clock(&r);
    int64_t zone = take_zone(&r);

    (void)type;
    *ret_why = why_form;
    if (!rd_done(&r))
        return false;
    if (zone != 0)
        us = ((us - zone) % DAY_US + DAY_US) % DAY_US;
    BUF_LIT(out, "\"");
    put_clock(out, us, 0);
    BUF_LIT(out, "Z\"");
    return true;
}

/* ---- timestamps --------------------------------------------------------------------------------- */

/* Units since 1970, of which a microsecond has `multiply`, or which have `divide` microseconds each. */
static bool put_epoch(const struct debezium_type *type, struct str text, int64_t multiply,
                      int64_t divide, struct buf *out, const char **ret_why)
{
    struct moment m;
    int64_t v;

    if (is_infinity(text)) {
        v = text.p[0] == '-' ? NEG_INFINITY_US / divide : INFINITY_US / divide;
        if (__builtin_mul_overflow(v, multiply, &v))
            return debezium_misfit(type, text, out, ret_why, why_range);
        buf_dec(out, v);
        return true;
    }
    *ret_why = why_form;
    if (!parse_timestamp(text, &m))
        return false;
    /* m.us is never negative, so the division drops toward minus infinity. */
    if (__builtin_mul_overflow(m.days, DAY_US / divide * multiply, &v) ||
        __builtin_add_overflow(v, m.us / divide * multiply, &v))
        return debezium_misfit(type, text, out, ret_why, why_range);
    buf_dec(out, v);
    return true;
}

bool debezium_put_timestamp_millis(const struct debezium_type *type, struct str text,
                                   struct buf *out, const char **ret_why)
{
    return put_epoch(type, text, 1, MILLIS, out, ret_why);
}

bool debezium_put_timestamp_micros(const struct debezium_type *type, struct str text,
                                   struct buf *out, const char **ret_why)
{
    return put_epoch(type, text, 1, 1, out, ret_why);
}

bool debezium_put_timestamp_nanos(const struct debezium_type *type, struct str text,
                                  struct buf *out, const char **ret_why)
{
    return put_epoch(type, text, MILLIS, 1, out, ret_why);
}

/* How much of it stands before "+00", where it is 2026-11-22 10:23:27[.123456]+00, with the fraction that is wanted
 * (put_clock), and nothing is to be reckoned: a day that every month has, of a year of four digits. 0: otherwise. */
static size_t plain_utc(struct str text, int32_t digits)
{
    enum { SECONDS = sizeof "0000-00-00 00:00:00" - 1 };
    static const char form[] = "0000-00-00 00:00:00.000000";
    size_t n = text.n < 3 ? 0 : text.n - 3;
    const char *p = text.p;

    if (n < SECONDS || n > sizeof form - 1 || memcmp(p + n, "+00", 3) != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (form[i] == '0' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
            return 0;
    }
    if (memcmp(p + 5, "01", 2) < 0 || memcmp(p + 5, "12", 2) > 0 || memcmp(p + 8, "01", 2) < 0 ||
        memcmp(p + 8, "28", 2) > 0 || memcmp(p + 11, "23", 2) > 0 || p[14] > '5' || p[17] > '5')
        return 0;
    if (digits > 0)
        return n == SECONDS + 1 + (size_t)digits ? n : 0;
    return n == SECONDS || (n > SECONDS + 1 && p[n - 1] != '0') ? n : 0;
}

static bool put_zoned(struct str text, int32_t digits, struct buf *out, const char **ret_why)
{
    size_t plain = plain_utc(text, digits);
    struct moment m;

    if (plain > 0) {
        BUF_LIT(out, "\"");
        buf_put(out, text.p, 10);
        BUF_LIT(out, "T");
        buf_put(out, text.p + 11, plain - 11);
        BUF_LIT(out, "Z\"");
        return true;
    }
    if (is_infinity(text)) {
        debezium_json_string(out, text);
        return true;
    }
    *ret_why = why_form;
    if (!parse_timestamp(text, &m))
        return false;
    BUF_LIT(out, "\"");
    put_day(out, m.days);
    BUF_LIT(out, "T");
    put_clock(out, m.us, digits);
    BUF_LIT(out, "Z\"");
    return true;
}

bool debezium_put_timestamp_iso(const struct debezium_type *type, struct str text, struct buf *out,
                                const char **ret_why)
{
    (void)type;
    return put_zoned(text, 0, out, ret_why);
}

bool debezium_put_timestamptz(const struct debezium_type *type, struct str text, struct buf *out,
                              const char **ret_why)
{
    return put_zoned(text, type->digits, out, ret_why);
}
