/* SPDX-License-Identifier: Apache-2.0 */
/* The `tls` group as each sink that has one reads it. */
#include "base/limits.h"
#include "sink/cassandra_conf.h"
#include "sink/http.h"
#include "sink/redis_conf.h"
#include "sink/redis_conn.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct buf shown;
static struct config *config;

static int setup(void **state)
{
    (void)state;
    buf_init(&shown, MIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_free(config);
    config = NULL;
    buf_done(&shown);
    return 0;
}

static bool load(const char *sink, const char *tls)
{
    struct buf text;
    struct error err;
    bool ok;

    config_free(config);
    config = NULL;
    buf_init(&text, MIB);
    buf_clear(&shown);
    buf_putf(&text,
             "version: 1\nname: test\nsource: {postgres: {url: postgres://u@localhost/db, slot: s,"
             " publication: p, tables: [public.t]}}\n"
             "sinks: [{name: one, from: public.t, %s%s}}]\n",
             sink, tls);
    ok = config_load_text("test.yaml", buf_view(&text), sink_config_kinds(), &config, &shown, &err);
    buf_done(&text);
    return ok;
}

#define REDIS "redis: {url: rediss://h, commands: {insert: [SET, a, b]}"
#define HTTP  "http: {url: \"https://h/\""
#define CQL   "cassandra: {contact_points: [h], table: k.t"
#define FILES "ca: /ca, cert: /cert, key: /key, server_name: name"

static void expect(const struct net_tls *tls, bool enabled, bool verify)
{
    assert_string_equal(tls->ca_file, "/ca");
    assert_string_equal(tls->cert_file, "/cert");
    assert_string_equal(tls->key_file, "/key");
    assert_string_equal(tls->server_name, "name");
    assert_int_equal(tls->enabled, enabled);
    assert_int_equal(tls->verify, verify);
}

static void every_sink_reads_the_same_files(void **state)
{
    (void)state;
    assert_true(load(REDIS, ", tls: {" FILES "}"));
    expect(&((const struct redis_conf *)config->sinks[0].conf)->tls, false, true);
    assert_true(load(HTTP, ", tls: {" FILES ", verify: false}"));
    expect(&((const struct http_conf *)config->sinks[0].conf)->tls, false, false);
    assert_true(load(CQL, ", tls: {enabled: true, " FILES "}"));
    expect(&((const struct sink_cassandra_conf *)config->sinks[0].conf)->tls, true, true);
}

static void without_the_group_certificates_are_checked_and_nothing_is_switched_on(void **state)
{
    const struct net_tls *tls;

    (void)state;
    assert_true(load(CQL, ""));
    tls = &((const struct sink_cassandra_conf *)config->sinks[0].conf)->tls;
    assert_true(tls->verify);
    assert_false(tls->enabled);
    assert_null(tls->ca_file);
    assert_null(tls->server_name);
}

static void a_url_alone_says_whether_connections_are_encrypted(void **state)
{
    (void)state;
    assert_false(load(REDIS, ", tls: {enabled: true}"));
    assert_non_null(strstr(buf_cstr(&shown), "enabled"));
    assert_false(load(HTTP, ", tls: {enabled: true}"));
    assert_non_null(strstr(buf_cstr(&shown), "enabled"));
}

/* Nobody answers, so the connection fails; what was sent waits in the socket. */
static unsigned first_byte(const char *scheme)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct redis_conn *conn = NULL;
    struct error err = { 0 };
    unsigned char byte = 0;
    char sink[200];
    int fd;

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(sink, sizeof sink,
                   "redis: {url: %s://127.0.0.1:%u, timeout: 100ms, username: u, password: p,"
                   " commands: {insert: [SET, a, b]}",
                   scheme, ntohs(at.sin_port));
    assert_true(load(sink, ""));
    assert_false(redis_conn_open(config->sinks[0].conf, -1, &conn, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    fd = accept(listener, NULL, NULL);
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    (void)close(fd);
    (void)close(listener);
    return byte;
}

static void rediss_begins_with_a_tls_handshake(void **state)
{
    enum { HANDSHAKE = 0x16 }; /* RFC 8446, section 5.1 */

    (void)state;
    assert_int_equal(first_byte("rediss"), HANDSHAKE);
    assert_int_equal(first_byte("redis"), '*');
}

static void a_certificate_without_its_key_is_refused(void **state)
{
    (void)state;
    assert_false(load(REDIS, ", tls: {cert: /cert}"));
    assert_false(load(HTTP, ", tls: {cert: /cert}"));
    assert_false(load(CQL, ", tls: {enabled: true, cert: /cert}"));
    assert_false(load(CQL, ", tls: {enabled: true, key: /key}"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_sink_reads_the_same_files),
        CASE(without_the_group_certificates_are_checked_and_nothing_is_switched_on),
        CASE(a_url_alone_says_whether_connections_are_encrypted),
        CASE(rediss_begins_with_a_tls_handshake),
        CASE(a_certificate_without_its_key_is_refused),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
