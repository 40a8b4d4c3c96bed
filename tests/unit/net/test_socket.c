/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wake.h"
#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t in_ms(int ms)
{
    return clock_mono_us(&clock_system) + (int64_t)ms * 1000;
}

static int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &n), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

/* A connected pair: ours and the server's fd. */
static struct net_conn *connected(const char *host, int stop_fd, int *ret_peer)
{
    struct net_opts opts = { .host = host, .stop_fd = stop_fd };
    struct net_conn *c = NULL;
    struct error err = { 0 };
    int fd = listen_tcp(&opts.port);

    assert_true(net_connect(&opts, &c, &err));
    *ret_peer = accept(fd, NULL, NULL);
    assert_true(*ret_peer >= 0);
    (void)close(fd);
    return c;
}

static void bytes_go_both_ways(void **state)
{
    struct error err = { 0 };
    char bytes[8];
    size_t n = 0;
    int peer;
    struct net_conn *c = connected("127.0.0.1", -1, &peer);

    (void)state;
    assert_true(net_write(c, "hello", 5, in_ms(5000), &err));
    assert_int_equal(recv(peer, bytes, 5, MSG_WAITALL), 5);
    assert_int_equal(send(peer, "world!!", 7, 0), 7);
    assert_true(net_read_full(c, bytes, 5, in_ms(5000), &err));
    assert_memory_equal(bytes, "world", 5);
    assert_true(net_read(c, bytes, sizeof bytes, in_ms(5000), &n, &err));
    assert_int_equal(n, 2);
    assert_true(net_try_read(c, bytes, sizeof bytes, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(net_events(c, false), POLLIN);
    assert_int_equal(net_events(c, true), POLLIN | POLLOUT);
    net_close(c);
    (void)close(peer);
}

static void a_name_is_resolved_and_every_address_tried(void **state)
{
    int peer;
    /* localhost may be ::1 first, where nobody listens */
    struct net_conn *c = connected("localhost", -1, &peer);

    (void)state;
    assert_non_null(strstr(net_peer(c), "localhost:"));
    assert_true((fcntl(net_fd(c), F_GETFD) & FD_CLOEXEC) != 0);
    net_close(c);
    (void)close(peer);
}

static void a_refused_connection_is_worth_a_retry(void **state)
{
    struct net_opts opts = { .host = "127.0.0.1", .stop_fd = -1 };
    struct net_conn *c = NULL;
    struct error err = { 0 };
    int fd = listen_tcp(&opts.port);

    (void)state;
    (void)close(fd);
    assert_false(net_connect(&opts, &c, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.code, "E0702");
    assert_null(c);
}

static void a_name_that_is_none_is_worth_a_retry(void **state)
{
    struct net_opts opts = { .host = "no-such-host.invalid", .port = 1, .stop_fd = -1 };
    struct net_conn *c = NULL;
    struct error err = { 0 };

    (void)state;
    assert_false(net_connect(&opts, &c, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.code, "E0701");
}

static void a_silent_peer_costs_the_deadline_and_no_more(void **state)
{
    struct error err = { 0 };
    char byte;
    size_t n = 0;
    int peer;
    struct net_conn *c = connected("127.0.0.1", -1, &peer);

    (void)state;
    assert_false(net_read(c, &byte, 1, in_ms(20), &n, &err));
    assert_string_equal(err.code, "E0704");
    assert_int_equal(err.kind, ERR_RETRY);
    net_close(c);
    (void)close(peer);
}

static void a_peer_that_does_not_read_costs_the_deadline(void **state)
{
    static char much[1 << 20];
    struct error err = { 0 };
    int peer;
    struct net_conn *c = connected("127.0.0.1", -1, &peer);
    int writes = 0;

    (void)state;
    while (net_write(c, much, sizeof much, in_ms(50), &err))
        assert_true(++writes < 200);
    assert_string_equal(err.code, "E0704");
    net_close(c);
    (void)close(peer);
}

static void a_closed_peer_is_a_lost_connection_and_no_signal(void **state)
{
    static char much[1 << 16];
    struct error err = { 0 };
    char byte;
    size_t n = 0;
    int peer;
    struct net_conn *c = connected("127.0.0.1", -1, &peer);

    (void)state;
    (void)close(peer);
    assert_false(net_read(c, &byte, 1, in_ms(5000), &n, &err));
    assert_string_equal(err.code, "E0703");
    error_clear(&err);
    while (net_write(c, much, sizeof much, in_ms(5000), &err))
        continue;
    assert_string_equal(err.code, "E0703");
    assert_int_equal(err.kind, ERR_RETRY);
    net_close(c);
}

static void a_stop_ends_the_wait(void **state)
{
    struct error err = { 0 };
    struct wake stop;
    char byte;
    size_t n = 0;
    int peer;
    struct net_conn *c;

    (void)state;
    assert_true(wake_init(&stop, &err));
    c = connected("127.0.0.1", stop.fd, &peer);
    wake_set(&stop);
    assert_false(net_read(c, &byte, 1, in_ms(60000), &n, &err));
    assert_int_equal(err.kind, ERR_CANCEL);
    assert_true(error_is(&err, E_SYS_CANCEL));
    net_close(c);
    (void)close(peer);
    wake_done(&stop);
}

static void unix_sockets_are_used_by_their_path(void **state)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct net_opts opts = { .stop_fd = -1 };
    struct net_conn *c = NULL;
    struct error err = { 0 };
    char dir[] = "/tmp/multisink-net-XXXXXX";
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/s", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(fd, 1), 0);
    opts.unix_path = addr.sun_path;
    assert_true(net_connect(&opts, &c, &err));
    assert_string_equal(net_peer(c), addr.sun_path);
    net_close(c);
    (void)close(fd);
    (void)unlink(addr.sun_path);
    assert_false(net_connect(&opts, &c, &err));
    assert_string_equal(err.code, "E0702");
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(a_name_is_resolved_and_every_address_tried),
        cmocka_unit_test(a_refused_connection_is_worth_a_retry),
        cmocka_unit_test(a_name_that_is_none_is_worth_a_retry),
        cmocka_unit_test(a_silent_peer_costs_the_deadline_and_no_more),
        cmocka_unit_test(a_peer_that_does_not_read_costs_the_deadline),
        cmocka_unit_test(a_closed_peer_is_a_lost_connection_and_no_signal),
        cmocka_unit_test(a_stop_ends_the_wait),
        cmocka_unit_test(unix_sockets_are_used_by_their_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
