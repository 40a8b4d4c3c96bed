/* SPDX-License-Identifier: Apache-2.0 */
/* `check`, the sinks: each looks at its own target (sink_ops.probe). */
#include "cli/check_rows.h"
#include "cli/cli.h"
#include "sink/sink.h"

static void say(void *ctx, const char *verdict, const char *text, const char *fix)
{
    struct check *c = ctx;
    enum check_verdict v = CHECK_OK;

    if (strcmp(verdict, "FAIL") == 0)
        v = CHECK_FAIL;
    else if (strcmp(verdict, "warn") == 0)
        v = CHECK_WARN;
    else if (strcmp(verdict, "skip") == 0)
        v = CHECK_SKIP;
    check_add(c, v, v == CHECK_FAIL ? E_CLI_CHECK_FAILED : E_NONE, fix, "%s", text);
}

/* The relations that the sink reads, as far as the source could be looked at. */
static const struct relation **relations_of(struct check *c, const struct config_sink *sink,
                                            size_t *ret_count)
{
    const struct config_strings *names = &c->config->source.tables;
    const struct relation **rels =
        arena_zalloc(&c->arena, sink->from.count, sizeof(struct relation *));
    size_t n = 0;

    for (size_t i = 0; i < sink->from.count; i++) {
        for (size_t t = 0; t < c->table_count; t++) {
            if (strcmp(names->items[t], sink->from.items[i]) == 0)
                rels[n++] = c->tables[t].rel;
        }
    }
    *ret_count = n;
    return rels;
}

static void check_sink(struct check *c, const struct config_sink *sink)
{
    const struct sink_env env = { .pipeline = c->config->name,
                                  .name = sink->name,
                                  .stop_fd = -1,
                                  .clock = &clock_system,
                                  .store = &sink_store_none };
    const struct sink_ops *ops = sink_find(sink->type->name);
    const struct relation **rels;
    int64_t start = clock_mono_us(&clock_system);
    struct error err;
    size_t count, before = c->row_count;

    c->part = sink->name;
    if (sink->pause)
        check_add(c, CHECK_WARN, E_NONE, NULL, "is paused by the configuration");
    if (ops == NULL || ops->probe == NULL) {
        check_add(c, CHECK_SKIP, E_NONE, NULL, "%s: there is nothing to look at", sink->type->name);
        return;
    }
    rels = relations_of(c, sink, &count);
    if (!ops->probe(sink->conf, &env, rels, count, say, c, &err))
        check_error(c, &err, NULL);
    else if (c->row_count == before)
        check_add(c, CHECK_OK, E_NONE, NULL, "%s", sink->type->name);
    if (c->row_count > before)
        c->rows[before].elapsed_us = clock_mono_us(&clock_system) - start;
}

void check_sinks(struct check *c)
{
    for (size_t i = 0; i < c->config->sink_count; i++)
        check_sink(c, &c->config->sinks[i]);
}
