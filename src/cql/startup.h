/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_STARTUP_H
#define CQL_STARTUP_H

/*
 * How a connection begins: TCP and TLS, the choice of the protocol's version, STARTUP, the password.
 * Blocks until it is done, its time is over or stop_fd is set. One thread.
 */

#include "cql/conn.h"

struct cql_startup_opts {
    const char *host;
    uint16_t port;
    const struct net_tls *tls;
    const char *username; /* NULL: none */
    const char *password;
    const char *application_name;
    unsigned version; /* 4 or 5: that one only; 0: the best of both */
    unsigned in_flight_max;
    int connect_timeout_ms; /* for all of it together */
    int stop_fd;
    const struct clock *clock;
};

/* ERR_RETRY as net_connect, and E_CQL_PROTOCOL, E_CQL_TIMEOUT, E_CQL_OVERLOADED, E_CQL_SERVER; ERR_STOP:
 * E_CQL_VERSION, E_CQL_AUTH, E_CQL_AUTH_NEEDED and TLS; ERR_CANCEL. */
bool cql_startup_open(const struct cql_startup_opts *opts, struct cql_conn **ret_conn,
                      struct error *err) MUST_CHECK;

#endif
