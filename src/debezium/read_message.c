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

static const struct debezium_read_field message_fields[] = {
    { .name = STR("prefix"), .optional = true },
    { .name = STR("content"), .optional = true },
};

bool debezium_record_message(struct debezium_record *rec, const struct debezium_envelope *e)
{
    static const struct debezium_read_type types[] = { { .as = READ_TEXT }, { .as = READ_BYTES } };
    struct value *values = arena_zalloc(rec->a, 2, sizeof *values);
    struct debezium_rows *rows = &rec->r->rows;

    if (!debezium_record_is(&rec->value, e->message, JSONREAD_OBJECT))
        return debezium_record_reject(rec, "message", STR_NONE, "it is no object");
    if (e->source != NO_TOKEN && !debezium_record_source(rec, e->source))
        return false;
    for (size_t i = 0; i < 2; i++) {
        size_t at = rows->text.n;
        const char *why;
        uint32_t token;

        if (!jsonread_member(rec->value.j, e->message, message_fields[i].name, &token) ||
            debezium_record_is(&rec->value, token, JSONREAD_NULL))
            continue;
        if (!debezium_read_value(rec->value.j, token, &types[i], &rows->text, &why))
            return debezium_record_reject(rec, "message", message_fields[i].name, why);
        values[i].kind = VALUE_TEXT;
        values[i].text = arena_str(rec->a, str_make(rows->text.p + at, rows->text.n - at));
    }
    if (!buf_ok(&rows->text))
        return debezium_record_reject(rec, "message", STR_NONE, "it is too large");
    rec->c->op = CHANGE_MESSAGE;
    rec->c->rel = &message_relation;
    rec->c->after = values;
    rec->r->deleted = false;
    return true;
}
