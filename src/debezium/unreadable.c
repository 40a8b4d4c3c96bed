/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/reader.h"

#include "base/limits.h"
#include "model/pgtype.h"

/* More of a value is not kept: twice as much is written, as hexadecimal, and again where it is parked. */
enum { KEPT = 16 * 1024 * 1024, COLUMNS = 4 };

#define COLUMN(named, oid, type)                                                                   \
    {                                                                                              \
        .name = STR(named), .type_oid = (oid), .typmod = -1, .type_name = STR(type),               \
        .type_kind = 'b'                                                                           \
    }

static const struct column columns[COLUMNS] = {
    COLUMN("topic", PG_TEXT, "text"),
    COLUMN("key", PG_BYTEA, "bytea"),
    COLUMN("value", PG_BYTEA, "bytea"),
    COLUMN("reason", PG_TEXT, "text"),
};

static const struct relation relation = { .version = LIMIT_PG_RELATIONS + 1,
                                          .identity = RELATION_IDENTITY_NOTHING,
                                          .column_count = COLUMNS,
                                          .columns = columns };

static struct value text_value(struct str text, struct arena *a)
{
    return (struct value){ VALUE_TEXT, arena_str(a, text) };
}

static struct value bytea_value(bool has, struct str bytes, struct arena *a)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = bytes.n < KEPT ? bytes.n : KEPT;
    char *p;

    if (!has)
        return (struct value){ VALUE_NULL, STR_NONE };
    p = arena_alloc(a, 2 * n + 2);
    p[0] = '\\';
    p[1] = 'x';
    for (size_t i = 0; i < n; i++) {
        p[2 + 2 * i] = hex[(unsigned char)bytes.p[i] >> 4];
        p[3 + 2 * i] = hex[bytes.p[i] & 15];
    }
    return (struct value){ VALUE_TEXT, str_make(p, 2 * n + 2) };
}

void debezium_unreadable(const struct debezium_input *input, const char *reason, struct arena *a,
                         struct change *ret_change)
{
    struct value *values = arena_alloc(a, COLUMNS * sizeof *values);

    values[0] = text_value(input->topic, a);
    values[1] = bytea_value(input->has_key, input->key, a);
    values[2] = bytea_value(input->has_value, input->value, a);
    values[3] = text_value(str_from(reason), a);
    *ret_change = (struct change){
        .op = CHANGE_INSERT, .flags = CHANGE_UNREADABLE, .rel = &relation, .after = values
    };
}
