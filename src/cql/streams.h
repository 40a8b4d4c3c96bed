/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_STREAMS_H
#define CQL_STREAMS_H

/*
 * The stream ids of one connection: which are taken, and by what. An id is free, used (its request is in
 * flight) or an orphan (its request was given up, the answer may still come); it becomes free only when its
 * answer came, so that a late answer is never taken for another's. No I/O; one thread.
 */

#include <stdbool.h>
#include <stdint.h>

enum cql_stream_state { CQL_STREAM_FREE, CQL_STREAM_USED, CQL_STREAM_ORPHAN };

struct cql_stream {
    uint64_t tag;
    int64_t sent_us;
    int32_t next; /* free list */
    enum cql_stream_state state;
};

struct cql_streams {
    struct cql_stream *items; /* by id */
    int32_t count;
    int32_t free_head;
    unsigned in_flight_max;
    unsigned in_flight;
    unsigned orphans;
};

/* Room for in_flight_max requests besides CQL_CONN_ORPHANS_MAX orphans. */
void cql_streams_init(struct cql_streams *s, unsigned in_flight_max);
void cql_streams_done(struct cql_streams *s);

/* An id that is free, or -1 when in_flight_max are used. */
int cql_streams_take(struct cql_streams *s, uint64_t tag, int64_t now_us);
/* An answer came on this id: what it was, used or an orphan. False: nothing was asked on it. */
bool cql_streams_give_back(struct cql_streams *s, int id, struct cql_stream *ret_was);
/* Makes an orphan of one that was taken before `before_us`; false: there is none. */
bool cql_streams_expire(struct cql_streams *s, int64_t before_us, uint64_t *ret_tag);

#endif
