/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch is encoded record by record (debezium/writer.h) and given to the producer; it is done when all of it is
 * acknowledged. When it comes again, it is encoded again, and what is there already is dropped by its mark.
 *
 *   kafka.c          the contract with the deliver loop       kafka_target.c   topics, partitions, what is there
 *   kafka_mark.c     positions and headers                    kafka_ends.c     the last records of partitions
 *   kafka_walk.c     what records say of their surroundings   kafka_conf.c     configuration
 *   kafka_values.c   the values on their way                  kafka_counts.c   what END says, across a restart
 *
 *  (1) write() returns true only when every record is acknowledged by all replicas in sync, or rejected by name.
 *  (2) The marks in a partition only rise.
 */
#include "sink/kafka.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sink/kafka_conf.h"
#include "sink/kafka_counts.h"
#include "sink/kafka_target.h"
#include "sink/kafka_values.h"
#include "sink/kafka_walk.h"

#include <stdio.h>
#include <stdlib.h>

enum { HEADERS_MAX = DEBEZIUM_HEADERS_MAX + 8 };

struct sink {
    const struct config *config;
    const struct clock *clock;
    const struct sink_store *store;
    bool counts_loaded;
    struct debezium_format format;
    struct debezium_writer *writer;
    struct sink_kafka_target target;
    struct sink_kafka_walk walk;    /* behind the last batch that was written */
    struct sink_kafka_walk working; /* within the one being written */
    struct map refused; /* positions of changes that were found too large, in this batch */
    int64_t beat_us;    /* when the last heartbeat was, monotonic */
    struct arena arena; /* of the format */
    struct debezium_records records;
    struct sink_kafka_values
        values; /* on their way; none outside of write() but in a broken producer */
    struct kafka_header headers[HEADERS_MAX];
    struct buf unchanged;
    int64_t now_us; /* of the batch: one time for all its records */
};

/* ---- life ------------------------------------------------------------------------------------------------- */

static void kafka_close(struct sink *s)
{
    if (s == NULL)
        return;
    sink_kafka_target_done(&s->target); /* the producer first: values may be lent to it */
    sink_kafka_values_done(&s->values);
    sink_kafka_walk_done(&s->walk);
    sink_kafka_walk_done(&s->working);
    debezium_writer_free(s->writer);
    map_done(&s->refused);
    buf_done(&s->unchanged);
    arena_done(&s->arena);
    free(s);
}

/* What the process before this one knew of the last commit, as far as Kafka says it. */
static void resume_walk(struct sink *s)
{
    const struct sink_kafka_newest *newest = &s->target.newest;

    if (!newest->found || s->walk.started)
        return;
    s->walk.started = true;
    s->walk.before.pos = newest->mark.pos;
    if (newest->streamed) {
        s->walk.last_commit = newest->last_commit;
        s->walk.ended = newest->mark.pos.commit_end;
    }
}

static bool kafka_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                       struct error *err)
{
    struct sink *s = mem_zalloc(1, sizeof *s);

    s->config = conf;
    s->clock = env->clock;
    s->store = env->store;
    arena_init(&s->arena, LIMIT_CONFIG_ARENA);
    sink_kafka_format(s->config, &s->arena, &s->format);
    s->writer = debezium_writer_new(&s->format);
    sink_kafka_target_init(&s->target, s->config, env->stop_fd);
    sink_kafka_walk_init(&s->walk, &s->format);
    sink_kafka_walk_init(&s->working, &s->format);
    sink_kafka_values_init(&s->values);
    map_init(&s->refused);
    buf_init(&s->unchanged, LIMIT_HTTP_UNCHANGED);
    s->beat_us = clock_mono_us(s->clock);
    if (!sink_kafka_target_ensure(&s->target, err)) {
        kafka_close(s);
        return false;
    }
    resume_walk(s);
    *ret_sink = s;
    return true;
}

/* ---- records ---------------------------------------------------------------------------------------------- */

/* Our own headers stand in front of Debezium's. Texts live in `texts`. */
struct texts {
    char mark[SINK_KAFKA_MARK_TEXT];
    char parked[SINK_KAFKA_MARK_TEXT];
    char wts[24];
    char commit[48];
};

static size_t add_header(struct sink *s, size_t n, const char *name, struct str value)
{
    s->headers[n] = (struct kafka_header){ name, value };
    return n + 1;
}

static struct str decimal(int64_t v, char text[24])
{
    char *end = text + 24;
    char *p = end;
    uint64_t left = v < 0 ? 0 : (uint64_t)v;

    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    return str_make(p, (size_t)(end - p));
}

/* What the value itself does not say. */
static size_t add_bare_headers(struct sink *s, size_t n, const struct change *c,
                               struct texts *texts)
{
    int length = snprintf(texts->commit, sizeof texts->commit, "%lld/%u",
                          (long long)c->commit_time_us, c->xid);

    n = add_header(s, n, SINK_KAFKA_OP, sink_kafka_op(c->op));
    return add_header(s, n, SINK_KAFKA_COMMIT, str_make(texts->commit, (size_t)length));
}

static size_t own_headers(struct sink *s, const struct change *c, struct sink_kafka_mark mark,
                          struct texts *texts)
{
    size_t n = 0;

    n = add_header(s, n, SINK_KAFKA_POSITION, sink_kafka_mark_format(mark, texts->mark));
    if (c == NULL)
        return n;
    n = add_header(s, n, SINK_KAFKA_WTS, decimal(c->wts, texts->wts));
    if (mark.place >= SINK_KAFKA_REPLAYED)
        n = add_header(
            s, n, SINK_KAFKA_PARKED,
            sink_kafka_mark_format((struct sink_kafka_mark){ .pos = c->pos }, texts->parked));
    if (s->format.unwrap.on)
        n = add_bare_headers(s, n, c, texts);
    buf_clear(&s->unchanged);
    sink_kafka_unchanged(c, &s->unchanged);
    if (s->unchanged.n > 0)
        n = add_header(s, n, SINK_KAFKA_UNCHANGED, buf_view(&s->unchanged));
    return n;
}

static size_t add_debezium_headers(struct sink *s, size_t n, const struct debezium_record *r)
{
    for (size_t i = 0; i < r->header_count && n < HEADERS_MAX; i++)
        n = add_header(s, n, r->headers[i].name.p, r->headers[i].value);
    return n;
}

static struct kafka_record as_record(const struct sink *s, const struct debezium_record *r,
                                     size_t header_count, uint64_t mark)
{
    return (struct kafka_record){ .has_key = r->has_key,
                                  .has_value = r->has_value,
                                  .key = r->key,
                                  .value = r->value,
                                  .headers = s->headers,
                                  .header_count = header_count,
                                  .time_ms = s->now_us / 1000,
                                  .mark = mark };
}

/* One record of a change (c NULL: of its transaction). */
static bool put_record(struct sink *s, const struct debezium_record *r, const struct change *c,
                       struct sink_kafka_mark mark, uint64_t index, struct error *err)
{
    struct texts texts;
    size_t n = own_headers(s, c, mark, &texts);
    struct sink_kafka_put put = { .topic = r->topic.p, .mark = mark, .ordered = true };

    n = add_debezium_headers(s, n, r);
    put.record = as_record(s, r, n, index);
    put.record.lent = debezium_writer_gives(s->writer, r);
    if (!sink_kafka_target_put(&s->target, &put, err))
        return false;
    if (put.produced && put.record.lent)
        sink_kafka_values_lent(&s->values, s->writer);
    return true;
}

/* A parked change that is sent again goes behind what its partition holds. */
static bool put_replayed(struct sink *s, const struct debezium_record *r, const struct change *c,
                         uint64_t index, struct error *err)
{
    const struct kafka_record bare = { .has_key = r->has_key, .key = r->key };
    struct sink_kafka_mark mark;

    return sink_kafka_target_end(&s->target, r->topic.p, &bare, &mark, err) &&
           put_record(s, r, c, mark, index, err);
}

/* ---- changes ---------------------------------------------------------------------------------------------- */

static void reject(const struct batch *b, size_t at, const struct error *why,
                   struct sink_result *res)
{
    const struct error_page *page = error_page_find(why->code);
    const struct sink_reject r = { .index = at,
                                   .code = page != NULL ? (enum error_code)page->number : E_NONE,
                                   .reason = why->msg };

    sink_reject_add(res, b, &r);
}

static bool is_refused(struct sink *s, const struct change *c)
{
    return s->refused.n > 0 && map_has(&s->refused, MAP_KEY(c->pos));
}

static bool put_begin(struct sink *s, const struct change *c, struct error *err)
{
    struct debezium_record *r = &s->records.items[0];

    return debezium_write_begin(s->writer, c->xid, c->lsn, c->commit_time_us, r, err) &&
           put_record(s, r, NULL, (struct sink_kafka_mark){ .pos = c->pos }, 0, err);
}

static bool put_end(struct sink *s, const struct change *c, struct error *err)
{
    struct debezium_record *r = &s->records.items[0];

    return debezium_write_end(s->writer, c->xid, c->pos.commit_end, c->commit_time_us,
                              s->working.collections, s->working.collection_count, r, err) &&
           put_record(s, r, NULL, (struct sink_kafka_mark){ c->pos, 1 }, 0, err);
}

/* The records of one change; ERR_REJECT for what no record can hold. */
static bool put_change(struct sink *s, const struct batch *b, size_t at,
                       const struct debezium_moment *moment, struct error *err)
{
    const struct change *c = &b->changes[at];

    if (is_refused(s, c))
        return error_set(err, ERR_REJECT, E_KAFKA_TOO_LARGE,
                         "the brokers refuse the record: it is larger than the topic's"
                         " max.message.bytes");
    if (!debezium_write(s->writer, c, moment, &s->records, err))
        return false;
    if (s->records.joined)
        sink_kafka_walk_joined(&s->working, c);
    for (size_t i = 0; i < s->records.count; i++) {
        const struct debezium_record *r = &s->records.items[i];
        const struct sink_kafka_mark mark = { c->pos, (uint32_t)i };

        if (b->replay ? !put_replayed(s, r, c, at, err) : !put_record(s, r, c, mark, at, err))
            return false;
    }
    return true;
}

static bool put_all(struct sink *s, const struct batch *b, struct sink_result *res,
                    struct error *err)
{
    s->now_us = clock_real_us(s->clock);
    for (size_t i = 0; i < b->count; i++) {
        const struct change *c = &b->changes[i];
        bool framed = s->format.transactions && !b->replay;
        bool begins = framed && sink_kafka_walk_begins(&s->working, c);
        struct debezium_moment moment;

        sink_kafka_walk_step(&s->working, b, i, &moment);
        moment.now_us = s->now_us;
        if (begins && !put_begin(s, c, err))
            return false;
        if (!put_change(s, b, i, &moment, err)) {
            if (err->kind != ERR_REJECT)
                return false;
            reject(b, i, err, res);
        }
        if (framed && sink_kafka_walk_ends(b, i) && !put_end(s, c, err))
            return false;
    }
    return true;
}

/* ---- the contract ----------------------------------------------------------------------------------------- */

/* After a failure: a record that can never be written is remembered, so that the next try rejects it. */
static void note_refused(struct sink *s, const struct batch *b)
{
    uint64_t index;

    if (sink_kafka_target_settle(&s->target, &index) && index < b->count)
        (void)map_put(&s->refused, MAP_KEY(b->changes[index].pos), s);
    if (s->target.producer == NULL) /* else values may still be on their way */
        sink_kafka_values_back(&s->values);
}

/* Within a transaction whose counts matter: those of the process before this one, before the first batch. */
static bool load_counts(struct sink *s, const struct batch *b, struct error *err)
{
    struct str kept;

    if (s->counts_loaded || !s->format.transactions || b->replay)
        return true;
    if (!s->store->get(s->store->ctx, "counts", b->arena, &kept, err))
        return false;
    (void)sink_kafka_counts_get(kept, b->before, &s->walk);
    s->counts_loaded = true;
    return true;
}

static bool keep_counts(struct sink *s, const struct batch *b, struct error *err)
{
    struct buf kept;
    bool ok;

    if (!s->format.transactions || b->replay || b->next == NULL)
        return true;
    buf_init(&kept, (size_t)2 * LIMIT_KAFKA_COLLECTIONS * LIMIT_KAFKA_TOPIC);
    sink_kafka_counts_put(&s->walk, b->before, &kept);
    sink_kafka_counts_put(&s->working, b->after, &kept);
    ok = s->store->put(s->store->ctx, "counts", buf_view(&kept), err);
    buf_done(&kept);
    return ok;
}

static bool kafka_write(struct sink *s, const struct batch *b, struct sink_result *res,
                        struct error *err)
{
    if (!sink_kafka_target_ensure(&s->target, err) || !load_counts(s, b, err))
        return false;
    sink_kafka_walk_copy(&s->working, &s->walk);
    if (!put_all(s, b, res, err) || !sink_kafka_target_wait(&s->target, err)) {
        note_refused(s, b);
        return false;
    }
    sink_kafka_values_back(&s->values);
    if (!keep_counts(s, b, err))
        return false;
    if (!b->replay)
        sink_kafka_walk_copy(&s->walk, &s->working);
    map_clear(&s->refused);
    return true;
}

/* So that members find the topic before its first row: they would see it only some seconds behind that. Messages have no
 * table. */
static bool kafka_relation(struct sink *s, const struct relation *rel, struct error *err)
{
    struct buf topic;
    bool ok;

    if (rel->table.n == 0)
        return true;
    buf_init(&topic, LIMIT_KAFKA_TOPIC);
    debezium_topic(s->config->stream.kafka.topic_prefix, rel->schema, rel->table, &topic);
    ok = sink_kafka_target_ensure(&s->target, err) &&
         sink_kafka_target_make(&s->target, buf_cstr(&topic), err);
    buf_done(&topic);
    return ok;
}

static bool kafka_idle(struct sink *s, struct error *err)
{
    int64_t every_us = s->config->stream.kafka.format.heartbeat_ms * 1000;
    int64_t now_us = clock_mono_us(s->clock);
    struct debezium_record *r = &s->records.items[0];
    struct sink_kafka_put put = { .ordered = false };
    uint64_t none;

    if (every_us == 0 || now_us - s->beat_us < every_us)
        return true;
    if (!sink_kafka_target_ensure(&s->target, err))
        return false;
    s->now_us = clock_real_us(s->clock);
    debezium_write_heartbeat(s->writer, s->now_us, r);
    put.topic = r->topic.p;
    put.record = as_record(s, r, 0, 0);
    if (!sink_kafka_target_put(&s->target, &put, err) || !sink_kafka_target_wait(&s->target, err)) {
        (void)sink_kafka_target_settle(&s->target, &none);
        return false;
    }
    s->beat_us = now_us;
    return true;
}

const struct sink_ops sink_kafka_ops = {
    .name = "kafka",
    .help = "Every change as Debezium's records in Kafka.",
    .ordered = true,
    .skips_repeats = true,
    .open = kafka_open,
    .relation = kafka_relation,
    .write = kafka_write,
    .idle = kafka_idle,
    .close = kafka_close,
};
