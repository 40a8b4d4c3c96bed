/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

/*
 * A durable log of opaque records in segment files. It knows no change and no transaction, only
 * records and units: a unit is whatever was appended between two log_commit calls, and it is visible
 * whole or not at all, also after a crash. docs/log-format.md draws every byte.
 *
 * Writer (one thread):
 *     log_append()* -> log_commit()      one unit; it may be larger than memory and span segments
 *     log_append()* -> log_abort()       as if it had never been
 *     log_sync()                         all committed units are durable and visible to readers
 *
 * Readers (any number, each on a thread of its own):
 *     log_reader_open(at) -> log_read()* , log_reader_wait() -> log_reader_close()
 * A reader sees only what is durable. Waiting never polls: log_sync wakes those that wait.
 *
 * Invariants (tests/sim breaks the disk in every way it can to prove them):
 *   1. Readers and recovery see whole units only, in the order in which they were committed.
 *   2. What log_sync returned true for is there after any crash.
 *   3. A failed fsync is never tried again: from then on every call fails with E_SYS_FSYNC.
 *   4. Bytes that were durable once and are bad now are never skipped: ERR_CORRUPT with file and
 *      offset.
 *   5. A name that a crash may find was made durable before it is relied on, and later segments
 *      are removed before earlier ones are cut.
 *
 * The caller holds a lock on the directory: two writers must never share one.
 */

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <stdint.h>

/* A place in the log: bytes since its very beginning, segment headers included. */
struct pos {
    uint64_t v;
};

struct log;
struct log_reader;

/* Called when a segment was begun: what it gives to log_put_preamble comes first in that segment, so
 * that a reader may start there. inside_unit: the open unit has records in an earlier segment, and the
 * next record goes on with it; else the next record is the first of a unit (which may have been
 * appended already and still be in memory). Called within log_append and log_sync. */
typedef bool log_preamble(void *ctx, struct log *l, bool inside_unit, struct error *err);

struct log_opts {
    const char *dir;            /* made if missing (its parent is not) */
    const struct file_ops *ops; /* outlives the log */
    const struct clock *clock;  /* stamps new segments and times log_sync; outlives the log */
    uint64_t segment_bytes;     /* a new segment is begun at about this size; 0: 64 MiB */
    /* Opening checks every batch header of the log, and the records of this many bytes at its end; 0:
     * of all. What it leaves out is checked when it is read. */
    uint64_t verify_bytes;
    log_preamble *preamble; /* may be NULL */
    void *preamble_ctx;
};

/* What opening found, for one line in the program's own log. */
struct log_recovery {
    uint64_t segments;   /* files found */
    uint64_t torn_bytes; /* cut because they were not whole; none of them had been synced */
    uint64_t open_bytes; /* cut because their unit had no end */
    char torn_path[160]; /* where the torn bytes were saved, or "" */
};

struct log_stats {
    uint64_t bytes; /* of all segments */
    uint64_t segments;
    uint64_t appended_bytes; /* written since the log was opened */
    int64_t last_sync_us;    /* how long the last sync took */
    struct pos oldest;       /* first byte that is still there */
    struct pos tail;         /* end of what is durable */
};

struct log_segment {
    struct pos base;
    int64_t created_us; /* real time */
};

/* ---- life cycle ---------------------------------------------------------------------------------- */

/* Recovers, and cuts what was not whole. Errors: ERR_CORRUPT E_LOG_CORRUPT, E_LOG_SEGMENT_MISSING,
 * E_LOG_SEGMENT_SWAPPED; ERR_STOP E_LOG_VERSION, E_SYS_FILE; ERR_CORRUPT E_SYS_FSYNC. ret_recovery
 * may be NULL. */
bool log_open(const struct log_opts *opts, struct log **ret_log, struct log_recovery *ret_recovery,
              struct error *err) MUST_CHECK;
/* Opens to look: takes nothing, cuts nothing, writes nothing, also while another process writes. Shows
 * the units that are whole now; the writer's calls must not be used. Errors as log_open. */
bool log_open_readonly(const struct log_opts *opts, struct log **ret_log,
                       struct log_recovery *ret_recovery, struct error *err) MUST_CHECK;
/* Does not sync: what was not synced may be gone. All readers are closed before. */
void log_close(struct log *l);

/* ---- writer -------------------------------------------------------------------------------------- */

/* ERR_RETRY E_SYS_DISK_FULL: nothing was taken, the same call may come again later. ERR_STOP
 * E_SYS_LIMIT for a record above LIMIT_LOG_RECORD, ERR_STOP E_LOG_WRITE, ERR_CORRUPT E_SYS_FSYNC. */
bool log_append(struct log *l, struct str record, struct error *err) MUST_CHECK;
/* From the preamble callback only; errors as log_append. */
bool log_put_preamble(struct log *l, struct str record, struct error *err) MUST_CHECK;
/* All that was appended so far is whole. No I/O. Nothing appended: no unit is made. */
bool log_commit(struct log *l, struct error *err) MUST_CHECK;
/* Drops what was appended since the last commit. ERR_STOP E_LOG_WRITE, ERR_CORRUPT E_SYS_FSYNC. */
bool log_abort(struct log *l, struct error *err) MUST_CHECK;
/* Writes the rest, one fdatasync, then readers see it. Errors as log_append: after ERR_RETRY nothing
 * is lost and log_sync may come again. */
bool log_sync(struct log *l, struct error *err) MUST_CHECK;
/* The segment being written has this number; it rises with each new segment and after each
 * log_abort that removed one. Writer's thread. */
uint64_t log_segment_number(const struct log *l);

/* ---- any thread ---------------------------------------------------------------------------------- */

/* Removes whole segments that lie below oldest_needed and were closed before now_us - keep_ms. The
 * segment with the tail always stays. ERR_STOP E_SYS_FILE. */
bool log_retain(struct log *l, struct pos oldest_needed, int64_t now_us, int64_t keep_ms,
                struct error *err) MUST_CHECK;
void log_stats(struct log *l, struct log_stats *ret_stats);
/* Stored bytes. */
uint64_t log_size(struct log *l);
/* The segments that hold something durable, oldest first; *ret_segments is the caller's, to free(). */
void log_segments(struct log *l, struct log_segment **ret_segments, size_t *ret_count);
/* "DIR/0000000000000000.seg", to name a segment in a message. */
void log_segment_path(const struct log *l, struct pos base, char *text, size_t size);

/* ---- readers ------------------------------------------------------------------------------------- */

struct log_record {
    struct str bytes; /* valid until the next call with this reader */
    struct pos at;    /* the batch that holds it, to name it in a message */
};

/* `at` is a segment's base, or any position that log_reader_pos gave. ERR_STOP E_LOG_GONE: not there
 * any more; ERR_STOP E_LOG_BEYOND: above the tail. */
bool log_reader_open(struct log *l, struct pos at, struct log_reader **ret_reader,
                     struct error *err) MUST_CHECK;
/* The next record. *ret_found false: nothing more now. ERR_CORRUPT E_LOG_CORRUPT, ERR_STOP
 * E_LOG_GONE (retention overtook the reader), ERR_STOP E_SYS_FILE. */
bool log_read(struct log_reader *r, struct log_record *ret_record, bool *ret_found,
              struct error *err) MUST_CHECK;
/* Waits until there is more to read, stop_fd is readable, or the time is over; true: there is more. */
bool log_reader_wait(struct log_reader *r, int timeout_ms, int stop_fd);
/* The batch that the next record comes from. */
struct pos log_reader_pos(const struct log_reader *r);
/* Stored bytes between the reader and the end. */
uint64_t log_reader_lag(struct log_reader *r);
void log_reader_close(struct log_reader *r);

#endif
