/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked records of one sink. `held` has the keys that have one, so that the loop sees without a query
 * whether a change must wait; it is only kept for sinks that depend on order.
 */
#include "pipeline/deliver.h"

#include "base/limits.h"
#include "base/logger.h"
#include "pipeline/tables.h"
#include "process/key.h"

/* Requests come from another process: how often they are looked for while something is parked. */
enum { LOOK_EVERY_US = 300 * 1000 };

static void hold(struct deliver *d, const struct change *c)
{
    struct buf key;

    if (!d->ops->ordered)
        return;
    buf_init(&key, LIMIT_PG_MESSAGE);
    key_bytes(c, &key);
    (void)map_put(&d->held, buf_view(&key), d);
    buf_done(&key);
}

static bool is_held(struct deliver *d, const struct change *c, struct buf *scratch)
{
    if (d->held.n == 0)
        return false;
    buf_clear(scratch);
    key_bytes(c, scratch);
    return map_has(&d->held, buf_view(scratch));
}

static bool note_key(void *ctx, const struct park_record *r)
{
    struct deliver *d = ctx;

    if (d->ops->ordered)
        (void)map_put(&d->held, r->key, d);
    return true;
}

static bool count_parked(struct deliver *d, struct error *err)
{
    struct progress_sink *p;

    if (!park_count(d->state, d->opts.sink->name, &d->parked, err))
        return false;
    p = progress_edit_sink(&d->progress);
    p->parked = d->parked;
    progress_release(&d->progress);
    return true;
}

bool deliver_load_held(struct deliver *d, struct error *err)
{
    map_clear(&d->held);
    return park_each(d->state, d->opts.sink->name, STR_NONE, note_key, d, err) &&
           count_parked(d, err);
}

/* A sink of topics that others write takes whatever is in them. */
static bool from_wanted_table(const struct deliver *d, const struct change *c)
{
    return d->opts.everything || d->opts.sink->from.count == 0 ||
           tables_listed(&d->opts.sink->from, c->rel->schema, c->rel->table);
}

/* Is the relation one of `from`? Asked once per run of changes of the same relation. */
static bool wanted(const struct deliver *d, const struct change *c, const struct relation **last,
                   bool *last_wanted)
{
    if (c->rel != *last) {
        *last = c->rel;
        *last_wanted = from_wanted_table(d, c);
    }
    return *last_wanted;
}

/* What is no change at all is parked with the reason that came with it. */
static struct sink_reject unreadable(const struct change *c, struct arena *a)
{
    uint32_t column = relation_column(c->rel, STR("reason"));
    struct str reason = STR("it cannot be read as a change");

    if (c->after != NULL && column < c->rel->column_count && c->after[column].kind == VALUE_TEXT)
        reason = c->after[column].text;
    return (struct sink_reject){ .code = E_DEBEZIUM_RECORD, .reason = arena_str(a, reason).p };
}

static void add_held(const struct batch *held, struct sink_result *res)
{
    for (size_t i = 0; i < held->count; i++) {
        struct sink_reject reject = { .waiting = true,
                                      .code = E_PARK_WAITING,
                                      .reason = "waits behind a parked change of the same row" };

        if ((held->changes[i].flags & CHANGE_UNREADABLE) != 0)
            reject = unreadable(&held->changes[i], held->arena);
        reject.index = i;
        sink_reject_add(res, held, &reject);
    }
}

void deliver_select(struct deliver *d, const struct batch *all, struct batch *ret_wanted,
                    struct sink_result *ret_held, struct batch *ret_held_batch)
{
    struct change *kept = arena_alloc(all->arena, (all->count + 1) * sizeof *kept);
    struct change *held = NULL;
    const struct relation *last = NULL;
    bool last_wanted = false;
    struct buf scratch;
    size_t n = 0;
    size_t held_n = 0;

    buf_init(&scratch, LIMIT_PG_MESSAGE);
    for (size_t i = 0; i < all->count; i++) {
        const struct change *c = &all->changes[i];

        bool readable = (c->flags & CHANGE_UNREADABLE) == 0;

        if (readable && !wanted(d, c, &last, &last_wanted))
            continue;
        if (readable && !is_held(d, c, &scratch)) {
            kept[n++] = *c;
        } else if (readable && d->ops->replay != NULL) {
            kept[n] = *c;
            kept[n++].flags |= CHANGE_HELD;
        } else {
            if (held == NULL)
                held = arena_alloc(all->arena, all->count * sizeof *held);
            held[held_n++] = *c;
        }
    }
    buf_done(&scratch);
    *ret_wanted = *all;
    ret_wanted->changes = kept;
    ret_wanted->count = n;
    *ret_held_batch = *all;
    ret_held_batch->changes = held;
    ret_held_batch->count = held_n;
    add_held(ret_held_batch, ret_held);
}

static bool add_all(struct deliver *d, const struct batch *b, const struct sink_result *res,
                    struct error *err)
{
    int64_t now = clock_real_us(d->opts.clock);

    for (size_t i = 0; i < res->reject_count; i++) {
        const struct sink_reject *reject = &res->rejects[i];
        const struct change *c = &b->changes[reject->index];

        if (!park_add(d->state, d->opts.sink->name, c, reject, now, err))
            return false;
        hold(d, c);
    }
    return true;
}

static void tell_parked(struct deliver *d, const struct batch *b, const struct sink_result *res)
{
    const struct sink_reject *first = &res->rejects[0];
    struct buf key;

    for (size_t i = 0; i < res->reject_count && first->waiting; i++)
        first = &res->rejects[i];
    if (first->waiting)
        return;
    buf_init(&key, 4 * KIB);
    key_text(&b->changes[first->index], &key);
    logger_warn(
        d->who,
        "%zu record(s) parked, %lld in all; the first: %s: %s   multisink dlq list --sink %s",
        res->reject_count, (long long)d->parked, buf_cstr(&key),
        first->reason != NULL ? first->reason : "", d->opts.sink->name);
    buf_done(&key);
}

bool deliver_park(struct deliver *d, const struct batch *b, const struct sink_result *res,
                  struct error *err)
{
    const struct sink_reject *last;
    bool ok;

    if (res->reject_count == 0)
        return true;
    last = &res->rejects[res->reject_count - 1];
    if (!state_durable(d->state, true, err) || !state_run(d->state, "BEGIN IMMEDIATE", err))
        return false;
    ok = add_all(d, b, res, err) && state_run(d->state, "COMMIT", err);
    if (!ok) {
        struct error ignored;

        (void)!state_run(d->state, "ROLLBACK", &ignored);
        return false;
    }
    if (!deliver_settle(d, err) || !count_parked(d, err))
        return false;
    tell_parked(d, b, res);
    if (d->parked > d->opts.sink->park_max) {
        return error_set(
            err, ERR_STOP, E_PARK_FULL,
            "cannot park more than park_max (%lld) records: %lld are; the last reason: %s",
            (long long)d->opts.sink->park_max, (long long)d->parked,
            last->reason != NULL ? last->reason : "");
    }
    return true;
}

/* Readers number the relations of a lane, each for itself; the one of a parked change may come from another reader. So
 * it gets a number of its own, by what it says. */
static const struct relation *renumbered(struct deliver *d, const struct relation *rel)
{
    struct relation *copy = arena_alloc(&d->arena, sizeof *copy);
    struct buf b;

    *copy = *rel;
    copy->version = 0;
    buf_init(&b, LIMIT_LOG_RECORD);
    relation_encode(copy, &b);
    copy->version = UINT32_C(0x80000000) | (uint32_t)str_hash(buf_view(&b));
    buf_done(&b);
    return copy;
}

/* Sends a whole parked change again. *ret_refused: the target said no once more, *ret_reject says why. */
static bool send_change(struct deliver *d, const struct park_record *r, bool *ret_refused,
                        struct sink_reject *ret_reject, struct error *err)
{
    struct sink_result res = { 0 };
    struct change c;
    struct batch b = { .arena = &d->arena,
                       .changes = &c,
                       .count = 1,
                       .before = d->position,
                       .after = d->position,
                       .replay = true };

    if (!park_change(r, &d->arena, &c))
        return error_set(err, ERR_CORRUPT, E_STATE_BAD, "cannot read parked record %lld",
                         (long long)r->id);
    if ((c.flags & CHANGE_UNREADABLE) != 0) {
        *ret_refused = true;
        *ret_reject = unreadable(&c, &d->arena);
        return true;
    }
    if (d->opts.lane != NULL)
        c.rel = renumbered(d, c.rel);
    if (!deliver_tell_relations(d, &b, err) || !d->ops->write(d->sink, &b, &res, err))
        return false;
    *ret_refused = res.reject_count > 0;
    if (res.reject_count > 0)
        *ret_reject = res.rejects[0];
    return true;
}

static bool send_payload(struct deliver *d, const struct park_record *r, bool *ret_refused,
                         char code[8], struct sink_reject *ret_reject, struct error *err)
{
    struct error refused;

    if (d->ops->replay(d->sink, r->ref.p, r->payload, &refused)) {
        *ret_refused = false;
        return true;
    }
    if (refused.kind != ERR_REJECT) {
        *err = refused;
        return false;
    }
    *ret_refused = true;
    memcpy(code, refused.code, 8);
    ret_reject->reason = arena_str(&d->arena, str_from(refused.msg)).p;
    return true;
}

static bool send_again(struct deliver *d, const struct park_record *r, bool *ret_gone,
                       struct error *err)
{
    struct sink_reject reject = { .reason = "" };
    char code[8] = "";
    bool refused = false;
    bool sent = r->payload.n > 0 && d->ops->replay != NULL
                    ? send_payload(d, r, &refused, code, &reject, err)
                    : send_change(d, r, &refused, &reject, err);

    if (!sent)
        return false;
    *ret_gone = !refused;
    if (!refused)
        return park_delete(d->state, r->id, err);
    if (code[0] == '\0')
        error_code_text(reject.code, code);
    return park_refused(d->state, r->id, code, reject.reason, err);
}

static bool drop(struct deliver *d, const struct park_record *r, struct error *err)
{
    if (d->ops->forget != NULL && !d->ops->forget(d->sink, r->ref.p, err))
        return false;
    return park_delete(d->state, r->id, err);
}

/* Sends or drops; *ret_gone: it is parked no more. */
static bool carry_out(struct deliver *d, const struct park_record *r, bool *ret_gone,
                      struct error *err)
{
    *ret_gone = true;
    if ((r->action == PARK_DROP ? !drop(d, r, err) : !send_again(d, r, ret_gone, err)) ||
        !deliver_settle(d, err))
        return false;
    logger_info(d->who, "parked record %lld (%.*s): %s", (long long)r->id,
                r->key_text.n > 60 ? 60 : (int)r->key_text.n, r->key_text.p,
                r->action == PARK_DROP ? "dropped"
                : *ret_gone            ? "delivered"
                                       : "refused again");
    return true;
}

/* The records of one key, oldest first, until one is neither asked for nor waiting. */
static bool release_key(struct deliver *d, struct str key, struct error *err)
{
    struct arena_mark mark = arena_mark(&d->arena);

    for (;;) {
        const struct park_record *r;
        bool gone;

        arena_rewind(&d->arena, mark);
        if (!park_first(d->state, d->opts.sink->name, key, &d->arena, &r, err))
            return false;
        if (r == NULL) {
            (void)map_remove(&d->held, key);
            return true;
        }
        if (r->action == PARK_NONE && !r->waiting)
            return true;
        if (!carry_out(d, r, &gone, err))
            return false;
        if (!gone)
            return true;
    }
}

/* Order does not matter: each record goes for itself. */
static bool release_asked(struct deliver *d, struct error *err)
{
    for (;;) {
        const struct park_record *r;
        bool gone;

        arena_reset(&d->arena);
        if (!park_asked(d->state, d->opts.sink->name, &d->arena, &r, err))
            return false;
        if (r == NULL)
            return count_parked(d, err);
        if (!carry_out(d, r, &gone, err))
            return false;
    }
}

bool deliver_replay(struct deliver *d, struct error *err)
{
    int64_t now = clock_mono_us(d->opts.clock);

    if (d->parked == 0 || now - d->park_looked_us < LOOK_EVERY_US)
        return true;
    d->park_looked_us = now;
    if (d->opts.lane != NULL && !d->opts.lane->requests(d->opts.lane->ctx, err))
        return false;
    if (!d->ops->ordered)
        return release_asked(d, err);
    for (;;) {
        struct str key;

        arena_reset(&d->arena);
        if (!park_due_key(d->state, d->opts.sink->name, &d->arena, &key, err))
            return false;
        if (key.n == 0)
            return count_parked(d, err);
        if (!release_key(d, key, err))
            return false;
    }
}
