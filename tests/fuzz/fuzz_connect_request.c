/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the REST API as far as it goes without a worker: method, path and query, body. The first
 * line is "METHOD target", the rest is the body. */
#include "control/connect_guard.h"
#include "control/connect_props.h"
#include "control/connect_route.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is handed on must be such that the worker may rely on it. */
static void take(const struct connect_call *call)
{
    assert(call->op < CONNECT_OPS);
    assert(call->name == NULL || str_is_utf8(str_from(call->name)));
    assert(call->task >= 0);
    if (call->body_kind == CONNECT_BODY_CREATE || call->body_kind == CONNECT_BODY_CONFIG) {
        const char *key;
        json_t *value;

        assert(json_is_object(call->body));
        json_object_foreach(call->body, key, value) assert(json_is_string(value));
    }
    if (call->body_kind == CONNECT_BODY_OFFSETS)
        assert(json_array_size(call->body) > 0);
    if (call->body_kind == CONNECT_BODY_LEVEL)
        assert(call->level != NULL);
}

static void guard(const char *text)
{
    struct connect_guard with = { "0123456789abcdef" };
    struct connect_guard without = { NULL };
    struct connect_head head = { text, text, text, text, true };
    const char *why;

    (void)connect_guard_check(&with, &head, &why);
    (void)connect_guard_check(&without, &head, &why);
    (void)connect_guard_check_type(&head, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_make(data, size);
    size_t line = str_find(rest, '\n');
    struct str head = str_make(rest.p, line);
    size_t space = str_find(head, ' ');
    struct connect_reply reply;
    struct connect_call call;
    char method[16];

    connect_reply_init(&reply);
    (void)str_copy(str_make(head.p, space), method, sizeof method);
    head = space < head.n ? str_make(head.p + space + 1, head.n - space - 1) : STR("");
    rest = line < rest.n ? str_make(rest.p + line + 1, rest.n - line - 1) : STR("");
    guard(method);
    if (connect_route(method, head, &call, &reply) && connect_route_body(&call, rest, &reply))
        take(&call);
    else
        assert(reply.status >= 400 && reply.body != NULL);
    connect_call_done(&call);
    connect_reply_done(&reply);
    return 0;
}
