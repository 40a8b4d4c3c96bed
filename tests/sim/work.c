/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are text and filler:  "U unit index count " + filler   a record of a unit
 *                               "P unit index "                  a preamble: what comes next
 * Aborted units write "X"; none of these may ever be read.
 */
#include "sim/work.h"

#include "base/buf.h"
#include "base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t mix(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t state = seed ^ (a * 1000003u) ^ (b << 40);

    return disk_random(&state);
}

static void make_record(struct buf *b, char type, uint64_t unit, uint32_t index, uint32_t count)
{
    uint64_t filler = mix(7, unit, index);
    size_t n = filler % 8 == 0 ? (size_t)(filler % 900) : (size_t)(filler % 90);

    buf_clear(b);
    buf_putf(b, "%c %" PRIu64 " %u %u ", type, unit, index, count);
    for (size_t i = 0; i < n; i++)
        buf_u8(b, (uint8_t)(filler >> (i % 8 * 8)));
}

static bool preamble(void *ctx, struct log *l, bool inside_unit, struct error *err)
{
    struct work *w = ctx;
    char text[64];
    int n =
        snprintf(text, sizeof text, "P %" PRIu64 " %u ", w->in_unit, inside_unit ? w->in_next : 0);

    return log_put_preamble(l, str_make(text, (size_t)n), err);
}

struct log_opts work_opts(struct work *w, const struct file_ops *ops)
{
    return (struct log_opts){
        .dir = WORK_DIR,
        .ops = ops,
        .clock = &clock_system,
        .segment_bytes = WORK_SEGMENT,
        .preamble = preamble,
        .preamble_ctx = w,
    };
}

/* Did the call work, now or when asked again after ERR_RETRY? */
static bool settle(struct work *w, bool ok, const struct error *err)
{
    if (!ok && err->kind != ERR_RETRY) {
        w->fatal = true;
        w->fatal_kind = err->kind;
    }
    return ok || w->fatal;
}

static void append(struct work *w, struct log *l, struct str record)
{
    struct error err = { 0 };

    while (!w->fatal && !settle(w, log_append(l, record, &err), &err))
        continue;
}

static void sync_log(struct work *w, struct log *l)
{
    struct error err = { 0 };

    while (!w->fatal && !settle(w, log_sync(l, &err), &err))
        continue;
    if (!w->fatal)
        w->synced = w->unit;
}

static void put_unit(struct work *w, struct log *l, char type, uint32_t count)
{
    struct buf b;

    buf_init(&b, 64 * KIB);
    w->in_unit = w->unit;
    for (uint32_t i = 0; i < count && !w->fatal; i++) {
        make_record(&b, type, w->unit, i, count);
        w->in_next = i;
        append(w, l, buf_view(&b));
        w->in_next = i + 1;
    }
    buf_done(&b);
}

static void abort_unit(struct work *w, struct log *l, uint64_t choice)
{
    struct error err = { 0 };

    put_unit(w, l, 'X', choice % 3 == 0 ? 120 : (uint32_t)(choice % 9));
    if (!w->fatal)
        (void)settle(w, log_abort(l, &err), &err);
    w->in_next = 0;
}

static void retain(struct work *w, struct log *l)
{
    struct error err = { 0 };
    struct log_stats stats;

    log_stats(l, &stats);
    if (stats.bytes > 4 * WORK_SEGMENT)
        (void)settle(
            w,
            log_retain(l, (struct pos){ stats.tail.v - 2 * WORK_SEGMENT }, INT64_MAX / 2, 0, &err),
            &err);
}

void work_run(struct work *w, struct log *l, uint64_t units)
{
    struct error err = { 0 };

    for (uint64_t i = 0; i < units && !w->fatal; i++) {
        uint64_t choice = mix(w->seed, w->unit, 3);

        if (choice % 7 == 0)
            abort_unit(w, l, choice >> 8);
        put_unit(w, l, 'U', choice % 23 == 0 ? 100 : 1 + (uint32_t)((choice >> 16) % 6));
        if (!w->fatal && settle(w, log_commit(l, &err), &err) && !w->fatal)
            w->unit++;
        w->in_unit = w->unit;
        w->in_next = 0;
        if (!w->fatal && (choice >> 32) % 3 == 0)
            sync_log(w, l);
        if (!w->fatal && w->retains && (choice >> 40) % 11 == 0)
            retain(w, l);
    }
    if (!w->fatal)
        sync_log(w, l);
}

/* ---- the checker --------------------------------------------------------------------------------- */

struct checker {
    bool started; /* the first whole unit was met */
    uint64_t first;
    uint64_t unit; /* the one that is read, or comes next */
    uint32_t index;
    uint32_t count; /* 0: between units */
    bool preamble_open;
    uint64_t preamble_unit;
    uint32_t preamble_index;
};

static bool numbers(struct str s, uint64_t *ret, size_t count)
{
    size_t at = 2;

    for (size_t i = 0; i < count; i++) {
        struct str rest = str_make(s.p + at, s.n > at ? s.n - at : 0);
        size_t space = str_find(rest, ' ');

        if (!str_to_u64(str_make(rest.p, space), &ret[i]))
            return false;
        at += space + 1;
    }
    return true;
}

static const char *check_unit_record(struct checker *c, struct str record, struct buf *b)
{
    uint64_t v[3];

    if (!numbers(record, v, 3))
        return "a record does not parse";
    make_record(b, 'U', v[0], (uint32_t)v[1], (uint32_t)v[2]);
    if (!str_eq(buf_view(b), record))
        return "a record was changed";
    if (c->preamble_open && (c->preamble_unit != v[0] || c->preamble_index != v[1]))
        return "a preamble does not tell what follows it";
    c->preamble_open = false;
    if (!c->started) {
        if (v[1] != 0)
            return NULL; /* retention cut the first unit */
        c->started = true;
        c->first = c->unit = v[0];
    }
    if (v[0] != c->unit || v[1] != c->index)
        return "a record is missing, repeated or out of order";
    c->count = (uint32_t)v[2];
    if (++c->index == c->count) {
        c->unit++;
        c->index = c->count = 0;
    }
    return NULL;
}

static const char *check_record(struct checker *c, struct str record, struct buf *b)
{
    uint64_t v[2];

    if (record.n < 2)
        return "a record is too short";
    if (record.p[0] == 'P') {
        if (!numbers(record, v, 2))
            return "a preamble does not parse";
        c->preamble_open = true;
        c->preamble_unit = v[0];
        c->preamble_index = (uint32_t)v[1];
        return NULL;
    }
    return record.p[0] == 'U' ? check_unit_record(c, record, b) : "an aborted record was read";
}

const char *work_check(struct log *l, uint64_t *ret_first, uint64_t *ret_units)
{
    struct checker c = { 0 };
    struct log_stats stats;
    struct log_reader *r;
    struct log_record record;
    struct error err = { 0 };
    const char *wrong = NULL;
    bool found = true;
    struct buf b;

    log_stats(l, &stats);
    if (!log_reader_open(l, stats.oldest, &r, &err))
        return "no reader";
    buf_init(&b, 64 * KIB);
    while (wrong == NULL && found) {
        if (!log_read(r, &record, &found, &err))
            wrong = "reading failed";
        else if (found)
            wrong = check_record(&c, record.bytes, &b);
    }
    if (wrong == NULL && c.count != 0)
        wrong = "the last unit is not whole";
    buf_done(&b);
    log_reader_close(r);
    *ret_first = c.first;
    *ret_units = c.started ? c.unit : 0;
    return wrong;
}
