/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/streams.h"

#include "base/mem.h"
#include "cql/conn.h"

#include <stdlib.h>

enum { SPARE = 1 }; /* so that a call finds one when the orphans are as many as they may be */

void cql_streams_init(struct cql_streams *s, unsigned in_flight_max)
{
    *s = (struct cql_streams){ .in_flight_max = in_flight_max };
    s->count = (int32_t)in_flight_max + CQL_CONN_ORPHANS_MAX + SPARE;
    s->items = mem_zalloc((size_t)s->count, sizeof *s->items);
    for (int32_t i = 0; i < s->count; i++)
        s->items[i].next = i + 1 < s->count ? i + 1 : -1;
}

void cql_streams_done(struct cql_streams *s)
{
    free(s->items);
}

int cql_streams_take(struct cql_streams *s, uint64_t tag, int64_t now_us)
{
    int32_t id = s->free_head;

    if (id < 0 || s->in_flight >= s->in_flight_max)
        return -1;
    s->free_head = s->items[id].next;
    s->items[id] = (struct cql_stream){ .tag = tag, .sent_us = now_us, .state = CQL_STREAM_USED };
    s->in_flight++;
    return id;
}

bool cql_streams_give_back(struct cql_streams *s, int id, struct cql_stream *ret_was)
{
    struct cql_stream *item;

    if (id < 0 || id >= s->count || s->items[id].state == CQL_STREAM_FREE)
        return false;
    item = &s->items[id];
    *ret_was = *item;
    if (item->state == CQL_STREAM_ORPHAN)
        s->orphans--;
    else
        s->in_flight--;
    item->state = CQL_STREAM_FREE;
    item->next = s->free_head;
    s->free_head = id;
    return true;
}

bool cql_streams_expire(struct cql_streams *s, int64_t before_us, uint64_t *ret_tag)
{
    for (int32_t i = 0; i < s->count && s->in_flight > 0; i++) {
        struct cql_stream *item = &s->items[i];

        if (item->state != CQL_STREAM_USED || item->sent_us >= before_us)
            continue;
        item->state = CQL_STREAM_ORPHAN;
        s->orphans++;
        s->in_flight--;
        *ret_tag = item->tag;
        return true;
    }
    return false;
}
