/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_SERVER_H
#define CONTROL_CONNECT_SERVER_H

/*
 * The connectors' REST API over HTTP, on a TCP port. The HTTP library's own thread reads a request, lets
 * connect_guard.h and connect_route.h judge it, and puts what is left into a mailbox; the connection
 * waits without a thread until the main thread has answered it.
 *
 *     main thread:  poll connect_server_fd(); connect_server_serve() -> handle(call, reply) for each
 */

#include "base/error.h"
#include "control/connect_route.h"

#include <stdint.h>

struct connect_server;

struct connect_server_opts {
    const char *host;
    uint16_t port;     /* 0: any */
    const char *token; /* NULL: none; borrowed */
    const char *cert;  /* files; NULL: plain HTTP */
    const char *key;
};

/* ERR_STOP E_CONNECT_LISTEN; *ret_taken: since the address is in use. */
bool connect_server_open(const struct connect_server_opts *opts, struct connect_server **ret_server,
                         bool *ret_taken, struct error *err) MUST_CHECK;
/* "127.0.0.1:8083", as bound; the server's. */
const char *connect_server_address(const struct connect_server *s);
/* Readable while a request waits. */
int connect_server_fd(const struct connect_server *s);
/* Answers all that wait, by `handle`. */
void connect_server_serve(struct connect_server *s,
                          void (*handle)(void *ctx, const struct connect_call *call,
                                         struct connect_reply *reply),
                          void *ctx);
/* What waits is answered with 503. */
void connect_server_close(struct connect_server *s);

#endif
