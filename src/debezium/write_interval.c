/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intervals, from PostgreSQL's style "postgres": 1 year -2 mons +3 days -04:05:06.5
 *
 *   numeric  microseconds, a month of 365.25/12 days = 2629800 seconds
 *   string   P1Y-2M3DT-4H-5M-6.5S
 *
 * Exact: the sum is kept in whole microseconds, where Debezium's goes through a double.
 */
#include "debezium/write_type.h"

#include "base/rd.h"

enum { MONTHS_A_YEAR = 12, US_DIGITS = 6, NUMBER_DIGITS = 12 };

#define SECOND_US INT64_C(1000000)
#define MONTH_US  (INT64_C(2629800) * SECOND_US)
#define DAY_US    (INT64_C(86400) * SECOND_US)

struct interval {
    int64_t years;
    int64_t months;
    int64_t days;
    int64_t hours;
    int64_t minutes;
    int64_t us; /* of the seconds */
};

static void take_unit(struct rd *r, int64_t count, struct interval *iv)
{
    struct str left = str_make(r->p, rd_left(r));
    struct str word = rd_bytes(r, str_find(left, ' '));

    if (str_starts(word, STR("year")))
        iv->years = count;
    else if (str_starts(word, STR("mon")))
        iv->months = count;
    else if (str_starts(word, STR("day")))
        iv->days = count;
    else
        (void)rd_fail(r);
}

/* Behind the hours: ":05:06.5" */
static void take_clock(struct rd *r, int64_t hours, bool negative, struct interval *iv)
{
    int64_t sign = negative ? -1 : 1;
    size_t digits = 0;
    int64_t us;

    iv->hours = sign * hours;
    iv->minutes = sign * rd_digits(r, 1, NUMBER_DIGITS);
    if (!rd_take(r, ':'))
        (void)rd_fail(r);
    us = rd_digits(r, 1, NUMBER_DIGITS) * SECOND_US;
    if (rd_take(r, '.')) {
        size_t before = rd_left(r);
        int64_t fraction = rd_digits(r, 1, NUMBER_DIGITS);

        for (digits = before - rd_left(r); digits < US_DIGITS; digits++)
            fraction *= 10;
        us += fraction;
    }
    iv->us = sign * us;
    if (digits > US_DIGITS || rd_left(r) > 0)
        (void)rd_fail(r);
}

static bool parse(struct str text, struct interval *ret_interval)
{
    struct rd r = rd_make(text);
    struct interval iv = { 0 };

    do {
        bool negative = rd_take(&r, '-');
        int64_t n;

        if (!negative)
            (void)rd_take(&r, '+');
        n = rd_digits(&r, 1, NUMBER_DIGITS);
        if (rd_take(&r, ' '))
            take_unit(&r, negative ? -n : n, &iv);
        else if (rd_take(&r, ':'))
            take_clock(&r, n, negative, &iv);
        else
            (void)rd_fail(&r);
    } while (rd_take(&r, ' '));
    *ret_interval = iv;
    return rd_done(&r);
}

static const char why_form[] = "it is not an interval";

bool debezium_put_interval(const struct debezium_type *type, struct str text, struct buf *out,
                           const char **ret_why)
{
    struct interval iv;
    int64_t clock;
    int64_t part;
    int64_t sum;

    *ret_why = why_form;
    if (!parse(text, &iv))
        return false;
    if (__builtin_mul_overflow(iv.hours * 60 + iv.minutes, 60 * SECOND_US, &clock) ||
        __builtin_add_overflow(clock, iv.us, &clock) ||
        __builtin_mul_overflow(iv.years * MONTHS_A_YEAR + iv.months, MONTH_US, &sum) ||
        __builtin_mul_overflow(iv.days, DAY_US, &part) || __builtin_add_overflow(sum, part, &sum) ||
        __builtin_add_overflow(sum, clock, &sum))
        return debezium_misfit(type, text, out, ret_why, "it is out of the type's range");
    buf_dec(out, sum);
    return true;
}

static void put_part(struct buf *out, int64_t v, char unit)
{
    buf_dec(out, v);
    buf_put(out, &unit, 1);
}

/* Seconds without zeros at the end of the fraction. */
static void put_seconds(struct buf *out, int64_t us)
{
    int64_t fraction = us < 0 ? -(us % SECOND_US) : us % SECOND_US;
    char digits[US_DIGITS];
    size_t count = US_DIGITS;

    if (us < 0 && us > -SECOND_US)
        BUF_LIT(out, "-");
    buf_dec(out, us / SECOND_US);
    for (size_t i = US_DIGITS; i > 0; i--) {
        digits[i - 1] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    while (count > 0 && digits[count - 1] == '0')
        count--;
    if (count > 0)
        BUF_LIT(out, ".");
    buf_put(out, digits, count);
}

bool debezium_put_interval_string(const struct debezium_type *type, struct str text,
                                  struct buf *out, const char **ret_why)
{
    struct interval iv;

    (void)type;
    *ret_why = why_form;
    if (!parse(text, &iv))
        return false;
    BUF_LIT(out, "\"P");
    put_part(out, iv.years, 'Y');
    put_part(out, iv.months, 'M');
    put_part(out, iv.days, 'D');
    BUF_LIT(out, "T");
    put_part(out, iv.hours, 'H');
    put_part(out, iv.minutes, 'M');
    put_seconds(out, iv.us);
    BUF_LIT(out, "S\"");
    return true;
}
