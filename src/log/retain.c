/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of segments, and giving up old ones. The writer adds at the end, retention removes at the
 * front; they never meet, because the segment with the tail stays. Between two removals the directory
 * is synced: after a crash the files must still follow one another.
 */
#include "log/log_private.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

void log_list_add(struct log *l, uint64_t base, int64_t created_us)
{
    (void)pthread_mutex_lock(&l->lock);
    l->segments = mem_resize(l->segments, l->segment_count + 1, sizeof *l->segments);
    l->segments[l->segment_count++] = (struct log_segment){ { base }, created_us };
    (void)pthread_mutex_unlock(&l->lock);
}

void log_list_drop_last(struct log *l)
{
    (void)pthread_mutex_lock(&l->lock);
    assert(l->segment_count > 0);
    l->segment_count--;
    (void)pthread_mutex_unlock(&l->lock);
}

static void drop_first(struct log *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->segment_count--;
    memmove(l->segments, l->segments + 1, l->segment_count * sizeof *l->segments);
    (void)pthread_mutex_unlock(&l->lock);
}

/* May the first segment go? */
static bool first_is_old(struct log *l, uint64_t needed, int64_t before_us, struct pos *ret_base)
{
    const struct log_segment *next;
    bool old = false;

    (void)pthread_mutex_lock(&l->lock);
    if (l->segment_count > 1) {
        /* It was written to until the next one was begun. */
        next = &l->segments[1];
        old = next->base.v <= needed && next->base.v < l->tail && next->created_us <= before_us;
        *ret_base = l->segments[0].base;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return old;
}

bool log_retain(struct log *l, struct pos oldest_needed, int64_t now_us, int64_t keep_ms,
                struct error *err)
{
    int64_t before_us = now_us - keep_ms * 1000;
    struct pos base;
    char path[LOG_PATH];
    bool ok = true;

    assert(!l->readonly);
    (void)pthread_mutex_lock(&l->retain_lock);
    while (ok && first_is_old(l, oldest_needed.v, before_us, &base)) {
        log_segment_path(l, base, path, sizeof path);
        if (l->ops->unlink(l->ops->ctx, path) != 0 && errno != ENOENT) {
            ok = error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot remove %s", path);
        } else {
            drop_first(l);
            if (!log_fsync(l, l->dir_fd))
                ok = error_sys(err, ERR_CORRUPT, E_SYS_FSYNC, errno, "cannot sync %s", l->dir);
        }
    }
    (void)pthread_mutex_unlock(&l->retain_lock);
    return ok;
}

void log_stats(struct log *l, struct log_stats *ret_stats)
{
    (void)pthread_mutex_lock(&l->lock);
    *ret_stats = (struct log_stats){
        .bytes = l->stored_end - l->segments[0].base.v,
        .segments = l->segment_count,
        .appended_bytes = l->appended,
        .last_sync_us = l->last_sync_us,
        .oldest = l->segments[0].base,
        .tail = { l->tail },
    };
    (void)pthread_mutex_unlock(&l->lock);
}

uint64_t log_size(struct log *l)
{
    struct log_stats stats;

    log_stats(l, &stats);
    return stats.bytes;
}

void log_segments(struct log *l, struct log_segment **ret_segments, size_t *ret_count)
{
    struct log_segment *copy;
    size_t n = 0;

    (void)pthread_mutex_lock(&l->lock);
    copy = mem_zalloc(l->segment_count, sizeof *copy);
    while (n < l->segment_count && l->segments[n].base.v < l->tail) {
        copy[n] = l->segments[n];
        n++;
    }
    (void)pthread_mutex_unlock(&l->lock);
    *ret_segments = copy;
    *ret_count = n;
}

void log_segment_path(const struct log *l, struct pos base, char *text, size_t size)
{
    char name[SEGMENT_NAME];

    segment_name(base.v, name);
    (void)snprintf(text, size, "%s/%s", l->dir, name);
}
