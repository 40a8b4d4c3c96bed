/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_ASSEMBLER_H
#define PIPELINE_ASSEMBLER_H

/*
 * Puts pgoutput's messages together to whole transactions and appends them to the stream. One source,
 * one thread.
 *
 * The rows of an open transaction go to a spool, since only its commit tells the position; with the
 * commit they go to the stream in one piece, or, when the stream has that transaction already, away.
 *
 * A transaction is dropped if and only if its commit_end is at or below the last durable one. Nothing
 * else is ever filtered by position.
 *
 * Where Debezium was before us (handover.h), what its topic holds already is dropped as well.
 *
 * A logical message that is no transaction's is a unit of its own with one change. Its position is the end
 * of its WAL record, in the place of a commit record's end: WAL records do not overlap, and the
 * server sends a message when it comes to it and a transaction when it comes to its commit record, so
 * both rise together in the order of sending, and a repeat after a restart is known by the same
 * rule. Its write stamp is the next one: it has no commit time.
 *
 * Write stamps: wts = max(last_wts + 1, min(commit_time, now + 60 s)), one step per change, given here
 * and nowhere else.
 */

#include "pipeline/handover.h"
#include "pipeline/incremental.h"
#include "pipeline/spool.h"
#include "pipeline/tables.h"
#include "postgres/pgoutput.h"
#include "postgres/relations.h"
#include "postgres/replication.h"
#include "stream/stream.h"

/* Another's last word on this history: what comes behind it is stamped above it. What comes before is stamped as it
 * was, so that either copy of it will do. */
struct assembler_seen {
    struct lsn commit_end;
    int64_t wts;
};

struct assembler {
    struct stream *stream;
    const struct clock *clock;
    struct postgres_relations *relations;
    struct tables *tables;
    struct incremental *incremental; /* NULL: none; set by the owner, as the next */
    bool messages;                   /* logical messages are taken */
    struct pgoutput_scratch *scratch;
    struct arena arena; /* texts of one re-read row */
    struct spool spool;
    struct map by_version;              /* relation versions used in the open transaction */
    const struct relation *message_rel; /* what logical messages are written in; NULL: none yet */
    struct lsn lsn;                     /* of the WAL record that is being taken */
    struct handover handover;           /* not given: nothing was before us */
    uint32_t epoch;
    struct lsn taken; /* commit_end of the last transaction appended or dropped */
    int64_t last_wts;
    struct assembler_seen seen; /* all zero: nobody's */
    bool open;                  /* between Begin and Commit */
    bool skipping;              /* the open transaction is in the stream already */
    struct pgoutput_begin begin;
    uint64_t rows; /* appended since the start */
    uint64_t transactions;
    int64_t last_commit_us;
};

/* Everything given is borrowed. `after`: what the stream holds already. */
void assembler_init(struct assembler *as, struct stream *stream, const char *spool_dir,
                    struct postgres_relations *relations, struct tables *tables,
                    const struct clock *clock);
void assembler_done(struct assembler *as);
/* A connection starts: an open transaction is forgotten, it comes again whole. */
void assembler_begin(struct assembler *as, uint32_t epoch, const struct stream_tail *tail);

/* One message of kind DATA. On ERR_RETRY with E_SYS_DISK_FULL nothing of it was taken: give it again later. `sql`
 * is asked for new shapes and for values that were not sent. */
bool assembler_take(struct assembler *as, struct postgres_conn *sql,
                    const struct postgres_stream_msg *from, struct error *err) MUST_CHECK;

/* The next write stamp for something committed at that time. */
int64_t assembler_stamp(struct assembler *as, int64_t commit_time_us);

#endif
