/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One partition of one sink. What the deliver loop keeps in state.db with the log lies here in two places: the position
 * is the group's committed offset, with the reader's note; parked records and values are in a private database that is
 * written through to a topic (park_topic.h).
 *
 *   (L1) An offset is committed only behind the sink's durable position, and behind the write of what was parked.
 *   (L2) The committed offset of a partition never falls. A target that keeps its position itself and lost some is
 *        followed by the reader, not by the group.
 *   (L3) Nothing is stored for a partition that is lost.
 *   (L4) A lane that ends still stores its offset and what its sink notes down when it closes (of HTTP, which requests
 *        behind the offset were answered), for as long as lanes.late allows. Only then the partition is given up.
 */
#include "pipeline/lanes_private.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"

#include <stdlib.h>

/* ---- what the deliver loop asks for; its thread ----------------------------------------------------------- */

static bool commit(struct lane *lane, int64_t offset, const struct kafka_note *note,
                   struct error *err)
{
    const struct kafka_place place = { lane->topic->name, lane->partition, offset };
    struct buf b;
    bool ok;

    if (atomic_load(&lane->lost)) /* L3 */
        return error_cancel(err);
    buf_init(&b, LIMIT_KAFKA_NOTE);
    kafka_note_encode(note, &b);
    ok = kafka_consumer_commit(lane->owner->consumer, &place, buf_view(&b), err);
    buf_done(&b);
    if (!ok)
        return false;
    lane->committed = offset;
    lane->note = *note;
    kafka_stream_committed(lane->stream, offset, note);
    return true;
}

static bool settle(void *ctx, struct error *err);

static bool store(void *ctx, struct position position, bool started, struct error *err)
{
    struct lane *lane = ctx;
    struct kafka_note note;
    int64_t offset;

    if (!kafka_stream_offset(lane->topic->name, lane->partition, position, &offset))
        return error_set(err, ERR_STOP, E_KAFKA_PLACE,
                         "cannot store a position for %s: it is none of this partition",
                         lane->name);
    if (offset < lane->committed || (offset == lane->committed && started == lane->note.started))
        return true; /* L2 */
    note = kafka_stream_note(lane->stream, offset);
    note.started = started;
    return settle(lane, err) && commit(lane, offset, &note, err); /* L1 */
}

static bool confirm(void *ctx, struct error *err)
{
    struct lane *lane = ctx;

    return commit(lane, lane->committed, &lane->note, err);
}

static bool is_busy(void *ctx)
{
    const struct lane *lane = ctx;

    return kafka_consumer_is_joining(lane->owner->consumer);
}

/* With the writer's lock held. */
static bool open_writer(struct lanes *l, struct error *err)
{
    const struct config_kafka *conf = &l->opts.config->stream.kafka;
    const struct kafka_table_writer_opts opts = { .settings = l->settings,
                                                  .topic = l->park_name,
                                                  .replication = conf->replication,
                                                  .create =
                                                      conf->create_topics == CONFIG_TOPICS_AUTO };

    return l->writer != NULL || kafka_table_writer_open(&opts, &l->writer, err);
}

static bool settle(void *ctx, struct error *err)
{
    struct lane *lane = ctx;
    struct lanes *l = lane->owner;
    struct state *st = lane->deliver.state;
    int stop_fd;
    bool changed;
    bool ok;

    if (atomic_load(&lane->lost)) /* L3 */
        return error_cancel(err);
    if (!park_topic_is_changed(st, &changed, err))
        return false;
    if (!changed)
        return true;
    stop_fd = wake_is_set(lane->stop.fd) ? l->late.fd : lane->stop.fd; /* L4 */
    (void)pthread_mutex_lock(&l->writer_lock);
    ok = open_writer(l, err) &&
         park_topic_flush(st, l->opts.sink->name, lane->name, l->writer, stop_fd, err);
    (void)pthread_mutex_unlock(&l->writer_lock);
    return ok;
}

static bool take_requests(void *ctx, struct error *err)
{
    struct lane *lane = ctx;
    struct lane_request *list;
    size_t count;
    bool ok = true;

    (void)pthread_mutex_lock(&lane->lock);
    list = lane->requests;
    count = lane->request_count;
    lane->requests = NULL;
    lane->request_count = 0;
    lane->request_cap = 0;
    (void)pthread_mutex_unlock(&lane->lock);
    for (size_t i = 0; i < count; i++) {
        ok = ok && park_topic_asked(lane->deliver.state, lane->owner->opts.sink->name,
                                    str_from(list[i].ref), list[i].action, err);
        free(list[i].ref);
    }
    free(list);
    return ok;
}

/* ---- life; coordinating thread -------------------------------------------------------------------------------- */

void lane_request(struct lane *lane, struct str ref, enum park_action action)
{
    (void)pthread_mutex_lock(&lane->lock);
    if (lane->request_count == lane->request_cap) {
        lane->request_cap = lane->request_cap * 2 + 8;
        lane->requests = mem_resize(lane->requests, lane->request_cap, sizeof *lane->requests);
    }
    lane->requests[lane->request_count++] = (struct lane_request){ mem_strndup(ref), action };
    (void)pthread_mutex_unlock(&lane->lock);
}

static void open_stream(struct lane *lane, const struct lane_start *start)
{
    const struct config_format *format = &lane->owner->opts.config->stream.kafka.format;
    const struct kafka_stream_opts opts = { .consumer = lane->owner->consumer,
                                            .topic = lane->topic->name,
                                            .partition = lane->partition,
                                            .begin = start->begin,
                                            .offset = start->offset,
                                            .note = start->note,
                                            .schema = lane->topic->schema,
                                            .table = lane->topic->table,
                                            .placeholder = format->placeholder,
                                            .fields_prefix = format->fields_prefix,
                                            .headers_prefix = format->headers_prefix };

    lane->stream = kafka_stream_open(&opts);
}

static bool open_deliver(struct lane *lane, const struct lane_start *start, struct error *err)
{
    struct lanes *l = lane->owner;
    struct deliver_opts opts = { .config = l->opts.config,
                                 .sink = l->opts.sink,
                                 .ops = l->opts.ops,
                                 .stream = lane->stream,
                                 .clock = l->opts.clock,
                                 .stop_fd = lane->stop.fd,
                                 .lane = &lane->link };

    lane->link = (struct deliver_lane){ .ctx = lane,
                                        .name = lane->name,
                                        .position = kafka_stream_position(
                                            lane->topic->name, lane->partition, start->offset),
                                        .known = start->found,
                                        .started = start->note.started,
                                        .late_fd = l->late.fd,
                                        .store = store,
                                        .busy = is_busy,
                                        .settle = settle,
                                        .requests = take_requests,
                                        .confirm = confirm };
    if (!park_topic_lane(l->park, l->opts.sink->name, lane->name, &lane->link.state, err))
        return false;
    lane->deliver_ready = true;
    return deliver_init(&lane->deliver, &opts, err);
}

/* From now on a hole is an error. Where the target keeps the position, it is asked first: it may know of more than the
 * group does, whose offsets brokers forget with the topic, or after a time. */
static bool commit_first(struct lane *lane, const struct lane_start *start, struct error *err)
{
    return lane->owner->opts.ops->position != NULL ||
           commit(lane, start->offset, &start->note, err);
}

bool lane_open(struct lanes *l, const struct lanes_topic *topic, int32_t partition,
               const struct lane_start *start, struct lane **ret_lane, struct error *err)
{
    struct lane *lane = mem_zalloc(1, sizeof *lane);

    lane->owner = l;
    lane->topic = topic;
    lane->partition = partition;
    lane->name = mem_printf("%s/%d", topic->name, (int)partition);
    lane->stop.fd = -1;
    lane->committed = start->found ? start->offset : -1;
    lane->note = start->note;
    (void)pthread_mutex_init(&lane->lock, NULL);
    open_stream(lane, start);
    if (!wake_init(&lane->stop, err) || !open_deliver(lane, start, err) ||
        (!start->found && !commit_first(lane, start, err)) ||
        !thread_start(&lane->thread, "lane", deliver_thread, &lane->deliver, err)) {
        lane_close(lane);
        return false;
    }
    *ret_lane = lane;
    return true;
}

void lane_ask_to_stop(struct lane *lane, bool lost)
{
    if (lost)
        atomic_store(&lane->lost, true);
    wake_set(&lane->stop);
}

void lane_close(struct lane *lane)
{
    if (lane == NULL)
        return;
    thread_join(&lane->thread);
    if (lane->deliver_ready)
        deliver_done(&lane->deliver);
    lane->stream->ops->close(lane->stream);
    wake_done(&lane->stop);
    for (size_t i = 0; i < lane->request_count; i++)
        free(lane->requests[i].ref);
    free(lane->requests);
    (void)pthread_mutex_destroy(&lane->lock);
    free(lane->name);
    free(lane);
}
