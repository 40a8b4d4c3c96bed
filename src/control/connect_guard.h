/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_GUARD_H
#define CONTROL_CONNECT_GUARD_H

/*
 * Who may speak to the connectors' REST API: looked at before the path is, and before a byte of the body
 * is read. Pure.
 *
 *   Host    without a token only this machine's own names are answered, so that a page whose name was
 *           made to point here (DNS rebinding) is not. With one the page would not know it.
 *   Origin  a browser says whose page asks; none but one of this machine's own may.
 *   token   compared in a time that does not depend on where it differs.
 *   body    is JSON and says so: a form of a foreign page cannot.
 */

#include <stdbool.h>

struct connect_guard {
    const char *token; /* NULL: none is asked for */
};

/* Headers of a request; NULL: not there. */
struct connect_head {
    const char *host;
    const char *origin;
    const char *authorization;
    const char *content_type;
    bool wants_body; /* POST, PUT or PATCH of something that has a body */
};

/* 0, or the status to refuse with; *ret_text: Connect's or our own words. */
unsigned connect_guard_check(const struct connect_guard *guard, const struct connect_head *head,
                             const char **ret_text);
/* The check of the content type alone: it needs to know the route. */
unsigned connect_guard_check_type(const struct connect_head *head, const char **ret_text);

#endif
