/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_INCREMENTAL_H
#define PIPELINE_INCREMENTAL_H

/*
 * Incremental snapshots: tables are copied in chunks while changes of them go on, as rows of the signal
 * table ask for it (signal.h), and the copy is as exact as the changes are.
 *
 * A chunk is read when all of some transactions R was taken from the replication stream and nothing of
 * another. Its snapshot must see all of R (a transaction is in the stream a moment before other
 * sessions see it: then it is read again later). Behind the read a logical message, the watermark, is
 * written; it comes through the stream behind every transaction that the snapshot saw. What comes
 * between is the window: a row of the chunk that a transaction of the window changed is dropped, since
 * its change carries it. At the watermark the others are what R made of them, and are appended as
 * CHANGE_SNAPSHOT with CHANGE_INCREMENTAL in the watermark's own transaction. Rows changed later come
 * later. So every row of the table is in the stream as it was at some place of it, and behind that
 * place every change.
 *
 * A chunk is whole in the stream or not there; how far the copy is, is kept in state.db so that both
 * agree after any crash (incremental_store.h). The next chunk is read when the one before is durable.
 *
 * Our watermark needs no table of its own and no right to write: only the user writes to the signal
 * table. Owned by the capture thread; the assembler tells it what passes.
 */

#include "base/map.h"
#include "config/config.h"
#include "pipeline/incremental_store.h"
#include "pipeline/tables.h"
#include "postgres/chunk.h"
#include "postgres/pgoutput.h"
#include "postgres/relations.h"

/* Prefix of the watermarks; messages with it are nobody's data. */
#define INCREMENTAL_PREFIX "multisink.window"

/* Transactions that were taken, by the low bits of their xid: one is forgotten when another one with
 * the same bits comes. */
enum { INCREMENTAL_SEEN = 1 << 16 };

enum incremental_window {
    INCREMENTAL_CLOSED,
    INCREMENTAL_FIRST, /* of a connection, without rows: see incremental_read.c */
    INCREMENTAL_OPEN
};

struct incremental {
    struct state *state; /* borrowed, as all the others */
    const struct config_source *source;
    struct str signal_schema, signal_table;
    struct arena names;
    uint32_t *seen;
    uint32_t newest; /* the youngest xid taken */
    bool any_seen;
    bool work;     /* something may wait in state.db */
    bool is_first; /* nothing was read on this connection */
    struct lsn
        appended; /* end of the last chunk that was appended: nothing is read before it is durable */
    uint32_t windows;             /* for their names */
    const struct relation *aside; /* the last shape numbered for a chunk */

    /* the window */
    enum incremental_window window;
    char mark[48]; /* content of its watermark */
    struct arena arena;
    struct incremental_table table;
    struct postgres_chunk_plan plan;
    const struct relation *rel; /* what its rows are written in */
    const struct value *const *rows;
    size_t count;
    bool *gone;        /* count of them: changed within the window */
    struct map by_key; /* -> index + 1 */
    bool spoiled;      /* a change did not tell its key: the chunk is read again */
    bool is_last;
    const struct relation *seen_rel; /* key_at is for it */
    uint32_t *key_at;

    /* the open transaction */
    bool closing; /* it is the watermark's */
    struct arena tx;
    struct incremental_signal *signals;
    size_t signal_count, signal_cap;
};

/* NULL without a signal table in the configuration. */
bool incremental_open(struct state *st, const struct config_source *source,
                      struct incremental **ret_incremental, struct error *err) MUST_CHECK;
void incremental_close(struct incremental *inc);
/* A connection starts, the stream ends at `tail`: a window that is open is forgotten. */
bool incremental_begin(struct incremental *inc, struct lsn tail, struct error *err) MUST_CHECK;

/* ---- what passes (incremental.c), told by the assembler ----------------------------------------- */

/* Is it the signal table? */
bool incremental_is_signal(const struct incremental *inc, const struct relation *rel);
void incremental_signal(struct incremental *inc, const struct pgoutput_row *row);
/* A change under the name it is captured by; rel's columns are those of the rows. */
void incremental_row(struct incremental *inc, const struct relation *rel,
                     const struct pgoutput_row *row, bool is_insert);
void incremental_truncate(struct incremental *inc, const struct relation *rel);
/* A logical message. True: it is a watermark, ours or another's, and no data. */
bool incremental_message(struct incremental *inc, const struct pgoutput_message *m);
/* The next row to append with our watermark, from *at on; false behind the last. */
bool incremental_next_row(const struct incremental *inc, size_t *at, const struct value **ret_row);
/* The transaction ends there and is about to be appended: what has to be known of it by then is made
 * durable. May come again for the same one. */
bool incremental_commit(struct incremental *inc, struct lsn commit_end,
                        struct error *err) MUST_CHECK;
/* It was appended, with its rows or without. */
void incremental_taken(struct incremental *inc, uint32_t xid, struct lsn commit_end,
                       bool with_rows);
/* What is known of the open transaction goes: it ended, or comes again. */
void incremental_forget(struct incremental *inc);

/* ---- what is read (incremental_read.c) ------------------------------------------------------------ */

/* Is there something to do, now that everything up to `durable` is? To be asked between two
 * transactions. */
static inline bool incremental_is_due(const struct incremental *inc, struct lsn durable)
{
    return inc != NULL && inc->work && inc->window == INCREMENTAL_CLOSED &&
           lsn_cmp(durable, inc->appended) >= 0;
}
/* Carries out signals, reads the next chunk and opens its window. What cannot be done is warned of and
 * dropped; an error means that the connection or state.db failed. */
bool incremental_step(struct incremental *inc, struct postgres_conn *sql,
                      struct postgres_relations *relations, struct tables *tables,
                      struct error *err) MUST_CHECK;
/* The chunk's rows were read: makes them found by their keys. False: a row has none. */
bool incremental_index(struct incremental *inc);
/* Does the snapshot see all that was taken? */
bool incremental_sees_all(const struct incremental *inc,
                          const struct postgres_chunk_snapshot *snapshot);
/* A place as it is kept: varint length and text for each; and back, false when it makes no sense. */
void incremental_put_place(struct buf *b, const struct str *texts, uint32_t count);
bool incremental_get_place(struct str place, struct str *texts, uint32_t count);

#endif
