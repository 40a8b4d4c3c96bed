/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/read_row.h"

#include "base/limits.h"
#include "base/mem.h"
#include "model/pgtype.h"

#include <assert.h>
#include <stdlib.h>

enum { TEXT_KEPT = 256 * 1024 };

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(struct str s, struct buf *b)
{
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t group = 0;

        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_u8(b, (uint8_t)(i + k <= s.n ? base64_digits[group >> (18 - 6 * k) & 63] : '='));
    }
}

void debezium_rows_init(struct debezium_rows *rows, struct str placeholder)
{
    *rows = (struct debezium_rows){ .placeholder = placeholder };
    buf_init(&rows->text, LIMIT_PG_MESSAGE);
    buf_init(&rows->base64, LIMIT_SECRET);
    buf_init(&rows->hstore, LIMIT_SECRET);
    put_base64(placeholder, &rows->base64);
    buf_putf(&rows->hstore, "{\"%.*s\":\"%.*s\"}", (int)placeholder.n, placeholder.p,
             (int)placeholder.n, placeholder.p);
}

void debezium_rows_done(struct debezium_rows *rows)
{
    buf_done(&rows->text);
    buf_done(&rows->base64);
    buf_done(&rows->hstore);
    free(rows->pending);
}

void debezium_rows_clear(struct debezium_rows *rows)
{
    buf_shrink(&rows->text, TEXT_KEPT);
    rows->count = 0;
}

static void add_pending(struct debezium_rows *rows, struct value *value, size_t at)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap == 0 ? 64 : 2 * rows->cap;
        rows->pending = mem_resize(rows->pending, rows->cap, sizeof *rows->pending);
    }
    rows->pending[rows->count++] = (struct debezium_pending){ value, at };
}

bool debezium_rows_finish(struct debezium_rows *rows, struct arena *a)
{
    char *copy;

    if (!buf_ok(&rows->text))
        return false;
    copy = arena_alloc(a, rows->text.n);
    if (rows->text.n > 0)
        memcpy(copy, rows->text.p, rows->text.n);
    for (size_t i = 0; i < rows->count; i++)
        rows->pending[i].value->text.p = copy + rows->pending[i].at;
    return true;
}

/* ---- what is not there -------------------------------------------------------------------------- */

/* UUID.nameUUIDFromBytes() of Debezium's default placeholder. */
static const char placeholder_uuid[] = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";

static bool is_placeholder_bytes(const struct debezium_rows *rows, const struct jsonread *j,
                                 uint32_t array)
{
    size_t n = 0;

    for (uint32_t i = jsonread_first(j, array); i < jsonread_end(j, array);
         i = jsonread_next(j, i)) {
        int64_t value;

        if (jsonread_at(j, i)->type != JSONREAD_NUMBER ||
            !str_to_i64(jsonread_text(j, i), &value) ||
            value != (int64_t)(signed char)rows->placeholder.p[n++])
            return false;
    }
    return true;
}

static bool is_placeholder_text(const struct debezium_rows *rows, const struct jsonread *j,
                                uint32_t token)
{
    return jsonread_is(j, token, rows->placeholder) ||
           jsonread_is(j, token, buf_view(&rows->base64));
}

/* Debezium's PostgresValueConverter: the text, its bytes, an array of the one or of the numbers of the other, or a
 * map of it to itself. */
static bool is_placeholder(const struct debezium_rows *rows, const struct jsonread *j,
                           uint32_t token)
{
    const struct jsonread_token *t = jsonread_at(j, token);

    switch (t->type) {
    case JSONREAD_STRING:
        return is_placeholder_text(rows, j, token) ||
               jsonread_is(j, token, buf_view(&rows->hstore));
    case JSONREAD_ARRAY:
        if (t->count == 1 && (is_placeholder_text(rows, j, token + 1) ||
                              jsonread_is(j, token + 1, str_from(placeholder_uuid))))
            return true;
        return t->count == rows->placeholder.n && is_placeholder_bytes(rows, j, token);
    case JSONREAD_OBJECT:
        return t->count == 1 && jsonread_is(j, token + 1, rows->placeholder) &&
               jsonread_is(j, token + 2, rows->placeholder);
    default:
        return false;
    }
}

/* What Debezium writes for a column of an old row that PostgreSQL did not send: the default, or the zero of the
 * type. */
static bool is_zero(const struct debezium_read_field *field, struct str raw, struct str text)
{
    static const char *const zeros[] = {
        "",
        "f",
        "\\x",
        "{}",
        "(0,0)",
        "1970-01-01",
        "1970-01-01 00:00:00",
        "1970-01-01 00:00:00+00",
        "00:00:00+00",
        "00000000-0000-0000-0000-000000000000",
    };

    if (field->fallback.n > 0 && str_eq(field->fallback, raw))
        return true;
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++) {
        if (str_is(text, zeros[i]))
            return true;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '0' && text.p[i] != '.' && text.p[i] != ':')
            return false;
    }
    return true;
}

/* ---- values ------------------------------------------------------------------------------------- */

static struct str raw_text(const struct jsonread *j, uint32_t token)
{
    const struct jsonread_token *t = jsonread_at(j, token);
    size_t quote = t->type == JSONREAD_STRING ? 1 : 0;

    return str_make(j->text.p + t->at - quote, t->n + 2 * quote);
}

/* A field whose values have all been null so far has no type. */
static bool put_value(struct debezium_rows *rows, const struct jsonread *j, uint32_t token,
                      const struct debezium_read_type *type, struct value *value,
                      const char **ret_why)
{
    size_t at = rows->text.n;

    if (jsonread_at(j, token)->type == JSONREAD_NULL) {
        value->kind = VALUE_NULL;
        return true;
    }
    assert(type != NULL);
    if (!debezium_read_value(j, token, type, &rows->text, ret_why))
        return false;
    *ret_why = "the row is too large";
    if (!buf_ok(&rows->text))
        return false;
    value->kind = VALUE_TEXT;
    value->text = str_make(NULL, rows->text.n - at);
    add_pending(rows, value, at);
    return true;
}

static bool fail(struct debezium_fault *fault, struct str field, const char *why)
{
    *fault = (struct debezium_fault){ field, why };
    return false;
}

/* The field that a member is; usually the one behind the last. */
static bool find_field(const struct jsonread *j, uint32_t name,
                       const struct debezium_read_fields *fields, size_t *at)
{
    if (*at < fields->count && jsonread_is(j, name, fields->items[*at].name))
        return true;
    for (size_t i = 0; i < fields->count; i++) {
        if (jsonread_is(j, name, fields->items[i].name)) {
            *at = i;
            return true;
        }
    }
    return false;
}

/* What a column is before its member came. */
enum { VALUE_MISSING = 99 };

struct filling {
    struct debezium_rows *rows;
    const struct jsonread *j;
    const struct debezium_row_opts *opts;
    struct value *values;
    bool real;
    struct debezium_fault *fault;
};

static bool fill_column(struct filling *f, uint32_t token, const struct debezium_read_field *field,
                        uint32_t column)
{
    struct value *value = &f->values[column];
    size_t at = f->rows->text.n;
    const char *why;

    if (value->kind != (enum value_kind)VALUE_MISSING)
        return fail(f->fault, field->name, "it is there twice");
    if (f->opts->placeholders && is_placeholder(f->rows, f->j, token)) {
        value->kind = VALUE_UNCHANGED;
        return true;
    }
    if (!put_value(f->rows, f->j, token, field->type, value, &why))
        return fail(f->fault, field->name, why);
    if (value->kind == VALUE_NULL) {
        if (f->opts->complete && !field->optional)
            return fail(f->fault, field->name, "it is null, which its schema does not allow");
        return true;
    }
    if (!f->real && !f->opts->shape->rel->columns[column].primary_key)
        f->real = !is_zero(field, raw_text(f->j, token),
                           str_make(f->rows->text.p + at, f->rows->text.n - at));
    return true;
}

/* Members that the record lacks: null, where that may be. */
static bool finish(struct filling *f)
{
    const struct debezium_read_fields *row = f->opts->shape->row;

    for (size_t i = 0; i < row->count; i++) {
        uint32_t column = f->opts->shape->row_slots[i].column;

        if (column == DEBEZIUM_NO_COLUMN ||
            f->values[column].kind != (enum value_kind)VALUE_MISSING)
            continue;
        if (f->opts->complete && !row->items[i].optional)
            return fail(f->fault, row->items[i].name, "it is missing");
        f->values[column].kind = VALUE_NULL;
    }
    return true;
}

bool debezium_rows_fill(struct debezium_rows *rows, const struct jsonread *j, uint32_t object,
                        const struct debezium_row_opts *opts, struct value *values, bool *ret_real,
                        struct debezium_fault *ret_fault)
{
    const struct debezium_read_fields *row = opts->shape->row;
    struct filling f = { rows, j, opts, values, false, ret_fault };
    size_t field = 0;

    for (size_t i = 0; i < row->count; i++) {
        if (opts->shape->row_slots[i].column != DEBEZIUM_NO_COLUMN)
            values[opts->shape->row_slots[i].column].kind = (enum value_kind)VALUE_MISSING;
    }
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        if (!find_field(j, i, row, &field))
            return fail(ret_fault, jsonread_text(j, i), "the schema does not know it");
        if (opts->shape->row_slots[field].column != DEBEZIUM_NO_COLUMN &&
            !fill_column(&f, i + 1, &row->items[field], opts->shape->row_slots[field].column))
            return false;
        field++;
    }
    *ret_real = f.real;
    return finish(&f);
}

bool debezium_rows_fill_key(struct debezium_rows *rows, const struct jsonread *j, uint32_t object,
                            const struct debezium_shape *shape, bool all, struct value *values,
                            struct debezium_fault *ret_fault)
{
    const struct debezium_read_fields *key = shape->key;
    size_t row_columns = 0;
    size_t n = 0;

    for (size_t i = 0; shape->row != NULL && i < shape->row->count; i++)
        row_columns += shape->row_slots[i].column != DEBEZIUM_NO_COLUMN ? 1 : 0;
    if (jsonread_at(j, object)->count != key->count)
        return fail(ret_fault, STR_NONE, "the key's members are not those of its schema");
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        const struct debezium_read_field *field = &key->items[n];
        uint32_t column = shape->key_columns[n++];
        const char *why;

        if (!jsonread_is(j, i, field->name))
            return fail(ret_fault, field->name, "the key's members are not those of its schema");
        if ((all || column >= row_columns) &&
            !put_value(rows, j, i + 1, field->type, &values[column], &why))
            return fail(ret_fault, field->name, why);
    }
    return true;
}
