/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value of a record is not parsed: what is looked for is searched from its end, where the `source` block stands.
 * Behind it there is no data of a user, and within a text of a user the quotes are escaped.
 */
#include "sink/kafka_ends.h"

#include "base/limits.h"
#include "base/mem.h"
#include "debezium/writer.h"
#include "kafka/topics.h"
#include "sink/kafka.h"
#include "sink/kafka_conf.h"

#include <stdlib.h>

/* What stands behind the last `mark`; n == 0: it is not there. */
static struct str behind_last(struct str s, struct str mark)
{
    for (size_t at = s.n; at >= mark.n; at--) {
        if (memcmp(s.p + at - mark.n, mark.p, mark.n) == 0)
            return str_make(s.p + at, s.n - at);
    }
    return STR_NONE;
}

void sink_kafka_ends_look(struct str value, struct lsn *ret_last_commit, bool *ret_streamed)
{
    struct str sequence = behind_last(value, STR("\"sequence\":\"[\\\""));
    struct str snapshot = behind_last(value, STR("\"snapshot\":\""));
    size_t digits = 0;

    while (digits < sequence.n && sequence.p[digits] >= '0' && sequence.p[digits] <= '9')
        digits++;
    ret_last_commit->v = 0;
    (void)str_to_u64(str_make(sequence.p, digits), &ret_last_commit->v);
    *ret_streamed = snapshot.n == 0 || str_starts(snapshot, STR("false\"")) ||
                    str_starts(snapshot, STR("incremental\""));
}

static void note_newest(const struct kafka_last_record *r, struct sink_kafka_mark mark,
                        struct sink_kafka_newest *newest)
{
    struct str op = kafka_last_header(r, SINK_KAFKA_OP);
    uint64_t wts = 0;

    if (str_to_u64(kafka_last_header(r, SINK_KAFKA_WTS), &wts) && wts <= INT64_MAX &&
        (int64_t)wts > newest->wts)
        newest->wts = (int64_t)wts;
    if (newest->found && sink_kafka_mark_cmp(mark, newest->mark) <= 0)
        return;
    newest->found = true;
    newest->mark = mark;
    sink_kafka_ends_look(r->value, &newest->last_commit, &newest->streamed);
    newest->streamed = newest->streamed && !str_is(op, "r");
}

bool sink_kafka_ends_read(struct kafka_last *last, const char *topic, int32_t count,
                          struct arena *scratch, struct sink_kafka_mark *ret_done,
                          struct sink_kafka_newest *newest, struct error *err)
{
    struct kafka_last_record *records = arena_zalloc(scratch, (size_t)count, sizeof *records);

    if (!kafka_last_read(last, topic, count, scratch, records, err))
        return false;
    for (int32_t i = 0; i < count; i++) {
        struct str text = kafka_last_header(&records[i], SINK_KAFKA_POSITION);

        ret_done[i] = (struct sink_kafka_mark){ .place = 0 };
        if (!records[i].found || text.p == NULL)
            continue;
        if (!sink_kafka_mark_parse(text, &ret_done[i])) {
            return error_set(err, ERR_STOP, E_KAFKA_POSITION,
                             "cannot go on behind the last record of topic %s, partition %d (offset"
                             " %lld): its header %s is not a position",
                             topic, (int)i, (long long)records[i].offset, SINK_KAFKA_POSITION);
        }
        note_newest(&records[i], ret_done[i], newest);
    }
    return true;
}

/* ---- the whole history in Kafka -------------------------------------------------------------------------- */

struct look {
    const struct config *config;
    struct kafka_producer *producer; /* for its connection */
    struct kafka_last *last;
    struct arena arena;
    struct sink_kafka_newest newest;
};

static bool look_at(struct look *l, const char *topic, struct error *err)
{
    struct sink_kafka_mark *done;
    int32_t count;

    if (!kafka_topic_partitions(l->producer, topic, &count, err))
        return false;
    if (count == 0)
        return true;
    done = arena_zalloc(&l->arena, (size_t)count, sizeof *done);
    return sink_kafka_ends_read(l->last, topic, count, &l->arena, done, &l->newest, err);
}

static bool look_at_all(struct look *l, struct error *err)
{
    struct buf topic;
    bool ok = true;

    buf_init(&topic, LIMIT_KAFKA_TOPIC);
    for (size_t i = 0; sink_kafka_topic(l->config, i, &topic) && ok; i++)
        ok = look_at(l, buf_cstr(&topic), err);
    buf_done(&topic);
    return ok;
}

bool sink_kafka_topic(const struct config *config, size_t i, struct buf *ret)
{
    const char *prefix = config->stream.kafka.topic_prefix;
    const struct config_strings *tables = &config->source.tables;

    buf_clear(ret);
    if (i < tables->count) {
        debezium_table_topic(prefix, str_from(tables->items[i]), ret);
    } else if (i == tables->count) {
        buf_putf(ret, "%s.message", prefix);
    } else if (i == tables->count + 1 && config->stream.kafka.format.transactions) {
        buf_putf(ret, "%s.transaction", prefix);
    }
    return ret->n > 0;
}

bool sink_kafka_ends(const struct config *config, int stop_fd, struct position *ret_last,
                     int64_t *ret_wts, struct error *err)
{
    struct look l = { .config = config };
    struct kafka_settings settings;
    struct kafka_producer_opts opts = {
        .settings = &settings, .compression = "none", .batch_bytes = MIB, .stop_fd = stop_fd
    };
    bool ok;

    arena_init(&l.arena, LIMIT_ARENA);
    sink_kafka_settings(&config->stream.kafka, &l.arena, &settings);
    ok = kafka_producer_open(&opts, &l.producer, err) &&
         kafka_last_open(&settings, stop_fd, &l.last, err) && look_at_all(&l, err);
    kafka_last_close(l.last);
    kafka_producer_close(l.producer);
    arena_done(&l.arena);
    if (ok) {
        *ret_last = l.newest.mark.pos;
        *ret_wts = l.newest.wts;
    }
    return ok;
}
