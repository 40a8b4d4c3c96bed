/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOGGER_H
#define BASE_LOGGER_H

/*
 * What the program says about itself: one line per event on stderr, as text or JSON.
 *
 *     2026-11-22T10:23:27.123Z info  capture   connected to localhost:5432 (PostgreSQL 15.18)
 *
 * Called only from pipeline/, control/ and cli/ (and at debug level from anywhere). Never given row
 * data or secrets; control characters are escaped. One write(2) per line; any thread.
 */

#include "base/error.h"

enum logger_level { LOGGER_DEBUG, LOGGER_INFO, LOGGER_WARN, LOGGER_ERROR, LOGGER_OFF };
enum logger_format { LOGGER_TEXT, LOGGER_JSON };

/* Before the threads start. fd stays the caller's. */
void logger_init(int fd, enum logger_format format, enum logger_level level);
bool logger_level_parse(const char *name, enum logger_level *ret_level);
bool logger_enabled(enum logger_level level);
const char *logger_level_name(enum logger_level level);

/* Levels may change while threads log. A part ("capture", "log", "sink", ...) has its own once it was set;
 * until then it follows the root, whose name is NULL here. */
const char *const *logger_parts(size_t *ret_count);
/* False: there is no such part. */
bool logger_get_level(const char *part, enum logger_level *ret_level);
bool logger_set_level(const char *part, enum logger_level level);

/* `who` names the part: "capture", "sink events", "log". */
void logger_event(enum logger_level level, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The error's code and message; in JSON with fields "code" and "kind". */
void logger_failure(enum logger_level level, const char *who, const struct error *err);

#define logger_debug(who, ...) logger_event(LOGGER_DEBUG, who, __VA_ARGS__)
#define logger_info(who, ...)  logger_event(LOGGER_INFO, who, __VA_ARGS__)
#define logger_warn(who, ...)  logger_event(LOGGER_WARN, who, __VA_ARGS__)

#endif
