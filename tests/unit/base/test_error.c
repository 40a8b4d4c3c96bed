/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void setting_fills_kind_code_and_message(void **state)
{
    (void)state;
    struct error err = { 0 };

    assert_false(error_set(&err, ERR_STOP, E_SYS_FILE, "cannot open %s", "x"));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0901");
    assert_string_equal(err.msg, "cannot open x");
    assert_int_equal(err.sys, 0);
    assert_true(error_is(&err, E_SYS_FILE));
    assert_false(error_is(&err, E_SYS_FSYNC));
}

static void a_system_error_says_why(void **state)
{
    (void)state;
    struct error err = { 0 };

    assert_false(error_sys(&err, ERR_RETRY, E_SYS_DISK_FULL, ENOSPC, "cannot write %s", "x"));
    assert_string_equal(err.msg, "cannot write x: No space left on device");
    assert_int_equal(err.sys, ENOSPC);
}

static void a_context_comes_before_the_cause(void **state)
{
    (void)state;
    struct error err = { 0 };

    (void)error_set(&err, ERR_STOP, E_SYS_FILE, "the cause");
    assert_false(error_wrap(&err, "sink %s", "events"));
    assert_string_equal(err.msg, "sink events: the cause");
    assert_string_equal(err.code, "E0901");
}

static void a_context_that_does_not_fit_is_cut_and_the_cause_kept(void **state)
{
    (void)state;
    struct error err = { 0 };
    char cause[300];

    memset(cause, 'c', sizeof cause - 1);
    cause[sizeof cause - 1] = '\0';
    (void)error_set(&err, ERR_STOP, E_SYS_FILE, "%s", cause);
    (void)error_wrap(&err, "%s", "a context that is far too long to fit before that");
    assert_true(strlen(err.msg) < sizeof err.msg);
    assert_non_null(strstr(err.msg, cause));
}

static void cancel_and_clear(void **state)
{
    (void)state;
    struct error err = { 0 };

    assert_false(error_cancel(&err));
    assert_int_equal(err.kind, ERR_CANCEL);
    error_clear(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.msg, "");
}

static void every_page_has_a_number_of_its_own_and_is_found(void **state)
{
    (void)state;
    size_t count;
    const struct error_page *pages = error_pages(&count);

    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        char number[8];

        assert_true(i == 0 || pages[i].number > pages[i - 1].number);
        assert_ptr_equal(error_page_find(pages[i].code), &pages[i]);
        (void)snprintf(number, sizeof number, "%d", pages[i].number);
        assert_ptr_equal(error_page_find(number), &pages[i]);
        assert_true(strlen(pages[i].title) > 5);
        assert_true(strlen(pages[i].page) > 40);
    }
}

static void a_code_that_does_not_exist_is_not_found(void **state)
{
    (void)state;
    assert_null(error_page_find("E9999"));
    assert_null(error_page_find(""));
    assert_null(error_page_find("E"));
    assert_null(error_page_find("hello"));
    assert_non_null(error_page_find("e0901"));
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind <= ERR_CANCEL; kind++)
        assert_true(strlen(error_kind_name((enum error_kind)kind)) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_fills_kind_code_and_message),
        cmocka_unit_test(a_system_error_says_why),
        cmocka_unit_test(a_context_comes_before_the_cause),
        cmocka_unit_test(a_context_that_does_not_fit_is_cut_and_the_cause_kept),
        cmocka_unit_test(cancel_and_clear),
        cmocka_unit_test(every_page_has_a_number_of_its_own_and_is_found),
        cmocka_unit_test(a_code_that_does_not_exist_is_not_found),
        cmocka_unit_test(every_kind_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
