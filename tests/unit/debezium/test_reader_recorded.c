/* SPDX-License-Identifier: Apache-2.0 */
/* What the real Debezium wrote (tests/golden/debezium) is read without a reject, and gives back the values that
 * PostgreSQL had, but for those that Debezium does not write. */
#include "unit/debezium/reading.h"

#include "base/file.h"
#include "base/jsonread.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const recordings[] = {
    "nulls-25",    "nulls-33",       "bare-25",        "bare-33",   "doubles-25", "doubles-33",
    "envelope-25", "envelope-33",    "iso-33",         "micros-33", "nanos-33",   "rewrite-25",
    "rewrite-33",  "rewrite_old-25", "rewrite_old-33", "seed-25",   "seed-33",    "strings-25",
    "strings-33",  "urlsafe-25",     "urlsafe-33",
};

enum { SCHEMAS_MAX = 4096 };

struct recording {
    const char *name;
    size_t compared;
    size_t different;
    struct jsonread line;
    char *schemas[SCHEMAS_MAX];
    struct map readers; /* by topic */
    struct buf key;
    struct buf value;
    struct arena a;
    size_t changes;
    size_t nothings;
    size_t rejects;
};

static void set_part(struct recording *r, const char *name, const char *schema_name, struct buf *b,
                     bool *ret_has)
{
    uint32_t token;
    uint32_t schema;
    int64_t n;

    buf_clear(b);
    assert_true(jsonread_member(&r->line, 0, str_from(name), &token));
    *ret_has = jsonread_at(&r->line, token)->type == JSONREAD_STRING;
    if (!*ret_has)
        return;
    if (!jsonread_member(&r->line, 0, str_from(schema_name), &schema)) {
        jsonread_string(&r->line, token, b);
        return;
    }
    assert_true(str_to_i64(jsonread_text(&r->line, schema), &n));
    assert_in_range(n, 0, SCHEMAS_MAX - 1);
    buf_putf(b, "{\"schema\":%s,\"payload\":", r->schemas[n]);
    jsonread_string(&r->line, token, b);
    buf_u8(b, '}');
}

static void keep_schema(struct recording *r, uint32_t schema)
{
    uint32_t text;
    int64_t n;

    assert_true(str_to_i64(jsonread_text(&r->line, schema), &n));
    assert_in_range(n, 0, SCHEMAS_MAX - 1);
    assert_true(jsonread_member(&r->line, 0, STR("text"), &text));
    buf_clear(&r->value);
    jsonread_string(&r->line, text, &r->value);
    r->schemas[n] = mem_strndup(buf_view(&r->value));
}

static struct debezium_reader *reader_of(struct recording *r, struct str topic)
{
    struct debezium_reader_opts opts = { .schema = "public",
                                         .table = "t",
                                         .hex = str_starts(topic, STR("doubles-")) };
    struct debezium_reader *reader = map_get(&r->readers, topic);

    if (reader == NULL) {
        reader = debezium_reader_new(&opts);
        (void)map_put(&r->readers, topic, reader);
    }
    return reader;
}

/* Times that did not fit the count that Debezium made of them: what is left of them is no time of PostgreSQL. */
static bool is_damaged(struct str topic, const struct error *err)
{
    size_t dot = str_find(topic, '.');
    struct str table = str_make(topic.p + dot, topic.n - dot);

    if (str_is(table, ".zoo.far_times"))
        return strstr(err->msg, "range") != NULL || strstr(err->msg, "below the micro") != NULL;
    return str_starts(topic, STR("nanos-")) && str_is(table, ".zoo.times") &&
           strstr(err->msg, "below the micro") != NULL;
}

/* ---- the values that PostgreSQL had --------------------------------------------------------------- */

/* changes.jsonl: relations by version, changes by LSN and table. */
static struct {
    struct str text;
    struct map relations;
    struct map changes;
} told;

static int64_t number_of(const struct jsonread *j, uint32_t object, const char *name)
{
    uint32_t token;
    int64_t n = 0;

    if (jsonread_member(j, object, str_from(name), &token))
        (void)str_to_i64(jsonread_text(j, token), &n);
    return n;
}

/* Values point at the lines, which stay; so do keys into the maps. */
static void tell_line(struct jsonread *j, struct str line)
{
    struct str *copy = mem_zalloc(1, sizeof *copy);
    uint32_t token;
    char *name;

    *copy = line;
    assert_true(jsonread_parse(j, line));
    if (jsonread_member(j, 0, STR("relation"), &token)) {
        name = mem_printf("%lld", (long long)number_of(j, token, "version"));
        free(map_put(&told.relations, str_from(name), copy));
    } else if (jsonread_member(j, 0, STR("change"), &token) && number_of(j, token, "lsn") > 0) {
        name = mem_printf("%lld", (long long)number_of(j, token, "lsn"));
        if (map_has(&told.changes, str_from(name)))
            copy->n = 0; /* COPY: several rows at one LSN */
        free(map_put(&told.changes, str_from(name), copy));
    } else {
        free(copy);
        return;
    }
    free(name);
}

static int tell(void **state)
{
    char *path =
        mem_printf("%s/tests/golden/debezium/changes.jsonl", getenv("MULTISINK_SOURCE_DIR"));
    struct jsonread j;
    struct error err;
    struct str left;

    (void)state;
    jsonread_init(&j, LIMIT_JSON_TOKENS);
    map_init(&told.relations);
    map_init(&told.changes);
    if (!file_read_all(path, 16 * MIB, &told.text, &err))
        fail_msg("%s", err.msg);
    left = told.text;
    while (left.n > 0) {
        size_t n = str_find(left, '\n');

        tell_line(&j, str_make(left.p, n));
        n += n < left.n ? 1 : 0;
        left = str_make(left.p + n, left.n - n);
    }
    jsonread_done(&j);
    free(path);
    return 0;
}

static void forget(struct map *m)
{
    for (struct map_slot *s = map_next(m, NULL); s != NULL; s = map_next(m, s))
        free(s->value);
    map_done(m);
}

static int forget_told(void **state)
{
    (void)state;
    forget(&told.relations);
    forget(&told.changes);
    free((void *)(uintptr_t)told.text.p);
    return 0;
}

static bool same_value(const struct jsonread *j, uint32_t token, const struct value *v)
{
    switch (jsonread_at(j, token)->type) {
    case JSONREAD_NULL:
        return v->kind == VALUE_NULL;
    case JSONREAD_TRUE:
        return v->kind == VALUE_UNCHANGED;
    default:
        return v->kind == VALUE_TEXT && jsonread_is(j, token, v->text);
    }
}

/* Types whose values do not come whole out of Debezium 2.5 and 3.3 in their default modes, and single columns that
 * it damages. */
static bool is_lossy(const struct relation *rel, struct str column, struct str type)
{
    static const char *const types[] = {
        "interval",  /* months and days become hours */
        "bit",       /* bit(1) is a boolean, bit varying(n) is filled up to n */
        "money",     /* without its currency */
        "name",      /* null */
        "hstore",    /* JSON */
        "time with", /* in UTC */
        "time(",     /* with a time zone: in UTC */
    };
    static const struct {
        const char *table;
        const char *column; /* NULL: all */
    } columns[] = {
        { "arrays", "e" },   /* null */
        { "arrays", "i4" },  /* bounds are lost */
        { "arrays", "t" },   /* the same */
        { "arrays", "n" },   /* last zeros are lost, as in every numeric without a scale */
        { "arrays", "ti" },  /* milliseconds */
        { "arrays", "ti3" }, /* null */
        { "arrays", "tiz" }, /* in UTC */
        { "numbers", "n" },  /* last zeros */
        { "numbers", "f8" }, /* 1.9999999999999998e23 is 2.0E23 to Java */
        { "key_numeric", "id" },     { "odd_numbers", "neg" }, /* numeric(5,-2) */
        { "special_numbers", NULL },                           /* NaN and the infinities are null */
        { "more_arrays", "lt" },                               /* null */
        { "nested_arrays", NULL },                             /* null, or a Java object's name */
        { "ident_default", "v" }, /* data that reads like the placeholder */
        { "toast", NULL },        /* null for unchanged arrays of most types */
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct str name = type;

        if (str_starts(name, STR("public.")))
            name = str_make(name.p + 7, name.n - 7);
        if (str_starts(name, str_from(types[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (str_is(rel->table, columns[i].table) &&
            (columns[i].column == NULL || str_is(column, columns[i].column)))
            return true;
    }
    return false;
}

static void compare_row(struct recording *r, const struct change *c, const struct jsonread *columns,
                        uint32_t list, const struct jsonread *row, uint32_t values)
{
    uint32_t v = jsonread_first(row, values);

    for (uint32_t i = jsonread_first(columns, list); i < jsonread_end(columns, list);
         i = jsonread_next(columns, i), v = jsonread_next(row, v)) {
        struct str name = STR_NONE;
        struct str type = STR_NONE;
        uint32_t token;
        uint32_t column;

        if (jsonread_member(columns, i, STR("name"), &token))
            name = jsonread_text(columns, token);
        if (jsonread_member(columns, i, STR("type_name"), &token))
            type = jsonread_text(columns, token);
        column = relation_column(c->rel, name);
        if (column == c->rel->column_count)
            continue; /* a type that Debezium leaves out */
        r->compared++;
        if (same_value(row, v, &c->after[column]))
            continue;
        if (!is_lossy(c->rel, name, type)) {
            fail_msg("%.*s.%.*s (%.*s): %.*s became %.*s", STR_ARG(c->rel->table), STR_ARG(name),
                     STR_ARG(type), STR_ARG(jsonread_text(row, v)),
                     c->after[column].kind == VALUE_TEXT ? (int)c->after[column].text.n : 0,
                     c->after[column].text.p);
        }
        r->different++;
    }
}

static void compare(struct recording *r, const struct change *c)
{
    char lsn[32];
    const struct str *line;
    const struct str *relation;
    struct jsonread row;
    struct jsonread columns;
    uint32_t change;
    uint32_t list;
    uint32_t values;

    (void)snprintf(lsn, sizeof lsn, "%llu", (unsigned long long)c->lsn.v);
    line = map_get(&told.changes, str_from(lsn));
    if (line == NULL || line->n == 0 || c->after == NULL)
        return;
    jsonread_init(&row, LIMIT_JSON_TOKENS);
    jsonread_init(&columns, LIMIT_JSON_TOKENS);
    assert_true(jsonread_parse(&row, *line));
    assert_true(jsonread_member(&row, 0, STR("change"), &change));
    (void)snprintf(lsn, sizeof lsn, "%lld", (long long)number_of(&row, change, "relation"));
    relation = map_get(&told.relations, str_from(lsn));
    assert_non_null(relation);
    assert_true(jsonread_parse(&columns, *relation));
    assert_true(jsonread_member(&columns, 0, STR("relation"), &list));
    assert_true(jsonread_member(&columns, list, STR("columns"), &list));
    if (jsonread_member(&row, change, STR("after"), &values) &&
        jsonread_at(&row, values)->type == JSONREAD_ARRAY)
        compare_row(r, c, &columns, list, &row, values);
    jsonread_done(&row);
    jsonread_done(&columns);
}

static void read_record(struct recording *r, uint32_t topic)
{
    struct debezium_input in = { .topic = jsonread_text(&r->line, topic) };
    struct debezium_reader *reader = reader_of(r, in.topic);
    enum debezium_kind kind;
    struct change c;
    struct error err;

    set_part(r, "key", "key_schema", &r->key, &in.has_key);
    set_part(r, "value", "value_schema", &r->value, &in.has_value);
    in.key = buf_view(&r->key);
    in.value = buf_view(&r->value);
    if (!debezium_read(reader, &in, &r->a, &kind, &c, &err)) {
        if (!is_damaged(in.topic, &err))
            fail_msg("%s\n  %.*s\n  %.300s", err.msg, STR_ARG(in.key), buf_cstr(&r->value));
        r->rejects++;
        return;
    }
    if (kind == DEBEZIUM_NOTHING)
        r->nothings++;
    else
        r->changes++;
    if (kind == DEBEZIUM_CHANGE && in.has_value && str_starts(in.topic, STR("nulls-")))
        compare(r, &c);
    arena_reset(&r->a);
}

static void read_lines(struct recording *r, struct str text)
{
    while (text.n > 0) {
        size_t n = str_find(text, '\n');
        uint32_t token;

        assert_true(jsonread_parse(&r->line, str_make(text.p, n)));
        if (jsonread_member(&r->line, 0, STR("schema"), &token))
            keep_schema(r, token);
        else if (jsonread_member(&r->line, 0, STR("topic"), &token))
            read_record(r, token);
        n += n < text.n ? 1 : 0;
        text = str_make(text.p + n, text.n - n);
    }
}

static void read_recording(const char *name)
{
    struct recording r = { .name = name };
    char *path =
        mem_printf("%s/tests/golden/debezium/%s.jsonl", getenv("MULTISINK_SOURCE_DIR"), name);
    struct str text;
    struct error err;

    jsonread_init(&r.line, LIMIT_JSON_TOKENS);
    map_init(&r.readers);
    buf_init(&r.key, MIB);
    buf_init(&r.value, MIB);
    arena_init(&r.a, LIMIT_ARENA);
    if (!file_read_all(path, 16 * MIB, &text, &err))
        fail_msg("%s", err.msg);
    read_lines(&r, text);
    for (struct map_slot *s = map_next(&r.readers, NULL); s != NULL; s = map_next(&r.readers, s))
        debezium_reader_free(s->value);
    for (size_t i = 0; i < SCHEMAS_MAX; i++)
        free(r.schemas[i]);
    if (strncmp(name, "nulls", 5) == 0) {
        assert_true(r.compared > 2000);
        assert_true(r.different < 200);
    }
    assert_true(r.changes > 150);
    assert_true(r.rejects <= (strncmp(name, "nanos", 5) == 0 ? 9 : 2));
    map_done(&r.readers);
    buf_done(&r.key);
    buf_done(&r.value);
    free((void *)(uintptr_t)text.p);
    arena_done(&r.a);
    jsonread_done(&r.line);
    free(path);
}

static void every_record_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recordings / sizeof recordings[0]; i++)
        read_recording(recordings[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_read),
    };

    return cmocka_run_group_tests(tests, tell, forget_told);
}
