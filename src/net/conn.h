/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_CONN_H
#define NET_CONN_H

/*
 * What socket.c and tls.c share; of no use outside this folder. socket.c owns the fd and the waiting,
 * tls.c everything that knows OpenSSL.
 */

#include "net/net.h"

#include <sys/types.h>

struct tls_session;

struct net_conn {
    int fd;
    int stop_fd;             /* borrowed, -1: none */
    struct tls_session *tls; /* owned; NULL: plain */
    char *peer;              /* owned */
};

/* What a transfer that cannot wait came to. */
enum net_io {
    NET_IO_DONE,       /* *ret_n bytes moved, at least one */
    NET_IO_WANT_READ,  /* nothing moved; again when the fd is readable */
    NET_IO_WANT_WRITE, /* nothing moved; again when the fd is writable */
    NET_IO_FAILED      /* err is set */
};

/* Waits for `events` on the fd. ERR_CANCEL when the stop fd is set, ERR_RETRY at the deadline. */
bool conn_wait(const struct net_conn *c, short events, int64_t deadline_us,
               struct error *err) MUST_CHECK;
/* Words errno of a broken connection: ERR_RETRY, E_NET_LOST. */
bool conn_lost(const struct net_conn *c, int sys, struct error *err);

/* Handshake and verification on a connected socket; c->tls is set on success. `host` is the name that
 * was connected to, or NULL for a unix socket. */
bool tls_start(struct net_conn *c, const struct net_tls *opts, const char *host,
               int64_t deadline_us, struct error *err) MUST_CHECK;
enum net_io tls_read(struct net_conn *c, void *p, size_t n, size_t *ret_n, struct error *err);
enum net_io tls_write(struct net_conn *c, const void *p, size_t n, size_t *ret_n,
                      struct error *err);
/* What the session waits for besides what the caller wants: POLLIN, POLLOUT or 0. */
short tls_events(const struct tls_session *s);
/* Says goodbye if that needs no waiting, and frees. NULL is fine. */
void tls_close(struct tls_session *s);

#endif
