/* SPDX-License-Identifier: Apache-2.0 */
/* `log read` where the stream is Kafka: every partition of the pipeline's topics, one after the other, up to the end that it
 * had when it was begun. Nothing is joined and nothing is committed. */
#include "base/limits.h"
#include "base/mem.h"
#include "cli/log.h"
#include "debezium/writer.h"
#include "kafka/consumer.h"
#include "process/rowjson.h"
#include "sink/kafka_conf.h"
#include "stream/kafka_stream.h"

#include <stdlib.h>

enum { WAIT_MS = 1000, PATIENCE = 20 /* rounds without a record */ };

struct reading {
    const struct config *config;
    const struct cli_log_request *request;
    struct position from;
    struct kafka_consumer *consumer;
    struct buf topic; /* the one that is read */
    uint64_t printed;
    bool found; /* any topic at all */
};

static bool is_full(const struct reading *r)
{
    return r->request->limit > 0 && r->printed >= (uint64_t)r->request->limit;
}

/* false: stdout is gone. */
static bool print(struct reading *r, const struct batch *b)
{
    struct buf out;
    bool ok;

    buf_init(&out, LIMIT_ARENA);
    for (size_t i = 0; i < b->count && !is_full(r); i++) {
        const struct change *c = &b->changes[i];

        if ((c->flags & CHANGE_UNREADABLE) != 0 ||
            (r->request->from != NULL && position_cmp(c->pos, r->from) <= 0))
            continue;
        rowjson_change(c, &out);
        buf_u8(&out, '\n');
        r->printed++;
    }
    ok = cli_print(&out);
    buf_done(&out);
    return ok;
}

static bool read_to(struct reading *r, struct stream *s, struct stream_reader *reader,
                    int32_t partition, int64_t end, struct error *err)
{
    struct stream_want want = { .rows_max = LIMIT_BATCH_ROWS,
                                .bytes_max = LIMIT_BATCH_BYTES,
                                .wait_ms = WAIT_MS,
                                .stop_fd = -1 };
    struct arena arena;
    int64_t at = 0;
    bool ok = true;

    arena_init(&arena, LIMIT_ARENA);
    for (int quiet = 0; ok && at < end && !is_full(r) && quiet < PATIENCE;) {
        struct batch b = { 0 };
        int64_t before = at;

        arena_reset(&arena);
        ok = s->ops->read(reader, &want, &arena, &b, err) && print(r, &b);
        if (ok)
            ok = kafka_stream_offset(buf_cstr(&r->topic), partition, b.after, &at);
        quiet = at > before ? 0 : quiet + 1;
        if (ok && quiet == PATIENCE)
            ok = error_set(err, ERR_RETRY, E_KAFKA_DOWN,
                           "cannot read %s/%d behind offset %lld: the brokers send nothing",
                           buf_cstr(&r->topic), (int)partition, (long long)at);
    }
    arena_done(&arena);
    return ok;
}

static bool read_partition(struct reading *r, int32_t partition, const char *schema,
                           const char *table, struct error *err)
{
    const struct config_format *format = &r->config->stream.kafka.format;
    struct kafka_stream_opts opts = { .consumer = r->consumer,
                                      .topic = buf_cstr(&r->topic),
                                      .partition = partition,
                                      .schema = schema,
                                      .table = table,
                                      .placeholder = format->placeholder,
                                      .fields_prefix = format->fields_prefix,
                                      .headers_prefix = format->headers_prefix };
    struct kafka_place place = { opts.topic, partition, 0 };
    struct stream_reader *reader;
    struct stream *s;
    int64_t end;
    bool ok;

    if (!kafka_consumer_range(r->consumer, opts.topic, partition, &place.offset, &end, err) ||
        !kafka_consumer_assign(r->consumer, &place, err))
        return false;
    opts.begin = place.offset;
    opts.offset = place.offset;
    s = kafka_stream_open(&opts);
    ok = s->ops->reader_open(s, kafka_stream_position(opts.topic, partition, place.offset), &reader,
                             err);
    if (ok) {
        ok = read_to(r, s, reader, partition, end, err);
        s->ops->reader_close(reader);
    }
    s->ops->close(s);
    return ok;
}

/* schema NULL: a topic that others write. */
static bool read_topic(struct reading *r, const char *schema, const char *table, struct error *err)
{
    int32_t count;

    if (!kafka_consumer_partitions(r->consumer, buf_cstr(&r->topic), &count, err))
        return false;
    r->found = r->found || count > 0;
    for (int32_t i = 0; i < count && !is_full(r); i++) {
        if (!read_partition(r, i, schema, table, err))
            return false;
    }
    return true;
}

static bool read_table(struct reading *r, const char *name, struct error *err)
{
    struct str schema;
    struct str table;
    char *text;
    bool ok;

    debezium_table_split(str_from(name), &schema, &table);
    debezium_topic(r->config->stream.kafka.topic_prefix, schema, table, &r->topic);
    text = mem_strndup(schema);
    ok = read_topic(r, text, table.p, err); /* the name's end is the table's */
    free(text);
    return ok;
}

/* The tables that are captured; without a source the sinks' topics and tables, each once a sink. */
static bool read_all(struct reading *r, struct error *err)
{
    const struct config_strings *tables = &r->config->source.tables;
    bool ok = true;

    for (size_t i = 0; ok && i < tables->count; i++)
        ok = read_table(r, tables->items[i], err);
    for (size_t n = 0; ok && tables->count == 0 && n < r->config->sink_count; n++) {
        const struct config_sink *sink = &r->config->sinks[n];

        for (size_t i = 0; ok && i < sink->topics.count; i++) {
            buf_clear(&r->topic);
            buf_text(&r->topic, sink->topics.items[i]);
            ok = read_topic(r, NULL, NULL, err);
        }
        for (size_t i = 0; ok && sink->topics.count == 0 && i < sink->from.count; i++)
            ok = read_table(r, sink->from.items[i], err);
    }
    if (ok && !r->found)
        return error_set(err, ERR_STOP, E_KAFKA_NO_TOPIC,
                         "cannot read the stream: the brokers know none of its topics (%s.*) yet",
                         r->config->stream.kafka.topic_prefix);
    return ok;
}

int cli_log_read_kafka(const struct config *config, const struct cli_log_request *request)
{
    struct reading r = { .config = config, .request = request };
    struct kafka_consumer_opts opts = { .group = "multisink-log-read" };
    struct error err = { 0 };
    struct arena arena;
    bool ok;

    int code = cli_log_from(request, &r.from);

    if (code != CLI_OK)
        return code;
    arena_init(&arena, LIMIT_CONFIG_ARENA);
    buf_init(&r.topic, LIMIT_KAFKA_TOPIC);
    sink_kafka_settings(&config->stream.kafka, &arena, &opts.settings);
    ok = kafka_consumer_open(&opts, &r.consumer, &err) && read_all(&r, &err);
    kafka_consumer_close(r.consumer);
    buf_done(&r.topic);
    arena_done(&arena);
    if (ok)
        return CLI_OK;
    return err.kind == ERR_NONE ? CLI_RUNTIME : cli_failure(&err);
}
