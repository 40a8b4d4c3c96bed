/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/debezium/recording_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SHOWN = 400 };

/* The bytes as they were: {"schema":S,"payload":P}, P, or null. */
static void recorded_bytes(const struct player *p, const json_t *record, const char *what,
                           struct buf *b)
{
    char member[32];
    json_t *schema;

    (void)snprintf(member, sizeof member, "%s_schema", what);
    schema = json_object_get(record, member);
    buf_clear(b);
    if (!json_is_string(json_object_get(record, what))) {
        buf_text(b, "(null)");
        return;
    }
    if (json_is_integer(schema)) {
        buf_text(b, "{\"schema\":");
        buf_str(b, recording_text(json_array_get(p->schemas, (size_t)json_integer_value(schema))));
        buf_text(b, ",\"payload\":");
    }
    buf_str(b, recording_text(json_object_get(record, what)));
    if (json_is_integer(schema))
        buf_u8(b, '}');
}

/* ---- comparing ---------------------------------------------------------------------------------- */

bool recording_allowed(struct player *p, struct str table, const char *column)
{
    for (struct recording_difference *d = p->r->allowed; d != NULL && d->table != NULL; d++) {
        size_t n = strlen(d->table);
        bool open = n > 0 && d->table[n - 1] == '*';

        if (open ? !str_starts(table, str_make(d->table, n - 1)) : !str_is(table, d->table))
            continue;
        if (strcmp(d->column, "*") != 0 && strcmp(d->column, column) != 0)
            continue;
        d->seen++;
        return true;
    }
    return false;
}

void recording_differs(struct player *p, struct str table, const char *column, const char *ours,
                       const char *theirs)
{
    p->noticed++;
    if (recording_allowed(p, table, column))
        return;
    p->r->differences++;
    print_message("%s %.*s %s:\n    real %.*s\n    ours %.*s\n", p->r->name, STR_ARG(table), column,
                  SHOWN, theirs, SHOWN, ours);
}

/* ---- JSON as it stands: members and elements, without reading numbers or escapes -------------------- */

struct part {
    struct str name; /* of a member, with its quotes; n == 0: an element */
    struct str value;
};

static size_t string_end(struct str s, size_t at)
{
    for (at++; at < s.n && s.p[at] != '"'; at++)
        at += s.p[at] == '\\' ? 1 : 0;
    return at + 1;
}

static size_t value_end(struct str s, size_t at)
{
    unsigned depth = 0;

    while (at < s.n) {
        if (s.p[at] == '"') {
            at = string_end(s, at);
            continue;
        }
        if (depth == 0 && (s.p[at] == ',' || s.p[at] == '}' || s.p[at] == ']'))
            break;
        depth += s.p[at] == '{' || s.p[at] == '[' ? 1 : 0;
        depth -= s.p[at] == '}' || s.p[at] == ']' ? 1 : 0;
        at++;
    }
    return at;
}

/* The part at *at of an object or array (which starts at 1); false at its end. */
static bool next_part(struct str s, size_t *at, struct part *ret)
{
    size_t end;

    *ret = (struct part){ STR_NONE, STR_NONE };
    if (s.n < 2 || (s.p[0] != '{' && s.p[0] != '[') || *at + 1 >= s.n)
        return false;
    if (s.p[0] == '{') {
        end = string_end(s, *at);
        ret->name = str_make(s.p + *at, end - *at);
        *at = end + 1;
    }
    end = value_end(s, *at);
    ret->value = str_make(s.p + *at, end - *at);
    *at = end + 1;
    return true;
}

static struct str member(struct str object, const char *name)
{
    struct part part;
    char quoted[300];

    (void)snprintf(quoted, sizeof quoted, "\"%s\"", name);
    for (size_t at = 1; next_part(object, &at, &part);) {
        if (str_is(part.name, quoted))
            return part.value;
    }
    return STR_NONE;
}

static void compare_texts(struct player *p, struct str table, struct str name, struct str ours,
                          struct str theirs)
{
    char column[300];
    struct str bare = name.n > 1 && name.p[0] == '"' ? str_make(name.p + 1, name.n - 2) : name;
    char *a;
    char *b;

    if (str_eq(ours, theirs))
        return;
    (void)str_copy(bare, column, sizeof column);
    a = mem_strndup(ours.p != NULL ? ours : STR("(nothing)"));
    b = mem_strndup(theirs.p != NULL ? theirs : STR("(nothing)"));
    recording_differs(p, table, column, a, b);
    free(a);
    free(b);
}

/* What a part goes by: a member's name, a field's in a schema. */
static struct str name_of(struct part part, bool fields)
{
    return fields ? member(part.value, "field") : part.name;
}

static bool has_part(struct str whole, struct str name, bool fields)
{
    struct part part;

    for (size_t at = 1; next_part(whole, &at, &part);) {
        if (str_eq(name_of(part, fields), name))
            return true;
    }
    return false;
}

/* Part by part in their order; what only one side has is a difference of its own. */
static void compare_parts(struct player *p, struct str table, struct str ours, struct str theirs,
                          bool fields)
{
    size_t mine_at = 1;
    size_t real_at = 1;
    struct part mine;
    struct part real;
    bool have_mine = next_part(ours, &mine_at, &mine);
    bool have_real = next_part(theirs, &real_at, &real);

    while (have_mine || have_real) {
        struct str mine_name = have_mine ? name_of(mine, fields) : STR_NONE;
        struct str real_name = have_real ? name_of(real, fields) : STR_NONE;

        if (have_mine && !has_part(theirs, mine_name, fields)) {
            compare_texts(p, table, mine_name, mine.value, STR_NONE);
            have_mine = next_part(ours, &mine_at, &mine);
        } else if (have_real && !has_part(ours, real_name, fields)) {
            compare_texts(p, table, real_name, STR_NONE, real.value);
            have_real = next_part(theirs, &real_at, &real);
        } else {
            if (!str_eq(mine_name, real_name))
                compare_texts(p, table, STR("order"), mine_name, real_name);
            else
                compare_texts(p, table, mine_name, mine.value, real.value);
            have_mine = next_part(ours, &mine_at, &mine);
            have_real = next_part(theirs, &real_at, &real);
        }
    }
}

/* A schema but for its fields: what stands behind them. */
static struct str behind_fields(struct str schema)
{
    struct str fields = member(schema, "fields");

    return str_make(fields.p + fields.n, schema.n - (size_t)(fields.p + fields.n - schema.p));
}

static void compare_schemas(struct player *p, struct str table, struct str ours, struct str theirs)
{
    struct str mine = member(ours, "fields");
    struct str real = member(theirs, "fields");
    struct part a;
    struct part b;
    size_t at = 1;
    size_t bt = 1;

    compare_texts(p, table, STR("schema name"), behind_fields(ours), behind_fields(theirs));
    if (!has_part(real, STR("\"after\""), true)) {
        compare_parts(p, table, mine, real, true);
        return;
    }
    while (next_part(mine, &at, &a) && next_part(real, &bt, &b)) {
        if (member(a.value, "fields").n == 0 || member(b.value, "fields").n == 0) {
            compare_texts(p, table, STR("schema"), a.value, b.value);
            continue;
        }
        compare_parts(p, table, member(a.value, "fields"), member(b.value, "fields"), true);
        compare_texts(p, table, STR("schema name"), behind_fields(a.value), behind_fields(b.value));
    }
}

static void compare_payloads(struct player *p, struct str table, struct str ours, struct str theirs)
{
    struct part a;
    struct part b;
    size_t at = 1;
    size_t bt = 1;

    if (!has_part(theirs, STR("\"op\""), false) || !has_part(ours, STR("\"op\""), false)) {
        compare_parts(p, table, ours, theirs, false);
        return;
    }
    while (next_part(ours, &at, &a) && next_part(theirs, &bt, &b)) {
        bool rows = a.value.p[0] == '{' && b.value.p[0] == '{' && !str_is(a.name, "\"source\"") &&
                    !str_is(a.name, "\"transaction\"");

        if (!str_eq(a.name, b.name))
            compare_texts(p, table, STR("order"), a.name, b.name);
        else if (rows)
            compare_parts(p, table, a.value, b.value, false);
        else
            compare_texts(p, table, a.name, a.value, b.value);
    }
}

/* Something differs: says what, down to the column, unless it is allowed. */
static void explain(struct player *p, struct str table, const char *what, struct str ours,
                    struct str theirs)
{
    struct str mine = member(ours, "payload");
    struct str real = member(theirs, "payload");
    size_t noticed = p->noticed;

    if ((mine.n > 0) != (real.n > 0)) {
        compare_texts(p, table, str_from(what), ours, theirs);
        return;
    }
    if (mine.n > 0)
        compare_schemas(p, table, member(ours, "schema"), member(theirs, "schema"));
    else {
        mine = ours;
        real = theirs;
    }
    if (mine.p[0] == '{' && real.p[0] == '{')
        compare_payloads(p, table, mine, real);
    else
        compare_texts(p, table, str_from(what), mine, real);
    if (noticed == p->noticed)
        recording_differs(p, table, "bytes", ours.p, theirs.p);
}

/* ts_ns of the envelope is finer than what a writer is told. */
static void take_over_nanos(struct buf *ours, struct str theirs)
{
    static const char mark[] = ",\"ts_ns\":";
    const char *a = memmem(ours->p, ours->n, mark, sizeof mark - 1);
    const char *b = memmem(theirs.p, theirs.n, mark, sizeof mark - 1);
    const char *last_a = NULL;
    const char *last_b = NULL;

    while (a != NULL) {
        last_a = a;
        a = memmem(a + 1, ours->n - (size_t)(a + 1 - ours->p), mark, sizeof mark - 1);
    }
    while (b != NULL) {
        last_b = b;
        b = memmem(b + 1, theirs.n - (size_t)(b + 1 - theirs.p), mark, sizeof mark - 1);
    }
    if (last_a == NULL || last_b == NULL ||
        theirs.n - (size_t)(last_b - theirs.p) != ours->n - (size_t)(last_a - ours->p))
        return;
    memcpy(ours->p + (last_a - ours->p), last_b, theirs.n - (size_t)(last_b - theirs.p));
}

/* "false" is only the default of source.snapshot: a converter that keeps nulls writes null. */
static void restore_snapshot(struct buf *b)
{
    static const char mark[] = ",\"snapshot\":null,";
    const char *at = memmem(b->p, b->n, mark, sizeof mark - 1);
    struct buf whole;

    if (at == NULL)
        return;
    buf_init(&whole, b->limit);
    buf_put(&whole, b->p, (size_t)(at - b->p));
    buf_text(&whole, ",\"snapshot\":\"false\",");
    buf_put(&whole, at + sizeof mark - 1, b->n - (size_t)(at - b->p) - (sizeof mark - 1));
    buf_done(b);
    *b = whole;
}

void recording_compare(struct player *p, struct str table, const char *what, bool has,
                       struct str ours, const json_t *record)
{
    struct buf theirs;
    struct buf mine;

    buf_init(&theirs, LIMIT_PG_MESSAGE);
    buf_init(&mine, LIMIT_PG_MESSAGE);
    recorded_bytes(p, record, what, &theirs);
    if (p->r->nulls)
        restore_snapshot(&theirs);
    buf_str(&mine, has ? ours : STR("(null)"));
    take_over_nanos(&mine, buf_view(&theirs));
    (void)buf_cstr(&mine);
    (void)buf_cstr(&theirs);
    if (!str_eq(buf_view(&mine), buf_view(&theirs)))
        explain(p, table, what, buf_view(&mine), buf_view(&theirs));
    buf_done(&theirs);
    buf_done(&mine);
}

void recording_compare_headers(struct player *p, struct str table,
                               const struct debezium_record *ours, const json_t *record)
{
    json_t *mine = json_array();
    json_t *theirs = json_object_get(record, "headers");
    char *a;
    char *b;

    for (size_t i = 0; i < ours->header_count; i++) {
        const struct debezium_header *h = &ours->headers[i];
        json_t *value = h->value.p != NULL ? json_stringn(h->value.p, h->value.n) : json_null();

        json_array_append_new(mine, json_pack("[s#, o]", h->name.p, (int)h->name.n, value));
    }
    a = json_dumps(mine, JSON_COMPACT);
    b = json_dumps(theirs, JSON_COMPACT);
    compare_texts(p, table, STR("headers"), str_from(a), str_from(b));
    free(a);
    free(b);
    json_decref(mine);
}
