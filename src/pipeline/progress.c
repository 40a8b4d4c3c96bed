/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/progress.h"

#include <string.h>

const char *progress_state_name(enum progress_state state)
{
    static const char *const names[] = { "starting", "snapshot", "running", "retrying", "waiting",
                                         "standby",  "paused",   "failed",  "stopped" };

    return names[state];
}

/* Bucket = 16 * floor(log2) + the four bits behind the leading one. */
static unsigned bucket_of(int64_t us)
{
    uint64_t v = us > 0 ? (uint64_t)us : 1;
    unsigned power = 63u - (unsigned)__builtin_clzll(v);
    unsigned part =
        power >= 4 ? (unsigned)(v >> (power - 4)) & 15u : (unsigned)(v << (4 - power)) & 15u;
    unsigned bucket = power * 16 + part;

    return bucket < PROGRESS_BUCKETS ? bucket : PROGRESS_BUCKETS - 1;
}

/* Upper edge of a bucket. */
static int64_t edge_of(unsigned bucket)
{
    unsigned power = bucket / 16;
    uint64_t part = 16u + bucket % 16 + 1;

    return (int64_t)(power >= 4 ? part << (power - 4) : part >> (4 - power));
}

void progress_latency_add(struct progress_latency *l, int64_t us, uint64_t times)
{
    l->buckets[bucket_of(us)] += (uint32_t)times;
    l->count += times;
    if (us > l->max_us)
        l->max_us = us;
}

int64_t progress_latency_at(const struct progress_latency *l, double share)
{
    double wanted = share * (double)l->count;
    uint64_t seen = 0;

    if (l->count == 0)
        return 0;
    for (unsigned i = 0; i < PROGRESS_BUCKETS; i++) {
        seen += l->buckets[i];
        if (seen > 0 && (double)seen >= wanted)
            return edge_of(i) < l->max_us ? edge_of(i) : l->max_us;
    }
    return l->max_us;
}

void progress_init(struct progress *p)
{
    memset(p, 0, sizeof *p);
    (void)pthread_mutex_init(&p->lock, NULL);
}

void progress_done(struct progress *p)
{
    (void)pthread_mutex_destroy(&p->lock);
}

struct progress_capture *progress_edit_capture(struct progress *p)
{
    (void)pthread_mutex_lock(&p->lock);
    return &p->capture;
}

struct progress_sink *progress_edit_sink(struct progress *p)
{
    (void)pthread_mutex_lock(&p->lock);
    return &p->sink;
}

void progress_release(struct progress *p)
{
    (void)pthread_mutex_unlock(&p->lock);
}

void progress_sink_failed(struct progress *p, enum progress_state state, const struct error *err,
                          int64_t now_us)
{
    struct progress_sink *sink = progress_edit_sink(p);

    sink->state = state;
    sink->last_error = *err;
    sink->last_error_us = now_us;
    if (state == PROGRESS_RETRYING)
        sink->retries++;
    progress_release(p);
}

void progress_capture_failed(struct progress *p, enum progress_state state, const struct error *err,
                             int64_t now_us)
{
    struct progress_capture *capture = progress_edit_capture(p);

    capture->state = state;
    capture->last_error = *err;
    capture->last_error_us = now_us;
    progress_release(p);
}

void progress_get_capture(struct progress *p, struct progress_capture *ret)
{
    (void)pthread_mutex_lock(&p->lock);
    *ret = p->capture;
    (void)pthread_mutex_unlock(&p->lock);
}

void progress_get_sink(struct progress *p, struct progress_sink *ret)
{
    (void)pthread_mutex_lock(&p->lock);
    *ret = p->sink;
    (void)pthread_mutex_unlock(&p->lock);
}
