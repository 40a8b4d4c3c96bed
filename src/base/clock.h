/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/*
 * Time, through an ops struct, so that a test can hand in its own. Timers use mono_us; real_us is
 * only for stamps that leave the process. Any thread.
 */

#include <stdint.h>

struct clock {
    int64_t (*real_us)(const struct clock *c); /* microseconds since 1970-01-01 UTC */
    int64_t (*mono_us)(const struct clock *c); /* microseconds, never falls */
    void *ctx;
};

extern const struct clock clock_system;

static inline int64_t clock_real_us(const struct clock *c)
{
    return c->real_us(c);
}

static inline int64_t clock_mono_us(const struct clock *c)
{
    return c->mono_us(c);
}

/* Milliseconds from now until the monotonic deadline, rounded up; 0 when past, capped at cap_ms. */
int clock_left_ms(const struct clock *c, int64_t deadline_us, int cap_ms);

/* "2026-11-22T10:23:27.123456Z"; size of the text at least CLOCK_TEXT. Years 0 to 9999. */
enum { CLOCK_TEXT = 32 };
const char *clock_format_us(int64_t real_us, char text[CLOCK_TEXT]);

#endif
