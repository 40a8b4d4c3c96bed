/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_VIEW_H
#define LOG_VIEW_H

/*
 * A window over a segment file, for reading it in pieces: bytes are asked for by offset and length,
 * and read ahead so that small neighbours cost one pread. Owned by one thread; does not own the fd.
 */

#include "base/buf.h"
#include "base/file.h"

struct view {
    const struct file_ops *ops;
    int fd;
    size_t ahead;  /* bytes to read at once */
    uint64_t from; /* offset of the window in the file */
    struct buf window;
};

void view_init(struct view *v, const struct file_ops *ops, size_t ahead);
void view_done(struct view *v);
/* Forgets what was read; from now on reads `fd`. */
void view_reset(struct view *v, int fd);
/* n bytes at offset `at`, borrowed until the next call; nothing at or behind `end` is looked at.
 * *ret_p is NULL when the file or `end` comes before them. false: errno says why. */
bool view_get(struct view *v, uint64_t at, size_t n, uint64_t end, const unsigned char **ret_p);

#endif
