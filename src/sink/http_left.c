/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http_left.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

static const char store_batches[] = "batches";
static const char store_sent[] = "sent";

void http_left_init(struct http_left *l, const struct sink_store *store)
{
    *l = (struct http_left){ .store = store };
    buf_init(&l->stored, MIB);
    arena_init(&l->arena, 16 * MIB);
}

void http_left_done(struct http_left *l)
{
    buf_done(&l->stored);
    arena_done(&l->arena);
}

bool http_left_load(struct http_left *l, struct error *err)
{
    struct str batches = STR_NONE;
    struct str sent = STR_NONE;

    if (l->store == NULL)
        return true;
    if (!l->store->get(l->store->ctx, store_batches, &l->arena, &batches, err) ||
        !l->store->get(l->store->ctx, store_sent, &l->arena, &sent, err))
        return false;
    if (!http_marks_decode(batches, &l->arena, &l->marks) ||
        !http_sent_decode(sent, &l->arena, &l->before, &l->sent, &l->sent_count))
        return error_set(err, ERR_STOP, E_HTTP_STORED,
                         "cannot go on: what the sink stored in state.db cannot be read");
    l->any = batches.n > 0 || sent.n > 0;
    return true;
}

void http_left_store(struct http_left *l, const struct http_plan *p)
{
    struct position *sent;
    struct error ignored;
    size_t n = 0;

    if (l->store == NULL || !p->valid)
        return;
    sent = mem_zalloc(p->count + l->sent_count + 1, sizeof *sent);
    for (size_t i = 0; i < p->count; i++) {
        if (p->states[i] == HTTP_DONE)
            sent[n++] = p->positions[i];
    }
    for (size_t i = 0; l->any && i < l->sent_count; i++) {
        if (position_cmp(l->sent[i], p->after) > 0)
            sent[n++] = l->sent[i];
    }
    if (n > 0) {
        buf_clear(&l->stored);
        http_sent_encode(p->before, sent, n, &l->stored);
        (void)l->store->put(l->store->ctx, store_sent, buf_view(&l->stored), &ignored);
    }
    free(sent);
}

/* Invariant 3 of http_plan.c: where the lists are cut is stored before the first of them is sent. */
static bool store_marks(struct http_left *l, const struct http_conf *conf,
                        const struct http_plan *p, const struct batch *b,
                        const struct http_marks *rest, struct error *err)
{
    if (conf->batch.max <= 1 || b->replay || l->store == NULL)
        return true;
    buf_clear(&l->stored);
    http_marks_encode(p, b, rest, &l->stored);
    return l->store->put(l->store->ctx, store_batches, buf_view(&l->stored), err);
}

bool http_left_plan(struct http_left *l, const struct http_conf *conf, const struct batch *b,
                    struct http_plan *p, struct error *err)
{
    const struct http_marks none = { 0, NULL };
    /* When the position was set back by hand, what was delivered after it is wanted again. */
    bool applies = l->any && !b->replay && position_cmp(b->before, l->before) >= 0;
    const struct http_marks *marks = applies ? &l->marks : &none;

    http_plan_make(p, conf, b, marks, applies ? l->sent : NULL, applies ? l->sent_count : 0);
    if (store_marks(l, conf, p, b, marks, err))
        return true;
    p->valid = false;
    return false;
}

static bool reaches_beyond(const struct http_left *l, struct position after)
{
    size_t marks = l->marks.count;
    size_t sent = l->sent_count;

    return (marks > 0 && position_cmp(l->marks.items[marks - 1].last, after) > 0) ||
           (sent > 0 && position_cmp(l->sent[sent - 1], after) > 0);
}

bool http_left_forget(struct http_left *l, const struct batch *b, struct error *err)
{
    if (!l->any || b->replay || reaches_beyond(l, b->after))
        return true;
    if (l->sent_count > 0 && !l->store->put(l->store->ctx, store_sent, STR(""), err))
        return false;
    l->any = false;
    return true;
}
