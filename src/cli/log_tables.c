/* SPDX-License-Identifier: Apache-2.0 */
/* The newest shape of each table that a log has changes of, one JSON object a line. */
#include "base/json.h"
#include "base/limits.h"
#include "cli/log.h"

static void put_text(struct buf *b, bool *first, const char *name, struct str text)
{
    if (text.n == 0)
        return;
    json_key(b, first, name);
    json_string(b, text);
}

static void put_number(struct buf *b, bool *first, const char *name, int64_t value)
{
    json_key(b, first, name);
    buf_putf(b, "%lld", (long long)value);
}

static void put_flag(struct buf *b, bool *first, const char *name, bool set)
{
    if (!set)
        return;
    json_key(b, first, name);
    buf_text(b, "true");
}

/* What is not so, or not known, is left out. */
static void put_column(struct buf *b, const struct column *c)
{
    bool first = true;

    buf_u8(b, '{');
    put_text(b, &first, "name", c->name);
    put_text(b, &first, "type", c->type_name);
    put_text(b, &first, "kind", str_make(&c->type_kind, c->type_kind != 'b'));
    put_text(b, &first, "element_kind", str_make(&c->element_kind, c->element_kind != '\0'));
    if (c->base_oid != 0) {
        put_number(b, &first, "base_oid", c->base_oid);
        put_number(b, &first, "base_typmod", c->base_typmod);
    }
    put_flag(b, &first, "identity", c->identity);
    if (c->key_order != 0)
        put_number(b, &first, "key", c->key_order);
    put_flag(b, &first, "not_null", c->not_null);
    put_text(b, &first, "default", c->default_text);
    put_text(b, &first, "labels", c->labels);
    buf_u8(b, '}');
}

static void put_table(void *ctx, const struct relation *rel)
{
    struct buf *b = ctx;
    struct buf name;
    bool first = true;

    buf_init(&name, (size_t)8 * LIMIT_PG_NAME);
    relation_name(rel, &name);
    buf_u8(b, '{');
    put_text(b, &first, "table", buf_view(&name));
    put_number(b, &first, "version", rel->version);
    json_key(b, &first, "columns");
    for (uint32_t i = 0; i < rel->column_count; i++) {
        buf_u8(b, i == 0 ? '[' : ',');
        put_column(b, &rel->columns[i]);
    }
    buf_text(b, rel->column_count > 0 ? "]}\n" : "[]}\n");
    buf_done(&name);
}

/* A reader knows the shapes that it has passed. */
static bool pass_all(struct stream_reader *r, struct error *err)
{
    struct stream_want want = { .rows_max = LIMIT_BATCH_ROWS,
                                .bytes_max = LIMIT_BATCH_BYTES,
                                .stop_fd = -1 };
    struct arena arena;
    struct batch b = { 0 };
    bool ok;

    arena_init(&arena, LIMIT_ARENA);
    do {
        arena_reset(&arena);
        ok = r->stream->ops->read(r, &want, &arena, &b, err);
    } while (ok && (b.count > 0 || position_cmp(b.after, b.before) > 0));
    arena_done(&arena);
    return ok;
}

int cli_log_tables(struct stream *s)
{
    struct stream_stats stats;
    struct stream_reader *r;
    struct error err = { 0 };
    struct buf b;
    bool ok;

    s->ops->stats(s, &stats);
    if (!s->ops->reader_open(s, stats.oldest, &r, &err))
        return cli_failure(&err);
    buf_init(&b, LIMIT_ARENA);
    ok = pass_all(r, &err);
    if (ok)
        s->ops->relations(r, put_table, &b);
    s->ops->reader_close(r);
    if (ok)
        return cli_finish(&b);
    buf_done(&b);
    return cli_failure(&err);
}
