/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a sink and finding its place in the stream.
 *
 *   state.db   target keeps a position?   ->
 *   nothing    no, or it has none         the oldest change of the stream; known from then on
 *   nothing    it has one                 there, if the stream still holds it
 *   stored     no                         there
 *   stored     it has one                 the older of the two: what the target is ahead, it skips
 *   stored     it has none any more       stop: it lost its data
 */
#include "pipeline/deliver.h"

#include "base/logger.h"
#include "pipeline/tables.h"

/* A sink that keeps its position itself: what is it? Goes there, forth or back. */
bool deliver_follow_target(struct deliver *d, struct error *err)
{
    char text[POSITION_TEXT];
    struct position at;
    bool found;

    if (d->ops->position == NULL)
        return true;
    if (!d->ops->position(d->sink, &found, &at, err))
        return false;
    if (!found && d->started) {
        return error_set(
            err, ERR_STOP, E_SINK_LOST,
            "cannot go on with sink %s: the target has no position any more (it was at %s);"
            " it was flushed, replaced, or restarted without persistence",
            d->opts.sink->name, position_format(d->written, text));
    }
    if (found) {
        if (d->opts.restart && !d->started)
            logger_warn(d->who, "the target was not cleared: it goes on from its own position %s",
                        position_format(at, text));
        d->written = at;
        d->started = true;
    }
    return true;
}

/* The first position of a sink that keeps it itself, given before its first batch. */
static bool start_target(struct deliver *d, struct error *err)
{
    if (d->ops->position == NULL || d->started)
        return true;
    if (!d->ops->start(d->sink, d->position, err))
        return false;
    d->started = true;
    d->written = d->position;
    d->stored = d->position;
    return deliver_store(d, err);
}

static bool open_sink(struct deliver *d, struct error *err)
{
    struct sink_env env = { .pipeline = d->opts.config->name,
                            .name = d->opts.sink->name,
                            .lane = d->opts.lane != NULL ? d->opts.lane->name : NULL,
                            .stop_fd = d->opts.stop_fd,
                            .clock = d->opts.clock,
                            .store = &d->store };

    return d->sink != NULL || d->ops->open(d->opts.sink->conf, &env, &d->sink, err);
}

/* A sink that was never here begins with the oldest change that is still there; from then on it is known,
 * and a hole is an error. */
static bool open_reader_anew(struct deliver *d, struct error *err)
{
    struct stream *s = d->opts.stream;
    struct stream_stats stats;
    char text[POSITION_TEXT];

    if (!s->ops->reader_open(s, d->position, &d->reader, err)) {
        if (!error_is(err, E_STREAM_GONE))
            return false;
        s->ops->stats(s, &stats);
        d->position = stats.oldest;
        logger_warn(d->who,
                    "starts at %s, the oldest change the log still holds; earlier ones are gone",
                    position_format(stats.oldest, text));
        if (!s->ops->reader_open(s, d->position, &d->reader, err))
            return false;
    }
    d->written = d->position;
    d->stored = d->position;
    d->known = true;
    return deliver_store(d, err);
}

void deliver_close_reader(struct deliver *d)
{
    d->opts.stream->ops->reader_close(d->reader);
    d->reader = NULL;
    d->ready = false;
    map_clear(&d->relations_told); /* versions are a reader's own */
}

static bool open_reader(struct deliver *d, struct error *err)
{
    struct stream *s = d->opts.stream;

    if (d->reader != NULL)
        return true;
    if (d->ops->position != NULL && d->started) {
        /* A target may be ahead of what is stored here: a batch was applied, and the process died before
         * its rejects were parked. Reading begins before it; the sink skips what it has applied and
         * names the rejects once more. */
        if (d->known && position_cmp(d->stored, d->written) < 0)
            d->written = d->stored;
        d->position = d->written;
    }
    if (!d->known && position_is_start(d->position))
        return open_reader_anew(d, err);
    if (s->ops->reader_open(s, d->position, &d->reader, err))
        return true;
    return error_wrap(err, "sink %s", d->opts.sink->name);
}

static bool tell_shapes(struct deliver *d, struct error *err)
{
    struct shapes_listener to = { .from = d->opts.everything ? NULL : &d->opts.sink->from,
                                  .ops = d->ops,
                                  .sink = d->sink,
                                  .told = d->shapes_told };
    bool ok = shapes_tell(d->opts.shapes, &to, &d->arena, err);

    d->shapes_told = to.told;
    return ok;
}

/* A target that keeps its position goes to the end of the old history: the new copy holds what it has
 * not had, and a command is not to be counted twice. */
static bool skip_old_history(struct deliver *d, struct error *err)
{
    struct sink_result res = { 0 };
    struct batch nothing = { .arena = &d->arena, .before = d->written, .after = d->skip_to };

    if (position_is_start(d->skip_to))
        return true;
    if (d->started && position_cmp(d->written, d->skip_to) < 0 &&
        !d->ops->write(d->sink, &nothing, &res, err))
        return false;
    if (d->reader != NULL)
        deliver_close_reader(d);
    d->position = d->skip_to;
    d->written = d->skip_to;
    d->stored = d->skip_to;
    d->known = true;
    d->skip_to = (struct position){ 0 };
    return deliver_store(d, err);
}

bool deliver_open(struct deliver *d, struct error *err)
{
    if (!d->ready) {
        /* The reader first where the place is known, so that the lag shows while the target is away. */
        if (d->known && !open_reader(d, err))
            return false;
        if (!open_sink(d, err) || !deliver_follow_target(d, err) || !skip_old_history(d, err))
            return false;
        if (d->reader != NULL && d->ops->position != NULL &&
            position_cmp(d->written, d->position) != 0)
            deliver_close_reader(d);
        if (!open_reader(d, err))
            return false;
        d->ready = true;
    }
    return start_target(d, err) && tell_shapes(d, err);
}
