/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_REPLY_H
#define CONTROL_CONNECT_REPLY_H

/* An answer of the connectors' REST API, and Connect's form of an error:
 * {"error_code":404,"message":"Connector x not found"}. A value of the caller's. */

#include <jansson.h>

struct connect_reply {
    unsigned status;
    json_t *body;   /* owned; NULL: an empty one */
    char *location; /* owned; the path for a Location header, or NULL */
};

void connect_reply_init(struct connect_reply *r);
void connect_reply_done(struct connect_reply *r);
/* Takes over `body`. */
void connect_reply_set(struct connect_reply *r, unsigned status, json_t *body);
/* Replaces what was there. Bytes that are not UTF-8 become U+FFFD. */
void connect_reply_error(struct connect_reply *r, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
