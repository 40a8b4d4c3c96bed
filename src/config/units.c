/* SPDX-License-Identifier: Apache-2.0 */
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
    bool shown; /* used when formatting */
};

/* Largest first. */
static const struct unit time_units[] = {
    { "d", 86400000, true }, { "h", 3600000, true }, { "m", 60000, true },
    { "s", 1000, true },     { "ms", 1, true },      { NULL, 0, false },
};

static const struct unit size_units[] = {
    { "TiB", (int64_t)1 << 40, true },
    { "TB", 1000000000000, false },
    { "GiB", (int64_t)1 << 30, true },
    { "GB", 1000000000, false },
    { "MiB", (int64_t)1 << 20, true },
    { "MB", 1000000, false },
    { "KiB", (int64_t)1 << 10, true },
    { "KB", 1000, false },
    { "B", 1, true },
    { NULL, 0, false },
};

static const struct unit *table(enum config_units units)
{
    return units == CONFIG_UNITS_TIME ? time_units : size_units;
}

const char *config_unit_names(enum config_units units)
{
    return units == CONFIG_UNITS_TIME ? "ms, s, m, h, d" : "B, KiB, MiB, GiB, TiB, KB, MB, GB, TB";
}

enum config_unit_fault config_unit_parse(enum config_units units, struct str s, int64_t *ret_value)
{
    size_t digits = 0;
    struct str unit;
    int64_t number, value;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
        digits++;
    if (digits == 0 || (digits < s.n && (s.p[digits] == '.' || s.p[digits] == ',')))
        return CONFIG_UNIT_NO_NUMBER;
    unit = str_trim(str_make(s.p + digits, s.n - digits));
    if (unit.n == 0)
        return CONFIG_UNIT_MISSING;
    for (const struct unit *u = table(units); u->name != NULL; u++) {
        if (!str_is(unit, u->name))
            continue;
        if (!str_to_i64(str_make(s.p, digits), &number) ||
            __builtin_mul_overflow(number, u->factor, &value))
            return CONFIG_UNIT_OVERFLOW;
        *ret_value = value;
        return CONFIG_UNIT_OK;
    }
    return CONFIG_UNIT_UNKNOWN;
}

const char *config_unit_format(enum config_units units, int64_t value, char text[CONFIG_UNIT_TEXT])
{
    const struct unit *u = table(units);

    while (!u->shown || (u->factor > 1 && (value == 0 || value % u->factor != 0)))
        u++;
    (void)snprintf(text, CONFIG_UNIT_TEXT, "%" PRId64 "%s", value / u->factor, u->name);
    return text;
}
