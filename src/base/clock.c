/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_real_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_REALTIME);
}

static int64_t system_mono_us(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_MONOTONIC);
}

const struct clock clock_system = { .real_us = system_real_us, .mono_us = system_mono_us };

int clock_left_ms(const struct clock *c, int64_t deadline_us, int cap_ms)
{
    int64_t left = deadline_us - clock_mono_us(c);

    if (left <= 0)
        return 0;
    left = (left + 999) / 1000;
    return left < cap_ms ? (int)left : cap_ms;
}

const char *clock_format_us(int64_t real_us, char text[CLOCK_TEXT])
{
    int64_t micros = real_us % 1000000;
    time_t seconds;
    struct tm tm;

    if (micros < 0)
        micros += 1000000;
    seconds = (time_t)((real_us - micros) / 1000000);
    if (gmtime_r(&seconds, &tm) == NULL) {
        (void)snprintf(text, CLOCK_TEXT, "@%lld", (long long)seconds);
        return text;
    }
    (void)snprintf(text, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
                   (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
                   (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u,
                   (unsigned)micros % 1000000u);
    return text;
}
