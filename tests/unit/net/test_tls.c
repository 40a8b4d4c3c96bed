/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS server in a thread, with certificates made here: what is accepted, what is refused, and why. */
#include "net/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

static char dir[] = "/tmp/multisink-tls-XXXXXX";
static char ca_file[64];
static char cert_file[64];
static char key_file[64];
static struct identity ca;

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(ext);
    assert_int_equal(X509_add_ext(cert, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

/* Signed by `issuer`, or by itself when that is NULL. Valid from and to: seconds from now. */
static struct identity make(const char *name, const char *alt, const struct identity *issuer,
                            long from, long to)
{
    struct identity id = { X509_new(), EVP_EC_gen("P-256") };
    static long serial = 1;

    assert_int_equal(X509_set_version(id.cert, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(id.cert), from);
    (void)X509_gmtime_adj(X509_getm_notAfter(id.cert), to);
    (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC,
                                     (const unsigned char *)name, -1, -1, 0);
    (void)X509_set_issuer_name(id.cert,
                               X509_get_subject_name(issuer != NULL ? issuer->cert : id.cert));
    (void)X509_set_pubkey(id.cert, id.key);
    if (alt != NULL)
        extend(id.cert, NID_subject_alt_name, alt);
    else
        extend(id.cert, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(id.cert, issuer != NULL ? issuer->key : id.key, EVP_sha256()) > 0);
    return id;
}

static void drop(struct identity *id)
{
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
}

static int setup(void **state)
{
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir);
    (void)snprintf(cert_file, sizeof cert_file, "%s/cert.pem", dir);
    (void)snprintf(key_file, sizeof key_file, "%s/key.pem", dir);
    ca = make("test authority", NULL, NULL, -100, 100000);
    f = fopen(ca_file, "we");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, ca.cert), 1);
    (void)fclose(f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    drop(&ca);
    (void)unlink(ca_file);
    (void)unlink(cert_file);
    (void)unlink(key_file);
    return rmdir(dir);
}

/* ---- the server --------------------------------------------------------------------------------- */

struct server {
    int fd;
    uint16_t port;
    SSL_CTX *ctx;
    pthread_t thread;
    char name[64]; /* what SNI said */
    bool plain;    /* speaks no TLS */
};

static void echo(struct server *s, int fd)
{
    SSL *ssl = SSL_new(s->ctx);
    char bytes[4096];
    int n;

    (void)SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

        (void)snprintf(s->name, sizeof s->name, "%s", name != NULL ? name : "");
        while ((n = SSL_read(ssl, bytes, sizeof bytes)) > 0 && SSL_write(ssl, bytes, n) == n)
            continue;
    }
    SSL_free(ssl);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->fd, NULL, NULL);

    if (s->plain)
        (void)send(fd, "-ERR no TLS here\r\n", 18, MSG_NOSIGNAL);
    else
        echo(s, fd);
    (void)close(fd);
    return NULL;
}

static void server_start(struct server *s, const struct identity *id, bool ask_client)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof addr;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&addr, &n), 0);
    s->port = ntohs(addr.sin_port);
    s->ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(s->ctx, id->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, id->key), 1);
    if (ask_client) {
        assert_int_equal(SSL_CTX_load_verify_file(s->ctx, ca_file), 1);
        SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    (void)pthread_join(s->thread, NULL);
    SSL_CTX_free(s->ctx);
    (void)close(s->fd);
}

/* Connects and sends a word there and back. */
static bool talk(const struct server *s, const char *host, const struct net_tls *tls,
                 struct error *err)
{
    struct net_opts opts = { .host = host, .port = s->port, .tls = tls, .stop_fd = -1 };
    int64_t deadline_us = clock_mono_us(&clock_system) + 10000000;
    struct net_conn *c = NULL;
    char bytes[5];
    bool ok;

    if (!net_connect(&opts, &c, err))
        return false;
    ok = net_write(c, "hello", 5, deadline_us, err) &&
         net_read_full(c, bytes, 5, deadline_us, err) && memcmp(bytes, "hello", 5) == 0;
    net_close(c);
    return ok;
}

static struct error refused(struct identity id, const char *host, struct net_tls tls)
{
    struct server s = { 0 };
    struct error err = { 0 };

    tls.enabled = true;
    server_start(&s, &id, false);
    assert_false(talk(&s, host, &tls, &err));
    server_stop(&s);
    drop(&id);
    return err;
}

static void expect_refusal(struct error err, const char *reason)
{
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0705");
    if (strstr(err.msg, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.msg, reason);
}

/* ---- claims ------------------------------------------------------------------------------------- */

static void a_certificate_of_the_authority_for_the_name_is_accepted(void **state)
{
    struct identity id = make("x", "DNS:localhost", &ca, -100, 100000);
    struct net_tls tls = { .enabled = true, .verify = true, .ca_file = ca_file };
    struct server s = { 0 };
    struct error err = { 0 };

    (void)state;
    server_start(&s, &id, false);
    if (!talk(&s, "localhost", &tls, &err))
        fail_msg("%s", err.msg);
    server_stop(&s);
    assert_string_equal(s.name, "localhost");
    drop(&id);
}

static void an_address_is_verified_as_one_and_not_sent_as_a_name(void **state)
{
    struct identity id = make("x", "IP:127.0.0.1", &ca, -100, 100000);
    struct net_tls tls = { .enabled = true, .verify = true, .ca_file = ca_file };
    struct server s = { 0 };
    struct error err = { 0 };

    (void)state;
    server_start(&s, &id, false);
    assert_true(talk(&s, "127.0.0.1", &tls, &err));
    server_stop(&s);
    assert_string_equal(s.name, "");
    drop(&id);
}

static void a_given_server_name_replaces_the_host(void **state)
{
    struct identity id = make("x", "DNS:db.example", &ca, -100, 100000);
    struct net_tls tls = {
        .enabled = true, .verify = true, .ca_file = ca_file, .server_name = "db.example"
    };
    struct server s = { 0 };
    struct error err = { 0 };

    (void)state;
    server_start(&s, &id, false);
    assert_true(talk(&s, "127.0.0.1", &tls, &err));
    server_stop(&s);
    assert_string_equal(s.name, "db.example");
    drop(&id);
}

static void an_expired_certificate_is_refused(void **state)
{
    (void)state;
    expect_refusal(refused(make("x", "DNS:localhost", &ca, -2000, -1000), "localhost",
                           (struct net_tls){ .verify = true, .ca_file = ca_file }),
                   "it expired at 2");
}

static void a_certificate_of_the_future_is_refused(void **state)
{
    (void)state;
    expect_refusal(refused(make("x", "DNS:localhost", &ca, 5000, 9000), "localhost",
                           (struct net_tls){ .verify = true, .ca_file = ca_file }),
                   "not valid before 2");
}

static void a_certificate_for_another_name_is_refused_and_its_names_told(void **state)
{
    (void)state;
    expect_refusal(refused(make("localhost", "DNS:other.example", &ca, -100, 100000), "localhost",
                           (struct net_tls){ .verify = true, .ca_file = ca_file }),
                   "another name (DNS:other.example)");
    expect_refusal(refused(make("x", "DNS:localhost", &ca, -100, 100000), "127.0.0.1",
                           (struct net_tls){ .verify = true, .ca_file = ca_file }),
                   "another name");
}

static void a_self_signed_certificate_is_refused(void **state)
{
    (void)state;
    expect_refusal(refused(make("x", "DNS:localhost", NULL, -100, 100000), "localhost",
                           (struct net_tls){ .verify = true, .ca_file = ca_file }),
                   "signed by itself");
}

static void a_certificate_of_an_unknown_authority_is_refused(void **state)
{
    (void)state; /* the system's store does not know ours */
    expect_refusal(refused(make("x", "DNS:localhost", &ca, -100, 100000), "localhost",
                           (struct net_tls){ .verify = true }),
                   "not trusted here");
}

static void without_verification_anything_goes(void **state)
{
    struct identity id = make("x", "DNS:other.example", NULL, -2000, -1000);
    struct net_tls tls = { .enabled = true, .verify = false };
    struct server s = { 0 };
    struct error err = { 0 };

    (void)state;
    server_start(&s, &id, false);
    assert_true(talk(&s, "localhost", &tls, &err));
    server_stop(&s);
    drop(&id);
}

static void a_client_certificate_is_shown_when_asked_for(void **state)
{
    struct identity id = make("x", "DNS:localhost", &ca, -100, 100000);
    struct identity client = make("client", "DNS:client", &ca, -100, 100000);
    struct net_tls tls = { .enabled = true, .verify = true, .ca_file = ca_file };
    struct server s = { 0 };
    struct error err = { 0 };
    FILE *f = fopen(cert_file, "we");

    (void)state;
    assert_int_equal(PEM_write_X509(f, client.cert), 1);
    (void)fclose(f);
    f = fopen(key_file, "we");
    assert_int_equal(PEM_write_PrivateKey(f, client.key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    server_start(&s, &id, true);
    assert_false(talk(&s, "localhost", &tls, &err));
    server_stop(&s);
    assert_int_equal(err.kind, ERR_RETRY);
    error_clear(&err);
    tls.cert_file = cert_file;
    tls.key_file = key_file;
    server_start(&s, &id, true);
    assert_true(talk(&s, "localhost", &tls, &err));
    server_stop(&s);
    drop(&id);
    drop(&client);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct error err = refused(make("x", "DNS:localhost", &ca, -100, 100000), "localhost",
                               (struct net_tls){ .verify = true, .ca_file = "/nowhere/ca.pem" });

    (void)state;
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0706");
    assert_non_null(strstr(err.msg, "/nowhere/ca.pem"));
}

static void a_server_without_tls_is_told_apart(void **state)
{
    struct identity id = make("x", "DNS:localhost", &ca, -100, 100000);
    struct net_tls tls = { .enabled = true, .verify = true, .ca_file = ca_file };
    struct server s = { .plain = true };
    struct error err = { 0 };

    (void)state;
    server_start(&s, &id, false);
    assert_false(talk(&s, "localhost", &tls, &err));
    server_stop(&s);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_string_equal(err.code, "E0707");
    drop(&id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_of_the_authority_for_the_name_is_accepted),
        cmocka_unit_test(an_address_is_verified_as_one_and_not_sent_as_a_name),
        cmocka_unit_test(a_given_server_name_replaces_the_host),
        cmocka_unit_test(an_expired_certificate_is_refused),
        cmocka_unit_test(a_certificate_of_the_future_is_refused),
        cmocka_unit_test(a_certificate_for_another_name_is_refused_and_its_names_told),
        cmocka_unit_test(a_self_signed_certificate_is_refused),
        cmocka_unit_test(a_certificate_of_an_unknown_authority_is_refused),
        cmocka_unit_test(without_verification_anything_goes),
        cmocka_unit_test(a_client_certificate_is_shown_when_asked_for),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(a_server_without_tls_is_told_apart),
    };

    (void)sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL); /* the server's */
    return cmocka_run_group_tests(tests, setup, teardown);
}
