/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CIVIL_H
#define MODEL_CIVIL_H

/* Days of the proleptic Gregorian calendar, which PostgreSQL, Java and Cassandra share. 1 BC is the year 0, the one before
 * it -1. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* Does the calendar have that day? */
bool civil_is_valid(struct civil d);
/* Since 1970-01-01, of a valid day; years of up to nine digits. */
int64_t civil_to_days(struct civil d);
struct civil civil_from_days(int64_t days);

#endif
