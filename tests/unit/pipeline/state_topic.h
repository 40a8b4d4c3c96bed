/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNIT_PIPELINE_STATE_TOPIC_H
#define UNIT_PIPELINE_STATE_TOPIC_H

/* The state topic as an array that can be down, a clock that stands, and a process with a keeper on both. */

#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "base/mem.h"
#include "pipeline/keeper.h"

#include <stdlib.h>

enum { TOPIC_MAX = 64 };

static int64_t now_us;

static inline int64_t get_now(const struct clock *c)
{
    (void)c;
    return now_us;
}

static const struct clock test_clock = { .real_us = get_now, .mono_us = get_now };

static struct topic {
    char *values[TOPIC_MAX];
    size_t count;
    bool down;
} topic;

static inline bool is_up(struct error *err)
{
    return !topic.down || error_set(err, ERR_RETRY, E_KAFKA_DOWN, "no broker");
}

static inline bool topic_load(void *ctx, int stop_fd,
                              void (*each)(void *arg, int64_t offset, struct str value), void *arg,
                              struct error *err)
{
    (void)ctx;
    (void)stop_fd;
    if (!is_up(err))
        return false;
    for (size_t i = 0; i < topic.count; i++)
        each(arg, (int64_t)i, str_from(topic.values[i]));
    return true;
}

static inline bool topic_put(void *ctx, struct str value, int stop_fd, int64_t *ret_offset,
                             struct error *err)
{
    (void)ctx;
    (void)stop_fd;
    if (!is_up(err))
        return false;
    assert_true(topic.count < TOPIC_MAX);
    *ret_offset = (int64_t)topic.count;
    topic.values[topic.count++] = mem_strndup(value);
    return true;
}

static inline bool topic_next(void *ctx, bool *ret_found, int64_t *ret_offset,
                              struct str *ret_value, struct error *err)
{
    size_t *next = ctx;

    *ret_found = false;
    if (!is_up(err))
        return false;
    if (*next < topic.count) {
        *ret_found = true;
        *ret_offset = (int64_t)*next;
        *ret_value = str_from(topic.values[(*next)++]);
    }
    return true;
}

/* One process. */
struct world {
    struct stream *stream;
    struct progress publisher;
    struct keeper keeper;
    size_t next;
};

static inline void open_world(struct world *w, const char *dir, const char *writer)
{
    struct keeper_opts opts = { .table = { &w->next, topic_load, topic_put, topic_next, NULL },
                                .writer = writer,
                                .host = writer,
                                .publisher = &w->publisher,
                                .clock = &test_clock,
                                .stop_fd = -1,
                                .end_fd = -1 };
    struct error err;

    w->next = 0;
    w->stream = fixture_stream(dir);
    opts.stream = w->stream;
    progress_init(&w->publisher);
    assert_ok(keeper_init(&w->keeper, &opts, &err), err);
}

static inline void close_world(struct world *w)
{
    keeper_done(&w->keeper);
    progress_done(&w->publisher);
    w->stream->ops->close(w->stream);
}

static inline int state_topic_start(void **state)
{
    now_us = 1000000;
    topic = (struct topic){ 0 };
    return fixture_directory(state);
}

static inline int state_topic_end(void **state)
{
    for (size_t i = 0; i < topic.count; i++)
        free(topic.values[i]);
    return fixture_remove(state);
}

/* As another process would: whatever it says, under that name and term. */
static inline void write_as(struct claim c, const char *writer, int64_t term)
{
    struct buf text;

    c.term = term;
    (void)str_copy(str_from(writer), c.writer, sizeof c.writer);
    (void)str_copy(STR("elsewhere"), c.host, sizeof c.host);
    buf_init(&text, KIB);
    claim_put(&c, &text);
    topic.values[topic.count++] = mem_strndup(buf_view(&text));
    buf_done(&text);
}

#endif
