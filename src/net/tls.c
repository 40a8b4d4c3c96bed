/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS by OpenSSL: 1.2 at least, the chain and the name (or address) of the server verified before a
 * byte is sent. OpenSSL reads and writes through a BIO of our own, because its socket BIO would raise
 * SIGPIPE on a broken connection.
 *
 * With partial writes and a moving buffer allowed, a call that wanted to wait may be repeated with
 * other memory that holds the same bytes, which is what net_try_write's callers do.
 */
#include "net/conn.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls_session {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;      /* borrowed from the connection */
    short extra; /* what a read or write waits for against its own direction */
    bool established;
    int sys;          /* errno of the last transfer that failed */
    char reason[160]; /* why a certificate was refused; empty: it was not */
};

/* ---- the BIO ---------------------------------------------------------------------------------- */

static bool would_block(int sys)
{
    return sys == EAGAIN || sys == EWOULDBLOCK || sys == EINTR;
}

static int bio_write(BIO *bio, const char *p, int n)
{
    struct tls_session *s = BIO_get_data(bio);
    ssize_t sent = send(s->fd, p, (size_t)n, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (sent < 0 && would_block(errno))
        BIO_set_retry_write(bio);
    else if (sent < 0)
        s->sys = errno;
    return (int)sent;
}

static int bio_read(BIO *bio, char *p, int n)
{
    struct tls_session *s = BIO_get_data(bio);
    ssize_t got = recv(s->fd, p, (size_t)n, 0);

    BIO_clear_retry_flags(bio);
    if (got < 0 && would_block(errno))
        BIO_set_retry_read(bio);
    else if (got < 0)
        s->sys = errno;
    else if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
    (void)number;
    (void)p;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Made once for the process: OpenSSL gives out only a hundred type numbers. */
static BIO_METHOD *bio_method;
static CRYPTO_ONCE bio_once = CRYPTO_ONCE_STATIC_INIT;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "multisink socket");
    if (bio_method == NULL)
        return;
    (void)BIO_meth_set_write(bio_method, bio_write);
    (void)BIO_meth_set_read(bio_method, bio_read);
    (void)BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static bool attach_bio(struct tls_session *s)
{
    BIO *bio;

    if (CRYPTO_THREAD_run_once(&bio_once, make_bio_method) != 1 || bio_method == NULL)
        return false;
    bio = BIO_new(bio_method);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio); /* takes it over */
    return true;
}

/* ---- certificates ----------------------------------------------------------------------------- */

/* Keeps the first reason; the handshake then fails by itself. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *s = SSL_get_app_data(ssl);

    if (ok == 0 && s->reason[0] == '\0')
        certificate_refusal(store, s->reason, sizeof s->reason);
    return ok;
}

/* ---- setting up ------------------------------------------------------------------------------- */

/* The oldest entry of OpenSSL's queue names the cause; the queue is left empty. */
static const char *openssl_reason(char *text, size_t size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    if (code != 0 && ERR_SYSTEM_ERROR(code))
        (void)snprintf(text, size, "%s", strerrordesc_np(ERR_GET_REASON(code)));
    else
        (void)snprintf(text, size, "%s", reason != NULL ? reason : "unknown cause");
    ERR_clear_error();
    return text;
}

static bool setup_failed(const char *what, const char *file, struct error *err)
{
    char text[120];

    return error_set(err, ERR_STOP, E_TLS_SETUP, "cannot set up TLS (%s%s%s%s): %s", what,
                     file != NULL ? " \"" : "", file != NULL ? file : "", file != NULL ? "\"" : "",
                     openssl_reason(text, sizeof text));
}

static bool load_files(SSL_CTX *ctx, const struct net_tls *opts, struct error *err)
{
    const char *key = opts->key_file != NULL ? opts->key_file : opts->cert_file;

    if (opts->verify && opts->ca_file != NULL) {
        if (SSL_CTX_load_verify_file(ctx, opts->ca_file) != 1)
            return setup_failed("authority file", opts->ca_file, err);
    } else if (opts->verify && SSL_CTX_set_default_verify_paths(ctx) != 1) {
        return setup_failed("the system's certificates", NULL, err);
    }
    if (opts->cert_file == NULL)
        return true;
    if (SSL_CTX_use_certificate_chain_file(ctx, opts->cert_file) != 1)
        return setup_failed("client certificate", opts->cert_file, err);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return setup_failed("client key", key, err);
    return true;
}

/* A key behind a passphrase is refused instead of asked for on the terminal. */
static int no_passphrase(char *p, int size, int writing, void *ctx)
{
    (void)writing;
    (void)ctx;
    if (size > 0)
        p[0] = '\0';
    return 0;
}

static bool make_context(struct tls_session *s, const struct net_tls *opts, struct error *err)
{
    ERR_clear_error();
    s->ctx = SSL_CTX_new(TLS_client_method());
    if (s->ctx == NULL || SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1)
        return setup_failed("context", NULL, err);
    SSL_CTX_set_default_passwd_cb(s->ctx, no_passphrase);
    (void)SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return load_files(s->ctx, opts, err);
}

static bool is_address(const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* Whom we want to talk to: what the certificate must say, and SNI where it is a name (RFC 6066 forbids
 * addresses there). */
static bool set_name(struct tls_session *s, const struct net_tls *opts, const char *name,
                     struct error *err)
{
    if (name == NULL && !opts->verify)
        return true;
    if (name == NULL) {
        return error_set(err, ERR_STOP, E_TLS_SETUP,
                         "cannot set up TLS over a unix socket: give the name to verify "
                         "(tls.server_name)");
    }
    if (is_address(name)) {
        if (opts->verify && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), name) != 1)
            return setup_failed("address to verify", name, err);
        return true;
    }
    if (SSL_set_tlsext_host_name(s->ssl, name) != 1)
        return setup_failed("server name", name, err);
    SSL_set_hostflags(s->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (opts->verify && SSL_set1_host(s->ssl, name) != 1)
        return setup_failed("name to verify", name, err);
    return true;
}

static bool make_session(struct tls_session *s, const struct net_tls *opts, const char *name,
                         struct error *err)
{
    s->ssl = SSL_new(s->ctx);
    if (s->ssl == NULL || SSL_set_app_data(s->ssl, s) != 1 || !attach_bio(s))
        return setup_failed("session", NULL, err);
    SSL_set_verify(s->ssl, opts->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                   opts->verify ? on_verify : NULL);
    return set_name(s, opts, name, err);
}

/* ---- handshake and transfer ------------------------------------------------------------------- */

static bool tls_failed(const struct net_conn *c, struct tls_session *s, int code, struct error *err)
{
    char text[120];

    if (s->reason[0] != '\0') {
        ERR_clear_error();
        return error_set(err, ERR_STOP, E_TLS_VERIFY, "cannot trust the certificate of %s: %s",
                         c->peer, s->reason);
    }
    if (s->sys != 0)
        return conn_lost(c, s->sys, err);
    if (code == SSL_ERROR_ZERO_RETURN || ERR_peek_error() == 0 ||
        ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return error_set(err, ERR_RETRY, E_NET_LOST,
                         "cannot talk to %s: it closed the connection%s", c->peer,
                         s->established ? "" : " during the TLS handshake");
    }
    return error_set(err, ERR_RETRY, E_TLS_HANDSHAKE, "cannot agree on TLS with %s: %s", c->peer,
                     openssl_reason(text, sizeof text));
}

/* Turns OpenSSL's result into ours. `own` is the direction that the call waits in by nature. */
static enum net_io session_result(struct net_conn *c, struct tls_session *s, int rc, short own,
                                  struct error *err)
{
    int code = SSL_get_error(s->ssl, rc);

    if (code == SSL_ERROR_WANT_READ) {
        s->extra = own == POLLIN ? 0 : POLLIN;
        return NET_IO_WANT_READ;
    }
    if (code == SSL_ERROR_WANT_WRITE) {
        s->extra = own == POLLOUT ? 0 : POLLOUT;
        return NET_IO_WANT_WRITE;
    }
    (void)tls_failed(c, s, code, err);
    return NET_IO_FAILED;
}

static bool handshake(struct net_conn *c, struct tls_session *s, int64_t deadline_us,
                      struct error *err)
{
    for (;;) {
        enum net_io io;
        int rc;

        ERR_clear_error();
        rc = SSL_connect(s->ssl);
        if (rc == 1)
            break;
        io = session_result(c, s, rc, POLLIN, err);
        if (io == NET_IO_FAILED)
            return false;
        if (!conn_wait(c, io == NET_IO_WANT_WRITE ? POLLOUT : POLLIN, deadline_us, err))
            return error_wrap(err, "TLS handshake");
    }
    s->established = true;
    s->extra = 0;
    return true;
}

bool tls_start(struct net_conn *c, const struct net_tls *opts, const char *host,
               int64_t deadline_us, struct error *err)
{
    struct tls_session *s = mem_zalloc(1, sizeof *s);
    const char *name = opts->server_name != NULL ? opts->server_name : host;

    s->fd = c->fd;
    if (!make_context(s, opts, err) || !make_session(s, opts, name, err) ||
        !handshake(c, s, deadline_us, err)) {
        tls_close(s);
        return false;
    }
    c->tls = s;
    return true;
}

enum net_io tls_read(struct net_conn *c, void *p, size_t n, size_t *ret_n, struct error *err)
{
    struct tls_session *s = c->tls;
    size_t moved;

    ERR_clear_error();
    if (SSL_read_ex(s->ssl, p, n, &moved) != 1)
        return session_result(c, s, 0, POLLIN, err);
    s->extra = 0;
    *ret_n = moved;
    return NET_IO_DONE;
}

enum net_io tls_write(struct net_conn *c, const void *p, size_t n, size_t *ret_n, struct error *err)
{
    struct tls_session *s = c->tls;
    size_t moved;

    ERR_clear_error();
    if (SSL_write_ex(s->ssl, p, n, &moved) != 1)
        return session_result(c, s, 0, POLLOUT, err);
    s->extra = 0;
    *ret_n = moved;
    return NET_IO_DONE;
}

short tls_events(const struct tls_session *s)
{
    return s->extra;
}

void tls_close(struct tls_session *s)
{
    if (s == NULL)
        return;
    /* close_notify, if the socket takes it now; nobody waits for the answer. */
    if (s->established && s->sys == 0) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    free(s);
}
