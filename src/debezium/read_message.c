/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/read_record.h"

#include "base/limits.h"
#include "model/pgtype.h"

static const struct column message_columns[] = {
    { .name = STR("prefix"),
      .type_oid = PG_TEXT,
      .typmod = -1,
      .type_name = STR("text"),
      .type_kind = 'b' },
    { .name = STR("content"),
      .type_oid = PG_BYTEA,
      .typmod = -1,
      .type_name = STR("bytea"),
      .type_kind = 'b' },
};

static const struct relation message_relation = { .version = LIMIT_PG_RELATIONS,
                                                  .identity = RELATION_IDENTITY_NOTHING,
                                                  .column_count = 2,
                                                  .columns = message_columns };

static bool put_hex(const struct jsonread *j, uint32_t token, struct buf *out)
{
    struct str text = jsonread_text(j, token);

    for (size_t i = 0; i < text.n; i++) {
        if (str_hex_digit(text.p[i]) < 0)
            return false;
    }
    buf_str(out, STR("\\x"));
    buf_str(out, text);
    return text.n % 2 == 0;
}

/* A member of the message that is there and not null. */
static bool take(struct debezium_read_record *rec, uint32_t message, size_t column,
                 struct value *values)
{
    static const struct debezium_read_type types[] = { { .as = READ_TEXT }, { .as = READ_BYTES } };
    const struct jsonread *j = rec->value.j;
    struct buf *text = &rec->r->rows.text;
    const char *why = "it is not hexadecimal";
    size_t at = text->n;
    uint32_t token;
    bool ok;

    if (!jsonread_member(j, message, message_columns[column].name, &token) ||
        debezium_record_is(&rec->value, token, JSONREAD_NULL))
        return true;
    if (column == 1 && rec->r->hex && debezium_record_is(&rec->value, token, JSONREAD_STRING))
        ok = put_hex(j, token, text);
    else
        ok = debezium_read_value(j, token, &types[column], text, &why);
    if (!ok)
        return debezium_record_reject(rec, "message", message_columns[column].name, why);
    if (!buf_ok(text))
        return debezium_record_reject(rec, "message", STR_NONE, "it is too large");
    values[column].kind = VALUE_TEXT;
    values[column].text = arena_str(rec->a, str_make(text->p + at, text->n - at));
    return true;
}

bool debezium_record_message(struct debezium_read_record *rec, const struct debezium_envelope *e)
{
    struct value *values = arena_zalloc(rec->a, 2, sizeof *values);

    if (!debezium_record_is(&rec->value, e->message, JSONREAD_OBJECT))
        return debezium_record_reject(rec, "message", STR_NONE, "it is no object");
    if (e->source != NO_TOKEN && !debezium_record_source(rec, e->source))
        return false;
    if (!take(rec, e->message, 0, values) || !take(rec, e->message, 1, values))
        return false;
    rec->c->op = CHANGE_MESSAGE;
    rec->c->rel = &message_relation;
    rec->c->after = values;
    rec->r->deleted = false;
    return true;
}
