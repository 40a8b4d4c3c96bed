/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/debezium/recording_impl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- relations and rows -------------------------------------------------------------------------- */

static struct str kept(struct player *p, const json_t *o, const char *name)
{
    return arena_str(&p->arena, recording_text(json_object_get(o, name)));
}

void recording_take_relation(struct player *p, const json_t *o)
{
    struct relation *rel = arena_zalloc(&p->arena, 1, sizeof *rel);
    json_t *list = json_object_get(o, "columns");
    struct column *columns = arena_zalloc(&p->arena, json_array_size(list), sizeof *columns);

    rel->version = (uint32_t)recording_number(o, "version");
    rel->oid = (uint32_t)recording_number(o, "oid");
    rel->schema = kept(p, o, "schema");
    rel->table = kept(p, o, "table");
    rel->identity = (enum relation_identity)recording_letter(o, "identity");
    rel->column_count = (uint32_t)json_array_size(list);
    rel->columns = columns;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *c = json_array_get(list, i);

        columns[i] = (struct column){
            .name = kept(p, c, "name"),
            .type_oid = (uint32_t)recording_number(c, "type_oid"),
            .typmod = (int32_t)recording_number(c, "typmod"),
            .type_name = kept(p, c, "type_name"),
            .element_oid = (uint32_t)recording_number(c, "element_oid"),
            .type_kind = recording_letter(c, "type_kind"),
            .identity = json_is_true(json_object_get(c, "identity")),
            .primary_key = json_is_true(json_object_get(c, "primary_key")),
            .not_null = json_is_true(json_object_get(c, "not_null")),
            .key_order = (uint16_t)recording_number(c, "key_order"),
            .element_kind = recording_letter(c, "element_kind"),
            .base_oid = (uint32_t)recording_number(c, "base_oid"),
            .base_typmod = (int32_t)recording_number(c, "base_typmod"),
            .default_text = kept(p, c, "default_text"),
            .labels = kept(p, c, "labels"),
        };
    }
    assert_true(rel->version < RELATIONS_MAX);
    p->relations[rel->version] = rel;
}

const struct value *recording_take_values(struct player *p, const json_t *list)
{
    struct value *values;

    if (!json_is_array(list))
        return NULL;
    values = arena_zalloc(&p->arena, json_array_size(list), sizeof *values);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);

        if (json_is_string(v))
            values[i] = (struct value){ VALUE_TEXT, arena_str(&p->arena, recording_text(v)) };
        else
            values[i].kind = json_is_true(v) ? VALUE_UNCHANGED : VALUE_NULL;
    }
    return values;
}
