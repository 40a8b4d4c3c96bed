/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

/* Durations and sizes as text: a whole number and a unit. Pure; any thread. */

#include "base/str.h"

#include <stdint.h>

enum config_units { CONFIG_UNITS_TIME, CONFIG_UNITS_SIZE };

enum config_unit_fault {
    CONFIG_UNIT_OK,
    CONFIG_UNIT_NO_NUMBER, /* does not start with digits, or has a fraction */
    CONFIG_UNIT_MISSING,   /* only a number */
    CONFIG_UNIT_UNKNOWN,
    CONFIG_UNIT_OVERFLOW
};

/* "500ms" -> 500, "7d" -> milliseconds; "64KiB", "20GB" -> bytes; at most INT64_MAX. */
enum config_unit_fault config_unit_parse(enum config_units units, struct str s, int64_t *ret_value);
/* The largest unit that divides the value: 90000 -> "90s", 65536 -> "64KiB". */
enum { CONFIG_UNIT_TEXT = 32 };
const char *config_unit_format(enum config_units units, int64_t value, char text[CONFIG_UNIT_TEXT]);
/* "ms, s, m, h, d" */
const char *config_unit_names(enum config_units units);

#endif
