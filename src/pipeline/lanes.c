/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinating thread: answers the group's events by opening and closing lanes, and follows the topic of parked
 * records for what the dlq command asks.
 *
 * An assignment is answered when everything that it needs is known: offsets, the partitions' ranges, parked records.
 * What cannot be asked now is asked again, and the group waits.
 */
#include "pipeline/lanes_private.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "debezium/writer.h"
#include "sink/kafka_conf.h"

#include <stdio.h>
#include <stdlib.h>

/* LATE_MS: within the ten seconds that an orderly end may take, and within the shortest session of a group. */
enum { LATE_MS = 3000, POLL_MS = 100, TELL_EVERY_TRIES = 16, WELL_AFTER_US = 10 * 1000 * 1000 };

/* ---- the list ------------------------------------------------------------------------------------------------ */

static struct lane *find(const struct lanes *l, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i]->partition == partition && strcmp(l->items[i]->topic->name, topic) == 0)
            return l->items[i];
    }
    return NULL;
}

static void add(struct lanes *l, struct lane *lane)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->count == l->cap) {
        l->cap = l->cap * 2 + 8;
        l->items = mem_resize(l->items, l->cap, sizeof(struct lane *));
    }
    l->items[l->count++] = lane;
    (void)pthread_mutex_unlock(&l->lock);
}

/* What a lane has done stays counted; how it is goes with it. */
static void take_out(struct lanes *l, struct lane *lane)
{
    struct progress_sink p;

    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] == lane)
            l->items[i--] = l->items[--l->count];
    }
    progress_get_sink(&lane->deliver.progress, &p);
    p.state = PROGRESS_STOPPED;
    p.last_error = (struct error){ 0 };
    p.parked = 0;
    p.lag_bytes = 0;
    p.pending_since_us = 0;
    lanes_add_progress(&l->closed, &p);
    (void)pthread_mutex_unlock(&l->lock);
}

static void end_lane(struct lanes *l, struct lane *lane)
{
    thread_join(&lane->thread);
    take_out(l, lane);
    lane_close(lane);
}

static void end_all(struct lanes *l)
{
    wake_set_after(&l->late, LATE_MS);
    for (size_t i = 0; i < l->count; i++)
        lane_ask_to_stop(l->items[i], false);
    while (l->count > 0)
        end_lane(l, l->items[0]);
}

/* ---- how it goes ----------------------------------------------------------------------------------------------- */

static void set_state(struct lanes *l, enum progress_state state)
{
    progress_edit_sink(&l->progress)->state = state;
    progress_release(&l->progress);
}

static void tell(struct lanes *l, enum progress_state state, const struct error *err)
{
    progress_sink_failed(&l->progress, state, err, clock_real_us(l->opts.clock));
    l->failed_us = clock_mono_us(l->opts.clock);
}

static void tell_retry(struct lanes *l, const struct error *err)
{
    tell(l, PROGRESS_RETRYING, err);
    if (l->backoff.tries % TELL_EVERY_TRIES == 0)
        logger_failure(LOGGER_WARN, l->opts.sink->name, err);
    l->backoff.tries++;
}

static void tell_well(struct lanes *l)
{
    l->failed_us = 0;
    backoff_clear(&l->backoff);
    set_state(l, PROGRESS_RUNNING);
}

/* ---- assignments ------------------------------------------------------------------------------------------------ */

static const struct lanes_topic *find_topic(const struct lanes *l, const char *name)
{
    for (size_t i = 0; i < l->topic_count; i++) {
        if (strcmp(l->topics[i].name, name) == 0)
            return &l->topics[i];
    }
    return NULL;
}

static bool find_start(struct lanes *l, const struct kafka_place *place,
                       struct lane_start *ret_start, struct error *err)
{
    struct lane_start start = { 0 };
    struct str note = STR_NONE;
    struct arena a;
    int64_t low;
    int64_t high;
    bool ok;

    arena_init(&a, 64 * KIB);
    ok = kafka_consumer_committed(l->consumer, place->topic, place->partition, &a, &start.found,
                                  &start.offset, &note, err) &&
         kafka_consumer_range(l->consumer, place->topic, place->partition, &low, &high, err);
    if (ok && start.found)
        start.note = kafka_note_decode(note);
    arena_done(&a);
    if (!ok)
        return false;
    if (!start.found)
        start.offset = low;
    start.begin = kafka_stream_begin(start.offset, &start.note, low);
    *ret_start = start;
    return true;
}

static void on_request(void *ctx, struct str lane, struct str ref, enum park_action action)
{
    struct lanes *l = ctx;

    for (size_t i = 0; i < l->count; i++) {
        if (str_is(lane, l->items[i]->name))
            lane_request(l->items[i], ref, action);
    }
}

static bool open_park(struct lanes *l, struct error *err)
{
    const struct park_topic_opts opts = { .settings = l->settings,
                                          .topic = l->park_name,
                                          .sink = l->opts.sink->name,
                                          .request = on_request,
                                          .ctx = l };

    return l->park != NULL || park_topic_open(&opts, &l->park, err);
}

/* All that former owners of the partitions have parked. */
static bool load_park(struct lanes *l, struct error *err)
{
    int32_t count;

    if (l->park == NULL) {
        if (!kafka_consumer_partitions(l->consumer, l->park_name, &count, err))
            return false;
        if (count == 0)
            return true;
    }
    return open_park(l, err) && park_topic_catch_up(l->park, l->stop.fd, err);
}

static bool open_lane(struct lanes *l, const struct kafka_place *place,
                      const struct lane_start *start, struct error *err)
{
    const struct lanes_topic *topic = find_topic(l, place->topic);
    struct lane *lane;

    if (topic == NULL) /* not subscribed to any more */
        return true;
    if (!lane_open(l, topic, place->partition, start, &lane, err))
        return false;
    add(l, lane);
    logger_info(l->opts.sink->name, "takes over %s at offset %lld", lane->name,
                (long long)start->offset);
    return true;
}

static bool open_lanes(struct lanes *l, const struct kafka_place *places,
                       const struct lane_start *starts, size_t count, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; i < count; i++)
        ok = open_lane(l, &places[i], &starts[i], err) && ok;
    return ok;
}

static bool take(struct lanes *l, struct kafka_place *places, size_t count, struct error *err)
{
    struct lane_start *starts = mem_zalloc(count + 1, sizeof *starts);
    struct kafka_place *copies = mem_zalloc(count + 1, sizeof *copies);
    bool ok = count == 0 || load_park(l, err);

    for (size_t i = 0; i < count && ok; i++) {
        ok = find_start(l, &places[i], &starts[i], err);
        places[i].offset = starts[i].begin;
        /* The places' texts end with the answer; ours live on. */
        copies[i] = places[i];
        if (find_topic(l, places[i].topic) != NULL)
            copies[i].topic = find_topic(l, places[i].topic)->name;
    }
    ok = ok && kafka_consumer_take(l->consumer, err) && open_lanes(l, copies, starts, count, err);
    free(starts);
    free(copies);
    return ok;
}

static bool give(struct lanes *l, const struct kafka_place *places, size_t count, bool lost,
                 struct error *err)
{
    wake_set_after(&l->late, LATE_MS);
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = find(l, places[i].topic, places[i].partition);

        if (lane != NULL)
            lane_ask_to_stop(lane, lost);
    }
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = find(l, places[i].topic, places[i].partition);

        if (lane == NULL)
            continue;
        logger_info(l->opts.sink->name, "%s %s", lost ? "has lost" : "gives up", lane->name);
        end_lane(l, lane);
    }
    return kafka_consumer_give(l->consumer, err);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------- */

static bool connect(struct lanes *l, struct error *err)
{
    const struct kafka_consumer_opts opts = { .settings = l->settings, .group = l->group };
    const char **names;
    bool ok;

    if (l->consumer != NULL)
        return true;
    if (!kafka_consumer_open(&opts, &l->consumer, err))
        return false;
    names = mem_zalloc(l->topic_count + 1, sizeof *names);
    for (size_t i = 0; i < l->topic_count; i++)
        names[i] = l->topics[i].name;
    ok = kafka_consumer_subscribe(l->consumer, names, l->topic_count, err);
    free(names);
    return ok;
}

static bool anything_parked(const struct lanes *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct progress_sink p;

        progress_get_sink(&l->items[i]->deliver.progress, &p);
        if (p.parked > 0)
            return true;
    }
    return false;
}

static bool follow_park(struct lanes *l, struct error *err)
{
    if (l->park == NULL && !anything_parked(l))
        return true;
    return open_park(l, err) && park_topic_follow(l->park, err);
}

static bool step(struct lanes *l, struct error *err)
{
    struct kafka_place *places = NULL;
    enum kafka_event event;
    bool looked;
    size_t count;

    if (!lanes_try_target(l, &looked, err))
        return false;
    if (looked && l->failed_us != 0)
        tell_well(l);
    if (!connect(l, err) ||
        !kafka_consumer_poll(l->consumer, POLL_MS, &event, &places, &count, err))
        return false;
    switch (event) {
    case KAFKA_ASSIGNED:
        if (!take(l, places, count, err))
            return false;
        tell_well(l);
        break;
    case KAFKA_REVOKED:
    case KAFKA_LOST:
        if (!give(l, places, count, event == KAFKA_LOST, err))
            return false;
        break;
    case KAFKA_NOTHING:
        break;
    }
    return follow_park(l, err);
}

/* The publisher says itself what keeps it from making a topic. */
static bool will_pass(const struct lanes *l, const struct error *err)
{
    return l->opts.makes_topics && l->count == 0 && error_is(err, E_KAFKA_TOPIC_MISSING);
}

static void coordinate(void *arg)
{
    struct lanes *l = arg;
    struct error err;

    while (!wake_is_set(l->stop.fd)) {
        if (step(l, &err)) {
            if (l->failed_us != 0 && l->count > 0 &&
                clock_mono_us(l->opts.clock) - l->failed_us > WELL_AFTER_US)
                tell_well(l);
            continue;
        }
        if (err.kind == ERR_RETRY) {
            if (!will_pass(l, &err))
                tell_retry(l, &err);
            (void)wake_wait(l->stop.fd, POLL_MS);
        } else if (err.kind != ERR_CANCEL) {
            tell(l, PROGRESS_FAILED, &err);
            logger_failure(LOGGER_ERROR, l->opts.sink->name, &err);
            break;
        }
    }
    end_all(l);
    kafka_consumer_close(l->consumer);
    l->consumer = NULL;
    if (wake_is_set(l->stop.fd))
        set_state(l, PROGRESS_STOPPED);
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

/* A table of `from` is the topic <prefix>.<schema>.<table>. */
static void name_topic(struct lanes *l, const char *name, struct lanes_topic *ret_topic)
{
    struct str schema;
    struct str table;
    struct buf b;

    buf_init(&b, 4 * KIB);
    debezium_table_split(str_from(name), &schema, &table);
    debezium_topic(l->opts.config->stream.kafka.topic_prefix, schema, table, &b);
    ret_topic->name = arena_str(&l->arena, buf_view(&b)).p;
    ret_topic->schema = arena_str(&l->arena, schema).p;
    ret_topic->table = arena_str(&l->arena, table).p;
    buf_done(&b);
}

static void name_topics(struct lanes *l)
{
    const struct config_sink *sink = l->opts.sink;

    l->topic_count = sink->topics.count > 0 ? sink->topics.count : sink->from.count;
    l->topics = arena_zalloc(&l->arena, l->topic_count, sizeof *l->topics);
    for (size_t i = 0; i < sink->topics.count; i++)
        l->topics[i].name = sink->topics.items[i];
    for (size_t i = 0; sink->topics.count == 0 && i < sink->from.count; i++)
        name_topic(l, sink->from.items[i], &l->topics[i]);
}

bool lanes_open(const struct lanes_opts *opts, struct lanes **ret_lanes, struct error *err)
{
    const struct config_kafka *conf = &opts->config->stream.kafka;
    struct lanes *l = mem_zalloc(1, sizeof *l);

    l->opts = *opts;
    arena_init(&l->arena, LIMIT_CONFIG_ARENA);
    sink_kafka_settings(conf, &l->arena, &l->settings);
    l->group = sink_kafka_group(conf, opts->sink->name, &l->arena);
    l->park_name = park_topic_name(conf->topic_prefix, opts->sink->name);
    name_topics(l);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_mutex_init(&l->writer_lock, NULL);
    progress_init(&l->progress);
    l->progress.sink.state = opts->sink->pause ? PROGRESS_PAUSED : PROGRESS_STARTING;
    l->closed.state = PROGRESS_STOPPED;
    backoff_init(&l->backoff, POLL_MS, POLL_MS, 1);
    l->stop.fd = -1;
    l->late.fd = -1;
    if (!wake_init(&l->stop, err) || !wake_init_timer(&l->late, err)) {
        lanes_close(l);
        return false;
    }
    *ret_lanes = l;
    return true;
}

bool lanes_start(struct lanes *l, struct error *err)
{
    char name[16];

    if (l->opts.sink->pause) {
        logger_info(l->opts.sink->name, "paused by the configuration");
        return true;
    }
    (void)snprintf(name, sizeof name, "k:%.12s", l->opts.sink->name);
    return thread_start(&l->thread, name, coordinate, l, err);
}

void lanes_stop(struct lanes *l)
{
    wake_set(&l->stop);
}

void lanes_join(struct lanes *l)
{
    thread_join(&l->thread);
}

void lanes_close(struct lanes *l)
{
    if (l == NULL)
        return;
    if (l->stop.fd >= 0)
        wake_set(&l->stop);
    thread_join(&l->thread);
    park_topic_close(l->park);
    kafka_table_writer_close(l->writer);
    wake_done(&l->stop);
    wake_done(&l->late);
    progress_done(&l->progress);
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_mutex_destroy(&l->writer_lock);
    free(l->items);
    free(l->park_name);
    arena_done(&l->arena);
    free(l);
}
