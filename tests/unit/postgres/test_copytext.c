/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/copytext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct value values[8];
static struct error err;

/* Works on a copy: the line is changed. */
static bool read_line(const char *line, size_t n, uint32_t columns)
{
    static char text[256];

    memcpy(text, line, n);
    memset(&err, 0, sizeof err);
    return postgres_copytext(text, n, columns, values, &err);
}

#define READ(line, columns) read_line(line, sizeof(line) - 1, columns)

static void columns_are_apart_by_tabs(void **state)
{
    (void)state;
    assert_true(READ("a\tbc\t\n", 3));
    assert_true(str_is(values[0].text, "a"));
    assert_true(str_is(values[1].text, "bc"));
    assert_int_equal(values[2].kind, VALUE_TEXT);
    assert_int_equal(values[2].text.n, 0);
}

static void null_is_not_its_own_text(void **state)
{
    (void)state;
    assert_true(READ("\\N\t\\\\N\n", 2));
    assert_int_equal(values[0].kind, VALUE_NULL);
    assert_int_equal(values[1].kind, VALUE_TEXT);
    assert_true(str_is(values[1].text, "\\N"));
}

static void every_escape_is_undone(void **state)
{
    (void)state;
    assert_true(READ("\\b\\f\\n\\r\\t\\v\\\\x\n", 1));
    assert_true(str_is(values[0].text, "\b\f\n\r\t\v\\x"));
}

static void octal_and_hex_escapes_are_undone(void **state)
{
    (void)state;
    assert_true(READ("\\101\\x42\\x4Z\\7\n", 1));
    assert_true(str_is(values[0].text, "AB\004Z\007"));
}

static void a_backslash_before_any_other_character_is_dropped(void **state)
{
    (void)state;
    assert_true(READ("\\q\\xyz\n", 1));
    assert_true(str_is(values[0].text, "qxyz"));
}

static void wrong_number_of_columns_is_refused(void **state)
{
    (void)state;
    assert_false(READ("a\tb\n", 1));
    assert_string_equal(err.code, "E0451");
    assert_false(READ("a\tb\n", 3));
}

static void a_line_without_its_end_is_refused(void **state)
{
    (void)state;
    assert_false(READ("a", 1));
    assert_false(READ("", 1));
}

static void a_backslash_at_the_end_is_refused(void **state)
{
    (void)state;
    assert_false(READ("a\\\n", 1));
}

static void a_table_without_columns_has_empty_lines(void **state)
{
    (void)state;
    assert_true(READ("\n", 0));
    assert_false(READ("x\n", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_apart_by_tabs),
        cmocka_unit_test(null_is_not_its_own_text),
        cmocka_unit_test(every_escape_is_undone),
        cmocka_unit_test(octal_and_hex_escapes_are_undone),
        cmocka_unit_test(a_backslash_before_any_other_character_is_dropped),
        cmocka_unit_test(wrong_number_of_columns_is_refused),
        cmocka_unit_test(a_line_without_its_end_is_refused),
        cmocka_unit_test(a_backslash_at_the_end_is_refused),
        cmocka_unit_test(a_table_without_columns_has_empty_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
