/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each file has its live bytes, its durable bytes, and the writes and truncations since its last sync, in
 * order. A crash rebuilds the live bytes from the durable ones and some of those. Names are kept the
 * same way. A sync that fails forgets the pending writes as a kernel does: they stay readable and never
 * reach the disk.
 */
#include "sim/disk.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { SECTOR = 512, FILES = 4096, FDS = 256, PATH = 128 };

struct image {
    char *p;
    size_t n;
};

struct change {
    bool truncates;
    size_t at;
    struct image bytes; /* of a truncation: n is the new size */
};

struct inode {
    struct image live;
    struct image durable;
    struct change *pending;
    size_t pending_n;
};

struct name {
    char path[PATH];
    int inode; /* -1: not there */
};

struct fd {
    bool used;
    bool is_dir;
    int inode;
};

struct disk {
    struct file_ops ops;
    struct inode *inodes;
    int inode_n;
    struct name live[FILES];
    struct name durable[FILES];
    int name_n; /* the same slots in both */
    struct fd fds[FDS];
    uint64_t random;
    uint64_t calls;
    uint64_t crash_at;
    uint64_t fault_at;
    enum disk_fault fault;
    bool sync_failed;
};

uint64_t disk_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void image_write(struct image *f, size_t at, const void *p, size_t n)
{
    if (at + n > f->n) {
        f->p = mem_resize(f->p, at + n, 1);
        memset(f->p + f->n, 0, at + n - f->n);
        f->n = at + n;
    }
    if (n > 0)
        memcpy(f->p + at, p, n);
}

static void image_truncate(struct image *f, size_t n)
{
    if (n > f->n)
        image_write(f, n, "", 0);
    f->n = n;
}

static void image_copy(struct image *to, const struct image *from)
{
    to->n = 0;
    image_write(to, 0, from->p, from->n);
}

static void forget_pending(struct inode *f)
{
    for (size_t i = 0; i < f->pending_n; i++)
        free(f->pending[i].bytes.p);
    f->pending_n = 0;
}

static void remember(struct inode *f, bool truncates, size_t at, const void *p, size_t n)
{
    struct change c = { .truncates = truncates, .at = at };

    if (truncates)
        c.bytes.n = n;
    else
        image_write(&c.bytes, 0, p, n);
    f->pending = mem_resize(f->pending, f->pending_n + 1, sizeof *f->pending);
    f->pending[f->pending_n++] = c;
}

/* Counts the call. Returns the fault to act out, or -1 with errno after the crash. */
static int enter(struct disk *d)
{
    d->calls++;
    if (d->crash_at > 0 && d->calls >= d->crash_at) {
        errno = EIO;
        return -1;
    }
    return d->fault_at > 0 && d->calls == d->fault_at ? (int)d->fault : 0;
}

/* For calls that have no special fault: fails or goes on. */
static bool fails(struct disk *d)
{
    int fault = enter(d);

    if (fault == DISK_ENOSPC)
        errno = ENOSPC;
    if (fault == DISK_EIO)
        errno = EIO;
    if (fault == DISK_EINTR)
        errno = EINTR;
    return fault < 0 || fault == DISK_ENOSPC || fault == DISK_EIO || fault == DISK_EINTR;
}

static int slot_of(struct disk *d, const char *path, bool make)
{
    for (int i = 0; i < d->name_n; i++) {
        if (strcmp(d->live[i].path, path) == 0)
            return i;
    }
    if (!make)
        return -1;
    assert(d->name_n < FILES);
    (void)str_copy(str_from(path), d->live[d->name_n].path, PATH);
    d->live[d->name_n].inode = -1;
    d->durable[d->name_n] = d->live[d->name_n];
    return d->name_n++;
}

static int new_inode(struct disk *d)
{
    d->inodes = mem_resize(d->inodes, (size_t)d->inode_n + 1, sizeof *d->inodes);
    d->inodes[d->inode_n] = (struct inode){ 0 };
    return d->inode_n++;
}

static int take_fd(struct disk *d, bool is_dir, int inode)
{
    for (int i = 0; i < FDS; i++) {
        if (!d->fds[i].used) {
            d->fds[i] = (struct fd){ true, is_dir, inode };
            return i;
        }
    }
    errno = EMFILE;
    return -1;
}

static int disk_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct disk *d = ctx;
    int slot;

    (void)mode;
    if (fails(d))
        return -1;
    if ((flags & O_DIRECTORY) != 0)
        return take_fd(d, true, -1);
    slot = slot_of(d, path, (flags & O_CREAT) != 0);
    if (slot < 0 || (d->live[slot].inode < 0 && (flags & O_CREAT) == 0)) {
        errno = ENOENT;
        return -1;
    }
    if (d->live[slot].inode < 0)
        d->live[slot].inode = new_inode(d);
    if ((flags & O_TRUNC) != 0 && d->inodes[d->live[slot].inode].live.n > 0) {
        image_truncate(&d->inodes[d->live[slot].inode].live, 0);
        remember(&d->inodes[d->live[slot].inode], true, 0, NULL, 0);
    }
    return take_fd(d, false, d->live[slot].inode);
}

static int disk_close(void *ctx, int fd)
{
    struct disk *d = ctx;

    assert(fd >= 0 && fd < FDS && d->fds[fd].used);
    d->fds[fd].used = false;
    return fails(d) ? -1 : 0;
}

static struct inode *inode_of(struct disk *d, int fd)
{
    assert(fd >= 0 && fd < FDS && d->fds[fd].used && !d->fds[fd].is_dir);
    return &d->inodes[d->fds[fd].inode];
}

static ssize_t disk_pread(void *ctx, int fd, void *p, size_t n, off_t at)
{
    struct disk *d = ctx;
    struct image *f = &inode_of(d, fd)->live;
    int fault = enter(d);

    if (fault < 0)
        return -1;
    if (fault == DISK_EIO || fault == DISK_EINTR) {
        errno = fault == DISK_EIO ? EIO : EINTR;
        return -1;
    }
    if ((size_t)at >= f->n)
        return 0;
    if (n > f->n - (size_t)at)
        n = f->n - (size_t)at;
    if (fault == DISK_SHORT && n > 1)
        n /= 2;
    memcpy(p, f->p + at, n);
    return (ssize_t)n;
}

static ssize_t disk_pwrite(void *ctx, int fd, const void *p, size_t n, off_t at)
{
    struct disk *d = ctx;
    struct inode *f = inode_of(d, fd);
    int fault = enter(d);

    /* A crash or a full disk may leave a part of the write behind. */
    if (fault < 0 && d->calls > d->crash_at)
        return -1;
    if ((fault < 0 || fault == DISK_SHORT || fault == DISK_ENOSPC) && n > 1)
        n = 1 + (size_t)(disk_random(&d->random) % (n - 1));
    if (fault == DISK_EIO || fault == DISK_EINTR) {
        errno = fault == DISK_EIO ? EIO : EINTR;
        return -1;
    }
    image_write(&f->live, (size_t)at, p, n);
    remember(f, false, (size_t)at, p, n);
    if (fault < 0 || fault == DISK_ENOSPC) {
        errno = fault < 0 ? EIO : ENOSPC;
        return -1;
    }
    return (ssize_t)n;
}

static int disk_sync(void *ctx, int fd)
{
    struct disk *d = ctx;
    int fault = enter(d);

    assert(d->fds[fd].used);
    if (fault == DISK_EINTR) {
        errno = EINTR;
        return -1;
    }
    if (fault != 0) {
        d->sync_failed = true;
        if (fault > 0 && !d->fds[fd].is_dir)
            forget_pending(inode_of(d, fd));
        errno = EIO;
        return -1;
    }
    if (d->fds[fd].is_dir) {
        memcpy(d->durable, d->live, sizeof d->live);
        return 0;
    }
    image_copy(&inode_of(d, fd)->durable, &inode_of(d, fd)->live);
    forget_pending(inode_of(d, fd));
    return 0;
}

static int disk_ftruncate(void *ctx, int fd, off_t size)
{
    struct disk *d = ctx;

    if (fails(d))
        return -1;
    image_truncate(&inode_of(d, fd)->live, (size_t)size);
    remember(inode_of(d, fd), true, 0, NULL, (size_t)size);
    return 0;
}

static int disk_fallocate(void *ctx, int fd, off_t at, off_t n)
{
    (void)fd;
    (void)at;
    (void)n;
    return fails(ctx) ? -1 : 0;
}

static int disk_size(void *ctx, int fd, off_t *ret_size)
{
    if (fails(ctx))
        return -1;
    *ret_size = (off_t)inode_of(ctx, fd)->live.n;
    return 0;
}

static int disk_unlink(void *ctx, const char *path)
{
    struct disk *d = ctx;
    int slot = slot_of(d, path, false);

    if (fails(d))
        return -1;
    if (slot < 0 || d->live[slot].inode < 0) {
        errno = ENOENT;
        return -1;
    }
    d->live[slot].inode = -1;
    return 0;
}

static int disk_rename(void *ctx, const char *from, const char *to)
{
    struct disk *d = ctx;
    int a = slot_of(d, from, false);

    if (fails(d))
        return -1;
    if (a < 0 || d->live[a].inode < 0) {
        errno = ENOENT;
        return -1;
    }
    d->live[slot_of(d, to, true)].inode = d->live[a].inode;
    d->live[a].inode = -1;
    return 0;
}

static int disk_mkdir(void *ctx, const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return fails(ctx) ? -1 : 0;
}

static int disk_list(void *ctx, const char *path, bool (*each)(void *arg, const char *name),
                     void *arg)
{
    struct disk *d = ctx;
    size_t n = strlen(path);

    if (fails(d))
        return -1;
    for (int i = 0; i < d->name_n; i++) {
        const char *p = d->live[i].path;

        if (d->live[i].inode >= 0 && strncmp(p, path, n) == 0 && p[n] == '/' &&
            !each(arg, p + n + 1))
            break;
    }
    return 0;
}

struct disk *disk_new(uint64_t seed)
{
    struct disk *d = mem_zalloc(1, sizeof *d);

    d->random = seed;
    d->ops = (struct file_ops){
        .open = disk_open,
        .close = disk_close,
        .pread = disk_pread,
        .pwrite = disk_pwrite,
        .fdatasync = disk_sync,
        .fsync = disk_sync,
        .ftruncate = disk_ftruncate,
        .fallocate = disk_fallocate,
        .size = disk_size,
        .unlink = disk_unlink,
        .rename = disk_rename,
        .mkdir = disk_mkdir,
        .list = disk_list,
        .ctx = d,
    };
    return d;
}

void disk_free(struct disk *d)
{
    if (d == NULL)
        return;
    for (int i = 0; i < d->inode_n; i++) {
        forget_pending(&d->inodes[i]);
        free(d->inodes[i].pending);
        free(d->inodes[i].live.p);
        free(d->inodes[i].durable.p);
    }
    free(d->inodes);
    free(d);
}

struct disk *disk_clone(const struct disk *d)
{
    struct disk *copy = disk_new(d->random);

    for (int i = 0; i < d->name_n; i++) {
        if (d->live[i].inode >= 0)
            disk_set(copy, d->live[i].path, d->inodes[d->live[i].inode].live.p,
                     d->inodes[d->live[i].inode].live.n);
    }
    return copy;
}

const struct file_ops *disk_ops(struct disk *d)
{
    return &d->ops;
}

uint64_t disk_calls(const struct disk *d)
{
    return d->calls;
}

void disk_crash_at(struct disk *d, uint64_t n)
{
    d->crash_at = d->calls + n;
}

void disk_fault_at(struct disk *d, uint64_t n, enum disk_fault fault)
{
    d->fault_at = d->calls + n;
    d->fault = fault;
}

bool disk_crashed(const struct disk *d)
{
    return d->crash_at > 0 && d->calls >= d->crash_at;
}

bool disk_sync_failed(const struct disk *d)
{
    return d->sync_failed;
}

/* A write of which only some sectors reached the disk. Sectors are those of the file. */
static void write_some(struct disk *d, struct inode *f, const struct change *c)
{
    size_t at = 0;

    while (at < c->bytes.n) {
        size_t n = SECTOR - (c->at + at) % SECTOR;

        if (n > c->bytes.n - at)
            n = c->bytes.n - at;
        if (disk_random(&d->random) % 2 == 0)
            image_write(&f->durable, c->at + at, c->bytes.p + at, n);
        at += n;
    }
}

static void crash_inode(struct disk *d, struct inode *f, enum disk_crash how)
{
    size_t prefix = f->pending_n > 0 ? (size_t)(disk_random(&d->random) % (f->pending_n + 1)) : 0;

    for (size_t i = 0; i < f->pending_n; i++) {
        const struct change *c = &f->pending[i];
        bool whole = how == DISK_KEEP || (how == DISK_PREFIX && i < prefix);
        bool some = how == DISK_RANDOM || (how == DISK_PREFIX && i == prefix);

        if (c->truncates) {
            if (whole || (some && disk_random(&d->random) % 2 == 0))
                image_truncate(&f->durable, c->bytes.n);
        } else if (whole) {
            image_write(&f->durable, c->at, c->bytes.p, c->bytes.n);
        } else if (some) {
            write_some(d, f, c);
        }
    }
    /* The size may be on the disk without the bytes. */
    if (how == DISK_RANDOM && f->live.n > f->durable.n && disk_random(&d->random) % 2 == 0)
        image_truncate(&f->durable, f->live.n);
    image_copy(&f->live, &f->durable);
    forget_pending(f);
}

void disk_restart(struct disk *d, enum disk_crash how)
{
    for (int i = 0; i < d->inode_n; i++)
        crash_inode(d, &d->inodes[i], how);
    for (int i = 0; i < d->name_n; i++) {
        bool keep = how == DISK_KEEP || ((how == DISK_RANDOM || how == DISK_PREFIX) &&
                                         disk_random(&d->random) % 2 == 0);

        if (keep)
            d->durable[i].inode = d->live[i].inode;
        d->live[i].inode = d->durable[i].inode;
    }
    memset(d->fds, 0, sizeof d->fds);
    d->crash_at = 0;
    d->fault_at = 0;
    d->sync_failed = false;
}

char *disk_bytes(struct disk *d, const char *path, size_t *ret_n)
{
    int slot = slot_of(d, path, false);

    if (slot < 0 || d->live[slot].inode < 0)
        return NULL;
    *ret_n = d->inodes[d->live[slot].inode].live.n;
    return d->inodes[d->live[slot].inode].live.p;
}

void disk_set(struct disk *d, const char *path, const void *p, size_t n)
{
    int slot = slot_of(d, path, true);
    struct image bytes = { 0 };
    struct inode *f;

    image_write(&bytes, 0, p, n); /* first: p may point into the file itself */
    if (d->live[slot].inode < 0)
        d->live[slot].inode = new_inode(d);
    f = &d->inodes[d->live[slot].inode];
    free(f->live.p);
    f->live = bytes;
    image_copy(&f->durable, &f->live);
    forget_pending(f);
    d->durable[slot] = d->live[slot];
}

void disk_remove(struct disk *d, const char *path)
{
    int slot = slot_of(d, path, false);

    if (slot >= 0)
        d->live[slot].inode = d->durable[slot].inode = -1;
}

const char *disk_path(struct disk *d, size_t i)
{
    const char *best = NULL;
    const char *last = "";

    /* The i-th smallest; there are few files. */
    for (size_t round = 0; round <= i; round++) {
        best = NULL;
        for (int k = 0; k < d->name_n; k++) {
            const char *p = d->live[k].path;

            if (d->live[k].inode >= 0 && strcmp(p, last) > 0 &&
                (best == NULL || strcmp(p, best) < 0))
                best = p;
        }
        if (best == NULL)
            return NULL;
        last = best;
    }
    return best;
}

int disk_open_count(const struct disk *d)
{
    int n = 0;

    for (int i = 0; i < FDS; i++)
        n += d->fds[i].used ? 1 : 0;
    return n;
}
