/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pattern.h"

#include "base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

/* A name of 127 bytes is matched by anything sensible in some hundred steps; what tries every way to take
 * it apart needs millions. */
enum { STEPS = 10000, DEPTH = 1000, HEAP_KIB = 1024 };

static pcre2_code *compile(const char *expression)
{
    uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C;
    size_t n = strlen(expression);
    PCRE2_SIZE offset;
    int code;

    return n <= LIMIT_PATTERN
               ? pcre2_compile((PCRE2_SPTR)expression, n, options, &code, &offset, NULL)
               : NULL;
}

static bool match(const pcre2_code *re, const char *text)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    bool fits = false;

    if (limits != NULL && data != NULL) {
        (void)pcre2_set_match_limit(limits, STEPS);
        (void)pcre2_set_depth_limit(limits, DEPTH);
        (void)pcre2_set_heap_limit(limits, HEAP_KIB);
        fits = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits) >= 0;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return fits;
}

bool pattern_fits(const char *expression, const char *text)
{
    pcre2_code *re = compile(expression);
    bool fits = re != NULL && match(re, text);

    pcre2_code_free(re);
    return fits;
}
