/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include "base/limits.h"
#include "base/mem.h"
#include "model/pgtype.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct column columns[] = {
    { .name = STR("id"), .type_oid = PG_INT8, .identity = true, .primary_key = true },
    { .name = STR("name"), .type_oid = PG_TEXT },
    { .name = STR("big"), .type_oid = PG_TEXT },
};

const struct relation http_fixture_rel = { .version = 1,
                                           .oid = 16384,
                                           .schema = STR("public"),
                                           .table = STR("t"),
                                           .identity = RELATION_IDENTITY_DEFAULT,
                                           .column_count = 3,
                                           .columns = columns };

const struct http_conf *http_fixture_conf(struct http_fixture *f, const char *yaml)
{
    const struct config_sink_type type = { "http", sink_find("http")->help, http_keys,
                                           sizeof(struct http_conf), http_conf_check };
    const struct config_kinds kinds = { .sinks = &type, .sink_count = 1 };
    struct buf faults;
    char *text = mem_printf("version: 1\n"
                            "name: shop\n"
                            "source:\n"
                            "  postgres:\n"
                            "    url: postgres://u@localhost/db\n"
                            "    slot: s\n"
                            "    publication: p\n"
                            "    tables: [public.t]\n"
                            "sinks:\n"
                            "  - name: api\n"
                            "    from: public.t\n"
                            "    http: %s\n",
                            yaml);
    bool ok;

    buf_init(&faults, MIB);
    ok = config_load_text("pipeline.yaml", str_from(text), &kinds, &f->config, &faults, &f->err);
    if (!ok)
        print_message("%s\n", buf_cstr(&faults));
    buf_done(&faults);
    free(text);
    return ok ? f->config->sinks[0].conf : NULL;
}

static struct str *stored(struct http_fixture *f, const char *key)
{
    return strcmp(key, "batches") == 0 ? &f->batches : &f->sent;
}

static bool store_put(void *ctx, const char *key, struct str value, struct error *err)
{
    struct http_fixture *f = ctx;
    struct str *to = stored(f, key);

    (void)err;
    free((void *)to->p);
    *to = str_make(mem_strndup(value), value.n);
    f->puts++;
    return true;
}

static bool store_get(void *ctx, const char *key, struct arena *a, struct str *ret_value,
                      struct error *err)
{
    struct str value = *stored(ctx, key);

    (void)err;
    *ret_value = value.n > 0 ? arena_str(a, value) : STR_NONE;
    return true;
}

void http_fixture_reopen(struct http_fixture *f)
{
    const struct sink_ops *ops = sink_find("http");

    ops->close(f->sink);
    f->sink = NULL;
    assert_true(ops->open(f->config->sinks[0].conf, &f->env, &f->sink, &f->err));
    assert_true(ops->relation(f->sink, &http_fixture_rel, &f->err));
}

void http_fixture_open(struct http_fixture *f, const struct fake_http *fake, const char *keys)
{
    char *yaml = mem_printf("{url: \"http://127.0.0.1:%u/api\"%s}", fake_http_port(fake), keys);

    *f = (struct http_fixture){ .store = { NULL, store_put, store_get } };
    f->store.ctx = f;
    f->env = (struct sink_env){
        .pipeline = "shop", .name = "api", .stop_fd = -1, .clock = &clock_system, .store = &f->store
    };
    assert_non_null(http_fixture_conf(f, yaml));
    free(yaml);
    arena_init(&f->arena, LIMIT_ARENA);
    f->batch = (struct batch){ .arena = &f->arena, .changes = f->changes };
    http_fixture_reopen(f);
}

void http_fixture_close(struct http_fixture *f)
{
    sink_find("http")->close(f->sink);
    config_free(f->config);
    arena_done(&f->arena);
    free((void *)f->batches.p);
    free((void *)f->sent.p);
}

void http_fixture_batch(struct http_fixture *f)
{
    f->batch.before = f->batch.after;
    f->batch.count = 0;
}

struct change *http_fixture_add(struct http_fixture *f, enum change_op op, long id,
                                const char *name)
{
    struct change *c = &f->changes[f->batch.count++];
    struct value *row = arena_zalloc(&f->arena, 3, sizeof *row);
    struct position *at = &f->batch.after;

    at->epoch = 1;
    at->commit_end.v = 0x16B3748;
    at->ordinal++;
    row[0] = (struct value){ VALUE_TEXT, str_from(arena_printf(&f->arena, "%ld", id)) };
    if (name != NULL)
        row[1] = (struct value){ VALUE_TEXT, str_from(name) };
    *c = (struct change){ .pos = *at,
                          .at = *at,
                          .wts = 1700000000000000 + at->ordinal,
                          .commit_time_us = 1700000000000000,
                          .commit_lsn = { 0x16B3700 },
                          .xid = 77,
                          .op = op,
                          .rel = &http_fixture_rel };
    if (op == CHANGE_DELETE) {
        c->before_kind = CHANGE_BEFORE_KEY;
        c->before = row;
    } else if (op != CHANGE_TRUNCATE) {
        c->after = row;
    }
    return c;
}

bool http_fixture_write(struct http_fixture *f)
{
    f->result = (struct sink_result){ 0 };
    error_clear(&f->err);
    return sink_find("http")->write(f->sink, &f->batch, &f->result, &f->err);
}
