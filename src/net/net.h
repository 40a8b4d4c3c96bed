/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_NET_H
#define NET_NET_H

/*
 * A client connection: TCP or unix socket, with or without TLS, always non-blocking underneath. Every
 * call that waits takes a monotonic deadline and looks at a stop fd (base/wake.h), so that no peer can
 * hold a thread. It knows no protocol.
 *
 * Life cycle: net_connect -> reads and writes -> net_close (NULL is fine). One thread at a time.
 * Errors: ERR_RETRY (E_NET_RESOLVE, E_NET_CONNECT, E_NET_LOST, E_NET_TIMEOUT), ERR_STOP (E_TLS_VERIFY,
 * E_TLS_SETUP), ERR_CANCEL when the stop fd is set while waiting.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

struct net_conn;

/* TLS wanted: min 1.2, chain and host name verified unless `verify` is false. */
struct net_tls {
    bool enabled;
    bool verify;           /* default true; false is spelled out by the user */
    const char *ca_file;   /* NULL: the system's store */
    const char *cert_file; /* client certificate, or NULL */
    const char *key_file;
    const char *server_name; /* name to verify and to send as SNI; NULL: the host */
};

struct net_opts {
    const char *host; /* name or address; resolved at every connect */
    uint16_t port;
    const char *unix_path;     /* used instead of host and port when not NULL */
    const struct net_tls *tls; /* NULL: plain */
    int connect_timeout_ms;    /* for name, TCP and TLS together; 0: 5000 */
    int stop_fd;               /* -1: none; borrowed, outlives the connection */
};

bool net_connect(const struct net_opts *opts, struct net_conn **ret_conn,
                 struct error *err) MUST_CHECK;
void net_close(struct net_conn *c);

/* Writes everything or fails. deadline_us is of clock_mono_us(&clock_system). */
bool net_write(struct net_conn *c, const void *p, size_t n, int64_t deadline_us,
               struct error *err) MUST_CHECK;
/* Waits for at least one byte and gives 1..n. The end of the stream is ERR_RETRY, E_NET_LOST. */
bool net_read(struct net_conn *c, void *p, size_t n, int64_t deadline_us, size_t *ret_n,
              struct error *err) MUST_CHECK;
/* Exactly n bytes. */
bool net_read_full(struct net_conn *c, void *p, size_t n, int64_t deadline_us,
                   struct error *err) MUST_CHECK;

/* Without waiting: *ret_n is 0 when nothing could be moved now. For event loops over several
 * connections: poll net_fd for net_events, and when it is ready call these again. */
bool net_try_read(struct net_conn *c, void *p, size_t n, size_t *ret_n,
                  struct error *err) MUST_CHECK;
bool net_try_write(struct net_conn *c, const void *p, size_t n, size_t *ret_n,
                   struct error *err) MUST_CHECK;
int net_fd(const struct net_conn *c);
/* POLLIN, and POLLOUT when there is something to write (or TLS wants to). */
short net_events(const struct net_conn *c, bool want_write);
/* "127.0.0.1:9042" or the path; for messages; owned by the connection. */
const char *net_peer(const struct net_conn *c);

#endif
