/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template is a list of parts, each a literal or one hole. Columns are looked up by name at each
 * rendering: shapes change in mid-stream, and a handful of comparisons is nothing beside the value.
 */
#include "process/template.h"

#include "base/clock.h"
#include "base/limits.h"

enum part_kind {
    PART_LITERAL,
    PART_COLUMN,
    PART_BEFORE,
    PART_SCHEMA,
    PART_TABLE,
    PART_OP,
    PART_POSITION,
    PART_COMMIT_TIME
};

struct part {
    enum part_kind kind;
    struct str text; /* the literal, or the column's name */
};

struct template
{
    struct part *parts;
    size_t count;
    size_t cap;
};

static const struct {
    const char *name;
    enum part_kind kind;
} specials[] = {
    { "@schema", PART_SCHEMA },
    { "@table", PART_TABLE },
    { "@op", PART_OP },
    { "@position", PART_POSITION },
    { "@commit_time", PART_COMMIT_TIME },
};

/* ---- compiling -------------------------------------------------------------------------------- */

static void add_part(struct template *t, struct arena *a, enum part_kind kind, struct str text)
{
    t->parts = arena_grow(a, t->parts, t->count, &t->cap, sizeof *t->parts);
    t->parts[t->count++] = (struct part){ kind, text };
}

static void add_literal(struct template *t, struct arena *a, struct str text)
{
    if (text.n > 0)
        add_part(t, a, PART_LITERAL, text);
}

/* Where `mark` stands twice in a row in s, from `at` on; s.n when nowhere. */
static size_t find_mark(struct str s, size_t at, char mark)
{
    for (; at + 1 < s.n; at++) {
        if (s.p[at] == mark && s.p[at + 1] == mark)
            return at;
    }
    return s.n;
}

static bool add_hole(struct template *t, struct arena *a, struct str name, struct error *err)
{
    const struct str before = STR("before.");

    name = str_trim(name);
    if (name.n == 0)
        return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX, "{{}} names no column");
    if (name.n > LIMIT_PG_NAME) {
        return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX,
                         "the name in {{...}} has more than %u bytes", LIMIT_PG_NAME);
    }
    if (find_mark(name, 0, '{') < name.n) {
        return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX,
                         "{{ within {{...}}: the one before it is not closed by }}");
    }
    if (name.p[0] == '@') {
        for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
            if (str_is(name, specials[i].name)) {
                add_part(t, a, specials[i].kind, STR_NONE);
                return true;
            }
        }
        return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX,
                         "{{%.*s}} is not known; there are @schema, @table, @op, @position and "
                         "@commit_time",
                         STR_ARG(name));
    }
    if (str_starts(name, before)) {
        if (name.n == before.n)
            return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX, "{{before.}} names no column");
        add_part(t, a, PART_BEFORE, str_make(name.p + before.n, name.n - before.n));
        return true;
    }
    add_part(t, a, PART_COLUMN, name);
    return true;
}

bool template_compile(struct str text, struct arena *a, const struct template **ret_template,
                      size_t *ret_at, struct error *err)
{
    struct template *t = arena_zalloc(a, 1, sizeof *t);
    struct str s = arena_str(a, text);
    size_t at = 0;

    while (at < s.n) {
        size_t open = find_mark(s, at, '{');
        size_t shut;

        add_literal(t, a, str_make(s.p + at, open - at));
        if (open == s.n)
            break;
        if (find_mark(s, open + 2, '{') == open + 2) { /* {{{{ */
            add_literal(t, a, str_make(s.p + open, 2));
            at = open + 4;
            continue;
        }
        shut = find_mark(s, open + 2, '}');
        if (shut == s.n) {
            *ret_at = open;
            return error_set(err, ERR_STOP, E_TEMPLATE_SYNTAX, "{{ is not closed by }}");
        }
        if (!add_hole(t, a, str_make(s.p + open + 2, shut - open - 2), err)) {
            *ret_at = open;
            return false;
        }
        at = shut + 2;
    }
    *ret_template = t;
    return true;
}

/* ---- asking ----------------------------------------------------------------------------------- */

struct str template_missing(const struct template *t, const struct relation *rel)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];

        if ((p->kind == PART_COLUMN || p->kind == PART_BEFORE) &&
            relation_column(rel, p->text) == rel->column_count)
            return p->text;
    }
    return STR_NONE;
}

bool template_uses_before(const struct template *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].kind == PART_BEFORE)
            return true;
    }
    return false;
}

struct str template_old_unknown(const struct template *t, const struct relation *rel,
                                bool row_is_old)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];
        uint32_t column;

        if (p->kind != PART_BEFORE && !(p->kind == PART_COLUMN && row_is_old))
            continue;
        column = relation_column(rel, p->text);
        if (rel->identity != RELATION_IDENTITY_FULL && column < rel->column_count &&
            !rel->columns[column].identity)
            return p->text;
    }
    return STR_NONE;
}

/* ---- rendering -------------------------------------------------------------------------------- */

static bool no_value(struct str name, const char *why, struct error *err)
{
    return error_set(err, ERR_REJECT, E_TEMPLATE_VALUE, "cannot fill {{%.*s}}: %s", STR_ARG(name),
                     why);
}

static bool put_value(struct value v, struct str name, struct buf *b, struct error *err)
{
    if (v.kind == VALUE_NULL)
        return no_value(name, "the column is NULL", err);
    if (v.kind == VALUE_UNCHANGED)
        return no_value(name, "the update left the column unchanged and did not send it", err);
    buf_str(b, v.text);
    return true;
}

static bool put_before(const struct change *c, uint32_t i, struct str name, struct buf *b,
                       struct error *err)
{
    bool identity = c->rel->columns[i].identity;

    /* PostgreSQL sends the old key only with an update that changes it; without one, the old key is
     * the new one. */
    if (c->op == CHANGE_UPDATE && c->before_kind == CHANGE_BEFORE_NONE && identity &&
        c->after != NULL)
        return put_value(c->after[i], name, b, err);
    if (c->before_kind == CHANGE_BEFORE_NONE)
        return no_value(name, "the old row is not known", err);
    if (c->before_kind == CHANGE_BEFORE_KEY && !identity)
        return no_value(
            name, "of the old row only the key is known (REPLICA IDENTITY FULL sends all)", err);
    return put_value(c->before[i], name, b, err);
}

static bool put_column(const struct change *c, const struct part *p, struct buf *b,
                       struct error *err)
{
    uint32_t i = relation_column(c->rel, p->text);

    if (i == c->rel->column_count)
        return no_value(p->text, "the table has no such column", err);
    if (change_row(c) == NULL)
        return no_value(p->text, "a truncate has no row", err);
    if (p->kind == PART_BEFORE || c->after == NULL)
        return put_before(c, i, p->text, b, err);
    return put_value(c->after[i], p->text, b, err);
}

static bool put_part(const struct change *c, const struct part *p, struct buf *b, struct error *err)
{
    char position[POSITION_TEXT];
    char time[CLOCK_TEXT];

    switch (p->kind) {
    case PART_LITERAL:
        buf_str(b, p->text);
        return true;
    case PART_COLUMN:
    case PART_BEFORE:
        return put_column(c, p, b, err);
    case PART_SCHEMA:
        buf_str(b, c->rel->schema);
        return true;
    case PART_TABLE:
        buf_str(b, c->rel->table);
        return true;
    case PART_OP:
        buf_text(b, change_op_name(c->op));
        return true;
    case PART_POSITION:
        buf_text(b, position_format(c->pos, position));
        return true;
    case PART_COMMIT_TIME:
        buf_text(b, clock_format_us(c->commit_time_us, time));
        return true;
    }
    return true;
}

bool template_render(const struct template *t, const struct change *c, struct buf *b,
                     struct error *err)
{
    size_t start = b->n;

    for (size_t i = 0; i < t->count; i++) {
        if (!put_part(c, &t->parts[i], b, err)) {
            b->n = start;
            return false;
        }
    }
    return true;
}
