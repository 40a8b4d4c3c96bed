/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

static bool none_put(void *ctx, const char *key, struct str value, struct error *err)
{
    (void)ctx;
    (void)value;
    return error_set(err, ERR_STOP, E_SYS_INTERNAL, "cannot store %s: this changes nothing", key);
}

static bool none_get(void *ctx, const char *key, struct arena *a, struct str *ret_value,
                     struct error *err)
{
    (void)ctx;
    (void)key;
    (void)a;
    (void)err;
    *ret_value = STR_NONE;
    return true;
}

const struct sink_store sink_store_none = { NULL, none_put, none_get };

void sink_reject_add(struct sink_result *res, const struct batch *b,
                     const struct sink_reject *reject)
{
    struct sink_reject *copy;

    res->rejects = arena_grow(b->arena, res->rejects, res->reject_count, &res->reject_cap,
                              sizeof *res->rejects);
    copy = &res->rejects[res->reject_count++];
    *copy = *reject;
    if (reject->reason != NULL)
        copy->reason = arena_str(b->arena, str_from(reject->reason)).p;
    if (reject->id != NULL)
        copy->id = arena_str(b->arena, str_from(reject->id)).p;
    if (reject->payload.n > 0)
        copy->payload = arena_str(b->arena, reject->payload);
}
