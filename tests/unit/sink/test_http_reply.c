/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http.h"

#include "base/limits.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_US (784111777LL * 1000000) /* Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 */

static struct http_reply reply;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    http_reply_init(&reply);
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_reply_done(&reply);
    return 0;
}

static int64_t retry_after(const char *value)
{
    int64_t ms = -1;

    (void)http_retry_after(str_from(value), NOW_US, &ms);
    return ms;
}

static void retry_after_is_read_as_seconds(void **state)
{
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after(" 12 "), 12000);
}

static void retry_after_is_read_as_a_date_in_all_three_forms(void **state)
{
    (void)state;
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:47 GMT"), 10000);
    assert_int_equal(retry_after("Sunday, 06-Nov-94 08:49:47 GMT"), 10000);
    assert_int_equal(retry_after("Sun Nov  6 08:49:47 1994"), 10000);
}

static void a_date_that_is_past_means_now(void **state)
{
    (void)state;
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:00:00 GMT"), 0);
}

static void retry_after_is_capped(void **state)
{
    (void)state;
    assert_int_equal(retry_after("86400"), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("99999999999999999999999999"), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("Sun, 06 Nov 2094 08:49:37 GMT"), HTTP_RETRY_AFTER_MAX_MS);
}

static void a_retry_after_that_says_nothing_is_none(void **state)
{
    (void)state;
    assert_int_equal(retry_after(""), -1);
    assert_int_equal(retry_after("soon"), -1);
    assert_int_equal(retry_after("-5"), -1);
    assert_int_equal(retry_after("1.5"), -1);
}

static void headers_are_found_whatever_their_case(void **state)
{
    (void)state;
    assert_true(http_reply_header(&reply, STR("RETRY-after: 3\r\n"), NOW_US));
    assert_true(http_reply_header(&reply, STR("Retry-Afterwards: 9\r\n"), NOW_US));
    assert_true(http_reply_header(&reply, STR("location:/x\r\n"), NOW_US));
    assert_int_equal(reply.retry_after_ms, 3000);
    assert_string_equal(reply.location, "/x");
}

static void headers_beyond_the_limit_break_off(void **state)
{
    static char line[1024];
    size_t lines = 0;

    (void)state;
    memset(line, 'x', sizeof line);
    while (http_reply_header(&reply, str_make(line, sizeof line), NOW_US))
        lines++;
    assert_int_equal(lines, LIMIT_HTTP_REPLY_HEADERS / sizeof line);
}

static void of_a_body_only_the_start_is_kept(void **state)
{
    static char piece[1024 * 1024];
    size_t pieces = 0;

    (void)state;
    while (http_reply_body(&reply, str_make(piece, sizeof piece)))
        pieces++;
    assert_int_equal(pieces, LIMIT_HTTP_REPLY_READ / sizeof piece);
    assert_int_equal(reply.body.n, LIMIT_HTTP_REPLY_KEPT);
    assert_true(buf_ok(&reply.body));
}

static void a_status_decides(void **state)
{
    static const struct {
        unsigned status;
        enum http_verdict verdict;
    } cases[] = {
        { 200, HTTP_ACCEPTED }, { 201, HTTP_ACCEPTED }, { 204, HTTP_ACCEPTED },
        { 299, HTTP_ACCEPTED }, { 300, HTTP_STOP },     { 301, HTTP_STOP },
        { 304, HTTP_STOP },     { 399, HTTP_STOP },     { 400, HTTP_REFUSED },
        { 401, HTTP_STOP },     { 403, HTTP_REFUSED },  { 404, HTTP_REFUSED },
        { 407, HTTP_STOP },     { 408, HTTP_AGAIN },    { 409, HTTP_REFUSED },
        { 410, HTTP_STOP },     { 413, HTTP_REFUSED },  { 422, HTTP_REFUSED },
        { 429, HTTP_AGAIN },    { 499, HTTP_REFUSED },  { 500, HTTP_AGAIN },
        { 503, HTTP_AGAIN },    { 599, HTTP_AGAIN },    { 0, HTTP_AGAIN },
        { 100, HTTP_AGAIN },    { 999, HTTP_AGAIN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reply.status = cases[i].status;
        assert_int_equal(http_reply_verdict(&reply), cases[i].verdict);
    }
}

static void a_message_shows_the_start_of_the_body_and_no_control_characters(void **state)
{
    char body[2000];

    (void)state;
    memset(body, 'y', sizeof body);
    body[0] = '\x1b';
    body[1] = '\n';
    reply.status = 400;
    assert_true(http_reply_body(&reply, str_make(body, sizeof body)));
    assert_false(http_reply_error(&reply, "h", &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_non_null(strstr(err.msg, "h refused it: HTTP 400: \\u001b\\nyyy"));
    for (const char *p = err.msg; *p != '\0'; p++)
        assert_true((unsigned char)*p >= 0x20);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(retry_after_is_read_as_seconds),
        CASE(retry_after_is_read_as_a_date_in_all_three_forms),
        CASE(a_date_that_is_past_means_now),
        CASE(retry_after_is_capped),
        CASE(a_retry_after_that_says_nothing_is_none),
        CASE(headers_are_found_whatever_their_case),
        CASE(headers_beyond_the_limit_break_off),
        CASE(of_a_body_only_the_start_is_kept),
        CASE(a_status_decides),
        CASE(a_message_shows_the_start_of_the_body_and_no_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
