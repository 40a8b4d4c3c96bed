/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SPOOL_H
#define PIPELINE_SPOOL_H

/*
 * The rows of one open transaction, kept until its commit tells where they stand: in memory up to a
 * ceiling, behind it in a file without a name (it vanishes with the process). Written once from start
 * to end, then read once from start to end. One thread.
 *
 * An entry is a relation version and an encoded change. Only spool_relieve writes to the file: called
 * before a message is taken, it bounds the memory by the ceiling and that one message, and when it
 * fails nothing of the message is in yet. Errors: ERR_RETRY E_SYS_DISK_FULL (call again later) or
 * ERR_STOP E_SPOOL_FILE.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct spool {
    char *dir;
    size_t memory_max;
    struct buf memory; /* the entries, or those not yet in the file */
    size_t entry_at;   /* writing: where the frame of the open entry starts in `memory` */
    int fd;            /* -1: nothing was spilled */
    off_t file_n;
    uint64_t entries;
    off_t read_at;     /* reading: next byte of the file */
    size_t memory_at;  /* reading: next byte of `memory` */
    struct buf window; /* reading: bytes of the file, window_at is the next */
    size_t window_at;
};

void spool_init(struct spool *s, const char *dir, size_t memory_max);
void spool_done(struct spool *s);
/* Empty again; gives the file back, keeps the memory. */
void spool_clear(struct spool *s);

/* Room to encode an entry into: `spool_begin` gives the buf, the caller appends the frame, spool_end
 * closes it. This saves a copy per row. */
struct buf *spool_begin(struct spool *s, uint32_t version);
bool spool_end(struct spool *s, struct error *err) MUST_CHECK;
/* Moves what is in memory to the file when it is above the ceiling. */
bool spool_relieve(struct spool *s, struct error *err) MUST_CHECK;

/* From the first entry on. */
void spool_rewind(struct spool *s);
/* The next entry; *ret_more false at the end. The frame is borrowed until the next call. */
bool spool_next(struct spool *s, bool *ret_more, uint32_t *ret_version, struct str *ret_frame,
                struct error *err) MUST_CHECK;

#endif
