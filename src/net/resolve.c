/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS_PER_SERVER = 2, ATTEMPTS = 1 };

/* _res belongs to the calling thread (resolver(3)). */
static void bound_resolver(void)
{
    if ((_res.options & RES_INIT) == 0 && res_init() != 0)
        return; /* getaddrinfo reports it */
    if (_res.retrans > SECONDS_PER_SERVER)
        _res.retrans = SECONDS_PER_SERVER;
    if (_res.retry > ATTEMPTS)
        _res.retry = ATTEMPTS;
}

bool resolve_host(const char *host, uint16_t port, struct addrinfo **ret_list, struct error *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    char service[8];
    int rc;

    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    rc = getaddrinfo(host, service, &hints, &list);
    if (rc == EAI_NONAME) {
        bound_resolver();
        hints.ai_flags = AI_NUMERICSERV;
        rc = getaddrinfo(host, service, &hints, &list);
    }
    if (rc == EAI_SYSTEM)
        return error_sys(err, ERR_RETRY, E_NET_RESOLVE, errno, "cannot resolve host \"%s\"", host);
    if (rc != 0) {
        return error_set(err, ERR_RETRY, E_NET_RESOLVE, "cannot resolve host \"%s\": %s", host,
                         gai_strerror(rc));
    }
    *ret_list = list;
    return true;
}
