/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/write_schema.h"

static void put_array_items(struct buf *b, const struct debezium_type *type)
{
    struct debezium_schema_opts opts = { .optional = type->item_optional };

    buf_text(b, ",\"items\":");
    debezium_schema(b, type->item, &opts);
}

/* One level: an array's items are never arrays. */
void debezium_schema(struct buf *b, const struct debezium_type *type, // NOLINT(misc-no-recursion)
                     const struct debezium_schema_opts *opts)
{
    buf_text(b, "{\"type\":\"");
    buf_text(b, type->connect);
    buf_u8(b, '"');
    if (type->item != NULL)
        put_array_items(b, type);
    if (strcmp(type->connect, "map") == 0)
        buf_text(b, ",\"keys\":{\"type\":\"string\",\"optional\":false},"
                    "\"values\":{\"type\":\"string\",\"optional\":true}");
    if (type->fields.n > 0) {
        buf_text(b, ",\"fields\":");
        buf_str(b, type->fields);
    }
    buf_text(b, opts->optional ? ",\"optional\":true" : ",\"optional\":false");
    if (type->name != NULL) {
        buf_text(b, ",\"name\":");
        debezium_json_string(b, str_from(type->name));
    }
    if (type->version > 0) {
        buf_text(b, ",\"version\":");
        buf_dec(b, type->version);
    }
    if (type->doc != NULL) {
        buf_text(b, ",\"doc\":");
        debezium_json_string(b, str_from(type->doc));
    }
    if (type->parameters.n > 0) {
        buf_text(b, ",\"parameters\":{");
        buf_str(b, type->parameters);
        buf_u8(b, '}');
    }
    if (opts->fallback.n > 0) {
        buf_text(b, ",\"default\":");
        buf_str(b, opts->fallback);
    }
    if (opts->field.n > 0) {
        buf_text(b, ",\"field\":");
        debezium_json_string(b, opts->field);
    }
    buf_u8(b, '}');
}

void debezium_schema_plain(struct buf *b, const char *type, bool optional, const char *field)
{
    const struct debezium_type plain = { .connect = type };
    const struct debezium_schema_opts opts = { .optional = optional, .field = str_from(field) };

    debezium_schema(b, &plain, &opts);
}

void debezium_schema_snapshot(struct buf *b, enum debezium_compat compat, bool with_default,
                              struct str field)
{
    const struct debezium_type type = {
        .connect = "string",
        .name = "io.debezium.data.Enum",
        .version = 1,
        .parameters =
            compat == DEBEZIUM_2_5
                ? STR("\"allowed\":\"true,last,false,incremental\"")
                : STR("\"allowed\":\"true,first,first_in_data_collection,last_in_data_collection,"
                      "last,false,incremental\""),
    };
    const struct debezium_schema_opts opts = {
        .optional = true,
        .fallback = with_default ? STR("\"false\"") : STR_NONE,
        .field = field,
    };

    debezium_schema(b, &type, &opts);
}

void debezium_schema_source(struct buf *b, enum debezium_compat compat)
{
    static const struct {
        const char *type;
        bool optional;
        bool later; /* not in 2.5 */
        const char *field;
    } fields[] = {
        { "string", false, false, "version" }, { "string", false, false, "connector" },
        { "string", false, false, "name" },    { "int64", false, false, "ts_ms" },
        { NULL, true, false, "snapshot" },     { "string", false, false, "db" },
        { "string", true, false, "sequence" }, { "int64", true, true, "ts_us" },
        { "int64", true, true, "ts_ns" },      { "string", false, false, "schema" },
        { "string", false, false, "table" },   { "int64", true, false, "txId" },
        { "int64", true, false, "lsn" },       { "int64", true, false, "xmin" },
    };

    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].later && compat == DEBEZIUM_2_5)
            continue;
        if (i > 0)
            buf_u8(b, ',');
        if (fields[i].type == NULL)
            debezium_schema_snapshot(b, compat, true, str_from(fields[i].field));
        else
            debezium_schema_plain(b, fields[i].type, fields[i].optional, fields[i].field);
    }
    buf_text(b, "],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Source\"");
    if (compat != DEBEZIUM_2_5)
        buf_text(b, ",\"version\":1");
    buf_text(b, ",\"field\":\"source\"}");
}

void debezium_schema_transaction(struct buf *b)
{
    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    debezium_schema_plain(b, "string", false, "id");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", false, "total_order");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", false, "data_collection_order");
    buf_text(b, "],\"optional\":true,\"name\":\"event.block\",\"version\":1,"
                "\"field\":\"transaction\"}");
}
