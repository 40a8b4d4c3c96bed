/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_REPLY_H
#define SINK_REDIS_REPLY_H

/*
 * Redis replies (RESP2), parsed by hiredis' reader under ceilings of our own: bytes of one reply,
 * depth, elements of one array, elements of the whole reply. Replies are built in the reader's arena
 * and live until the next reply is asked for.
 *
 * Life cycle: _open -> (_feed* -> _next)* -> _close. One thread.
 */

#include "base/arena.h"
#include "base/error.h"

#include <stdint.h>

enum redis_reply_type {
    REDIS_NIL,
    REDIS_INTEGER,
    REDIS_STRING,
    REDIS_STATUS,
    REDIS_FAILURE, /* an error reply */
    REDIS_LIST
};

struct redis_reply {
    enum redis_reply_type type;
    int64_t integer;
    struct str text; /* string, status, failure */
    size_t count;    /* list */
    const struct redis_reply **items;
};

struct redis_reader;

struct redis_reader *redis_reader_open(void);
void redis_reader_close(struct redis_reader *r);
/* ERR_RETRY, E_REDIS_PROTOCOL past the ceilings. */
bool redis_reader_feed(struct redis_reader *r, const void *p, size_t n,
                       struct error *err) MUST_CHECK;
/* *ret_reply is NULL when the reply is not complete yet. After a failure the stream is lost: close the
 * connection. ERR_RETRY, E_REDIS_PROTOCOL. */
bool redis_reader_next(struct redis_reader *r, const struct redis_reply **ret_reply,
                       struct error *err) MUST_CHECK;

/* Is it a list of `count`, a string (or status) with this text, ...? NULL is none of them. */
bool redis_reply_is_text(const struct redis_reply *reply, const char *text);
/* The i-th element of a list, or NULL. */
const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t i);

#endif
