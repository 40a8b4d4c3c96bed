/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_TARGET_H
#define SINK_REDIS_TARGET_H

/*
 * The sink's place in one Redis database: the connection, the keys of fence, position and rejects, and
 * the position last known there. Every connection that is made is checked, and the position is read
 * again: a server that comes back may have lost its last moments. One thread.
 *
 *     {multisink:<pipeline>:<sink>}:fence     who may write
 *     {multisink:<pipeline>:<sink>}:pos       text of the position
 *     {multisink:<pipeline>:<sink>}:rejects   hash: id -> error of a refused command
 *     {multisink:<pipeline>:<sink>}:server    run id of the server whose file is known to be whole
 *
 * With a stream in Kafka the first three are there for each partition: {...}:<topic>/<partition>:fence, and so on.
 * Each assignment of a partition takes a fence of its own, so that a member that has lost the partition without
 * knowing it is refused.
 */

#include "sink/redis_call.h"
#include "sink/redis_conn.h"
#include "sink/redis_script.h"
#include "sink/sink.h"

enum redis_state {
    REDIS_STATE_UNKNOWN, /* the position was not read yet */
    REDIS_STATE_NONE,    /* there is none */
    REDIS_STATE_AT,      /* it is `pos` */
    REDIS_STATE_BACK,    /* it is `pos`, lower than it was; the caller has not been told where */
    REDIS_STATE_LOST     /* there was one and is none; the caller has not been told */
};

struct redis_target {
    const struct redis_conf *conf;
    struct sink_env env;
    struct redis_conn *conn; /* NULL: not connected */
    char *key_fence, *key_pos, *key_rejects, *key_server;
    char *fence; /* NULL: not taken yet */
    char sha[REDIS_SCRIPT_COUNT][41];
    enum redis_state state;
    struct position pos;
    struct buf request;
};

void redis_target_init(struct redis_target *t, const struct redis_conf *conf,
                       const struct sink_env *env);
void redis_target_done(struct redis_target *t);

/* Connected, checked, fence taken, position read; nothing to do when it is. */
bool redis_target_ensure(struct redis_target *t, struct error *err) MUST_CHECK;
/* Drops the connection: after any failed call. */
void redis_target_disconnect(struct redis_target *t);

/* Reads the position; afterwards the caller knows where it is. */
bool redis_target_read_position(struct redis_target *t, struct error *err) MUST_CHECK;
/* Sets it where there is none. */
bool redis_target_start(struct redis_target *t, struct position from, struct error *err) MUST_CHECK;
/* ERR_RETRY with the reason when the position is not `AT` and at or behind `before`. */
bool redis_target_at(const struct redis_target *t, struct position before,
                     struct error *err) MUST_CHECK;

/* Applies a call and moves the position to `after`. *ret_rejects is a list: number of the entry (from 1),
 * text, ...; it lives until the next call. */
bool redis_target_apply(struct redis_target *t, const struct redis_call *call,
                        struct position after, const struct redis_reply **ret_rejects,
                        struct error *err) MUST_CHECK;
/* Applies a call in place of the parked record `id`; *ret_rejects is NULL when it is gone: done before. */
bool redis_target_replay(struct redis_target *t, struct str id, const struct redis_call *call,
                         const struct redis_reply **ret_rejects, struct error *err) MUST_CHECK;
/* The rejects' texts of the entries first .. first + count - 1, nil where there is none. */
bool redis_target_rejects(struct redis_target *t, const struct redis_call *call, size_t first,
                          size_t count, const struct redis_reply **ret_texts,
                          struct error *err) MUST_CHECK;
bool redis_target_forget(struct redis_target *t, struct str id, struct error *err) MUST_CHECK;

#endif
