/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listen.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct listen_opts at(const char *host, uint16_t port)
{
    return (struct listen_opts){
        .host = host, .port = port, .backlog = 1, .code = E_RECEIVE_LISTEN, .purpose = "listen"
    };
}

static void a_port_that_is_free_is_found_and_told(void **state)
{
    struct listen_opts opts = at("127.0.0.1", 0);
    struct error err = { 0 };
    int fd = -1;

    (void)state;
    assert_true(listen_open(&opts, &fd, &err));
    assert_int_not_equal(listen_port(fd), 0);
    assert_int_equal(close(fd), 0);
}

static void a_port_that_is_taken_is_said_as_such(void **state)
{
    struct listen_opts opts = at("127.0.0.1", 0);
    struct error err = { 0 };
    int fd = -1;
    int second = -1;

    (void)state;
    assert_true(listen_open(&opts, &fd, &err));
    opts.port = listen_port(fd);
    assert_false(listen_open(&opts, &second, &err));
    assert_int_equal(second, -1);
    assert_int_equal(err.sys, EADDRINUSE);
    assert_true(error_is(&err, E_RECEIVE_LISTEN));
    assert_non_null(strstr(err.msg, "cannot listen on 127.0.0.1 port "));
    assert_int_equal(close(fd), 0);
}

static void an_address_that_is_not_ours_is_refused_by_name(void **state)
{
    struct listen_opts opts = at("192.0.2.1", 0);
    struct error err = { 0 };
    int fd = -1;

    (void)state;
    assert_false(listen_open(&opts, &fd, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_non_null(strstr(err.msg, "192.0.2.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_is_free_is_found_and_told),
        cmocka_unit_test(a_port_that_is_taken_is_said_as_such),
        cmocka_unit_test(an_address_that_is_not_ours_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
