/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int posix_open(void *ctx, const char *path, int flags, mode_t mode)
{
    (void)ctx;
    return open(path, flags | O_CLOEXEC, mode);
}

static int posix_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

static ssize_t posix_pread(void *ctx, int fd, void *p, size_t n, off_t at)
{
    (void)ctx;
    return pread(fd, p, n, at);
}

static ssize_t posix_pwrite(void *ctx, int fd, const void *p, size_t n, off_t at)
{
    (void)ctx;
    return pwrite(fd, p, n, at);
}

static int posix_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int posix_fsync(void *ctx, int fd)
{
    (void)ctx;
    return fsync(fd);
}

static int posix_ftruncate(void *ctx, int fd, off_t size)
{
    (void)ctx;
    return ftruncate(fd, size);
}

static int posix_fallocate_keep(void *ctx, int fd, off_t at, off_t n)
{
    (void)ctx;
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, at, n);
}

static int posix_size(void *ctx, int fd, off_t *ret_size)
{
    struct stat st;

    (void)ctx;
    if (fstat(fd, &st) != 0)
        return -1;
    *ret_size = st.st_size;
    return 0;
}

static int posix_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path);
}

static int posix_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

static int posix_mkdir(void *ctx, const char *path, mode_t mode)
{
    (void)ctx;
    return mkdir(path, mode);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int posix_list(void *ctx, const char *path, bool (*each)(void *arg, const char *name),
                      void *arg)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int failed;

    (void)ctx;
    if (dir == NULL)
        return -1;
    errno = 0;
    /* readdir of one stream by one thread is safe in every libc in use. */
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (!is_dot(entry->d_name) && !each(arg, entry->d_name))
            break;
        errno = 0;
    }
    failed = errno;
    (void)closedir(dir);
    errno = failed;
    return failed == 0 ? 0 : -1;
}

const struct file_ops file_posix = {
    .open = posix_open,
    .close = posix_close,
    .pread = posix_pread,
    .pwrite = posix_pwrite,
    .fdatasync = posix_fdatasync,
    .fsync = posix_fsync,
    .ftruncate = posix_ftruncate,
    .fallocate = posix_fallocate_keep,
    .size = posix_size,
    .unlink = posix_unlink,
    .rename = posix_rename,
    .mkdir = posix_mkdir,
    .list = posix_list,
};

bool file_read_at(const struct file_ops *ops, int fd, void *p, size_t n, off_t at, size_t *ret_n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = ops->pread(ops->ctx, fd, (char *)p + done, n - done, at + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    *ret_n = done;
    return true;
}

bool file_write_at(const struct file_ops *ops, int fd, const void *p, size_t n, off_t at)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put = ops->pwrite(ops->ctx, fd, (const char *)p + done, n - done, at + (off_t)done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        if (put == 0) {
            errno = EIO;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

bool file_sync_dir(const struct file_ops *ops, const char *path)
{
    int fd = ops->open(ops->ctx, path, O_RDONLY | O_DIRECTORY, 0);
    bool ok;
    int sys;

    if (fd < 0)
        return false;
    ok = ops->fsync(ops->ctx, fd) == 0;
    sys = errno;
    (void)ops->close(ops->ctx, fd);
    errno = sys;
    return ok;
}

bool file_read_all(const char *path, size_t limit, struct str *ret_text, struct error *err)
{
    const struct file_ops *ops = &file_posix;
    int fd = ops->open(ops->ctx, path, O_RDONLY | O_NOCTTY, 0);
    char *p = NULL;
    size_t n = 0;

    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot open %s", path);
    /* One byte more than allowed tells a file that is too long; its stated size is not trusted. */
    for (;;) {
        size_t cap = n + 64 * (size_t)1024 < limit + 1 ? n + 64 * (size_t)1024 : limit + 1;
        ssize_t got;

        p = mem_resize(p, cap + 1, 1);
        got = read(fd, p + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot read %s", path);
            goto fail;
        }
        n += (size_t)got;
        if (got == 0)
            break;
        if (n > limit) {
            (void)error_set(err, ERR_STOP, E_SYS_LIMIT, "cannot read %s: larger than %zu bytes",
                            path, limit);
            goto fail;
        }
    }
    (void)ops->close(ops->ctx, fd);
    p[n] = '\0';
    *ret_text = str_make(p, n);
    return true;
fail:
    (void)ops->close(ops->ctx, fd);
    free(p);
    return false;
}

bool file_make_dirs(const char *path, struct error *err)
{
    char *copy = mem_strdup(path);

    for (char *p = copy + 1; *copy != '\0'; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot make directory %s", copy);
            free(copy);
            return false;
        }
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return true;
}

bool file_is_full(int sys)
{
    return sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}
