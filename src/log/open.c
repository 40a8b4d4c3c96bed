/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: walk what is there (walk.c refuses what is bad), save and cut a torn tail, cut a unit that
 * has no end, make what stays durable. What another process wrote and never synced may be in the page
 * cache only; so the last file is synced before a reader is shown anything.
 */
#include "log/log_private.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define SEGMENT_DEFAULT (64 * MIB)
#define TORN_KEPT       (1 * MIB) /* of a torn tail, for whoever wants to look at it */

enum { WALK_AGAIN = 5 };

bool log_usable(const struct log *l, struct error *err)
{
    if (l->failed == E_SYS_FSYNC)
        return error_set(err, ERR_CORRUPT, E_SYS_FSYNC, "the log in %s could not be synced before",
                         l->dir);
    if (l->failed != E_NONE)
        return error_set(err, ERR_STOP, l->failed, "the log in %s could not be written before",
                         l->dir);
    return true;
}

bool log_write_failed(struct log *l, uint64_t base, int sys, struct error *err)
{
    char path[LOG_PATH];

    log_segment_path(l, (struct pos){ base }, path, sizeof path);
    if (file_is_full(sys))
        return error_sys(err, ERR_RETRY, E_SYS_DISK_FULL, sys, "cannot write %s", path);
    l->failed = E_LOG_WRITE;
    return error_sys(err, ERR_STOP, E_LOG_WRITE, sys, "cannot write %s", path);
}

bool log_sync_failed(struct log *l, int sys, struct error *err)
{
    l->failed = E_SYS_FSYNC;
    return error_sys(err, ERR_CORRUPT, E_SYS_FSYNC, sys, "cannot sync the log in %s", l->dir);
}

bool log_fdatasync(const struct log *l, int fd)
{
    int n;

    do {
        n = l->ops->fdatasync(l->ops->ctx, fd);
    } while (n != 0 && errno == EINTR);
    return n == 0;
}

bool log_fsync(const struct log *l, int fd)
{
    int n;

    do {
        n = l->ops->fsync(l->ops->ctx, fd);
    } while (n != 0 && errno == EINTR);
    return n == 0;
}

static struct log *make(const struct log_opts *opts, bool readonly)
{
    struct log *l = mem_zalloc(1, sizeof *l);
    uint64_t quarter;

    l->ops = opts->ops;
    l->clock = opts->clock;
    l->dir = mem_strdup(opts->dir);
    l->segment_bytes = opts->segment_bytes > 0 ? opts->segment_bytes : SEGMENT_DEFAULT;
    quarter = l->segment_bytes / 4;
    l->batch_bytes = quarter < LIMIT_LOG_BATCH ? (size_t)quarter : LIMIT_LOG_BATCH;
    l->preamble = opts->preamble;
    l->preamble_ctx = opts->preamble_ctx;
    l->readonly = readonly;
    l->dir_fd = -1;
    l->at.fd = -1;
    buf_init(&l->batch, SEGMENT_PAYLOAD_MAX + SEGMENT_BATCH_HEADER);
    log_batch_clear(l);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_mutex_init(&l->retain_lock, NULL);
    return l;
}

/* The directory, and its name in its parent, are durable when true. */
static bool make_dir(const struct log *l, struct error *err)
{
    const char *slash = strrchr(l->dir, '/');
    char *parent;
    bool ok;

    if (l->ops->mkdir(l->ops->ctx, l->dir, 0700) != 0) {
        if (errno == EEXIST)
            return true;
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot make directory %s", l->dir);
    }
    parent = slash == NULL     ? mem_strdup(".")
             : slash == l->dir ? mem_strdup("/")
                               : mem_strndup(str_make(l->dir, (size_t)(slash - l->dir)));
    ok = file_sync_dir(l->ops, parent);
    if (!ok)
        (void)error_sys(err, ERR_CORRUPT, E_SYS_FSYNC, errno, "cannot sync %s", parent);
    free(parent);
    return ok;
}

static bool open_dir(struct log *l, struct error *err)
{
    if (!make_dir(l, err))
        return false;
    l->dir_fd = l->ops->open(l->ops->ctx, l->dir, O_RDONLY | O_DIRECTORY, 0);
    if (l->dir_fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", l->dir);
    return true;
}

static void take_walk(struct log *l, const struct walk *w, struct log_recovery *rec)
{
    for (size_t i = 0; i < w->count; i++) {
        uint64_t file_end = w->segments[i].base + w->segments[i].size;

        log_list_add(l, w->segments[i].base, w->segments[i].created_us);
        if (file_end > w->end)
            rec->torn_bytes +=
                file_end - (w->segments[i].base > w->end ? w->segments[i].base : w->end);
    }
    rec->segments = w->count;
    rec->open_bytes = w->end - w->commit_end;
    l->commit_end = w->commit_end;
    l->commit_link = w->commit_link;
}

/* Copies the torn bytes beside the segment. Only for people to look at, so a failure changes nothing. */
static void save_torn(struct log *l, const struct walk *w, struct log_recovery *rec)
{
    const struct file_ops *ops = l->ops;
    size_t i = w->count - 1;
    size_t n = 0;
    char path[LOG_PATH];
    char *bytes;
    int fd;

    while (i > 0 && w->segments[i].base > w->end)
        i--;
    log_segment_path(l, l->segments[i].base, path, sizeof path);
    fd = ops->open(ops->ctx, path, O_RDONLY, 0);
    if (fd < 0)
        return;
    bytes = mem_zalloc(TORN_KEPT, 1);
    if (!file_read_at(ops, fd, bytes, TORN_KEPT, (off_t)(w->end - w->segments[i].base), &n))
        n = 0;
    (void)ops->close(ops->ctx, fd);
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), ".torn");
    fd = n > 0 ? ops->open(ops->ctx, path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd >= 0) {
        if (file_write_at(ops, fd, bytes, n, 0))
            (void)str_copy(str_from(path), rec->torn_path, sizeof rec->torn_path);
        (void)ops->close(ops->ctx, fd);
    }
    free(bytes);
}

/* From here on the files are changed. */
static bool recover(struct log *l, const struct walk *w, struct log_recovery *rec,
                    struct error *err)
{
    if (rec->torn_bytes > 0)
        save_torn(l, w, rec);
    if (!log_cut(l, err))
        return false;
    if (!log_fsync(l, l->at.fd) || !log_fsync(l, l->dir_fd))
        return log_sync_failed(l, errno, err);
    l->dirty = false;
    l->synced = l->tail = l->commit_end;
    return true;
}

/* The last step of opening: the log is the caller's, or gone. */
static bool hand_out(struct log *l, bool ok, const struct log_recovery *rec, struct log **ret_log,
                     struct log_recovery *ret_recovery)
{
    if (!ok) {
        log_close(l);
        return false;
    }
    if (ret_recovery != NULL)
        *ret_recovery = *rec;
    *ret_log = l;
    return true;
}

bool log_open(const struct log_opts *opts, struct log **ret_log, struct log_recovery *ret_recovery,
              struct error *err)
{
    struct log *l = make(opts, false);
    struct log_recovery rec = { 0 };
    struct walk w = { 0 };
    enum walk_result result;
    bool ok = open_dir(l, err);

    if (ok) {
        result = walk_log(l->dir, l->ops, opts->verify_bytes, &w, err);
        ok = result == WALK_OK;
        if (result == WALK_MOVED)
            (void)error_set(err, ERR_STOP, E_SYS_LOCKED,
                            "cannot open the log in %s: another process is using it", l->dir);
    }
    if (ok) {
        take_walk(l, &w, &rec);
        ok = recover(l, &w, &rec, err);
    }
    walk_done(&w);
    return hand_out(l, ok, &rec, ret_log, ret_recovery);
}

/* The walk of a log that another process writes to meanwhile. */
static bool walk_live(struct log *l, uint64_t verify_bytes, struct walk *w, struct error *err)
{
    enum walk_result result = walk_log(l->dir, l->ops, verify_bytes, w, err);

    for (int i = 0; i < WALK_AGAIN && result == WALK_MOVED; i++) {
        walk_done(w);
        result = walk_log(l->dir, l->ops, verify_bytes, w, err);
    }
    if (result == WALK_MOVED)
        return error_set(
            err, ERR_STOP, E_SYS_FILE,
            "cannot read the log in %s: its files are removed faster than they are read", l->dir);
    if (result == WALK_OK && w->count == 0)
        return error_set(err, ERR_STOP, E_LOG_NONE, "cannot read a log in %s: no segment is there",
                         l->dir);
    return result == WALK_OK;
}

bool log_open_readonly(const struct log_opts *opts, struct log **ret_log,
                       struct log_recovery *ret_recovery, struct error *err)
{
    struct log *l = make(opts, true);
    struct log_recovery rec = { 0 };
    struct walk w = { 0 };
    bool ok = walk_live(l, opts->verify_bytes, &w, err);

    if (ok) {
        take_walk(l, &w, &rec);
        l->synced = l->tail = l->stored_end = w.commit_end;
    }
    walk_done(&w);
    return hand_out(l, ok, &rec, ret_log, ret_recovery);
}

void log_close(struct log *l)
{
    if (l == NULL)
        return;
    if (l->at.fd >= 0) {
        /* Gives back what was preallocated; all below the end is whole batches. */
        if (l->failed == E_NONE)
            (void)l->ops->ftruncate(l->ops->ctx, l->at.fd, (off_t)(l->at.end - l->at.base));
        (void)l->ops->close(l->ops->ctx, l->at.fd);
    }
    if (l->dir_fd >= 0)
        (void)l->ops->close(l->ops->ctx, l->dir_fd);
    buf_done(&l->batch);
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_mutex_destroy(&l->retain_lock);
    free(l->segments);
    free(l->dir);
    free(l);
}
