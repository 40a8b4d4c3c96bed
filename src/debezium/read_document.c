/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a schema comes with every record of a topic, is several times as long as the row, and is always
 * the same. Connect writes it first: {"schema":S,"payload":P}. Where S is byte for byte one of the latest, it is
 * stepped over; a JSON object ends where it ends, so that equal bytes are the whole of it.
 */
#include "debezium/read_shape.h"

#include "base/limits.h"

/* A schema by its text. */
struct debezium_document_schema {
    struct str text;
    struct debezium_read_schema schema;
};

static void move_to_front(struct debezium_recent *recent, const struct debezium_document_schema *d)
{
    size_t i = 0;

    while (i < DEBEZIUM_RECENT - 1 && recent->items[i] != d)
        i++;
    for (; i > 0; i--)
        recent->items[i] = recent->items[i - 1];
    recent->items[0] = d;
}

static bool take_text(struct str text, size_t *at, struct str wanted)
{
    size_t i = jsonread_space(text, *at);

    if (text.n - i < wanted.n || memcmp(text.p + i, wanted.p, wanted.n) != 0)
        return false;
    *at = i + wanted.n;
    return true;
}

/* One of the latest schemas at *at, and what follows it up to the payload. */
static const struct debezium_document_schema *take_recent(const struct debezium_recent *recent,
                                                          struct str text, size_t *at)
{
    for (size_t i = 0; i < DEBEZIUM_RECENT && recent->items[i] != NULL; i++) {
        size_t behind = *at;

        if (take_text(text, &behind, recent->items[i]->text) &&
            take_text(text, &behind, STR(",")) && take_text(text, &behind, STR("\"payload\"")) &&
            take_text(text, &behind, STR(":"))) {
            *at = behind;
            return recent->items[i];
        }
    }
    return NULL;
}

/* False, with nothing changed, where it has to be read the long way. */
static bool read_known(struct debezium_recent *recent, struct jsonread *j, struct str text,
                       struct debezium_document *ret)
{
    const struct debezium_document_schema *known;
    uint32_t payload;
    size_t at = 0;

    if (!take_text(text, &at, STR("{")) || !take_text(text, &at, STR("\"schema\"")) ||
        !take_text(text, &at, STR(":")))
        return false;
    known = take_recent(recent, text, &at);
    if (known == NULL || text.n > UINT32_MAX / 2)
        return false;
    jsonread_begin(j, text);
    if (!jsonread_value(j, &at, &payload) || !take_text(text, &at, STR("}")) ||
        jsonread_space(text, at) != text.n)
        return false;
    move_to_front(recent, known);
    *ret = (struct debezium_document){ j, payload, &known->schema };
    return true;
}

/* JsonConverter's pair: exactly these two members, the schema null or an object with a type. A table may have
 * columns of these names, but hardly a JSON one with a type in it. */
static bool is_pair(const struct jsonread *j, uint32_t *ret_schema, uint32_t *ret_payload)
{
    uint32_t type;

    if (jsonread_at(j, 0)->type != JSONREAD_OBJECT || jsonread_at(j, 0)->count != 2 ||
        !jsonread_member(j, 0, STR("schema"), ret_schema) ||
        !jsonread_member(j, 0, STR("payload"), ret_payload))
        return false;
    return jsonread_at(j, *ret_schema)->type == JSONREAD_NULL ||
           jsonread_member(j, *ret_schema, STR("type"), &type);
}

static bool add_schema(struct debezium_shapes *s, const struct jsonread *j, uint32_t token,
                       struct debezium_document_schema **ret, const char **ret_why)
{
    struct arena_mark mark = arena_mark(&s->arena);
    struct str text = jsonread_text(j, token);
    struct debezium_document_schema *d;

    *ret_why = debezium_shapes_why_full;
    /* A compiled schema is no larger than four times its text, plus its names in order. */
    if (debezium_shapes_full(s, 8 * text.n + KIB))
        return false;
    d = arena_zalloc(&s->arena, 1, sizeof *d);
    if (!debezium_read_schema(j, token, &s->arena, &d->schema, ret_why)) {
        arena_rewind(&s->arena, mark);
        return false;
    }
    d->schema.fields.id = s->next_id++;
    d->text = arena_str(&s->arena, text);
    debezium_shapes_remember(s, &s->schemas, text, d);
    *ret = d;
    return true;
}

bool debezium_shapes_read(struct debezium_shapes *s, struct debezium_recent *recent,
                          struct jsonread *j, struct str text,
                          struct debezium_document *ret_document, const char **ret_why,
                          size_t *ret_at)
{
    struct debezium_document_schema *d = NULL;
    uint32_t schema;
    uint32_t payload;

    *ret_at = 0;
    if (read_known(recent, j, text, ret_document))
        return true;
    if (!jsonread_parse(j, text)) {
        *ret_why = j->fault;
        *ret_at = j->fault_at;
        return false;
    }
    if (!is_pair(j, &schema, &payload)) {
        *ret_document = (struct debezium_document){ j, 0, NULL };
        return true;
    }
    if (jsonread_at(j, schema)->type != JSONREAD_NULL) {
        *ret_at = jsonread_at(j, schema)->at;
        d = map_get(&s->schemas, jsonread_text(j, schema));
        if (d == NULL && !add_schema(s, j, schema, &d, ret_why))
            return false;
        move_to_front(recent, d);
    }
    *ret_document = (struct debezium_document){ j, payload, d != NULL ? &d->schema : NULL };
    return true;
}
