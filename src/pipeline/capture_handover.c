/* SPDX-License-Identifier: Apache-2.0 */
/* Where Debezium stopped is remembered with the first start, and forgotten with the history that it began: a
 * history of our own knows better than what was handed over. */
#include "pipeline/capture.h"

#include "base/limits.h"
#include "base/logger.h"

bool capture_take_handover(struct capture *c, struct error *err)
{
    static const char key[] = "handover";
    struct checkpoint_store ctx = { c->state, "" };
    struct sink_store store = checkpoint_store(&ctx);
    struct str json = c->opts.handover;
    struct arena a;
    bool ok;

    if (c->opts.resnapshot)
        return store.put(store.ctx, key, STR(""), err);
    if (json.n > 0 && !c->source_known)
        return handover_parse(json, &c->assembler.handover, err) &&
               store.put(store.ctx, key, json, err);
    if (json.n > 0)
        logger_warn("capture", "there is a history already: Debezium's offset is not looked at");
    arena_init(&a, MIB);
    ok = store.get(store.ctx, key, &a, &json, err) &&
         (json.n == 0 || handover_parse(json, &c->assembler.handover, err));
    arena_done(&a);
    return ok;
}
