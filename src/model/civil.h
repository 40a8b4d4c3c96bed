/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CIVIL_H
#define MODEL_CIVIL_H

/* Days of the proleptic Gregorian calendar, which PostgreSQL, Java and Cassandra share. 1 BC is the year 0, the one before
 * it -1. Pure. */

#include "base/rd.h"

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

/* As ISO 8601 and PostgreSQL write them; what has another form makes the reader fail. */

/* YYYY-MM-DD, the year of four to year_digits digits: as it stands there, which need not be a day. */
struct civil civil_read_day(struct rd *r, unsigned year_digits);
/* HH:MM:SS[.ffffff], the hours of two to hour_digits digits: microseconds. */
int64_t civil_read_clock(struct rd *r, unsigned hour_digits);
/* [+-]HH[:MM[:SS]]: seconds east of UTC; nothing: 0. */
int64_t civil_read_zone(struct rd *r);
/* ".5" with one to `digits` digits, as the number that it is with all of them: 500000 for six. Nothing: 0. */
int64_t civil_read_fraction(struct rd *r, unsigned digits);

#endif
