/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/lanes_private.h"

/* What says more about the whole: a lane that has failed, before one that tries again, before one that runs. */
static int weight(enum progress_state state)
{
    switch (state) {
    case PROGRESS_FAILED:
        return 5;
    case PROGRESS_RETRYING:
    case PROGRESS_WAITING:
        return 4;
    case PROGRESS_STARTING:
    case PROGRESS_SNAPSHOT:
    case PROGRESS_STANDBY:
        return 3;
    case PROGRESS_RUNNING:
        return 2;
    case PROGRESS_PAUSED:
        return 1;
    case PROGRESS_STOPPED:
        return 0;
    }
    return 0;
}

static void add_latency(struct progress_latency *sum, const struct progress_latency *l)
{
    sum->count += l->count;
    if (l->max_us > sum->max_us)
        sum->max_us = l->max_us;
    for (unsigned i = 0; i < PROGRESS_BUCKETS; i++)
        sum->buckets[i] += l->buckets[i];
}

void lanes_add_progress(struct progress_sink *sum, const struct progress_sink *p)
{
    bool worse = weight(p->state) > weight(sum->state);

    if (p->last_error.kind != ERR_NONE &&
        (sum->last_error.kind == ERR_NONE || worse || p->last_error_us > sum->last_error_us)) {
        sum->last_error = p->last_error;
        sum->last_error_us = p->last_error_us;
    }
    if (worse)
        sum->state = p->state;
    sum->rows += p->rows;
    sum->batches += p->batches;
    sum->retries += p->retries;
    sum->parked += p->parked;
    sum->lag_bytes += p->lag_bytes;
    if (p->pending_since_us != 0 &&
        (sum->pending_since_us == 0 || p->pending_since_us < sum->pending_since_us))
        sum->pending_since_us = p->pending_since_us;
    if (p->last_success_us > sum->last_success_us)
        sum->last_success_us = p->last_success_us;
    add_latency(&sum->latency, &p->latency);
}

void lanes_progress(struct lanes *l, struct progress_sink *ret)
{
    struct progress_sink one;

    progress_get_sink(&l->progress, ret);
    (void)pthread_mutex_lock(&l->lock);
    lanes_add_progress(ret, &l->closed);
    for (size_t i = 0; i < l->count; i++) {
        progress_get_sink(&l->items[i]->deliver.progress, &one);
        lanes_add_progress(ret, &one);
    }
    (void)pthread_mutex_unlock(&l->lock);
}

void lanes_each(struct lanes *l,
                void (*each)(void *ctx, const char *name, const struct progress_sink *p), void *ctx)
{
    struct progress_sink one;

    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->count; i++) {
        progress_get_sink(&l->items[i]->deliver.progress, &one);
        each(ctx, l->items[i]->name, &one);
    }
    (void)pthread_mutex_unlock(&l->lock);
}
