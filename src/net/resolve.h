/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

/*
 * A host name to its addresses. Addresses written as numbers need no name service and never wait. For
 * names getaddrinfo is used, which cannot be interrupted: the resolver's own timeout is cut to two
 * seconds a server and one attempt for this thread, so that a dead name server cannot hold it for half
 * a minute.
 */

#include "base/error.h"

#include <netdb.h>
#include <stdint.h>

/* *ret_list is the caller's, to freeaddrinfo(). ERR_RETRY, E_NET_RESOLVE. */
bool resolve_host(const char *host, uint16_t port, struct addrinfo **ret_list,
                  struct error *err) MUST_CHECK;

#endif
