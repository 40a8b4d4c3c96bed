/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record at a time: the key, then what the value is, then its rows.
 *
 *   value            is                  becomes
 *   none, null       a tombstone         nothing behind the delete of its key, else a delete
 *   envelope         op c r u d t        insert, snapshot row, update, delete, truncate
 *   op and message   a logical message   message
 *   heartbeat, transaction, notification nothing
 *   any other object an unwrapped row    what multisink.op, __op or __deleted say, else an insert
 */
#include "debezium/reader.h"

#include "base/limits.h"
#include "base/mem.h"
#include "debezium/read_record.h"

#include <stdlib.h>

static const char default_placeholder[] = "__debezium_unavailable_value";

struct debezium_reader *debezium_reader_new(const struct debezium_reader_opts *opts)
{
    struct debezium_reader *r = mem_zalloc(1, sizeof *r);

    r->placeholder =
        mem_strdup(opts->placeholder != NULL ? opts->placeholder : default_placeholder);
    r->fields_prefix = mem_strdup(opts->fields_prefix != NULL ? opts->fields_prefix : "__");
    r->headers_prefix = mem_strdup(opts->headers_prefix != NULL ? opts->headers_prefix : "__");
    r->schema = mem_strdup(opts->schema != NULL ? opts->schema : "");
    r->table = mem_strdup(opts->table != NULL ? opts->table : "");
    jsonread_init(&r->key, LIMIT_JSON_TOKENS);
    jsonread_init(&r->value, LIMIT_JSON_TOKENS);
    jsonread_init(&r->header, LIMIT_JSON_TOKENS);
    r->hex = opts->hex;
    debezium_shapes_init(&r->shapes, str_from(r->fields_prefix));
    debezium_rows_init(&r->rows, str_from(r->placeholder));
    buf_init(&r->deleted_key, LIMIT_PG_MESSAGE);
    return r;
}

void debezium_reader_free(struct debezium_reader *r)
{
    if (r == NULL)
        return;
    free(r->placeholder);
    free(r->fields_prefix);
    free(r->headers_prefix);
    free(r->schema);
    free(r->table);
    jsonread_done(&r->key);
    jsonread_done(&r->value);
    jsonread_done(&r->header);
    debezium_shapes_done(&r->shapes);
    debezium_rows_done(&r->rows);
    buf_done(&r->deleted_key);
    free(r);
}

bool debezium_reader_is_ready(const struct debezium_reader *r)
{
    return r->ready;
}

/* ---- parts -------------------------------------------------------------------------------------- */

static bool is_null(const struct debezium_document *d)
{
    return debezium_record_is(d, d->payload, JSONREAD_NULL);
}

static bool read_key(struct debezium_read_record *rec)
{
    const char *why;
    size_t at;

    rec->key.j = NULL;
    if (!rec->in->has_key)
        return true;
    if (!debezium_shapes_read(&rec->r->shapes, &rec->r->key_schemas, &rec->r->key, rec->in->key,
                              &rec->key, &why, &at))
        return debezium_record_reject_at(rec, "key", at, why);
    if (is_null(&rec->key))
        rec->key.j = NULL;
    else if (!debezium_record_is(&rec->key, rec->key.payload, JSONREAD_OBJECT))
        return debezium_record_reject(rec, "key", STR_NONE,
                                      "it is no object, so that it names no column");
    else if (rec->key.schema != NULL && rec->key.schema->form != FORM_ROW)
        return debezium_record_reject(rec, "key", STR_NONE, "its schema is not that of a key");
    return true;
}

/* ---- the forms ---------------------------------------------------------------------------------- */

/* Our own header decides; Debezium's records have none. */
static bool take_op(struct debezium_read_record *rec)
{
    struct str header = rec->in->op_header;

    if (header.n > 0)
        rec->op = (char)(header.n == 1 ? header.p[0] : '?');
    if (rec->op == '\0')
        return debezium_record_reject(rec, "op", STR_NONE, "it is missing");
    if (strchr("crudt", rec->op) == NULL)
        return debezium_record_reject(rec, "op", STR_NONE, "it is none of c, r, u, d and t");
    return true;
}

static void find_members(const struct jsonread *j, uint32_t object, struct debezium_envelope *e,
                         bool *ret_double)
{
    struct {
        struct str name;
        uint32_t *token;
    } members[] = { { STR("before"), &e->before },
                    { STR("after"), &e->after },
                    { STR("source"), &e->source },
                    { STR("op"), &e->op },
                    { STR("message"), &e->message } };

    *e = (struct debezium_envelope){ NO_TOKEN, NO_TOKEN, NO_TOKEN, NO_TOKEN, NO_TOKEN };
    *ret_double = false;
    for (uint32_t i = jsonread_first(j, object); i < jsonread_end(j, object);
         i = jsonread_next(j, i + 1)) {
        for (size_t k = 0; k < sizeof members / sizeof members[0]; k++) {
            if (!jsonread_is(j, i, members[k].name))
                continue;
            *ret_double = *ret_double || *members[k].token != NO_TOKEN;
            *members[k].token = i + 1;
        }
    }
}

/* A row of the envelope: an object, or null for none. */
static bool take_row(struct debezium_read_record *rec, const char *where, uint32_t token,
                     uint32_t *ret_row)
{
    *ret_row = NO_TOKEN;
    if (token == NO_TOKEN || debezium_record_is(&rec->value, token, JSONREAD_NULL))
        return true;
    if (!debezium_record_is(&rec->value, token, JSONREAD_OBJECT))
        return debezium_record_reject(rec, where, STR_NONE, "it is no object");
    *ret_row = token;
    return true;
}

static bool read_envelope(struct debezium_read_record *rec, const struct debezium_envelope *e)
{
    const struct jsonread *j = rec->value.j;

    if (!take_row(rec, "before", e->before, &rec->before) ||
        !take_row(rec, "after", e->after, &rec->after))
        return false;
    if (e->source != NO_TOKEN && !debezium_record_source(rec, e->source))
        return false;
    if (e->op != NO_TOKEN && !debezium_record_is(&rec->value, e->op, JSONREAD_NULL)) {
        if (!debezium_record_is(&rec->value, e->op, JSONREAD_STRING))
            return debezium_record_reject(rec, "op", STR_NONE, "it is no string");
        rec->op = (char)(jsonread_at(j, e->op)->n == 1 ? jsonread_text(j, e->op).p[0] : '?');
    }
    return take_op(rec) && debezium_record_rows(rec);
}

static bool read_unwrapped(struct debezium_read_record *rec)
{
    rec->unwrapped = true;
    debezium_record_headers(rec);
    debezium_record_fields(rec);
    if (rec->op == '\0')
        rec->op = 'c';
    if (!take_op(rec))
        return false;
    if (rec->op == 'd')
        rec->before = rec->value.payload;
    else
        rec->after = rec->value.payload;
    return debezium_record_rows(rec);
}

static bool read_tombstone(struct debezium_read_record *rec, enum debezium_kind *ret_kind)
{
    struct debezium_reader *r = rec->r;

    if (!rec->in->has_key) { /* behind the delete of a row without a key */
        r->deleted = false;
        *ret_kind = DEBEZIUM_NOTHING;
        return true;
    }
    if (rec->key.j == NULL) {
        r->deleted = false;
        return debezium_record_reject(rec, "value", STR_NONE, "there is neither a key nor a value");
    }
    if (r->deleted && str_eq(buf_view(&r->deleted_key), rec->in->key)) {
        *ret_kind = DEBEZIUM_NOTHING;
        return true;
    }
    rec->value.j = NULL;
    debezium_record_headers(rec);
    rec->op = 'd';
    return debezium_record_rows(rec);
}

/* ---- one record --------------------------------------------------------------------------------- */

static bool has_member(const struct debezium_read_record *rec, struct str name)
{
    uint32_t token;

    return jsonread_member(rec->value.j, rec->value.payload, name, &token);
}

/* Heartbeats and transactions without a schema. */
static bool is_other(const struct debezium_read_record *rec)
{
    uint32_t count = jsonread_at(rec->value.j, rec->value.payload)->count;
    uint32_t token;

    if (count == 1 && has_member(rec, STR("ts_ms")))
        return rec->key.j != NULL &&
               jsonread_member(rec->key.j, rec->key.payload, STR("serverName"), &token);
    return (count == 4 || count == 5) && has_member(rec, STR("status")) &&
           has_member(rec, STR("id")) && has_member(rec, STR("event_count")) &&
           has_member(rec, STR("data_collections"));
}

static enum debezium_read_form form_of(const struct debezium_read_record *rec,
                                       const struct debezium_envelope *e)
{
    bool row = e->before != NO_TOKEN || e->after != NO_TOKEN;

    if (rec->value.schema != NULL)
        return rec->value.schema->form;
    if (is_other(rec))
        return FORM_OTHER;
    if (e->op != NO_TOKEN && e->message != NO_TOKEN && e->source != NO_TOKEN && !row)
        return FORM_MESSAGE;
    return row && (e->op != NO_TOKEN || e->source != NO_TOKEN) ? FORM_ENVELOPE : FORM_ROW;
}

static bool read_value(struct debezium_read_record *rec, enum debezium_kind *ret_kind)
{
    struct debezium_envelope e;
    bool doubled;

    if (!debezium_record_is(&rec->value, rec->value.payload, JSONREAD_OBJECT))
        return debezium_record_reject(rec, "value", STR_NONE, "it is no object");
    find_members(rec->value.j, rec->value.payload, &e, &doubled);
    switch (form_of(rec, &e)) {
    case FORM_OTHER:
        *ret_kind = DEBEZIUM_NOTHING;
        return true;
    case FORM_ROW:
        return read_unwrapped(rec);
    case FORM_MESSAGE:
        if (doubled || e.message == NO_TOKEN)
            return debezium_record_reject(rec, "value", STR_NONE,
                                          "a member is there twice, or missing");
        return debezium_record_message(rec, &e);
    case FORM_ENVELOPE:
        if (doubled)
            return debezium_record_reject(rec, "value", STR_NONE, "a member is there twice");
        return read_envelope(rec, &e);
    }
    return false;
}

static bool read_record(struct debezium_read_record *rec, enum debezium_kind *ret_kind)
{
    const char *why;
    size_t at;

    if (!read_key(rec))
        return false;
    if (!rec->in->has_value)
        return read_tombstone(rec, ret_kind);
    if (!debezium_shapes_read(&rec->r->shapes, &rec->r->value_schemas, &rec->r->value,
                              rec->in->value, &rec->value, &why, &at))
        return debezium_record_reject_at(rec, "value", at, why);
    if (is_null(&rec->value))
        return read_tombstone(rec, ret_kind);
    return read_value(rec, ret_kind);
}

bool debezium_read(struct debezium_reader *r, const struct debezium_input *input, struct arena *a,
                   enum debezium_kind *ret_kind, struct change *ret_change, struct error *err)
{
    struct change c = { .before_kind = CHANGE_BEFORE_NONE };
    struct debezium_read_record rec = { .r = r,
                                        .in = input,
                                        .a = a,
                                        .c = &c,
                                        .before = NO_TOKEN,
                                        .after = NO_TOKEN,
                                        .schema = str_from(r->schema),
                                        .table = str_from(r->table),
                                        .err = err };
    enum debezium_kind kind = DEBEZIUM_CHANGE;

    debezium_record_time(&c, input->timestamp_ms, 1000);
    debezium_rows_clear(&r->rows);
    if (!read_record(&rec, &kind)) {
        r->deleted = false;
        return false;
    }
    *ret_kind = kind;
    if (kind == DEBEZIUM_CHANGE)
        *ret_change = c;
    return true;
}
