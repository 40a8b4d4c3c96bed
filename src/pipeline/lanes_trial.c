/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the target without a partition. Until the first row of a table there may be none, and what is wrong would be
 * told only then: so the sink is opened once for itself, and told the tables' shapes as far as this process knows them.
 *
 * What may pass is told and looked at again, but holds nobody up: the lanes meet it themselves, and retry.
 */
#include "base/limits.h"
#include "pipeline/lanes_private.h"

enum { AGAIN_US = 5 * 1000 * 1000 };

static unsigned generation(const struct lanes *l)
{
    return l->opts.shapes != NULL ? shapes_generation(l->opts.shapes) : 0;
}

static bool is_due(const struct lanes *l)
{
    return (!l->tried || generation(l) != l->tried_shapes) &&
           clock_mono_us(l->opts.clock) >= l->try_after_us;
}

static bool try_shapes(struct lanes *l, struct sink *sink, struct error *err)
{
    struct shapes_listener to = {
        .from = &l->opts.sink->from, .ops = l->opts.ops, .sink = sink, .told = 0
    };
    struct arena a;
    bool ok;

    arena_init(&a, LIMIT_ARENA);
    ok = shapes_tell(l->opts.shapes, &to, &a, err);
    arena_done(&a);
    if (ok)
        l->tried_shapes = to.told;
    return ok;
}

bool lanes_try_target(struct lanes *l, bool *ret_looked, struct error *err)
{
    const struct sink_env env = { .pipeline = l->opts.config->name,
                                  .name = l->opts.sink->name,
                                  .trial = true,
                                  .stop_fd = l->stop.fd,
                                  .clock = l->opts.clock,
                                  .store = &sink_store_none };
    struct sink *sink = NULL;

    *ret_looked = is_due(l);
    if (!*ret_looked)
        return true;
    l->tried = l->opts.ops->open(l->opts.sink->conf, &env, &sink, err) && try_shapes(l, sink, err);
    if (sink != NULL)
        l->opts.ops->close(sink);
    if (!l->tried)
        l->try_after_us = clock_mono_us(l->opts.clock) + AGAIN_US;
    return l->tried;
}
