/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *text;

static unsigned check(const char *token, const char *host, const char *origin, const char *auth)
{
    struct connect_guard guard = { token };
    struct connect_head head = { .host = host, .origin = origin, .authorization = auth };

    return connect_guard_check(&guard, &head, &text);
}

static void only_names_of_this_machine_are_answered(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, "localhost:8083", NULL, NULL), 0);
    assert_int_equal(check(NULL, "localhost", NULL, NULL), 0);
    assert_int_equal(check(NULL, "127.0.0.1:1", NULL, NULL), 0);
    assert_int_equal(check(NULL, "[::1]:8083", NULL, NULL), 0);
    assert_int_equal(check(NULL, "[::1]", NULL, NULL), 0);
    assert_int_equal(check(NULL, NULL, NULL, NULL), 403);
    assert_int_equal(check(NULL, "", NULL, NULL), 403);
    assert_int_equal(check(NULL, "evil.example:8083", NULL, NULL), 403);
    assert_int_equal(check(NULL, "localhost.evil.example", NULL, NULL), 403);
    assert_int_equal(check(NULL, "127.0.0.1.evil.example:80", NULL, NULL), 403);
    assert_int_equal(check(NULL, "127.evil.0.1", NULL, NULL), 403);
    assert_int_equal(check(NULL, "10.0.0.1:8083", NULL, NULL), 403);
    assert_int_equal(check(NULL, "localhost@evil.example:80", NULL, NULL), 403);
}

static void pages_of_other_origins_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(NULL, "localhost", "http://localhost:3000", NULL), 0);
    assert_int_equal(check(NULL, "localhost", "https://127.0.0.1", NULL), 0);
    assert_int_equal(check(NULL, "localhost", "http://evil.example", NULL), 403);
    assert_int_equal(check(NULL, "localhost", "null", NULL), 403);
    assert_int_equal(check(NULL, "localhost", "", NULL), 403);
    assert_int_equal(check(NULL, "localhost", "file://localhost", NULL), 403);
}

static void a_token_is_wanted_whole(void **state)
{
    const char *token = "0123456789abcdef";

    (void)state;
    assert_int_equal(check(token, "any.example", NULL, "Bearer 0123456789abcdef"), 0);
    assert_int_equal(check(token, "any.example", NULL, "bearer 0123456789abcdef"), 0);
    assert_int_equal(check(token, "localhost", NULL, NULL), 401);
    assert_int_equal(check(token, "localhost", NULL, "Bearer "), 401);
    assert_int_equal(check(token, "localhost", NULL, "Bearer 0123456789abcde"), 401);
    assert_int_equal(check(token, "localhost", NULL, "Bearer 0123456789abcdef0"), 401);
    assert_int_equal(check(token, "localhost", NULL, "Bearer 0123456789abcdef0123456789abcdef"),
                     401);
    assert_int_equal(check(token, "localhost", NULL, "Bearer 0123456789abcdeF"), 401);
    assert_int_equal(check(token, "localhost", NULL, "Basic 0123456789abcdef"), 401);
    assert_int_equal(check(token, "localhost", "http://evil.example", "Bearer 0123456789abcdef"),
                     403);
}

static unsigned type(const char *content_type, bool wants_body)
{
    struct connect_head head = { .content_type = content_type, .wants_body = wants_body };

    return connect_guard_check_type(&head, &text);
}

static void a_body_says_that_it_is_json(void **state)
{
    (void)state;
    assert_int_equal(type("application/json", true), 0);
    assert_int_equal(type("Application/JSON; charset=utf-8", true), 0);
    assert_int_equal(type(NULL, false), 0);
    assert_int_equal(type(NULL, true), 415);
    assert_int_equal(type("text/plain", true), 415);
    assert_int_equal(type("application/jsonx", true), 415);
    assert_int_equal(type("application/x-www-form-urlencoded", true), 415);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_of_this_machine_are_answered),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(a_token_is_wanted_whole),
        cmocka_unit_test(a_body_says_that_it_is_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
