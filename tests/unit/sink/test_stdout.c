/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include "base/wake.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_fixture f;
static struct wake stop;
static int pipe_fds[2];
static int real_stdout;

static int set_up(void **state)
{
    (void)state;
    (void)fflush(stdout);
    f = (struct http_fixture){ .puts = 0 };
    arena_init(&f.arena, 64 * 1024 * 1024);
    f.batch = (struct batch){ .arena = &f.arena, .changes = f.changes };
    assert_true(wake_init(&stop, &f.err));
    f.env = (struct sink_env){
        .pipeline = "p", .name = "out", .stop_fd = stop.fd, .clock = &clock_system
    };
    assert_int_equal(pipe(pipe_fds), 0);
    real_stdout = dup(STDOUT_FILENO);
    assert_int_equal(dup2(pipe_fds[1], STDOUT_FILENO), STDOUT_FILENO);
    close(pipe_fds[1]);
    return sink_find("stdout")->open(NULL, &f.env, &f.sink, &f.err) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sink_find("stdout")->close(f.sink);
    assert_int_equal(dup2(real_stdout, STDOUT_FILENO), STDOUT_FILENO);
    close(real_stdout);
    if (pipe_fds[0] >= 0)
        close(pipe_fds[0]);
    wake_done(&stop);
    arena_done(&f.arena);
    return 0;
}

static bool write_batch(void)
{
    return sink_find("stdout")->write(f.sink, &f.batch, &f.result, &f.err);
}

static void each_change_is_a_line(void **state)
{
    char text[4096] = "";
    ssize_t n;

    (void)state;
    http_fixture_add(&f, CHANGE_INSERT, 1, "a\nb");
    http_fixture_add(&f, CHANGE_DELETE, 1, NULL);
    assert_true(write_batch());
    n = read(pipe_fds[0], text, sizeof text - 1);
    assert_true(n > 0);
    assert_non_null(strstr(text, "\"op\":\"insert\""));
    assert_non_null(strstr(text, "}\n{"));
    assert_int_equal(text[n - 1], '\n');
}

static void a_reader_that_is_gone_stops_the_sink(void **state)
{
    (void)state;
    close(pipe_fds[0]);
    pipe_fds[0] = -1;
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(write_batch());
    assert_int_equal(f.err.kind, ERR_STOP);
    assert_true(error_is(&f.err, E_STDOUT_WRITE));
}

static void a_reader_that_does_not_read_does_not_hold_up_the_end(void **state)
{
    (void)state;
    wake_set(&stop);
    for (long i = 0; i < 2000; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a row that is long enough to fill a pipe in time");
    assert_false(write_batch());
    assert_int_equal(f.err.kind, ERR_CANCEL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(each_change_is_a_line),
        CASE(a_reader_that_is_gone_stops_the_sink),
        CASE(a_reader_that_does_not_read_does_not_hold_up_the_end),
    };
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    (void)sigaction(SIGPIPE, &ignore, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
