/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_PATTERN_H
#define PIPELINE_PATTERN_H

/*
 * A regular expression that somebody else wrote: Perl's and Java's common language, UTF-8, matched as a
 * whole. Its cost has a ceiling, in bytes and in steps, whatever it says. Pure; any thread.
 */

#include "base/error.h"

/* Does the whole text fit? What is no expression, is longer than LIMIT_PATTERN, or takes more steps than
 * any name of a table does, fits nothing. */
bool pattern_fits(const char *expression, const char *text) MUST_CHECK;

#endif
