/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_REPLICATION_H
#define POSTGRES_REPLICATION_H

/*
 * The replication stream of a slot: START_REPLICATION, messages in, status out, orderly end. It
 * does not know what is in a message (pgoutput.h) and decides nothing about positions.
 *
 *     postgres_stream_start(conn, &opts, &stream)
 *     for (;;) {
 *         do postgres_stream_read(stream, &msg) ... take it ... while (msg.kind != NONE);   never waits
 *         sync what was taken
 *         postgres_stream_status(stream, durable)     when it moved, was asked for, or the interval is over
 *         postgres_stream_wait(stream, timeout_ms)    data, stop, or the time is over
 *     }
 *     postgres_stream_stop(stream, last)  -> the connection is the caller's again, to be closed
 *
 * The wait is lazy under load: when much came in the last round it naps 1 to 2 ms before it looks
 * again, so that the server is not woken for each row and rows arrive by the buffer; when little
 * came it reacts at once. The connection is borrowed and must not be used for anything else
 * meanwhile. One thread.
 *
 * Errors: the server ends or restarts: ERR_RETRY, E_PG_SHUTDOWN; the connection breaks: ERR_RETRY, E_PG_LOST;
 * slot or publication are not usable: ERR_STOP with their codes; slot in use: ERR_RETRY, E_SLOT_ACTIVE.
 */

#include "model/lsn.h"
#include "postgres/conn.h"

struct postgres_stream;

struct postgres_stream_opts {
    const char *slot;
    const char *publication;
    struct lsn start; /* must not be above the server's WAL; below the slot's confirmed_flush the
                         server goes on from there without a word: postgres_slot_judge comes first */
    bool messages;    /* also what pg_logical_emit_message wrote */
};

enum postgres_stream_kind { POSTGRES_STREAM_NONE, POSTGRES_STREAM_DATA, POSTGRES_STREAM_KEEPALIVE };

struct postgres_stream_msg {
    enum postgres_stream_kind kind;
    struct lsn wal_start;   /* data only; 0 for Relation messages */
    struct lsn wal_end;     /* the server's WAL has come this far, for this stream */
    int64_t server_time_us; /* µs since 1970 UTC */
    bool reply_requested;   /* keepalive only: answer soon, or the server ends the connection */
    struct str payload;     /* data only; owned by the stream until the next read */
};

bool postgres_stream_start(struct postgres_conn *replication,
                           const struct postgres_stream_opts *opts,
                           struct postgres_stream **ret_stream, struct error *err) MUST_CHECK;
/* The next message that has already come, else kind NONE. */
bool postgres_stream_read(struct postgres_stream *s, struct postgres_stream_msg *ret_msg,
                          struct error *err) MUST_CHECK;
/* Until there is something to read, stop is asked, or the time is over; which of them, read tells. The
 * stop fd is no error here: the caller wants to end in order. */
bool postgres_stream_wait(struct postgres_stream *s, int timeout_ms, struct error *err) MUST_CHECK;
/* Everything up to `durable` is ours: the server may forget it. Asserts invariant 1: never falls,
 * never above the highest wal_end that the server sent here or where the stream started. */
bool postgres_stream_status(struct postgres_stream *s, struct lsn durable,
                            struct error *err) MUST_CHECK;
/* Highest wal_end seen on this connection. */
struct lsn postgres_stream_seen(const struct postgres_stream *s);
/* Monotonic µs when the last status was sent, and when anything last came from the server. */
int64_t postgres_stream_status_us(const struct postgres_stream *s);
int64_t postgres_stream_heard_us(const struct postgres_stream *s);
/* Sends a last status and ends the COPY within a second; frees the stream. NULL is fine. Never fails:
 * what is not confirmed is sent again. */
void postgres_stream_stop(struct postgres_stream *s, struct lsn durable);

#endif
