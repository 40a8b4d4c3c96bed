/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets of a sink connector that reads Kafka: those that its consumer group has committed.
 *
 *   {"kafka_topic": t, "kafka_partition": p} -> {"kafka_offset": n}
 *
 * n is the offset of the next record. null: forgotten, and with the next start read from the beginning.
 */
#include "control/connect_private.h"

#include "base/limits.h"
#include "kafka/group.h"
#include "sink/kafka_conf.h"

#include <string.h>

struct group {
    struct arena arena;
    struct kafka_settings settings;
    const char *name;
};

static void open_group(const struct connect_worker *w, const struct connector *c, struct group *g)
{
    const struct config *config = c->of_file ? w->opts.config : c->conf;

    arena_init(&g->arena, MIB);
    sink_kafka_settings(&config->stream.kafka, &g->arena, &g->settings);
    g->name = sink_kafka_group(&config->stream.kafka, c->safe, &g->arena);
}

static void add(void *ctx, const struct kafka_place *place)
{
    (void)json_array_append_new(ctx, json_pack("{s:{s:i, s:o}, s:{s:I}}", "partition",
                                               "kafka_partition", (int)place->partition,
                                               "kafka_topic", connect_text(place->topic), "offset",
                                               "kafka_offset", (json_int_t)place->offset));
}

/* In the arena. */
static const char *const *topics_of(const struct connector *c, struct arena *a)
{
    const char **topics = arena_zalloc(a, c->sink_from->count, sizeof(char *));

    for (size_t i = 0; i < c->sink_from->count; i++) {
        json_t *topic = connect_topic(c, c->sink_from->items[i]);

        topics[i] = arena_str(a, str_from(json_string_value(topic))).p;
        json_decref(topic);
    }
    return topics;
}

void connect_group_show(const struct connect_worker *w, const struct connector *c,
                        struct connect_reply *reply)
{
    json_t *offsets = json_array();
    struct group g;
    struct error err;

    if (c->sink_from != NULL && c->sink_from->count > 0) {
        bool ok;

        open_group(w, c, &g);
        ok = kafka_group_list(&g.settings, g.name, topics_of(c, &g.arena), c->sink_from->count, add,
                              offsets, &err);
        arena_done(&g.arena);
        if (!ok) {
            json_decref(offsets);
            connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
            return;
        }
    }
    connect_reply_set(reply, 200, json_pack("{s:o}", "offsets", offsets));
}

/* Connect takes a partition's number as a text as well. */
static bool read_number(const json_t *value, int64_t max, int64_t *ret_number)
{
    if (json_is_integer(value))
        *ret_number = (int64_t)json_integer_value(value);
    else if (!json_is_string(value) || !str_to_i64(str_from(json_string_value(value)), ret_number))
        return false;
    return *ret_number >= 0 && *ret_number <= max;
}

static bool read_place(const json_t *entry, struct kafka_place *ret_place)
{
    const json_t *partition = json_object_get(entry, "partition");
    const json_t *offset = json_object_get(entry, "offset");
    int64_t number;

    ret_place->topic = connect_get(partition, "kafka_topic");
    ret_place->offset = -1;
    if (ret_place->topic == NULL || ret_place->topic[0] == '\0' ||
        !read_number(json_object_get(partition, "kafka_partition"), INT32_MAX, &number))
        return false;
    ret_place->partition = (int32_t)number;
    return !json_is_object(offset) ||
           read_number(json_object_get(offset, "kafka_offset"), INT64_MAX, &ret_place->offset);
}

/* In the arena; false: one of them is none. */
static bool read_places(const json_t *entries, struct arena *a, struct kafka_place **ret_places)
{
    struct kafka_place *places = arena_zalloc(a, json_array_size(entries), sizeof *places);
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        if (!read_place(entry, &places[i]))
            return false;
    }
    *ret_places = places;
    return true;
}

void connect_group_set(const struct connect_worker *w, const struct connector *c,
                       const json_t *entries, const char *done, struct connect_reply *reply)
{
    struct kafka_place *places = NULL;
    struct group g;
    struct error err;

    if (!c->of_file && c->conf == NULL) {
        connect_reply_error(reply, 400, "Connector %s cannot run: %s", c->name, c->error.msg);
        return;
    }
    open_group(w, c, &g);
    if (entries != NULL && !read_places(entries, &g.arena, &places)) {
        connect_reply_error(reply, 400,
                            "An offset of a sink is {\"partition\": {\"kafka_topic\": \"...\","
                            " \"kafka_partition\": 0}, \"offset\": {\"kafka_offset\": 0}}, or null"
                            " in place of the last");
    } else if (kafka_group_set(&g.settings, g.name, places,
                               entries != NULL ? json_array_size(entries) : 0, &err)) {
        connect_reply_set(reply, 200, json_pack("{s:s}", "message", done));
    } else {
        connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
    }
    arena_done(&g.arena);
}
