/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "pipeline/pattern.h"

#include <string.h>

static void the_whole_name_fits_or_not(void **state)
{
    (void)state;
    assert_true(pattern_fits("public\\.a", "public.a"));
    assert_true(pattern_fits("public.(a|b)_v\\d{1,3}", "public.b_v42"));
    assert_true(pattern_fits(".*", ""));
    assert_true(pattern_fits("public\\.[äöü]+", "public.öä"));
    assert_false(pattern_fits("a|b", "ab"));
    assert_false(pattern_fits("public\\.a", "xpublic.a"));
    assert_false(pattern_fits("public\\.a", "public.ab"));
    assert_false(pattern_fits("public\\.a", "public.a\n"));
    assert_false(pattern_fits("public\\.a", "publicxa"));
}

static void what_is_no_expression_fits_nothing(void **state)
{
    char longest[LIMIT_PATTERN + 2];

    (void)state;
    assert_false(pattern_fits("bad(", "bad("));
    assert_false(pattern_fits("\xff", "\xff"));
    assert_false(pattern_fits("a\\Cb", "axb"));
    assert_false(pattern_fits("a.*", "a\xff"));
    memset(longest, 'a', sizeof longest);
    longest[LIMIT_PATTERN] = '\0';
    assert_true(pattern_fits(longest, longest));
    longest[LIMIT_PATTERN] = 'a';
    longest[LIMIT_PATTERN + 1] = '\0';
    assert_false(pattern_fits(longest, longest));
}

/* Each would take longer than the test may: to compile, to unfold, to try, to go down. */
static void a_hostile_expression_ends(void **state)
{
    static const char *const hostile[] = {
        ("(($)()^($)(\\B\\<($)($)()(|)\\b()*(|)(^)*()(^|$)^(\\b|)\\B\\<()(^)\\B(\\b|)(\\b|)\\b()(^|$)"
         "(\\<((|)\\b()(^|$)^^($))*($)(|)(^|$)\\<(^)(|))|^(^)\\<\\B(^|$)(^|$)(^)(|)(\\b|)(|)$^(\\b|)$))"),
        "((((((a{0,99}){0,99}){0,99}){0,99}){0,99}){0,99}){0,99}b",
        "(a{65535}){65535}",
        "(a|aa)+b",
        "(a*)*(a*)*(a*)*(a*)*b",
        "(?R)?a(?R)?b",
        "(a?|(?1)){9,}(?1)+b",
        "(?:(?=(a+))\\1?)+b",
    };
    const char *name =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char nested[LIMIT_PATTERN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        assert_false(pattern_fits(hostile[i], name));
    memset(nested, '(', LIMIT_PATTERN);
    memset(nested + LIMIT_PATTERN / 2, ')', LIMIT_PATTERN / 2);
    nested[LIMIT_PATTERN] = '\0';
    assert_false(pattern_fits(nested, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_name_fits_or_not),
        cmocka_unit_test(what_is_no_expression_fits_nothing),
        cmocka_unit_test(a_hostile_expression_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
