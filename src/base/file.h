/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

/*
 * Files, through an ops struct, so that tests and the simulator can run the real code on a disk that
 * lies. The ops follow POSIX: -1 and errno on failure; EINTR and short transfers are handled by the
 * helpers below, not by the ops. `file_posix` is the real world. Any thread; an fd is used by its
 * owner, but pread beside pwrite on the same file is allowed.
 */

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

struct file_ops {
    int (*open)(void *ctx, const char *path, int flags, mode_t mode); /* adds O_CLOEXEC */
    int (*close)(void *ctx, int fd);
    ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, off_t at);
    ssize_t (*pwrite)(void *ctx, int fd, const void *p, size_t n, off_t at);
    int (*fdatasync)(void *ctx, int fd);
    int (*fsync)(void *ctx, int fd);
    int (*ftruncate)(void *ctx, int fd, off_t size);
    int (*fallocate)(void *ctx, int fd, off_t at,
                     off_t n); /* keeps the file's size; EOPNOTSUPP is fine */
    int (*size)(void *ctx, int fd, off_t *ret_size);
    int (*unlink)(void *ctx, const char *path);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*mkdir)(void *ctx, const char *path, mode_t mode);
    /* Calls `each` for every entry but "." and ".."; stops when it returns false. */
    int (*list)(void *ctx, const char *path, bool (*each)(void *arg, const char *name), void *arg);
    void *ctx;
};

extern const struct file_ops file_posix;

/* Whole transfers: loop over EINTR and short counts. file_read_at gives fewer bytes only at the end
 * of the file. On failure false with errno set; the caller words the error. */
bool file_read_at(const struct file_ops *ops, int fd, void *p, size_t n, off_t at, size_t *ret_n);
bool file_write_at(const struct file_ops *ops, int fd, const void *p, size_t n, off_t at);
/* fsync of a directory, so that names made or removed in it are durable. */
bool file_sync_dir(const struct file_ops *ops, const char *path);

/* A whole small file, at most `limit` bytes, terminated (not counted). *ret_text is the caller's, to
 * free(). Errors: ERR_STOP, E_SYS_FILE or E_SYS_LIMIT. */
bool file_read_all(const char *path, size_t limit, struct str *ret_text,
                   struct error *err) MUST_CHECK;
/* mkdir -p with mode 0700. ERR_STOP, E_SYS_FILE. */
bool file_make_dirs(const char *path, struct error *err) MUST_CHECK;
/* Is errno one that means "no space" (ENOSPC, EDQUOT, EFBIG)? */
bool file_is_full(int sys);

#endif
