/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_WALK_H
#define LOG_WALK_H

/*
 * Walks a log's directory from its first segment to its last, checks what is there, and finds where
 * the whole units end. Only reads. What to do about the end is the caller's: recovery cuts it, looking
 * on leaves it. One thread.
 */

#include "base/error.h"
#include "base/file.h"

#include <stdint.h>

struct walk_segment {
    uint64_t base;
    uint64_t size; /* of the file, what is torn included */
    int64_t created_us;
};

struct walk {
    struct walk_segment *segments; /* owned; ascending */
    size_t count;
    uint64_t batches; /* whole ones */
    uint64_t records;

    uint64_t end;         /* of the unbroken run of whole batches */
    uint64_t commit_end;  /* end of the last batch of it that ends a unit */
    uint32_t commit_link; /* that batch's checksum */
    uint64_t synced;      /* the log was durable up to here at least, as its own headers say */
    bool torn;            /* there are bytes behind `end` that are no whole batch */
};

enum walk_result {
    WALK_OK,
    WALK_FAILED, /* `err` is set */
    WALK_MOVED   /* another process removed a segment meanwhile: walk again */
};

/* verify_bytes: how much of the end has its records checked, 0: all. Errors as log_open's. `w` is
 * filled, to walk_done(), in any case. */
enum walk_result walk_log(const char *dir, const struct file_ops *ops, uint64_t verify_bytes,
                          struct walk *w, struct error *err);
void walk_done(struct walk *w);

#endif
