/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/debezium/recording.h"

#include "unit/debezium/recording_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINE_MAX_BYTES = 4 * 1024 * 1024 };

static FILE *open_golden(const char *name)
{
    const char *root = getenv("MULTISINK_SOURCE_DIR");
    char path[1024];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/tests/golden/debezium/%s.jsonl", root ? root : ".", name);
    f = fopen(path, "re");
    if (f == NULL)
        fail_msg("no recording %s", path);
    return f;
}

static json_t *next_line(FILE *f)
{
    static char line[LINE_MAX_BYTES];
    json_error_t why;
    json_t *json;

    if (fgets(line, sizeof line, f) == NULL)
        return NULL;
    json = json_loads(line, JSON_ALLOW_NUL, &why);
    if (json == NULL)
        fail_msg("%s: %.80s", why.text, line);
    return json;
}

/* ---- the recording ------------------------------------------------------------------------------ */

static struct topic *topic_of(struct player *p, struct str name)
{
    struct topic *t = map_get(&p->topics, name);

    if (t == NULL) {
        t = mem_zalloc(1, sizeof *t);
        t->name = mem_strndup(name);
        t->records = json_array();
        (void)map_put(&p->topics, name, t);
    }
    return t;
}

static void load_recording(struct player *p)
{
    FILE *f = open_golden(p->r->name);
    json_t *line;

    p->schemas = json_array();
    json_array_append_new(p->schemas, json_null());
    while ((line = next_line(f)) != NULL) {
        if (json_object_get(line, "topic") != NULL)
            json_array_append(topic_of(p, recording_text(json_object_get(line, "topic")))->records,
                              line);
        else if (json_object_get(line, "schema") != NULL)
            json_array_append(p->schemas, json_object_get(line, "text"));
        json_decref(line);
    }
    (void)fclose(f);
}

/* ---- playing ------------------------------------------------------------------------------------ */

/* Letters outside ASCII come from pgoutput as two each in the real one: the topics of its stream differ. */
static void recorded_topic(const struct player *p, const struct relation *rel, bool streamed,
                           struct buf *b)
{
    debezium_topic(p->prefix, rel->schema, rel->table, b);
    if (!streamed)
        return;
    buf_clear(b);
    buf_text(b, p->prefix);
    for (size_t part = 0; part < 2; part++) {
        struct str s = part == 0 ? rel->schema : rel->table;

        buf_u8(b, '.');
        for (size_t i = 0; i < s.n; i++) {
            unsigned char c = (unsigned char)s.p[i];
            bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';

            buf_u8(b, ok ? c : '_');
        }
    }
}

static json_t *peek(const struct topic *t)
{
    return json_array_get(t->records, t->next);
}

static json_t *payload_of(const json_t *record)
{
    json_t *value = json_object_get(record, "value");

    if (!json_is_string(value))
        return NULL;
    return json_loadb(json_string_value(value), json_string_length(value),
                      JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static enum debezium_snapshot marker(const char *name)
{
    static const char *const names[] = {
        "false", "true",        "first", "first_in_data_collection", "last_in_data_collection",
        "last",  "incremental",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (name != NULL && strcmp(name, names[i]) == 0)
            return (enum debezium_snapshot)i;
    }
    return DEBEZIUM_SNAPSHOT_FALSE;
}

/* What the real connector's clock and snapshot said. */
static void take_over(const json_t *record, struct change *c, struct debezium_moment *m)
{
    json_t *payload = payload_of(record);
    json_t *source = json_object_get(payload, "source");
    json_t *us = json_object_get(payload, "ts_us");
    json_t *source_us = json_object_get(source, "ts_us");

    m->now_us = us != NULL ? json_integer_value(us) : recording_number(payload, "ts_ms") * 1000;
    if (c->op == CHANGE_SNAPSHOT && source == NULL) {
        c->commit_time_us = recording_number(payload, "__source_ts_ms") * 1000;
        c->xid = (uint32_t)recording_number(payload, "__xid");
        c->lsn.v =
            (uint64_t)(recording_number(payload, "__lsn") + recording_number(payload, "cdc_lsn"));
    } else if (c->op == CHANGE_SNAPSHOT) {
        m->snapshot = marker(json_string_value(json_object_get(source, "snapshot")));
        c->commit_time_us = source_us != NULL ? json_integer_value(source_us)
                                              : recording_number(source, "ts_ms") * 1000;
        c->xid = (uint32_t)recording_number(source, "txId");
        c->lsn.v = (uint64_t)recording_number(source, "lsn");
    }
    json_decref(payload);
}

/* The place in the transaction and in the table. 2.5 does not count messages. */
static void count_event(struct player *p, const struct change *c, const struct change *pair,
                        struct debezium_moment *m)
{
    struct str name = STR("LOGICAL_DECODING_MESSAGE");
    char text[256];
    size_t i = 0;

    if (!p->r->format.transactions || c->xid == 0 || c->op == CHANGE_SNAPSHOT ||
        (c->op == CHANGE_TRUNCATE && !p->r->format.truncates) ||
        (c->op == CHANGE_MESSAGE && p->r->format.compat == DEBEZIUM_2_5))
        return;
    /* Another text of the same key: one event. */
    if (pair != NULL && c->op == CHANGE_DELETE && str_is(c->rel->table, "key_numeric") &&
        str_is(c->before[0].text, "1.50"))
        return;
    if (c->op != CHANGE_MESSAGE) {
        (void)snprintf(text, sizeof text, "%.*s.%.*s", STR_ARG(c->rel->schema),
                       STR_ARG(c->rel->table));
        name = str_from(text);
    }
    while (i < p->collection_count && !str_eq(p->collections[i].name, name))
        i++;
    assert_true(i < COLLECTIONS_MAX);
    if (i == p->collection_count)
        p->collections[p->collection_count++] =
            (struct debezium_collection){ arena_str(&p->arena, name), 0 };
    m->total_order = ++p->total;
    m->collection_order = ++p->collections[i].events;
}

/* With USING INDEX the real one takes the key for moved (D6): a delete and perhaps a tombstone where an update
 * belongs, and an insert, which is compared. */
static void skip_split(struct player *p, struct topic *t, const struct debezium_records *ours,
                       struct str table)
{
    json_t *headers = json_object_get(peek(t), "headers");
    const char *name = json_string_value(json_array_get(json_array_get(headers, 0), 0));

    for (size_t i = 0; i < ours->items[0].header_count; i++) {
        if (str_is(ours->items[0].headers[i].name, "__debezium.newkey"))
            return;
    }
    while (name != NULL && strcmp(name, "__debezium.newkey") == 0 &&
           recording_allowed(p, table, "split")) {
        t->next++;
        headers = json_object_get(peek(t), "headers");
        name = json_string_value(json_array_get(json_array_get(headers, 0), 0));
    }
}

static void play(struct player *p, struct change *c, const struct change *pair)
{
    struct debezium_moment m = { .last_commit = p->last_commit, .pair = pair };
    static struct debezium_records records;
    struct error err = { 0 };
    struct buf name;
    struct buf table;
    struct topic *t;

    buf_init(&name, LIMIT_PG_NAME);
    buf_init(&table, LIMIT_PG_NAME);
    if (c->op == CHANGE_MESSAGE) {
        buf_text(&name, p->prefix);
        buf_text(&name, ".message");
        buf_text(&table, "message");
    } else {
        recorded_topic(p, c->rel, c->op != CHANGE_SNAPSHOT, &name);
        buf_str(&table, c->rel->schema);
        buf_u8(&table, '.');
        buf_str(&table, c->rel->table);
    }
    if (!map_has(&p->topics, buf_view(&name)) && p->r->partial) {
        buf_done(&name);
        buf_done(&table);
        return;
    }
    t = topic_of(p, buf_view(&name));
    take_over(peek(t), c, &m);
    count_event(p, c, pair, &m);
    if (c->op == CHANGE_SNAPSHOT)
        m.last_commit.v = 0;
    if (!debezium_write(p->w, c, &m, &records, &err)) {
        recording_differs(p, buf_view(&table), "refused", err.msg, "(a record)");
        t->next += c->op == CHANGE_DELETE ? 2 : 1;
        records.count = 0;
    }
    if (records.count > 0)
        skip_split(p, t, &records, buf_view(&table));
    for (size_t i = 0; i < records.count; i++) {
        json_t *record = peek(t);

        t->next++;
        p->r->records++;
        if (record == NULL) {
            recording_differs(p, buf_view(&table), "record", "one more", "none");
            continue;
        }
        recording_compare(p, buf_view(&table), "key", records.items[i].has_key,
                          records.items[i].key, record);
        recording_compare(p, buf_view(&table), "value", records.items[i].has_value,
                          records.items[i].value, record);
        recording_compare_headers(p, buf_view(&table), &records.items[i], record);
    }
    buf_done(&name);
    buf_done(&table);
}

static bool same(struct value a, struct value b)
{
    return a.kind == b.kind && (a.kind != VALUE_TEXT || str_eq(a.text, b.text));
}

/* As the assembler decides it. */
static bool key_moved(const struct change *c)
{
    const struct relation *rel = c->rel;
    bool has = relation_has_primary_key(rel);

    for (uint32_t i = 0; c->before != NULL && c->after != NULL && i < rel->column_count; i++) {
        const struct column *col = &rel->columns[i];
        bool in_key =
            has ? col->primary_key : rel->identity != RELATION_IDENTITY_FULL && col->identity;

        if (c->before_kind == CHANGE_BEFORE_KEY && !col->identity)
            continue;
        if (in_key && c->after[i].kind != VALUE_UNCHANGED && !same(c->before[i], c->after[i]))
            return true;
    }
    return false;
}

static void stamps(const json_t *o, struct change *c)
{
    c->xid = (uint32_t)recording_number(o, "xid");
    c->commit_lsn.v = (uint64_t)recording_number(o, "commit_lsn");
    c->commit_time_us = recording_number(o, "commit_time_us");
    c->lsn.v = (uint64_t)recording_number(o, "lsn");
}

static void take_change(struct player *p, const json_t *o)
{
    struct change c = { .op = (enum change_op)recording_letter(o, "op") };
    char before = recording_letter(o, "before_kind");

    stamps(o, &c);
    c.rel = p->relations[recording_number(o, "relation")];
    assert_non_null(c.rel);
    c.before_kind = before == 'f'   ? CHANGE_BEFORE_FULL
                    : before == 'k' ? CHANGE_BEFORE_KEY
                                    : CHANGE_BEFORE_NONE;
    c.before = recording_take_values(p, json_object_get(o, "before"));
    c.after = recording_take_values(p, json_object_get(o, "after"));
    if (c.op == CHANGE_UPDATE && key_moved(&c)) {
        struct change gone = c;
        struct change come = c;

        gone.op = CHANGE_DELETE;
        gone.after = NULL;
        come.op = CHANGE_INSERT;
        come.before = NULL;
        come.before_kind = CHANGE_BEFORE_NONE;
        gone.flags = CHANGE_KEY_MOVED;
        come.flags = CHANGE_KEY_MOVED;
        play(p, &gone, &come);
        play(p, &come, &gone);
        return;
    }
    play(p, &c, NULL);
}

static void take_message(struct player *p, const json_t *o)
{
    static const struct relation nameless = { 0 };
    struct value values[2] = { { VALUE_TEXT, recording_text(json_object_get(o, "prefix")) },
                               { VALUE_TEXT, recording_text(json_object_get(o, "content")) } };
    struct change c = { .op = CHANGE_MESSAGE, .rel = &nameless, .after = values };

    stamps(o, &c);
    if (c.xid == 0)
        c.commit_time_us = p->last_commit_us;
    play(p, &c, NULL);
    if (!json_is_true(json_object_get(o, "transactional")))
        p->last_commit = c.lsn;
}

static void expect_transaction(struct player *p, const struct debezium_record *ours)
{
    struct topic *t = topic_of(p, ours->topic);
    json_t *record = peek(t);

    t->next++;
    p->r->records++;
    if (record == NULL) {
        recording_differs(p, STR("transaction"), "record", "one more", "none");
        return;
    }
    recording_compare(p, STR("transaction"), "key", ours->has_key, ours->key, record);
    recording_compare(p, STR("transaction"), "value", ours->has_value, ours->value, record);
    recording_compare_headers(p, STR("transaction"), ours, record);
}

/* The wall clock of the record of transaction metadata that comes next. */
static int64_t transaction_clock(struct player *p)
{
    char name[64];
    json_t *payload;
    int64_t ms;

    (void)snprintf(name, sizeof name, "%s.transaction", p->prefix);
    payload = payload_of(peek(topic_of(p, str_from(name))));
    ms = recording_number(payload, "ts_ms");
    json_decref(payload);
    return ms * 1000;
}

static void take_begin(struct player *p, const json_t *o)
{
    static struct debezium_record record;
    struct error err = { 0 };

    p->collection_count = 0;
    p->total = 0;
    if (!p->r->format.transactions)
        return;
    if (!debezium_write_begin(p->w, (uint32_t)recording_number(o, "xid"),
                              (struct lsn){ (uint64_t)recording_number(o, "lsn") },
                              transaction_clock(p), &record, &err))
        fail_msg("%s", err.msg);
    expect_transaction(p, &record);
}

static void take_commit(struct player *p, const json_t *o)
{
    static struct debezium_record record;
    struct error err = { 0 };

    p->last_commit.v = (uint64_t)recording_number(o, "commit_end_lsn");
    p->last_commit_us = recording_number(o, "commit_time_us");
    if (!p->r->format.transactions)
        return;
    if (!debezium_write_end(p->w, (uint32_t)recording_number(o, "xid"),
                            (struct lsn){ (uint64_t)recording_number(o, "lsn") },
                            transaction_clock(p), p->collections, p->collection_count, &record,
                            &err))
        fail_msg("%s", err.msg);
    expect_transaction(p, &record);
}

static void play_all(struct player *p)
{
    FILE *f = open_golden("changes");
    json_t *line;
    json_t *o;

    while ((line = next_line(f)) != NULL) {
        if ((o = json_object_get(line, "relation")) != NULL)
            recording_take_relation(p, o);
        else if ((o = json_object_get(line, "change")) != NULL)
            take_change(p, o);
        else if ((o = json_object_get(line, "message")) != NULL)
            take_message(p, o);
        else if ((o = json_object_get(line, "begin")) != NULL)
            take_begin(p, o);
        else if ((o = json_object_get(line, "commit")) != NULL)
            take_commit(p, o);
        json_decref(line);
    }
    (void)fclose(f);
}

/* What was recorded and never written. */
static void finish(struct player *p)
{
    for (struct map_slot *s = map_next(&p->topics, NULL); s != NULL; s = map_next(&p->topics, s)) {
        struct topic *t = s->value;

        if (t->next < json_array_size(t->records) && strstr(t->name, "heartbeat") == NULL)
            recording_differs(p, str_from(t->name), "record", "none", "more");
        json_decref(t->records);
        free(t->name);
        free(t);
    }
    map_done(&p->topics);
    json_decref(p->schemas);
}

void recording_play(struct recording *r)
{
    struct player *p = mem_zalloc(1, sizeof *p);

    p->r = r;
    p->prefix = r->format.prefix;
    arena_init(&p->arena, LIMIT_ARENA);
    map_init(&p->topics);
    load_recording(p);
    p->w = debezium_writer_new(&r->format);
    play_all(p);
    debezium_writer_free(p->w);
    finish(p);
    arena_done(&p->arena);
    free(p);
}
