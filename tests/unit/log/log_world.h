/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_LOG_WORLD_H
#define TEST_LOG_WORLD_H

/* What the tests of the log share: a log on a disk in memory. Include behind cmocka.h. */

#include "log/log.h"
#include "sim/disk.h"

#include <stdio.h>
#include <stdlib.h>

#define WORLD_DIR "/sim/log"

struct world {
    struct disk *disk;
    struct log *log;
    struct log_recovery recovery;
    int64_t now_us; /* what the clock says */
    struct clock clock;
};

static int64_t world_now(const struct clock *c)
{
    return ((const struct world *)c->ctx)->now_us;
}

static inline struct log_opts world_opts(struct world *w)
{
    w->clock = (struct clock){ world_now, world_now, w };
    return (struct log_opts){
        .dir = WORLD_DIR, .ops = disk_ops(w->disk), .clock = &w->clock, .segment_bytes = 4096
    };
}

static inline void world_open(struct world *w)
{
    struct log_opts opts = world_opts(w);
    struct error err = { 0 };

    if (!log_open(&opts, &w->log, &w->recovery, &err))
        fail_msg("%s", err.msg);
}

static inline int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->disk = disk_new(1);
    world_open(w);
    *state = w;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;

    log_close(w->log);
    disk_free(w->disk);
    free(w);
    return 0;
}

/* As if the machine lost power; opens again. */
static inline void world_crash(struct world *w, enum disk_crash how)
{
    log_close(w->log);
    disk_restart(w->disk, how);
    world_open(w);
}

static inline void world_append(struct world *w, const char *text)
{
    struct error err = { 0 };

    if (!log_append(w->log, str_from(text), &err))
        fail_msg("%s", err.msg);
}

static inline void world_commit(struct world *w)
{
    struct error err = { 0 };

    assert_true(log_commit(w->log, &err));
}

static inline void world_sync(struct world *w)
{
    struct error err = { 0 };

    if (!log_sync(w->log, &err))
        fail_msg("%s", err.msg);
}

/* A unit of n records of 100 bytes. */
static inline void world_unit(struct world *w, int n)
{
    char text[101];

    for (int i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text, "%-100d", i);
        world_append(w, text);
    }
    world_commit(w);
}

/* Records that a new reader sees, each with a comma behind it; long ones by their first word. */
static inline const char *world_read(struct world *w, char *text, size_t size)
{
    struct log_stats stats;
    struct log_reader *r;
    struct log_record record;
    struct error err = { 0 };
    bool found = true;
    size_t n = 0;

    log_stats(w->log, &stats);
    assert_true(log_reader_open(w->log, stats.oldest, &r, &err));
    text[0] = '\0';
    while (found) {
        if (!log_read(r, &record, &found, &err))
            fail_msg("%s", err.msg);
        if (found)
            n += (size_t)snprintf(text + n, size - n, "%.*s,", (int)str_find(record.bytes, ' '),
                                  record.bytes.p);
    }
    log_reader_close(r);
    return text;
}

static inline size_t world_count(struct world *w)
{
    static char text[1 << 20];
    size_t n = 0;

    for (const char *p = world_read(w, text, sizeof text); *p != '\0'; p++)
        n += *p == ',' ? 1 : 0;
    return n;
}

#endif
