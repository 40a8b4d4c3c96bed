/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connect's schemas as JsonConverter writes them, and what a field stands for: its semantic name where it is
 * known, else its literal type.
 *
 *   {"type":"struct","fields":[F...],"optional":false,"name":"P.public.t.Envelope","version":2}
 *   F: {"type":T,"optional":B,"name":N,"version":V,"parameters":{K:"V"},"default":D,"field":name}
 *   T: boolean int8 int16 int32 int64 float double string bytes | array "items":F | map "keys":F,"values":F
 *      | struct
 */
#include "debezium/read_type.h"

#include "base/limits.h"
#include "model/pgtype.h"

#include <stdlib.h>

enum {
    PG_POINT = 600,
    PG_TSVECTOR = 3614,
    ARRAY_DEPTH = 6, /* MAXDIM of PostgreSQL */
    MICRO = 1000,
    MILLI = 1000000,
};

#define COLUMN(oid, named)                                                                         \
    {                                                                                              \
        .type_oid = (oid), .typmod = -1, .type_name = STR(named), .type_kind = 'b'                 \
    }

/* The same of what nobody has declared. */
#define GUESSED(oid, named)                                                                        \
    {                                                                                              \
        .type_oid = (oid), .typmod = -1, .type_name = STR(named), .type_kind = 'p'                 \
    }

/* ---- what a field stands for -------------------------------------------------------------------- */

struct known {
    const char *name;
    struct debezium_read_type type;
};

static const struct known literals[] = {
    { "boolean", { .as = READ_BOOLEAN, .column = COLUMN(PG_BOOL, "boolean") } },
    { "int8", { .as = READ_INTEGER, .min = INT8_MIN, .column = COLUMN(PG_INT2, "smallint") } },
    { "int16", { .as = READ_INTEGER, .min = INT16_MIN, .column = COLUMN(PG_INT2, "smallint") } },
    { "int32", { .as = READ_INTEGER, .min = INT32_MIN, .column = COLUMN(PG_INT4, "integer") } },
    { "int64", { .as = READ_INTEGER, .min = INT64_MIN, .column = COLUMN(PG_INT8, "bigint") } },
    { "float", { .as = READ_REAL, .column = COLUMN(PG_FLOAT4, "real") } },
    { "double", { .as = READ_DOUBLE, .column = COLUMN(PG_FLOAT8, "double precision") } },
    { "string", { .as = READ_TEXT, .column = COLUMN(PG_UNKNOWN, "unknown") } },
    { "bytes", { .as = READ_BYTES, .column = COLUMN(PG_BYTEA, "bytea") } },
    { "struct", { .as = READ_JSON, .column = COLUMN(PG_JSONB, "jsonb") } },
};

#define TIMES(as_, unit_, oid, named)                                                              \
    {                                                                                              \
        .as = (as_), .unit = (unit_), .column = COLUMN(oid, named)                                 \
    }

static const struct known semantics[] = {
    { "io.debezium.data.Json", { .as = READ_TEXT, .column = COLUMN(PG_JSON, "json") } },
    { "io.debezium.data.Xml", { .as = READ_TEXT, .column = COLUMN(PG_XML, "xml") } },
    { "io.debezium.data.Uuid", { .as = READ_TEXT, .column = COLUMN(PG_UUID, "uuid") } },
    { "io.debezium.data.Enum", { .as = READ_TEXT, .column = COLUMN(0, "enum") } },
    { "io.debezium.data.Ltree", { .as = READ_TEXT, .column = COLUMN(0, "ltree") } },
    { "io.debezium.data.Tsvector", { .as = READ_TEXT, .column = COLUMN(PG_TSVECTOR, "tsvector") } },
    { "io.debezium.data.Bits", { .as = READ_BITS, .column = COLUMN(PG_BIT, "bit") } },
    { "org.apache.kafka.connect.data.Decimal",
      { .as = READ_DECIMAL, .column = COLUMN(PG_NUMERIC, "numeric") } },
    { "io.debezium.data.VariableScaleDecimal",
      { .as = READ_VARIABLE, .column = COLUMN(PG_NUMERIC, "numeric") } },
    { "io.debezium.time.Date", TIMES(READ_DATE, 1, PG_DATE, "date") },
    { "org.apache.kafka.connect.data.Date", TIMES(READ_DATE, 1, PG_DATE, "date") },
    { "io.debezium.time.IsoDate", TIMES(READ_ISO_DATE, 1, PG_DATE, "date") },
    { "io.debezium.time.Time", TIMES(READ_TIME, MILLI, PG_TIME, "time without time zone") },
    { "org.apache.kafka.connect.data.Time",
      TIMES(READ_TIME, MILLI, PG_TIME, "time without time zone") },
    { "io.debezium.time.MicroTime", TIMES(READ_TIME, MICRO, PG_TIME, "time without time zone") },
    { "io.debezium.time.NanoTime", TIMES(READ_TIME, 1, PG_TIME, "time without time zone") },
    { "io.debezium.time.IsoTime", TIMES(READ_ISO_TIME, 1, PG_TIME, "time without time zone") },
    { "io.debezium.time.ZonedTime", TIMES(READ_ZONED_TIME, 1, PG_TIMETZ, "time with time zone") },
    { "io.debezium.time.Timestamp",
      TIMES(READ_TIMESTAMP, MILLI, PG_TIMESTAMP, "timestamp without time zone") },
    { "org.apache.kafka.connect.data.Timestamp",
      TIMES(READ_TIMESTAMP, MILLI, PG_TIMESTAMP, "timestamp without time zone") },
    { "io.debezium.time.MicroTimestamp",
      TIMES(READ_TIMESTAMP, MICRO, PG_TIMESTAMP, "timestamp without time zone") },
    { "io.debezium.time.NanoTimestamp",
      TIMES(READ_TIMESTAMP, 1, PG_TIMESTAMP, "timestamp without time zone") },
    { "io.debezium.time.IsoTimestamp",
      TIMES(READ_ISO_TIMESTAMP, 1, PG_TIMESTAMP, "timestamp without time zone") },
    { "io.debezium.time.ZonedTimestamp",
      TIMES(READ_ZONED_TIMESTAMP, 1, PG_TIMESTAMPTZ, "timestamp with time zone") },
    { "io.debezium.time.MicroDuration", TIMES(READ_DURATION, MICRO, PG_INTERVAL, "interval") },
    { "io.debezium.time.NanoDuration", TIMES(READ_DURATION, 1, PG_INTERVAL, "interval") },
    { "io.debezium.time.Interval", TIMES(READ_INTERVAL, 1, PG_INTERVAL, "interval") },
    { "io.debezium.data.geometry.Point",
      { .as = READ_POINT, .column = COLUMN(PG_POINT, "point") } },
    { "io.debezium.data.geometry.Geometry",
      { .as = READ_GEOMETRY, .column = COLUMN(0, "geometry") } },
    { "io.debezium.data.geometry.Geography",
      { .as = READ_GEOMETRY, .column = COLUMN(0, "geography") } },
};

/* Values that say themselves what they are. */
static const struct debezium_read_type hstore = { .as = READ_HSTORE,
                                                  .column = COLUMN(0, "hstore") };
static const struct debezium_read_type document = { .as = READ_JSON,
                                                    .column = COLUMN(PG_JSONB, "jsonb") };
static const struct debezium_read_type bigint = { .as = READ_INTEGER,
                                                  .min = INT64_MIN,
                                                  .column = GUESSED(PG_INT8, "bigint") };
static const struct debezium_read_type numeric = { .as = READ_NUMERIC,
                                                   .column = GUESSED(PG_NUMERIC, "numeric") };
static const struct debezium_read_type boolean = { .as = READ_BOOLEAN,
                                                   .column = GUESSED(PG_BOOL, "boolean") };
static const struct debezium_read_type jsonb = { .as = READ_JSON,
                                                 .column = GUESSED(PG_JSONB, "jsonb") };
static const struct debezium_read_type loose = { .as = READ_LOOSE,
                                                 .column = GUESSED(PG_UNKNOWN, "unknown") };

static const struct known *find(const struct known *list, size_t count, const struct jsonread *j,
                                uint32_t token)
{
    for (size_t i = 0; i < count; i++) {
        if (jsonread_is(j, token, str_from(list[i].name)))
            return &list[i];
    }
    return NULL;
}

const struct debezium_read_type *debezium_read_guess(const struct jsonread *j, uint32_t token)
{
    const struct jsonread_token *t = jsonread_at(j, token);
    int64_t value;

    switch (t->type) {
    case JSONREAD_NULL:
        return NULL;
    case JSONREAD_TRUE:
    case JSONREAD_FALSE:
        return &boolean;
    case JSONREAD_NUMBER:
        return !t->real && str_to_i64(jsonread_text(j, token), &value) ? &bigint : &numeric;
    case JSONREAD_STRING:
        return &loose;
    default:
        return &jsonb;
    }
}

const struct debezium_read_type *debezium_read_join(const struct debezium_read_type *x,
                                                    const struct debezium_read_type *y)
{
    if (x == NULL || y == NULL || x == y)
        return x == NULL ? y : x;
    if ((x == &bigint && y == &numeric) || (x == &numeric && y == &bigint))
        return &numeric;
    return &loose;
}

/* ---- reading a schema --------------------------------------------------------------------------- */

struct reading {
    const struct jsonread *j;
    struct arena *a;
    const char *why;
};

static bool fail(struct reading *r, const char *why)
{
    r->why = why;
    return false;
}

static struct str copy_string(struct reading *r, uint32_t token)
{
    struct buf b;
    struct str s;

    buf_init(&b, jsonread_at(r->j, token)->n);
    jsonread_string(r->j, token, &b);
    s = arena_str(r->a, buf_view(&b));
    buf_done(&b);
    return s;
}

/* A member that is a string. */
static bool string_member(const struct jsonread *j, uint32_t object, struct str name,
                          uint32_t *ret_token)
{
    return jsonread_member(j, object, name, ret_token) &&
           jsonread_at(j, *ret_token)->type == JSONREAD_STRING;
}

/* An entry of "parameters"; all are strings. */
static bool parameter(struct reading *r, uint32_t schema, struct str name, struct str *ret_text)
{
    uint32_t token;

    if (!jsonread_member(r->j, schema, STR("parameters"), &token) ||
        !string_member(r->j, token, name, &token))
        return false;
    *ret_text = copy_string(r, token);
    return true;
}

static bool number_parameter(struct reading *r, uint32_t schema, struct str name, int64_t *ret)
{
    struct str text;

    return parameter(r, schema, name, &text) && str_to_i64(text, ret);
}

/* numeric(p,s) as make_numeric_typmod() packs it; others than PostgreSQL allows are numeric. */
static void set_precision(struct reading *r, int64_t precision, int64_t scale, struct column *col)
{
    if (precision < 1 || precision > 1000 || scale < -1000 || scale > 1000)
        return;
    col->typmod = (int32_t)((precision << 16 | (scale & 0x7ff)) + 4);
    col->type_name =
        str_from(arena_printf(r->a, "numeric(%lld,%lld)", (long long)precision, (long long)scale));
}

static bool set_decimal(struct reading *r, uint32_t schema, struct debezium_read_type *type)
{
    int64_t scale;
    int64_t precision;

    if (!number_parameter(r, schema, STR("scale"), &scale) || scale < -131072 || scale > 16383)
        return fail(r, "a Decimal has no scale, or none that a numeric can have");
    type->scale = (int32_t)scale;
    if (number_parameter(r, schema, STR("connect.decimal.precision"), &precision))
        set_precision(r, precision, scale, &type->column);
    return true;
}

static bool set_bits(struct reading *r, uint32_t schema, struct debezium_read_type *type)
{
    int64_t length;

    if (!number_parameter(r, schema, STR("length"), &length) || length < 1 ||
        (length > DEBEZIUM_LONGEST_BITS && length != INT32_MAX))
        return fail(r, "Bits have no length, or none that a bit string can have");
    if (length == INT32_MAX) { /* bit varying without a length */
        type->column.type_oid = PG_VARBIT;
        type->column.type_name = STR("bit varying");
        return true;
    }
    type->length = (uint32_t)length;
    type->column.typmod = (int32_t)length;
    type->column.type_name = str_from(arena_printf(r->a, "bit(%lld)", (long long)length));
    return true;
}

static void set_labels(struct reading *r, uint32_t schema, struct debezium_read_type *type)
{
    struct str labels;

    type->column.type_kind = 'e';
    if (parameter(r, schema, STR("allowed"), &labels) && labels.n <= LIMIT_PG_LABELS)
        type->column.labels = labels;
}

static bool set_parameters(struct reading *r, uint32_t schema, struct debezium_read_type *type)
{
    if (type->as == READ_DECIMAL)
        return set_decimal(r, schema, type);
    if (type->as == READ_BITS)
        return set_bits(r, schema, type);
    if (str_is(type->column.type_name, "enum"))
        set_labels(r, schema, type);
    return true;
}

static const struct debezium_read_type *read_type(struct reading *r, uint32_t schema,
                                                  unsigned depth);

static bool set_items(struct reading *r, uint32_t schema, unsigned depth,
                      struct debezium_read_type *type)
{
    const struct column *element;
    uint32_t items;

    if (depth >= ARRAY_DEPTH)
        return fail(r, "arrays are nested too deep");
    if (!jsonread_member(r->j, schema, STR("items"), &items))
        return fail(r, "an array does not say what its items are");
    type->as = READ_ARRAY;
    type->items = read_type(r, items, depth + 1);
    if (type->items == NULL)
        return false;
    element = &type->items->column;
    type->column = *element;
    if (type->items->as == READ_ARRAY)
        return true; /* PostgreSQL has one array type for any number of dimensions */
    type->column.type_oid = pgtype_array(element->type_oid);
    type->column.element_oid = element->type_oid != 0 ? element->type_oid : PG_UNKNOWN;
    type->column.type_kind = 'b';
    type->column.element_kind = element->type_kind;
    type->column.type_name =
        str_from(arena_printf(r->a, "%.*s[]", (int)element->type_name.n, element->type_name.p));
    return true;
}

/* Only string to string is known: hstore. */
static bool is_hstore(const struct jsonread *j, uint32_t schema)
{
    uint32_t part;
    uint32_t type;

    return jsonread_member(j, schema, STR("keys"), &part) &&
           string_member(j, part, STR("type"), &type) && jsonread_is(j, type, STR("string")) &&
           jsonread_member(j, schema, STR("values"), &part) &&
           string_member(j, part, STR("type"), &type) && jsonread_is(j, type, STR("string"));
}

static const struct debezium_read_type *read_literal(struct reading *r, uint32_t schema,
                                                     uint32_t literal, unsigned depth)
{
    const struct known *known = find(literals, sizeof literals / sizeof literals[0], r->j, literal);
    struct debezium_read_type *type;

    if (known != NULL)
        return &known->type;
    if (jsonread_is(r->j, literal, STR("map")))
        return is_hstore(r->j, schema) ? &hstore : &document;
    if (!jsonread_is(r->j, literal, STR("array"))) {
        (void)fail(r, "a type is none of Connect's");
        return NULL;
    }
    type = arena_zalloc(r->a, 1, sizeof *type);
    return set_items(r, schema, depth, type) ? type : NULL;
}

/* Arrays nest; their depth is bounded. */
static const struct debezium_read_type *read_type(struct reading *r, uint32_t schema,
                                                  unsigned depth)
{
    const struct known *known = NULL;
    struct debezium_read_type *type;
    uint32_t token;

    if (string_member(r->j, schema, STR("name"), &token))
        known = find(semantics, sizeof semantics / sizeof semantics[0], r->j, token);
    if (known == NULL) {
        if (string_member(r->j, schema, STR("type"), &token))
            return read_literal(r, schema, token, depth);
        (void)fail(r, "a field has no type");
        return NULL;
    }
    type = arena_alloc(r->a, sizeof *type);
    *type = known->type;
    return set_parameters(r, schema, type) ? type : NULL;
}

static bool is_true(const struct jsonread *j, uint32_t object, struct str name)
{
    uint32_t token;

    return jsonread_member(j, object, name, &token) && jsonread_at(j, token)->type == JSONREAD_TRUE;
}

static bool read_field(struct reading *r, uint32_t schema, struct debezium_read_field *ret_field)
{
    uint32_t token;

    if (!string_member(r->j, schema, STR("field"), &token))
        return fail(r, "a field has no name");
    ret_field->name = copy_string(r, token);
    if (ret_field->name.n == 0 || ret_field->name.n > LIMIT_PG_NAME)
        return fail(r, "a field's name is empty or too long");
    ret_field->optional = is_true(r->j, schema, STR("optional"));
    if (jsonread_member(r->j, schema, STR("default"), &token) &&
        jsonread_at(r->j, token)->type != JSONREAD_NULL) {
        const struct jsonread_token *t = jsonread_at(r->j, token);
        size_t quote = t->type == JSONREAD_STRING ? 1 : 0;

        ret_field->fallback =
            arena_str(r->a, str_make(r->j->text.p + t->at - quote, t->n + 2 * quote));
    }
    ret_field->type = read_type(r, schema, 0);
    return ret_field->type != NULL;
}

/* The "fields" of a struct. */
static bool find_fields(const struct jsonread *j, uint32_t schema, uint32_t *ret_list)
{
    uint32_t type;

    return string_member(j, schema, STR("type"), &type) && jsonread_is(j, type, STR("struct")) &&
           jsonread_member(j, schema, STR("fields"), ret_list) &&
           jsonread_at(j, *ret_list)->type == JSONREAD_ARRAY;
}

static int name_cmp(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

static bool has_double(struct reading *r, const struct debezium_read_field *fields, size_t count)
{
    struct str *names = arena_alloc(r->a, count * sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    qsort(names, count, sizeof *names, name_cmp);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(names[i - 1], names[i]))
            return true;
    }
    return false;
}

static bool read_fields(struct reading *r, uint32_t list, struct debezium_read_fields *ret_fields)
{
    size_t count = jsonread_at(r->j, list)->count;
    struct debezium_read_field *items;
    size_t n = 0;

    if (count > LIMIT_PG_COLUMNS)
        return fail(r, "it has more fields than a table can have columns");
    items = arena_zalloc(r->a, count, sizeof *items);
    for (uint32_t i = jsonread_first(r->j, list); i < jsonread_end(r->j, list);
         i = jsonread_next(r->j, i)) {
        if (!read_field(r, i, &items[n++]))
            return false;
    }
    if (has_double(r, items, count))
        return fail(r, "two fields have one name");
    *ret_fields = (struct debezium_read_fields){ 0, count, items };
    return true;
}

/* The field of that name. */
static bool find_field(const struct jsonread *j, uint32_t list, struct str name,
                       uint32_t *ret_field)
{
    for (uint32_t i = jsonread_first(j, list); i < jsonread_end(j, list); i = jsonread_next(j, i)) {
        uint32_t token;

        if (string_member(j, i, STR("field"), &token) && jsonread_is(j, token, name)) {
            *ret_field = i;
            return true;
        }
    }
    return false;
}

static const char *const others[] = {
    "io.debezium.connector.common.Heartbeat",
    "io.debezium.connector.common.TransactionMetadataValue",
    "io.debezium.connector.common.Notification",
};

static bool is_other(const struct jsonread *j, uint32_t schema)
{
    uint32_t name;

    if (!string_member(j, schema, STR("name"), &name))
        return false;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (jsonread_is(j, name, str_from(others[i])))
            return true;
    }
    return false;
}

bool debezium_read_schema(const struct jsonread *j, uint32_t token, struct arena *a,
                          struct debezium_read_schema *ret_schema, const char **ret_why)
{
    struct reading r = { .j = j, .a = a };
    struct debezium_read_schema schema = { .form = FORM_ROW };
    uint32_t list;
    uint32_t row;
    uint32_t other;
    bool ok = true;

    if (!find_fields(j, token, &list))
        ok = fail(&r, "it is no struct");
    else if (is_other(j, token))
        schema.form = FORM_OTHER;
    else if (find_field(j, list, STR("op"), &other) && find_field(j, list, STR("message"), &other))
        schema.form = FORM_MESSAGE;
    else if (find_field(j, list, STR("source"), &other) && find_field(j, list, STR("after"), &row))
        schema.form = FORM_ENVELOPE;
    if (ok && schema.form == FORM_ENVELOPE)
        ok = find_fields(j, row, &list) || fail(&r, "\"after\" is no struct");
    if (ok && (schema.form == FORM_ROW || schema.form == FORM_ENVELOPE))
        ok = read_fields(&r, list, &schema.fields);
    if (ok)
        *ret_schema = schema;
    else
        *ret_why = r.why;
    return ok;
}
