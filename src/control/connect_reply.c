/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_reply.h"

#include "base/error.h"
#include "control/connect_props.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void connect_reply_init(struct connect_reply *r)
{
    *r = (struct connect_reply){ 0 };
}

void connect_reply_done(struct connect_reply *r)
{
    json_decref(r->body);
    free(r->location);
    connect_reply_init(r);
}

void connect_reply_set(struct connect_reply *r, unsigned status, json_t *body)
{
    connect_reply_done(r);
    r->status = status;
    r->body = body;
}

void connect_reply_error(struct connect_reply *r, unsigned status, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        error_out_of_memory(0);
    va_end(ap);
    connect_reply_set(
        r, status,
        json_pack("{s:i, s:o}", "error_code", (int)status, "message", connect_text(text)));
    free(text);
}
