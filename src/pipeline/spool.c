/* SPDX-License-Identifier: Apache-2.0 */
/* An entry, in memory and in the file: u32le version | u32le n | n bytes of frame. */
#include "pipeline/spool.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENTRY_HEADER = 8 };

#define WINDOW_BYTES (256 * KIB)

void spool_init(struct spool *s, const char *dir, size_t memory_max)
{
    *s = (struct spool){ .fd = -1, .memory_max = memory_max, .dir = mem_strdup(dir) };
    buf_init(&s->memory, memory_max + LIMIT_LOG_RECORD);
    buf_init(&s->window, LIMIT_LOG_RECORD + MIB);
}

void spool_done(struct spool *s)
{
    spool_clear(s);
    buf_done(&s->memory);
    buf_done(&s->window);
    free(s->dir);
    s->dir = NULL;
}

void spool_clear(struct spool *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
    s->file_n = 0;
    s->entries = 0;
    buf_shrink(&s->memory, s->memory_max);
    buf_shrink(&s->window, WINDOW_BYTES * 2);
    spool_rewind(s);
}

static bool spill(struct spool *s, struct error *err)
{
    if (s->fd < 0) {
        s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (s->fd < 0 && file_is_full(errno))
            return error_sys(err, ERR_RETRY, E_SYS_DISK_FULL, errno,
                             "cannot make a spool file in %s", s->dir);
        if (s->fd < 0)
            return error_sys(err, ERR_STOP, E_SPOOL_FILE, errno, "cannot make a spool file in %s",
                             s->dir);
    }
    if (!file_write_at(&file_posix, s->fd, s->memory.p, s->memory.n, s->file_n)) {
        if (file_is_full(errno))
            return error_sys(err, ERR_RETRY, E_SYS_DISK_FULL, errno,
                             "cannot set a large transaction aside in %s", s->dir);
        return error_sys(err, ERR_STOP, E_SPOOL_FILE, errno,
                         "cannot set a large transaction aside in %s", s->dir);
    }
    s->file_n += (off_t)s->memory.n;
    buf_shrink(&s->memory, s->memory_max + s->memory_max / 2);
    return true;
}

struct buf *spool_begin(struct spool *s, uint32_t version)
{
    buf_le32(&s->memory, version);
    buf_le32(&s->memory, 0);
    s->entry_at = s->memory.n;
    return &s->memory;
}

bool spool_end(struct spool *s, struct error *err)
{
    size_t start = s->entry_at;

    if (!buf_ok(&s->memory)) {
        s->memory.failed = false;
        s->memory.n = start - ENTRY_HEADER;
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot keep a row: it is larger than %zu bytes",
                         (size_t)LIMIT_LOG_RECORD);
    }
    buf_patch_le32(&s->memory, start - 4, (uint32_t)(s->memory.n - start));
    s->entries++;
    return true;
}

bool spool_relieve(struct spool *s, struct error *err)
{
    return s->memory.n < s->memory_max || spill(s, err);
}

void spool_rewind(struct spool *s)
{
    s->read_at = 0;
    s->memory_at = 0;
    s->window_at = 0;
    buf_clear(&s->window);
}

/* Makes at least n unread bytes of the file stand in the window. */
static bool fill(struct spool *s, size_t n, struct error *err)
{
    size_t have = s->window.n - s->window_at;
    size_t want;
    size_t got;
    char *to;

    if (have >= n)
        return true;
    buf_consume(&s->window, s->window_at);
    s->window_at = 0;
    want = n > WINDOW_BYTES ? n : WINDOW_BYTES;
    to = buf_reserve(&s->window, want - have);
    assert(to != NULL); /* an entry's size was checked when it was written */
    if (!file_read_at(&file_posix, s->fd, to, want - have, s->read_at, &got))
        return error_sys(err, ERR_STOP, E_SPOOL_FILE, errno, "cannot read the spool file in %s",
                         s->dir);
    buf_added(&s->window, got);
    s->read_at += (off_t)got;
    if (s->window.n < n)
        return error_set(err, ERR_STOP, E_SPOOL_FILE, "cannot read the spool file in %s: cut short",
                         s->dir);
    return true;
}

static bool next_in_file(struct spool *s, uint32_t *ret_version, struct str *ret_frame,
                         struct error *err)
{
    struct rd r;
    uint32_t n;

    if (!fill(s, ENTRY_HEADER, err))
        return false;
    r = rd_make(str_make(s->window.p + s->window_at, ENTRY_HEADER));
    *ret_version = rd_le32(&r);
    n = rd_le32(&r);
    if (!fill(s, ENTRY_HEADER + (size_t)n, err))
        return false;
    *ret_frame = str_make(s->window.p + s->window_at + ENTRY_HEADER, n);
    s->window_at += ENTRY_HEADER + (size_t)n;
    return true;
}

bool spool_next(struct spool *s, bool *ret_more, uint32_t *ret_version, struct str *ret_frame,
                struct error *err)
{
    struct rd r;

    *ret_more = true;
    if (s->read_at - (off_t)(s->window.n - s->window_at) < s->file_n)
        return next_in_file(s, ret_version, ret_frame, err);
    if (s->memory_at >= s->memory.n) {
        *ret_more = false;
        return true;
    }
    r = rd_make(str_make(s->memory.p + s->memory_at, s->memory.n - s->memory_at));
    *ret_version = rd_le32(&r);
    *ret_frame = rd_bytes(&r, rd_le32(&r));
    assert(rd_ok(&r)); /* our own bytes, in our own memory */
    s->memory_at += rd_offset(&r);
    return true;
}
