/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

/*
 * The durable, ordered sequence of changes: the only queue between capture and delivery. Changes in at
 * one end, by one writer; changes out at the other, by any number of readers at their own positions.
 * Read alone, this page is enough to write another stream.
 *
 * Writer (the capture thread):
 *     stream_begin(tx) -> stream_frame(...)* -> stream_commit()      one transaction, or
 *     stream_begin(tx) -> ... -> stream_abort()                      as if it had never begun
 *     stream_mark(position)                                          no change, only a position
 *     stream_sync(&durable)                                          all committed so far is durable
 * What is not committed, or not synced, is not there for readers, also after a crash: a transaction is
 * visible whole or not at all. A transaction may be larger than memory.
 *
 * Reader (a deliver thread): stream_reader_open(from) -> stream_read()* -> stream_reader_close().
 * It gets every change behind `from`, in order, again and again the same.
 *
 * Errors of the writer: ERR_RETRY with E_SYS_DISK_FULL: nothing was taken, call again later; ERR_CORRUPT with
 * E_SYS_FSYNC: the process must end. Of a reader: ERR_CORRUPT when stored bytes are bad, ERR_STOP when
 * the position asked for is no longer, or not yet, in the stream.
 */

#include "base/clock.h"
#include "base/error.h"
#include "model/change.h"
#include "model/frame.h"

struct stream;
struct stream_reader;

/* Where the stream ends. All zero for an empty one. */
struct stream_tail {
    struct position position;  /* last durable position */
    int64_t last_wts;          /* last write stamp given */
    uint32_t relation_version; /* highest relation version used */
};

struct stream_stats {
    uint64_t bytes;          /* stored now */
    uint64_t appended_bytes; /* since the process started */
    uint64_t segments;
    struct position oldest; /* a reader may start at or behind this */
    int64_t last_sync_us;   /* how long the last sync took */
};

struct stream_want {
    size_t rows_max;
    size_t bytes_max; /* of stored rows; one row larger than this comes alone */
    int wait_ms;      /* how long to wait for the first one */
    int stop_fd;
};

struct stream_ops {
    const char *name;
    void (*tail)(struct stream *s, struct stream_tail *ret_tail);
    bool (*begin)(struct stream *s, const struct frame_tx *tx, struct error *err);
    /* One encoded change (frame_put_change) and the relation it was written in. Ordinals count up from
     * tx->first_ordinal. */
    bool (*frame)(struct stream *s, const struct relation *rel, struct str frame,
                  struct error *err);
    bool (*commit)(struct stream *s, struct error *err);
    void (*abort)(struct stream *s);
    bool (*mark)(struct stream *s, struct position pos, struct error *err);
    bool (*sync)(struct stream *s, struct position *ret_durable, struct error *err);
    /* Gives up what no reader needs: everything below `oldest_needed` and older than the configured
     * age, or, above the configured size, of any age. Any thread. */
    bool (*retain)(struct stream *s, struct position oldest_needed, struct error *err);
    /* Gives up the oldest, whoever needs it, until at most `bytes_max` are stored (or only what is
     * being written is left). A reader that needed it gets ERR_STOP. Any thread. */
    bool (*trim)(struct stream *s, uint64_t bytes_max, struct error *err);
    void (*stats)(struct stream *s, struct stream_stats *ret_stats); /* any thread */
    void (*close)(struct stream *s);

    bool (*reader_open)(struct stream *s, struct position from, struct stream_reader **ret_reader,
                        struct error *err);
    /* A batch of at least one change, or of none when the time is over, stop was asked or only marks
     * were passed. Its arrays and texts live in `a` (which the caller resets), its relations until
     * the reader is closed. batch->before and ->after are set in any case. */
    bool (*read)(struct stream_reader *r, const struct stream_want *want, struct arena *a,
                 struct batch *ret_batch, struct error *err);
    /* Every relation known to the reader at its position: calls `each` for the newest version of each
     * table. */
    void (*relations)(struct stream_reader *r, void (*each)(void *ctx, const struct relation *rel),
                      void *ctx);
    /* Stored bytes between the reader and the end of the stream; with the last batch, when that is
     * still pending. */
    uint64_t (*lag_bytes)(struct stream_reader *r, bool pending);
    void (*reader_close)(struct stream_reader *r);
};

struct stream {
    const struct stream_ops *ops;
};

struct stream_reader {
    struct stream *stream;
};

#endif
