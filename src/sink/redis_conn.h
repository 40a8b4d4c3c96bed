/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_CONN_H
#define SINK_REDIS_CONN_H

/*
 * One connection to Redis: requests out as arrays of strings with their lengths, one reply in. After a
 * failed call nobody knows what the next bytes would be: close it. One thread.
 */

#include "sink/redis_conf.h"
#include "sink/redis_reply.h"

struct redis_conn;

/* Connects, authenticates and selects the database. */
bool redis_conn_open(const struct redis_conf *conf, int stop_fd, struct redis_conn **ret_conn,
                     struct error *err) MUST_CHECK;
void redis_conn_close(struct redis_conn *c); /* NULL is fine */
const char *redis_conn_peer(const struct redis_conn *c);

/* A request is written into a buf: begin, its arguments, end. The length in front is known only at the
 * end, so begin leaves room for it. */
void redis_request_begin(struct buf *b);
void redis_request_arg(struct buf *b, struct str arg);
/* The finished request; borrowed from b. */
struct str redis_request_end(struct buf *b, size_t arg_count);

/* Sends a request and waits for its reply, which lives until the next call. An error reply is a reply:
 * true. */
bool redis_conn_call(struct redis_conn *c, struct str request, const struct redis_reply **ret_reply,
                     struct error *err) MUST_CHECK;
/* The same for a few words. */
bool redis_conn_ask(struct redis_conn *c, const char *const *words, size_t count,
                    const struct redis_reply **ret_reply, struct error *err) MUST_CHECK;

/* Turns the text of an error reply into `err`; always false. */
bool redis_refused(const char *peer, struct str text, struct error *err);
/* The text without what scripts put before it ("@user_script: 12: -OOM ..."). */
struct str redis_error_text(struct str text);

#endif
