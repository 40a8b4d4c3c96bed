/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader owns a file descriptor, so that removing the file does not break it in the middle, and a
 * window of what it reads ahead, which never reaches above what was durable when it was filled: bytes
 * above that may still change.
 *
 * Waiting: the reader says under the lock that it waits, log_sync sets its eventfd under the same lock.
 */
#include "log/log_private.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "log/view.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#define READ_AHEAD (256 * KIB)

struct log_reader {
    struct log *log;
    /* Reader's thread only. */
    struct view view;
    int fd;
    uint64_t base;    /* of the segment that is open */
    uint64_t next;    /* position of the next batch */
    uint64_t limit;   /* durable end of this segment, as last seen */
    uint64_t current; /* position of the batch that `records` is in */
    struct rd records;
    uint32_t records_left;
    uint32_t link; /* of the last batch read */
    bool link_known;
    struct wake wake;
    /* Under the log's lock. */
    bool waiting;
    struct log_reader *following; /* in the log's list */
};

void log_wake_readers(struct log *l)
{
    for (struct log_reader *r = l->readers; r != NULL; r = r->following) {
        if (r->waiting)
            wake_set(&r->wake);
    }
}

/* Finds the segment that holds `at` and how far it is durable. false: it is gone. */
static bool find_segment(struct log *l, uint64_t at, uint64_t *ret_base, uint64_t *ret_limit)
{
    size_t i;

    (void)pthread_mutex_lock(&l->lock);
    i = l->segment_count;
    while (i > 0 && l->segments[i - 1].base.v > at)
        i--;
    if (i > 0) {
        *ret_base = l->segments[i - 1].base.v;
        *ret_limit = l->tail;
        if (i < l->segment_count && l->segments[i].base.v < l->tail)
            *ret_limit = l->segments[i].base.v;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return i > 0;
}

static bool gone(const struct log_reader *r, struct error *err)
{
    return error_set(err, ERR_STOP, E_LOG_GONE,
                     "cannot read the log in %s at %llu: retention has removed it", r->log->dir,
                     (unsigned long long)r->next);
}

static bool open_segment(struct log_reader *r, uint64_t base, struct error *err)
{
    const struct file_ops *ops = r->log->ops;
    char path[LOG_PATH];
    int fd;

    log_segment_path(r->log, (struct pos){ base }, path, sizeof path);
    fd = ops->open(ops->ctx, path, O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT)
        return gone(r, err);
    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", path);
    if (r->fd >= 0)
        (void)ops->close(ops->ctx, r->fd);
    r->fd = fd;
    r->base = base;
    view_reset(&r->view, fd);
    if (r->next == base)
        r->next += SEGMENT_HEADER;
    return true;
}

/* Looks anew how far there is something to read, and goes on to the next segment where one ends. */
static bool look(struct log_reader *r, struct error *err)
{
    uint64_t base;
    uint64_t limit;

    if (!find_segment(r->log, r->next, &base, &limit))
        return gone(r, err);
    if ((r->fd < 0 || base != r->base) && r->next < limit && !open_segment(r, base, err))
        return false;
    r->limit = limit;
    return true;
}

static bool damaged(const struct log_reader *r, const char *why, struct error *err)
{
    char path[LOG_PATH];

    log_segment_path(r->log, (struct pos){ r->base }, path, sizeof path);
    return error_set(err, ERR_CORRUPT, E_LOG_CORRUPT, "cannot use %s: at offset %llu %s", path,
                     (unsigned long long)(r->next - r->base), why);
}

static bool read_failed(const struct log_reader *r, struct error *err)
{
    char path[LOG_PATH];
    int sys = errno;

    log_segment_path(r->log, (struct pos){ r->base }, path, sizeof path);
    return error_sys(err, ERR_STOP, E_SYS_FILE, sys, "cannot read %s", path);
}

static bool read_batch(struct log_reader *r, struct error *err)
{
    uint64_t at = r->next - r->base;
    uint64_t end = r->limit - r->base;
    const unsigned char *p;
    struct segment_batch b;

    if (!view_get(&r->view, at, SEGMENT_BATCH_HEADER, end, &p))
        return read_failed(r, err);
    if (p == NULL)
        return damaged(r, "the file is too short", err);
    if (!segment_batch_decode(p, &b) || b.pos != r->next)
        return damaged(r, "a batch header is damaged", err);
    if (r->link_known && b.link != r->link)
        return damaged(r, "a batch does not follow the one before it", err);
    if (!view_get(&r->view, at, SEGMENT_BATCH_HEADER + (size_t)b.payload_n, end, &p))
        return read_failed(r, err);
    if (p == NULL)
        return damaged(r, "the file is too short", err);
    if (crc32c(0, p + SEGMENT_BATCH_HEADER, b.payload_n) != b.payload_crc)
        return damaged(r, "the records of a batch are damaged", err);
    r->records = rd_make(str_make(p + SEGMENT_BATCH_HEADER, b.payload_n));
    r->records_left = b.record_count;
    r->current = r->next;
    r->next += SEGMENT_BATCH_HEADER + b.payload_n;
    r->link = b.crc;
    r->link_known = true;
    return true;
}

bool log_read(struct log_reader *r, struct log_record *ret_record, bool *ret_found,
              struct error *err)
{
    struct str bytes;

    while (r->records_left == 0) {
        if (r->next >= r->limit) {
            if (!look(r, err))
                return false;
            if (r->next >= r->limit) {
                *ret_found = false;
                return true;
            }
        }
        if (!read_batch(r, err))
            return false;
    }
    if (!segment_record_get(&r->records, &bytes)) {
        r->next = r->current;
        return damaged(r, "the records of a batch do not decode", err);
    }
    r->records_left--;
    *ret_record = (struct log_record){ bytes, { r->current } };
    *ret_found = true;
    return true;
}

static void leave_list(struct log_reader *r)
{
    struct log_reader **at;

    (void)pthread_mutex_lock(&r->log->lock);
    at = &r->log->readers;
    while (*at != NULL && *at != r)
        at = &(*at)->following;
    if (*at == r)
        *at = r->following;
    (void)pthread_mutex_unlock(&r->log->lock);
}

static bool position_reader(struct log_reader *r, struct error *err)
{
    struct log_stats stats;

    log_stats(r->log, &stats);
    if (r->next < stats.oldest.v)
        return gone(r, err);
    if (r->next > stats.tail.v)
        return error_set(err, ERR_STOP, E_LOG_BEYOND,
                         "cannot read the log in %s at %llu: it ends at %llu", r->log->dir,
                         (unsigned long long)r->next, (unsigned long long)stats.tail.v);
    return look(r, err);
}

bool log_reader_open(struct log *l, struct pos at, struct log_reader **ret_reader,
                     struct error *err)
{
    struct log_reader *r = mem_zalloc(1, sizeof *r);

    r->log = l;
    r->fd = -1;
    r->next = at.v;
    r->wake.fd = -1;
    view_init(&r->view, l->ops, READ_AHEAD);
    if (!wake_init(&r->wake, err) || !position_reader(r, err)) {
        log_reader_close(r);
        return false;
    }
    (void)pthread_mutex_lock(&l->lock);
    r->following = l->readers;
    l->readers = r;
    (void)pthread_mutex_unlock(&l->lock);
    *ret_reader = r;
    return true;
}

/* Is there more? If not, and `wait`, says so to the writer. */
static bool more(struct log_reader *r, bool wait)
{
    struct log *l = r->log;
    bool is_more;

    if (r->records_left > 0)
        return true;
    (void)pthread_mutex_lock(&l->lock);
    is_more = l->tail > r->next;
    r->waiting = wait && !is_more;
    if (r->waiting)
        wake_clear(&r->wake);
    (void)pthread_mutex_unlock(&l->lock);
    return is_more;
}

bool log_reader_wait(struct log_reader *r, int timeout_ms, int stop_fd)
{
    struct pollfd fds[2] = { { .fd = r->wake.fd, .events = POLLIN },
                             { .fd = stop_fd, .events = POLLIN } };

    if (more(r, true))
        return true;
    /* An interrupted wait looks like one that is over: the caller comes again. */
    (void)poll(fds, 2, timeout_ms);
    return more(r, false);
}

struct pos log_reader_pos(const struct log_reader *r)
{
    return (struct pos){ r->records_left > 0 ? r->current : r->next };
}

uint64_t log_reader_lag(struct log_reader *r)
{
    uint64_t lag;

    (void)pthread_mutex_lock(&r->log->lock);
    lag = r->log->tail > r->next ? r->log->tail - r->next : 0;
    (void)pthread_mutex_unlock(&r->log->lock);
    return lag;
}

void log_reader_close(struct log_reader *r)
{
    if (r == NULL)
        return;
    leave_list(r);
    if (r->fd >= 0)
        (void)r->log->ops->close(r->log->ops->ctx, r->fd);
    wake_done(&r->wake);
    view_done(&r->view);
    free(r);
}
