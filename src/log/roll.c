/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beginning and dropping segment files, in an order that any crash may interrupt:
 *   begin: sync the old file - write the header - fsync the new file - fsync the directory - use it
 *   drop:  unlink the last file - fsync the directory - the one before it ... - cut the one that stays
 * So the files always follow one another without a gap, and all below the base of a segment is durable.
 */
#include "log/log_private.h"

#include <errno.h>
#include <fcntl.h>

/* Blocks are asked for when a segment is begun, so that a disk that is nearly full says so then. */
static bool preallocate(const struct log *l, int fd)
{
    while (l->ops->fallocate(l->ops->ctx, fd, 0, (off_t)l->segment_bytes) != 0) {
        if (errno == EINTR)
            continue;
        return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    }
    return true;
}

static bool write_header(const struct log *l, int fd, const struct segment_header *h)
{
    unsigned char bytes[SEGMENT_HEADER];

    segment_header_encode(h, bytes);
    return preallocate(l, fd) && file_write_at(l->ops, fd, bytes, sizeof bytes, 0);
}

/* The name must not come back after a crash: the old segment grows past it. */
static bool remove_segment(struct log *l, uint64_t base, struct error *err)
{
    char path[LOG_PATH];

    log_segment_path(l, (struct pos){ base }, path, sizeof path);
    if (l->ops->unlink(l->ops->ctx, path) != 0 && errno != ENOENT) {
        l->failed = E_LOG_WRITE;
        return error_sys(err, ERR_STOP, E_LOG_WRITE, errno, "cannot remove %s", path);
    }
    return log_fsync(l, l->dir_fd) || log_sync_failed(l, errno, err);
}

bool log_create_segment(struct log *l, uint64_t base, uint32_t link, struct log_cursor *ret_at,
                        struct error *err)
{
    struct segment_header h = { SEGMENT_VERSION, base, clock_real_us(l->clock), link };
    struct error why = { 0 };
    char path[LOG_PATH];
    int fd;

    log_segment_path(l, (struct pos){ base }, path, sizeof path);
    fd = l->ops->open(l->ops->ctx, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        (void)log_write_failed(l, base, errno, &why);
        goto fail;
    }
    if (!write_header(l, fd, &h)) {
        (void)log_write_failed(l, base, errno, &why);
        goto fail;
    }
    if (!log_fsync(l, fd) || !log_fsync(l, l->dir_fd)) {
        (void)log_sync_failed(l, errno, &why);
        goto fail;
    }
    *ret_at = (struct log_cursor){ fd, base, base + SEGMENT_HEADER, link, false };
    log_list_add(l, base, h.created_us);
    l->number++;
    return true;
fail:
    if (fd >= 0)
        (void)l->ops->close(l->ops->ctx, fd);
    *err = why;
    if (why.kind == ERR_RETRY)
        (void)remove_segment(l, base, err);
    return false;
}

/* Closes a segment that is complete, and gives back what was preallocated behind its end. */
static void leave_segment(const struct log *l, const struct log_cursor *at)
{
    uint64_t used = at->end - at->base;

    /* A failure leaves blocks allocated that nobody sees. */
    if (used < l->segment_bytes)
        (void)l->ops->ftruncate(l->ops->ctx, at->fd, (off_t)used);
    (void)l->ops->close(l->ops->ctx, at->fd);
}

static void set_stored_end(struct log *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->stored_end = l->at.end;
    (void)pthread_mutex_unlock(&l->lock);
}

/* The preamble cannot be written: as if the segment had never been begun. */
static void undo_roll(struct log *l, const struct log_cursor *old, struct error *err)
{
    struct error again = { 0 };
    struct log_cursor at = l->at;

    l->at = *old;
    (void)l->ops->close(l->ops->ctx, at.fd);
    if (!remove_segment(l, at.base, &again))
        *err = again;
    else
        log_list_drop_last(l);
    set_stored_end(l);
}

bool log_roll(struct log *l, bool inside_unit, struct error *err)
{
    struct log_cursor old = l->at;
    uint32_t rest_records = l->batch_records;
    struct buf rest;
    bool ok;

    if (!log_sync_file(l, err) || !log_create_segment(l, old.end, old.link, &l->at, err))
        return false;
    buf_init(&rest, SEGMENT_PAYLOAD_MAX);
    buf_put(&rest, l->batch.p + SEGMENT_BATCH_HEADER, log_payload(l));
    log_batch_clear(l);
    ok = l->preamble == NULL || l->preamble(l->preamble_ctx, l, inside_unit, err);
    if (ok) {
        leave_segment(l, &old);
        set_stored_end(l);
    } else {
        undo_roll(l, &old, err);
        log_batch_clear(l);
    }
    buf_str(&l->batch, buf_view(&rest));
    l->batch_records += rest_records;
    buf_done(&rest);
    return ok;
}

/* Opens the last segment of the list, to go on at commit_end. */
static bool reopen_last(struct log *l, struct error *err)
{
    uint64_t base = l->segments[l->segment_count - 1].base.v;
    char path[LOG_PATH];
    int fd;

    log_segment_path(l, (struct pos){ base }, path, sizeof path);
    fd = l->ops->open(l->ops->ctx, path, O_RDWR, 0);
    if (fd < 0) {
        l->failed = E_LOG_WRITE;
        return error_sys(err, ERR_STOP, E_LOG_WRITE, errno, "cannot open %s", path);
    }
    l->at = (struct log_cursor){ .fd = fd, .base = base };
    l->number++;
    return true;
}

static bool drop_last(struct log *l, struct error *err)
{
    uint64_t base = l->segments[l->segment_count - 1].base.v;

    if (l->at.fd >= 0 && l->at.base == base) {
        (void)l->ops->close(l->ops->ctx, l->at.fd);
        l->at.fd = -1;
    }
    if (!remove_segment(l, base, err))
        return false;
    log_list_drop_last(l);
    return true;
}

bool log_cut(struct log *l, struct error *err)
{
    while (l->segment_count > 0 && l->segments[l->segment_count - 1].base.v >= l->commit_end) {
        if (!drop_last(l, err))
            return false;
    }
    if (l->segment_count == 0) {
        if (!log_create_segment(l, l->commit_end, l->commit_link, &l->at, err))
            return false;
        l->commit_end = l->at.end;
    } else {
        if (l->at.fd < 0 && !reopen_last(l, err))
            return false;
        l->at.end = l->commit_end;
        l->at.link = l->commit_link;
        l->at.holds_batch = l->commit_end > l->at.base + SEGMENT_HEADER;
        if (l->ops->ftruncate(l->ops->ctx, l->at.fd, (off_t)(l->commit_end - l->at.base)) != 0)
            return log_write_failed(l, l->at.base, errno, err);
    }
    l->dirty = true;
    set_stored_end(l);
    return true;
}
