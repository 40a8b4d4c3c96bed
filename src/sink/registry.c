/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of sinks: a new one is its file and one line here. */
#include "sink/kafka_conf.h"
#include "sink/sink.h"

extern const struct sink_ops sink_cassandra_ops;
extern const struct sink_ops sink_http_ops;
extern const struct sink_ops sink_redis_ops;
extern const struct sink_ops sink_stdout_ops;

static const struct sink_ops *const sinks[] = {
    &sink_cassandra_ops,
    &sink_http_ops,
    &sink_redis_ops,
    &sink_stdout_ops,
};

enum { SINK_COUNT = sizeof sinks / sizeof sinks[0] };

static struct config_sink_type types[SINK_COUNT];

__attribute__((constructor)) static void fill_types(void)
{
    for (size_t i = 0; i < SINK_COUNT; i++) {
        types[i] = (struct config_sink_type){ sinks[i]->name, sinks[i]->help, sinks[i]->keys,
                                              sinks[i]->conf_size, sinks[i]->check };
    }
}

const struct sink_ops *const *sink_list(size_t *ret_count)
{
    *ret_count = SINK_COUNT;
    return sinks;
}

const struct sink_ops *sink_find(const char *name)
{
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (strcmp(sinks[i]->name, name) == 0)
            return sinks[i];
    }
    return NULL;
}

const struct config_kinds *sink_config_kinds(void)
{
    static const struct config_kinds kinds = { .sinks = types,
                                               .sink_count = SINK_COUNT,
                                               .kafka_property = sink_kafka_property };

    return &kinds;
}
