/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_CONN_H
#define CQL_CONN_H

/*
 * One connection to one node: stream ids, what waits to be sent, what has come. It carries envelopes;
 * what they mean, and what is done about a failure, is its user's business.
 *
 * Life cycle: cql_startup_open (startup.h) makes one -> many times: take a stream, append the request to
 * cql_conn_out, flush, fill, next -> cql_conn_close. One thread.
 *
 * Nothing here waits but cql_conn_call; for the rest poll cql_conn_fd for cql_conn_events, but only after
 * cql_conn_fill found nothing. After any failure the connection is broken and is to be closed; what became
 * of the requests in flight (cql_conn_abandon names them) is not known.
 *
 * Stream ids: one per request in flight. A request that is given up leaves its id behind as an orphan,
 * which is not used again until its late answer has come, so that no answer is taken for another's.
 * A connection with too many orphans says so (cql_conn_worn) and is to be replaced.
 *
 * Times are of the session's monotonic clock, given by the caller.
 */

#include "cql/reply.h"
#include "net/net.h"

struct cql_conn;

enum { CQL_CONN_ORPHANS_MAX = 256 };

/* Takes over `net`. Envelopes go bare until cql_conn_use_segments. */
struct cql_conn *cql_conn_new(struct net_conn *net, unsigned version, unsigned in_flight_max,
                              int stop_fd, const struct clock *clock);
/* Abandons what is in flight; NULL is fine. */
void cql_conn_close(struct cql_conn *c);
/* From here on both sides speak in segments (v5, after READY or AUTHENTICATE). */
void cql_conn_use_segments(struct cql_conn *c);

unsigned cql_conn_version(const struct cql_conn *c);
void cql_conn_set_version(struct cql_conn *c, unsigned version);
const char *cql_conn_peer(const struct cql_conn *c);
int cql_conn_fd(const struct cql_conn *c);
short cql_conn_events(const struct cql_conn *c);

/* ---- sending ---- */

/* A free stream id for a request that the caller knows as `tag` (above 0), or -1 when in_flight_max are
 * taken. */
int cql_conn_stream(struct cql_conn *c, uint64_t tag, int64_t now_us);
/* Where the request with that id is appended, as one whole envelope. */
struct buf *cql_conn_out(struct cql_conn *c);
/* Bytes that wait to be sent. */
size_t cql_conn_waiting(const struct cql_conn *c);
unsigned cql_conn_in_flight(const struct cql_conn *c);
/* Sends what can be sent now. */
bool cql_conn_flush(struct cql_conn *c, bool *ret_any, struct error *err) MUST_CHECK;
/* Overwrites what the buffers still hold of a password; nothing may be waiting. */
void cql_conn_wipe(struct cql_conn *c);

/* ---- receiving ---- */

/* Reads what has come, up to some size. *ret_any: there was something. */
bool cql_conn_fill(struct cql_conn *c, int64_t now_us, bool *ret_any, struct error *err) MUST_CHECK;

struct cql_answer {
    uint64_t tag;                 /* of the request */
    int64_t sent_us;              /* when its stream was taken */
    struct cql_envelope envelope; /* borrowed until the next cql_conn_fill */
};
/* The next answer among what was read. Events and late answers of orphans are dealt with inside. */
bool cql_conn_next(struct cql_conn *c, struct cql_answer *ret_answer, bool *ret_found,
                   struct error *err) MUST_CHECK;
/* Has an event of the cluster or the schema come since this was last asked? */
bool cql_conn_news(struct cql_conn *c);

/* ---- time ---- */

/* Gives up one request sent before `before_us` (orphan) and gives its tag; false: there is none. */
bool cql_conn_expire(struct cql_conn *c, int64_t before_us, uint64_t *ret_tag);
/* The same for any request in flight. */
bool cql_conn_abandon(struct cql_conn *c, uint64_t *ret_tag);
bool cql_conn_worn(const struct cql_conn *c);
/* Has anything failed, so that it is to be closed? */
bool cql_conn_broken(const struct cql_conn *c);
/* Says so from outside, after an answer that makes no sense. Always false. */
bool cql_conn_break(struct cql_conn *c);
/* When the last bytes came. */
int64_t cql_conn_read_us(const struct cql_conn *c);

/* ---- one request at a time ---- */

/* Appends one request to `b`. */
typedef void cql_conn_write_fn(struct buf *b, unsigned version, uint16_t stream, const void *arg);

/* Sends one request and waits for its answer; nothing else may be in flight, but orphans may. An ERROR is an
 * answer. ERR_RETRY (E_CQL_TIMEOUT, E_NET_LOST, E_CQL_PROTOCOL), ERR_CANCEL. */
bool cql_conn_call(struct cql_conn *c, cql_conn_write_fn *write, const void *arg,
                   int64_t deadline_us, struct cql_envelope *ret_envelope,
                   struct error *err) MUST_CHECK;

#endif
