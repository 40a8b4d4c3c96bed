/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"

static bool json;
static const char *out;
static int64_t limit;

static const struct cli_option options[] = {
    { "json", 'j', CLI_FLAG, &json },
    { "out", 'o', CLI_TEXT, &out },
    { "limit", 0, CLI_NUMBER, &limit },
    { NULL, 0, CLI_FLAG, NULL },
};

enum { WORDS_MAX = 16 };

/* Parses "lint" and the words; the positional ones are left in argv[1..count]. */
static bool parse(const char *const *words, char **argv, int *ret_count, char **ret_messages)
{
    struct capture c;
    int argc = 1;
    bool ok;

    json = false;
    out = NULL;
    limit = 0;
    argv[0] = (char *)(uintptr_t) "lint";
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    argv[argc] = NULL;
    *ret_count = -1;
    capture_start(&c);
    ok = cli_parse(argc, argv, options, ret_count);
    capture_stop(&c);
    free(c.text[0]);
    *ret_messages = c.text[1];
    return ok;
}

static void expect_fault(const char *const *words, const char *code, const char *text)
{
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    assert_false(parse(words, argv, &count, &messages));
    assert_int_equal(count, -1);
    if (strstr(messages, code) == NULL || strstr(messages, text) == NULL)
        fail_msg("expected %s and \"%s\" in: %s", code, text, messages);
    assert_non_null(strstr(messages, "multisink help lint"));
    free(messages);
}

static void options_stand_anywhere(void **state)
{
    const char *const words[] = { "a", "--json", "b", "-o", "file", "c", "--limit=7", NULL };
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    (void)state;
    assert_true(parse(words, argv, &count, &messages));
    assert_string_equal(messages, "");
    assert_int_equal(count, 3);
    assert_string_equal(argv[1], "a");
    assert_string_equal(argv[2], "b");
    assert_string_equal(argv[3], "c");
    assert_true(json);
    assert_string_equal(out, "file");
    assert_int_equal(limit, 7);
    free(messages);
}

static void two_dashes_end_the_options(void **state)
{
    const char *const words[] = { "--", "--json", "--", "-x", NULL };
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    (void)state;
    assert_true(parse(words, argv, &count, &messages));
    assert_int_equal(count, 3);
    assert_string_equal(argv[1], "--json");
    assert_string_equal(argv[2], "--");
    assert_false(json);
    free(messages);
}

static void a_single_dash_is_a_word(void **state)
{
    const char *const words[] = { "-", NULL };
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    (void)state;
    assert_true(parse(words, argv, &count, &messages));
    assert_int_equal(count, 1);
    free(messages);
}

static void a_value_may_be_empty_or_look_like_an_option(void **state)
{
    const char *const words[] = { "--out=", "--limit", "-5", NULL };
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    (void)state;
    assert_true(parse(words, argv, &count, &messages));
    assert_string_equal(out, "");
    assert_int_equal(limit, -5);
    free(messages);
}

static void an_unknown_option_is_answered_with_the_nearest(void **state)
{
    (void)state;
    expect_fault((const char *const[]){ "--jsn", NULL }, "E0102", "did you mean \"--json\"?");
    expect_fault((const char *const[]){ "--qiet", NULL }, "E0102", "did you mean \"--quiet\"?");
    expect_fault((const char *const[]){ "-z", NULL }, "E0102", "unknown option \"-z\"");
    expect_fault((const char *const[]){ "-jz", NULL }, "E0102", "unknown option \"-jz\"");
}

static void a_wrong_value_is_refused(void **state)
{
    (void)state;
    expect_fault((const char *const[]){ "--limit", "x", NULL }, "E0103", "whole number");
    expect_fault((const char *const[]){ "--limit", NULL }, "E0103", "needs a value");
    expect_fault((const char *const[]){ "--json=yes", NULL }, "E0103", "takes no value");
    expect_fault((const char *const[]){ "--log-format", "xml", NULL }, "E0103", "text or json");
    expect_fault((const char *const[]){ "--log-level", "loud", NULL }, "E0103", "debug, info");
}

static void messages_hold_no_control_characters(void **state)
{
    (void)state;
    expect_fault((const char *const[]){ "--\033[31m", NULL }, "E0102", "\\x1B[31m");
}

static void global_options_are_understood_by_every_command(void **state)
{
    const char *const words[] = { "--no-color", "-q", NULL };
    char *argv[WORDS_MAX];
    char *messages;
    int count;

    (void)state;
    assert_true(parse(words, argv, &count, &messages));
    assert_true(cli_globals()->no_color);
    assert_true(cli_globals()->quiet);
    free(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(a_single_dash_is_a_word),
        cmocka_unit_test(a_value_may_be_empty_or_look_like_an_option),
        cmocka_unit_test(an_unknown_option_is_answered_with_the_nearest),
        cmocka_unit_test(a_wrong_value_is_refused),
        cmocka_unit_test(messages_hold_no_control_characters),
        cmocka_unit_test(global_options_are_understood_by_every_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
