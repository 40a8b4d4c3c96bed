/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

/* A listening socket for an HTTP library to take over. Blocks only for the name's resolution. Any thread. */

#include "base/error.h"

#include <stdint.h>

struct listen_opts {
    const char *host; /* a name or an address */
    uint16_t port;    /* 0: any that is free */
    int backlog;
    enum error_code code; /* of a failure */
    const char *purpose;  /* what cannot be done then: "listen" */
};

/* Not blocking, close-on-exec; the caller owns it. ERR_STOP with that code; err->sys is EADDRINUSE when somebody else
 * has the port. */
bool listen_open(const struct listen_opts *opts, int *ret_fd, struct error *err) MUST_CHECK;
/* Which port it was given; 0 when nobody can say. */
uint16_t listen_port(int fd);

#endif
