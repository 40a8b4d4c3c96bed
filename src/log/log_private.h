/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_LOG_PRIVATE_H
#define LOG_LOG_PRIVATE_H

/*
 * What the files of this room share: the log object and the calls between them. Nobody else includes
 * this.
 *
 *     open.c     opening, recovery's cut, closing     writer.c   batches, units, sync
 *     roll.c     beginning and dropping segments      reader.c   reading and waiting
 *     retain.c   the list of segments, retention      walk.c     what is there, whole, torn or bad
 */

#include "base/buf.h"
#include "base/wake.h"
#include "log/log.h"
#include "log/segment.h"
#include "log/walk.h"

#include <pthread.h>

enum { LOG_PATH = 4096 };

struct log_reader;

/* What the writer appends to. Copied and put back when a new segment cannot be begun. */
struct log_cursor {
    int fd;
    uint64_t base;    /* of the segment */
    uint64_t end;     /* position behind the last batch written */
    uint32_t link;    /* checksum of that batch's header */
    bool holds_batch; /* of something else than the preamble */
};

struct log {
    const struct file_ops *ops;
    const struct clock *clock;
    char *dir;
    uint64_t segment_bytes;
    size_t batch_bytes; /* a batch is closed at about this size */
    log_preamble *preamble;
    void *preamble_ctx;
    bool readonly;

    /* Writer's thread only. */
    int dir_fd;
    enum error_code failed; /* once set, every call of the writer fails with it */
    struct log_cursor at;
    struct buf batch; /* SEGMENT_BATCH_HEADER bytes of room, then the payload */
    uint32_t batch_records;
    bool whole;     /* a unit ends in or before the payload, not yet marked on disk */
    size_t whole_n; /* at this many bytes of the payload */
    uint32_t whole_records;
    uint64_t commit_end; /* end of the last batch written that ends a unit */
    uint32_t commit_link;
    uint64_t synced; /* durable up to here; what batches carry as synced_upto */
    bool dirty;      /* something was written since the last fdatasync */
    uint64_t number; /* log_segment_number */

    /* Any thread, under the lock. Nothing that blocks is done while holding it. */
    pthread_mutex_t lock;
    struct log_segment *segments; /* ascending */
    size_t segment_count;
    uint64_t tail;       /* what readers may see */
    uint64_t stored_end; /* end of what is stored, for the stats */
    uint64_t appended;
    int64_t last_sync_us;
    struct log_reader *readers; /* list of all that are open */
    /* One retention at a time; taken before `lock`. */
    pthread_mutex_t retain_lock;
};

/* open.c */
/* Fails with what failed before, if anything did. */
bool log_usable(const struct log *l, struct error *err);
/* Both return false. A full disk is ERR_RETRY; anything else ends the writer for good. */
bool log_write_failed(struct log *l, uint64_t base, int sys, struct error *err);
bool log_sync_failed(struct log *l, int sys, struct error *err);
/* With EINTR tried again; false: errno. */
bool log_fdatasync(const struct log *l, int fd);
bool log_fsync(const struct log *l, int fd);

/* writer.c */
size_t log_payload(const struct log *l);
/* Makes the batch in memory empty, with room for its header. */
void log_batch_clear(struct log *l);
/* Writes the first n bytes of the payload as one batch and takes them out of the memory. */
bool log_write_batch(struct log *l, size_t n, uint32_t records, uint32_t flags, struct error *err);
bool log_sync_file(struct log *l, struct error *err);

/* roll.c */
/* Makes the file of a segment that begins at `base`; its name is durable when true. On failure it is
 * gone again. */
bool log_create_segment(struct log *l, uint64_t base, uint32_t link, struct log_cursor *ret_at,
                        struct error *err);
/* Begins a new segment at the end of this one, with its preamble. The payload in memory, if any, is the
 * start of a unit; it will follow the preamble. ERR_RETRY: as if not called. */
bool log_roll(struct log *l, bool inside_unit, struct error *err);
/* Removes segments from the end until one begins below commit_end, and cuts that there. When none is
 * left, a first one is begun at commit_end. */
bool log_cut(struct log *l, struct error *err);

/* retain.c; they take the lock */
void log_list_add(struct log *l, uint64_t base, int64_t created_us);
void log_list_drop_last(struct log *l);

/* reader.c; called with the lock held */
void log_wake_readers(struct log *l);

#endif
