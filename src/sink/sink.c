/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/sink.h"

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
