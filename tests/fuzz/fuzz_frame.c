/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame: decoding never reads outside them, and what decodes is written and decoded to the
 * same again. */
#include "base/limits.h"
#include "model/frame.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct column columns[3] = {
    { .name = { "a", 1 }, .type_name = { "t", 1 } },
    { .name = { "b", 1 }, .type_name = { "t", 1 } },
    { .name = { "c", 1 }, .type_name = { "t", 1 } },
};

/* Versions 0 to 3 have as many columns. */
static const struct relation *find(void *ctx, uint32_t version)
{
    static struct relation rels[4];

    (void)ctx;
    if (version > 3)
        return NULL;
    rels[version] =
        (struct relation){ .version = version, .column_count = version, .columns = columns };
    return &rels[version];
}

static void try_change(struct str record, struct arena *a, struct buf *b)
{
    struct change c = { 0 };
    struct change again = { 0 };

    if (!frame_get_change(record, find, NULL, a, &c))
        return;
    frame_put_change(b, &c);
    if (!frame_get_change(buf_view(b), find, NULL, a, &again))
        abort();
    if (c.op != again.op || c.flags != again.flags || c.rel != again.rel ||
        c.before_kind != again.before_kind || (c.after == NULL) != (again.after == NULL))
        abort();
    for (uint32_t i = 0; c.after != NULL && i < c.rel->column_count; i++) {
        if (c.after[i].kind != again.after[i].kind || !str_eq(c.after[i].text, again.after[i].text))
            abort();
    }
}

static void try_relation(struct str record, struct arena *a, struct buf *b)
{
    const struct relation *rel;
    const struct relation *again;

    if (!frame_get_relation(record, a, &rel))
        return;
    frame_put_relation(b, rel);
    if (!frame_get_relation(buf_view(b), a, &again) || !relation_same(rel, again) ||
        rel->version != again->version)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str record = str_make(data, size);
    struct position pos;
    struct frame_tx tx;
    struct arena a;
    struct buf b;

    arena_init(&a, LIMIT_ARENA);
    buf_init(&b, LIMIT_LOG_RECORD);
    try_change(record, &a, &b);
    buf_clear(&b);
    try_relation(record, &a, &b);
    buf_clear(&b);
    if (frame_get_position(record, &pos)) {
        frame_put_position(&b, pos);
        if (!str_eq(buf_view(&b), record))
            abort();
    }
    buf_clear(&b);
    if (frame_get_tx(record, &tx)) {
        frame_put_tx(&b, &tx);
        if (!str_eq(buf_view(&b), record))
            abort();
    }
    buf_done(&b);
    arena_done(&a);
    return 0;
}
