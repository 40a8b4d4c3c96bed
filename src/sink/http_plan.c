/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request is under way for a key at a time. A request waits for as many changes as stand before its
 * own, of the same keys, in requests that are not finished; each that finishes takes its own off, and
 * at zero the request joins the queue. So the work is in proportion to the changes, however they share
 * their keys.
 *
 * Invariants:
 * (1) A change is sent only when every earlier one of its key is accepted, skipped or parked.
 * (2) A change behind a refused one of its key is never sent, it is held.
 * (3) A list that was sent before a crash is cut at the same places after it.
 */
#include "base/limits.h"
#include "base/map.h"
#include "process/key.h"
#include "sink/http.h"

#include <assert.h>

#define NONE UINT32_MAX

void http_plan_init(struct http_plan *p)
{
    *p = (struct http_plan){ .valid = false };
    arena_init(&p->arena, LIMIT_ARENA);
}

void http_plan_done(struct http_plan *p)
{
    arena_done(&p->arena);
    p->valid = false;
}

bool http_plan_is_for(const struct http_plan *p, const struct batch *b)
{
    return p->valid && p->count == b->count && position_cmp(p->before, b->before) == 0 &&
           position_cmp(p->after, b->after) == 0;
}

/* ---- what is sent, and which keys it has -------------------------------------------------------------- */

static bool was_sent(struct position pos, const struct position *sent, size_t count)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;
        int order = position_cmp(sent[middle], pos);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            count = middle;
    }
    return false;
}

static void choose_states(struct http_plan *p, const struct http_conf *conf, const struct batch *b,
                          const struct position *sent, size_t sent_count)
{
    p->end = b->count;
    for (size_t i = 0; i < b->count; i++) {
        const struct change *c = &b->changes[i];

        p->positions[i] = c->at;
        if (c->op == CHANGE_TRUNCATE && conf->on_truncate == HTTP_TRUNCATE_REFUSE) {
            p->end = i;
            return;
        }
        if (c->op == CHANGE_TRUNCATE ||
            (c->op == CHANGE_DELETE && conf->on_delete == HTTP_DELETE_SKIP))
            p->states[i] = HTTP_SKIPPED;
        else
            p->states[i] = was_sent(c->at, sent, sent_count) ? HTTP_DONE : HTTP_PENDING;
    }
}

static void find_keys(struct http_plan *p, const struct batch *b)
{
    uint32_t *last = arena_zalloc(&p->arena, p->end, sizeof *last); /* key -> its latest change */
    struct map keys;
    struct buf key;
    uint32_t count = 0;

    map_init(&keys);
    buf_init(&key, LIMIT_PG_MESSAGE * 2);
    for (uint32_t i = 0; i < p->end; i++) {
        uintptr_t found;

        buf_clear(&key);
        key_bytes(&b->changes[i], &key);
        found = (uintptr_t)map_get(&keys, buf_view(&key));
        if (found == 0) {
            found = ++count;
            (void)map_put(&keys, buf_view(&key), (void *)found);
        } else {
            p->next[last[found - 1]] = i;
        }
        p->key_of[i] = (uint32_t)(found - 1);
        p->next[i] = NONE;
        last[found - 1] = i;
    }
    p->key_bad = arena_zalloc(&p->arena, count, sizeof *p->key_bad);
    buf_done(&key);
    map_done(&keys);
}

/* ---- cutting --------------------------------------------------------------------------------------------- */

/* The end of the list that starts at `from` as it was cut before, or 0: it is not among them, or rows
 * have come or gone. */
static uint32_t end_of_mark(const struct http_plan *p, const struct batch *b, uint32_t from,
                            const struct http_mark *mark)
{
    uint32_t n = 0;

    for (uint32_t i = from; i < p->end; i++) {
        int order = position_cmp(b->changes[i].at, mark->last);

        if (order > 0)
            return 0;
        n += p->states[i] != HTTP_SKIPPED;
        if (order == 0)
            return n == mark->count ? i + 1 : 0;
    }
    return 0;
}

/* The end of a new list: full, or before a row that cannot stand with the others, or that began a list
 * before. */
static uint32_t end_of_list(const struct http_plan *p, const struct http_conf *conf,
                            const struct batch *b, uint32_t from, const struct http_mark *mark)
{
    const struct change *before = NULL;
    int64_t n = 0;
    uint32_t i;

    for (i = from; i < p->end; i++) {
        const struct change *c = &b->changes[i];

        if (p->states[i] == HTTP_SKIPPED)
            continue;
        if (n == conf->batch.max || (before != NULL && !http_together(conf, before, c)))
            break;
        if (i > from && mark != NULL && position_cmp(c->at, mark->first) == 0)
            break;
        before = c;
        n++;
    }
    return i;
}

static void add_unit(struct http_plan *p, uint32_t from, uint32_t to)
{
    struct http_unit *u = &p->units[p->unit_count];
    bool finished = true;

    for (uint32_t i = from; i < to; i++) {
        p->unit_of[i] = (uint32_t)p->unit_count;
        finished = finished && p->states[i] != HTTP_PENDING;
    }
    *u = (struct http_unit){ .from = from, .to = to, .finished = finished };
    p->unit_count++;
}

static void cut(struct http_plan *p, const struct http_conf *conf, const struct batch *b,
                const struct http_marks *marks)
{
    size_t at = 0;
    uint32_t from = 0;

    while (from < p->end) {
        const struct http_mark *mark = NULL;
        uint32_t to = 0;

        if (conf->batch.max <= 1) {
            add_unit(p, from, from + 1);
            from++;
            continue;
        }
        while (at < marks->count && position_cmp(marks->items[at].first, b->changes[from].at) < 0)
            at++;
        mark = at < marks->count ? &marks->items[at] : NULL;
        if (mark != NULL && position_cmp(mark->first, b->changes[from].at) == 0)
            to = end_of_mark(p, b, from, mark);
        if (to == 0)
            to = end_of_list(p, conf, b, from, mark);
        add_unit(p, from, to);
        from = to;
    }
}

void http_plan_make(struct http_plan *p, const struct http_conf *conf, const struct batch *b,
                    const struct http_marks *marks, const struct position *sent, size_t sent_count)
{
    struct arena *a = &p->arena;

    assert(b->count < NONE);
    arena_reset(a);
    p->valid = true;
    p->before = b->before;
    p->after = b->after;
    p->count = b->count;
    p->states = arena_zalloc(a, b->count, sizeof *p->states);
    p->positions = arena_zalloc(a, b->count, sizeof *p->positions);
    p->key_of = arena_zalloc(a, b->count, sizeof *p->key_of);
    p->next = arena_zalloc(a, b->count, sizeof *p->next);
    p->unit_of = arena_zalloc(a, b->count, sizeof *p->unit_of);
    p->reasons = arena_zalloc(a, b->count, sizeof *p->reasons);
    p->units = arena_zalloc(a, b->count, sizeof *p->units);
    p->ready = arena_zalloc(a, b->count, sizeof *p->ready);
    p->unit_count = 0;
    choose_states(p, conf, b, sent, sent_count);
    find_keys(p, b);
    cut(p, conf, b, marks);
}

/* ---- going through it ---------------------------------------------------------------------------------------- */

static void enqueue(struct http_plan *p, uint32_t unit)
{
    p->ready[(p->ready_first + p->ready_n++) % p->unit_count] = unit;
}

void http_plan_start(struct http_plan *p)
{
    p->ready_first = 0;
    p->ready_n = 0;
    for (size_t i = 0; i < p->unit_count; i++)
        p->units[i].waits = 0;
    for (uint32_t i = 0; i < p->end; i++) {
        uint32_t next = p->next[i];

        if (next != NONE && p->unit_of[next] != p->unit_of[i] && !p->units[p->unit_of[i]].finished)
            p->units[p->unit_of[next]].waits++;
    }
    for (uint32_t i = 0; i < p->unit_count; i++) {
        if (!p->units[i].finished && p->units[i].waits == 0)
            enqueue(p, i);
    }
}

/* Invariant 2. Is anything left to send? */
static bool hold_back(struct http_plan *p, const struct http_unit *u)
{
    bool left = false;

    for (uint32_t i = u->from; i < u->to; i++) {
        if (p->states[i] == HTTP_PENDING && p->key_bad[p->key_of[i]])
            p->states[i] = HTTP_HELD;
        left = left || p->states[i] == HTTP_PENDING;
    }
    return left;
}

struct http_unit *http_plan_next(struct http_plan *p)
{
    while (p->ready_n > 0) {
        struct http_unit *u = &p->units[p->ready[p->ready_first]];

        p->ready_first = (p->ready_first + 1) % p->unit_count;
        p->ready_n--;
        assert(u->waits == 0 && !u->finished); /* invariant 1 */
        if (hold_back(p, u))
            return u;
        http_plan_finish(p, u, HTTP_HELD, (struct http_reason){ E_NONE, NULL });
    }
    return NULL;
}

void http_plan_finish(struct http_plan *p, struct http_unit *u, enum http_state state,
                      struct http_reason reason)
{
    assert(!u->finished);
    u->finished = true;
    for (uint32_t i = u->from; i < u->to; i++) {
        uint32_t next = p->next[i];

        if (p->states[i] == HTTP_PENDING) {
            p->states[i] = (uint8_t)state;
            p->reasons[i] = reason;
            p->key_bad[p->key_of[i]] = p->key_bad[p->key_of[i]] || state == HTTP_BAD;
        }
        if (next == NONE || p->unit_of[next] == p->unit_of[i] ||
            p->units[p->unit_of[next]].finished)
            continue;
        if (--p->units[p->unit_of[next]].waits == 0)
            enqueue(p, p->unit_of[next]);
    }
}
