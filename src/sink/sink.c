/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

void sink_reject_add(struct sink_result *res, const struct batch *b,
                     const struct sink_reject *reject)
{
    struct sink_reject *copy;

    if (res->reject_count == res->reject_cap) {
        size_t cap = res->reject_cap > 0 ? res->reject_cap * 2 : 8;
        struct sink_reject *grown = arena_alloc(b->arena, cap * sizeof *grown);

        if (res->reject_count > 0)
            memcpy(grown, res->rejects, res->reject_count * sizeof *grown);
        res->rejects = grown;
        res->reject_cap = cap;
    }
    copy = &res->rejects[res->reject_count++];
    *copy = *reject;
    if (reject->reason != NULL)
        copy->reason = arena_str(b->arena, str_from(reject->reason)).p;
    if (reject->id != NULL)
        copy->id = arena_str(b->arena, str_from(reject->id)).p;
    if (reject->payload.n > 0)
        copy->payload = arena_str(b->arena, reject->payload);
}
