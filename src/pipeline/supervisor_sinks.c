/* SPDX-License-Identifier: Apache-2.0 */
/* The deliver side of a pipeline: a thread per sink on the log, or a group of lanes per sink on Kafka. */
#include "pipeline/supervisor.h"

#include "base/logger.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static bool open_delivers(struct supervisor *s, struct error *err)
{
    const struct config *config = s->opts.config;

    s->delivers = mem_zalloc(config->sink_count, sizeof *s->delivers);
    s->deliver_threads = mem_zalloc(config->sink_count, sizeof *s->deliver_threads);
    for (size_t i = 0; i < config->sink_count; i++) {
        const char *restart = s->opts.restart_sink;
        struct deliver_opts opts = {
            .config = config,
            .sink = &config->sinks[i],
            .ops = sink_find(config->sinks[i].type->name), /* the registry gave the type */
            .stream = s->stream,
            .shapes = &s->shapes,
            .clock = s->opts.clock,
            .stop_fd = s->stop_deliver.fd,
            .resnapshot = s->opts.resnapshot,
            .restart = restart != NULL && strcmp(restart, config->sinks[i].name) == 0
        };

        s->deliver_count++; /* half-built ones are closed as well */
        if (!deliver_init(&s->delivers[i], &opts, err))
            return false;
    }
    return true;
}

static bool open_lanes(struct supervisor *s, struct error *err)
{
    const struct config *config = s->opts.config;

    s->lanes = mem_zalloc(config->sink_count, sizeof(struct lanes *));
    for (size_t i = 0; i < config->sink_count; i++) {
        struct lanes_opts opts = { .config = config,
                                   .sink = &config->sinks[i],
                                   .ops = sink_find(config->sinks[i].type->name),
                                   .shapes = &s->shapes,
                                   .makes_topics =
                                       s->publishes && config->sinks[i].topics.count == 0 &&
                                       config->stream.kafka.create_topics == CONFIG_TOPICS_AUTO,
                                   .clock = s->opts.clock };

        if (!lanes_open(&opts, &s->lanes[i], err))
            return false;
        s->lanes_count++;
    }
    return true;
}

bool supervisor_open_sinks(struct supervisor *s, struct error *err)
{
    if (s->opts.role == CONFIG_ROLE_CAPTURE)
        return true;
    return s->opts.config->stream.kind == CONFIG_STREAM_KAFKA ? open_lanes(s, err)
                                                              : open_delivers(s, err);
}

bool supervisor_start_sinks(struct supervisor *s, struct error *err)
{
    for (size_t i = 0; i < s->lanes_count; i++) {
        if (!lanes_start(s->lanes[i], err))
            return false;
    }
    for (size_t i = 0; i < s->deliver_count; i++) {
        char name[16];

        if (s->opts.config->sinks[i].pause) {
            logger_info(s->delivers[i].who, "paused by the configuration");
            continue;
        }
        (void)snprintf(name, sizeof name, "s:%.12s", s->opts.config->sinks[i].name);
        if (!thread_start(&s->deliver_threads[i], name, deliver_thread, &s->delivers[i], err))
            return false;
    }
    return true;
}

void supervisor_ask_sinks_to_stop(struct supervisor *s)
{
    wake_set(&s->stop_deliver);
    for (size_t i = 0; i < s->lanes_count; i++)
        lanes_stop(s->lanes[i]);
}

void supervisor_join_sinks(struct supervisor *s)
{
    for (size_t i = 0; i < s->deliver_count; i++)
        thread_join(&s->deliver_threads[i]);
    for (size_t i = 0; i < s->lanes_count; i++)
        lanes_join(s->lanes[i]);
}

void supervisor_close_sinks(struct supervisor *s)
{
    for (size_t i = 0; i < s->deliver_count; i++)
        deliver_done(&s->delivers[i]);
    for (size_t i = 0; i < s->lanes_count; i++)
        lanes_close(s->lanes[i]);
    free(s->delivers);
    free(s->deliver_threads);
    free(s->lanes);
}

size_t supervisor_sink_count(const struct supervisor *s)
{
    return s->deliver_count + s->lanes_count;
}

void supervisor_get_sink(struct supervisor *s, size_t at, struct progress_sink *ret)
{
    if (at < s->lanes_count)
        lanes_progress(s->lanes[at], ret);
    else
        progress_get_sink(&s->delivers[at].progress, ret);
}
