/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types whose form never changes are a table. Those that a mode, a length or a scale changes have a function
 * each. Every other type is a string with PostgreSQL's text: Debezium leaves such columns out.
 */
#include "debezium/write_type.h"

#include "debezium/write_unavailable.h"
#include "model/pgtype.h"

enum { PG_POINT = 600, PG_TSVECTOR = 3614, PG_INT2VECTOR = 22, PG_OIDVECTOR = 30 };
enum { TYPMOD_HEADER = 4, MILLI_DIGITS = 3, MICRO_DIGITS = 6, UNLIMITED = 2147483647 };

/* What decides, of the column or of an array's elements. */
struct subject {
    uint32_t oid;
    int32_t typmod;
    char kind;
    struct str name; /* without schema, modifiers and [] */
    struct str labels;
    bool in_array;
};

#define NAMED(text) .name = "io.debezium." text, .version = 1
#define TEXT(text)                                                                                 \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

static const struct debezium_type plain_string = { .connect = "string",
                                                   .put = debezium_put_string,
                                                   .zero = TEXT("\"\"") };

static const struct {
    uint32_t oid;
    const char *by_name; /* of an extension's type */
    struct debezium_type type;
} fixed[] = {
    { .oid = PG_BOOL, .type = { "boolean", .put = debezium_put_boolean, .zero = TEXT("false") } },
    { .oid = PG_INT2, .type = { "int16", .put = debezium_put_integer, .zero = TEXT("0") } },
    { .oid = PG_INT4, .type = { "int32", .put = debezium_put_integer, .zero = TEXT("0") } },
    { .oid = PG_INT8, .type = { "int64", .put = debezium_put_integer, .zero = TEXT("0") } },
    { .oid = PG_OID, .type = { "int64", .put = debezium_put_integer, .zero = TEXT("0") } },
    { .oid = PG_FLOAT4, .type = { "float", .put = debezium_put_float, .zero = TEXT("0.0") } },
    { .oid = PG_FLOAT8, .type = { "double", .put = debezium_put_double, .zero = TEXT("0.0") } },
    { .oid = PG_JSON,
      .type = { "string", NAMED("data.Json"), .put = debezium_put_string, .zero = TEXT("\"\"") } },
    { .oid = PG_JSONB,
      .type = { "string", NAMED("data.Json"), .put = debezium_put_string, .zero = TEXT("\"\"") } },
    { .oid = PG_XML,
      .type = { "string", NAMED("data.Xml"), .put = debezium_put_string, .zero = TEXT("\"\"") } },
    { .oid = PG_UUID,
      .type = { "string", NAMED("data.Uuid"), .put = debezium_put_string, .zero = TEXT("\"\"") } },
    { .by_name = "ltree",
      .type = { "string", NAMED("data.Ltree"), .put = debezium_put_string, .zero = TEXT("\"\"") } },
    { .oid = PG_TIMETZ,
      .type = { "string", NAMED("time.ZonedTime"), .put = debezium_put_timetz,
                .zero = TEXT("\"00:00:00Z\"") } },
    { .oid = PG_POINT,
      .type = { "struct", NAMED("data.geometry.Point"), .doc = "Geometry (POINT)",
                .put = debezium_put_point,
                .fields = TEXT("[{\"type\":\"double\",\"optional\":false,\"field\":\"x\"},"
                               "{\"type\":\"double\",\"optional\":false,\"field\":\"y\"},"
                               "{\"type\":\"bytes\",\"optional\":true,\"field\":\"wkb\"},"
                               "{\"type\":\"int32\",\"optional\":true,\"field\":\"srid\"}]"),
                .zero = TEXT("{\"x\":0.0,\"y\":0.0,\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\","
                             "\"srid\":null}") } },
};

/* ---- what a mode decides ------------------------------------------------------------------------ */

static const char *decimal_parameters(int32_t scale, int32_t precision, struct arena *a)
{
    if (precision < 0)
        return arena_printf(a, "\"scale\":\"%d\"", (int)scale);
    return arena_printf(a, "\"scale\":\"%d\",\"connect.decimal.precision\":\"%d\"", (int)scale,
                        (int)precision);
}

/* Its zero is the encoder's own. */
static void zero_of(struct debezium_type *type, struct str text, struct arena *a)
{
    struct buf b;
    const char *why;

    buf_init(&b, 4096);
    if (type->put(type, text, &b, &why) && buf_ok(&b))
        type->zero = arena_str(a, buf_view(&b));
    buf_done(&b);
}

static struct debezium_type numeric(const struct debezium_format *f, int32_t typmod,
                                    struct arena *a)
{
    struct debezium_type type = { .connect = "bytes" };
    uint32_t bits = (uint32_t)(typmod - TYPMOD_HEADER);
    bool fixed_scale = typmod >= TYPMOD_HEADER;

    /* 11 bits with a sign */
    type.digits = fixed_scale ? (int32_t)((bits & 0x7ff) ^ 0x400) - 0x400 : 0;
    if (f->decimal == DEBEZIUM_DECIMAL_DOUBLE) {
        type.connect = "double";
        type.put = debezium_put_decimal_double;
    } else if (f->decimal == DEBEZIUM_DECIMAL_STRING) {
        type.connect = "string";
        type.put = debezium_put_decimal_string;
    } else if (fixed_scale) {
        type.name = "org.apache.kafka.connect.data.Decimal";
        type.version = 1;
        type.parameters =
            str_from(decimal_parameters(type.digits, (int32_t)(bits >> 16 & 0xffff), a));
        type.put = debezium_put_decimal;
    } else {
        type.connect = "struct";
        type.name = "io.debezium.data.VariableScaleDecimal";
        type.version = 1;
        type.doc = "Variable scaled decimal";
        type.fields = STR("[{\"type\":\"int32\",\"optional\":false,\"field\":\"scale\"},"
                          "{\"type\":\"bytes\",\"optional\":false,\"field\":\"value\"}]");
        type.put = debezium_put_variable_decimal;
    }
    zero_of(&type, STR("0"), a);
    return type;
}

static struct debezium_type money(const struct debezium_format *f, struct arena *a)
{
    struct debezium_type type = { .connect = "bytes", .digits = f->money_digits };

    if (f->decimal == DEBEZIUM_DECIMAL_DOUBLE) {
        type.connect = "double";
        type.put = debezium_put_money_double;
    } else if (f->decimal == DEBEZIUM_DECIMAL_STRING) {
        type.connect = "string";
        type.put = debezium_put_money_string;
    } else {
        type.name = "org.apache.kafka.connect.data.Decimal";
        type.version = 1;
        type.parameters = str_from(decimal_parameters(type.digits, -1, a));
        type.put = debezium_put_money;
    }
    if (f->decimal == DEBEZIUM_DECIMAL_STRING && type.digits > 0)
        zero_of(&type, str_from(arena_printf(a, "0.%0*d", type.digits, 0)), a);
    else
        zero_of(&type, STR("0"), a);
    return type;
}

static struct debezium_type bytea(const struct debezium_format *f)
{
    struct debezium_type type = { .connect = "string", .zero = STR("\"\"") };

    switch (f->binary) {
    case DEBEZIUM_BINARY_BASE64:
        type.put = debezium_put_bytea_base64;
        break;
    case DEBEZIUM_BINARY_BASE64_URL_SAFE:
        type.put = debezium_put_bytea_base64_url;
        break;
    case DEBEZIUM_BINARY_HEX:
        type.put = debezium_put_bytea_hex;
        break;
    default:
        type.connect = "bytes";
        type.put = debezium_put_bytea;
    }
    return type;
}

static struct debezium_type bits(int32_t length, struct arena *a)
{
    if (length == 1)
        return (struct debezium_type){ "boolean", .put = debezium_put_bit, .zero = STR("false") };
    return (struct debezium_type){
        "bytes",
        NAMED("data.Bits"),
        .put = debezium_put_bits,
        .parameters =
            str_from(arena_printf(a, "\"length\":\"%d\"", length < 0 ? UNLIMITED : (int)length)),
        .zero = STR("\"\""),
    };
}

static struct debezium_type date(const struct debezium_format *f)
{
    if (f->time == DEBEZIUM_TIME_ISOSTRING)
        return (struct debezium_type){ "string", NAMED("time.IsoDate"),
                                       .put = debezium_put_date_iso,
                                       .zero = STR("\"1970-01-01Z\"") };
    if (f->time == DEBEZIUM_TIME_CONNECT)
        return (struct debezium_type){ "int32", .name = "org.apache.kafka.connect.data.Date",
                                       .version = 1, .put = debezium_put_date, .zero = STR("0") };
    return (struct debezium_type){ "int32", NAMED("time.Date"), .put = debezium_put_date,
                                   .zero = STR("0") };
}

static struct debezium_type time_of_day(const struct debezium_format *f, int32_t digits,
                                        bool in_array)
{
    struct debezium_type micro = { "int64", NAMED("time.MicroTime"),
                                   .put = debezium_put_time_micros, .zero = STR("0") };

    /* Before 3.x an array of times is one of MicroTime in every mode. */
    if (in_array && f->compat == DEBEZIUM_2_5)
        return micro;
    switch (f->time) {
    case DEBEZIUM_TIME_ISOSTRING:
        return (struct debezium_type){ "string", NAMED("time.IsoTime"),
                                       .put = debezium_put_time_iso, .zero = STR("\"00:00:00Z\"") };
    case DEBEZIUM_TIME_CONNECT:
        return (struct debezium_type){ "int32", .name = "org.apache.kafka.connect.data.Time",
                                       .version = 1, .put = debezium_put_time_millis,
                                       .zero = STR("0") };
    case DEBEZIUM_TIME_NANOSECONDS:
        return (struct debezium_type){ "int64", NAMED("time.NanoTime"),
                                       .put = debezium_put_time_nanos, .zero = STR("0") };
    case DEBEZIUM_TIME_ADAPTIVE:
        if (digits <= MILLI_DIGITS)
            return (struct debezium_type){ "int32", NAMED("time.Time"),
                                           .put = debezium_put_time_millis, .zero = STR("0") };
        return micro;
    default:
        return micro;
    }
}

static struct debezium_type timestamp(const struct debezium_format *f, int32_t digits)
{
    switch (f->time) {
    case DEBEZIUM_TIME_ISOSTRING:
        return (struct debezium_type){ "string", NAMED("time.IsoTimestamp"),
                                       .put = debezium_put_timestamp_iso,
                                       .zero = STR("\"1970-01-01T00:00:00Z\"") };
    case DEBEZIUM_TIME_CONNECT:
        return (struct debezium_type){ "int64", .name = "org.apache.kafka.connect.data.Timestamp",
                                       .version = 1, .put = debezium_put_timestamp_millis,
                                       .zero = STR("0") };
    case DEBEZIUM_TIME_NANOSECONDS:
        return (struct debezium_type){ "int64", NAMED("time.NanoTimestamp"),
                                       .put = debezium_put_timestamp_nanos, .zero = STR("0") };
    default:
        if (f->time != DEBEZIUM_TIME_MICROSECONDS && digits <= MILLI_DIGITS)
            return (struct debezium_type){ "int64", NAMED("time.Timestamp"),
                                           .put = debezium_put_timestamp_millis, .zero = STR("0") };
        return (struct debezium_type){ "int64", NAMED("time.MicroTimestamp"),
                                       .put = debezium_put_timestamp_micros, .zero = STR("0") };
    }
}

static struct debezium_type timestamptz(int32_t digits)
{
    return (struct debezium_type){ "string", NAMED("time.ZonedTimestamp"), .digits = digits,
                                   .put = debezium_put_timestamptz,
                                   .zero = STR("\"1970-01-01T00:00:00Z\"") };
}

static struct debezium_type interval(const struct debezium_format *f)
{
    if (f->interval == DEBEZIUM_INTERVAL_STRING)
        return (struct debezium_type){ "string", NAMED("time.Interval"),
                                       .put = debezium_put_interval_string,
                                       .zero = STR("\"P0Y0M0DT0H0M0S\"") };
    return (struct debezium_type){ "int64", NAMED("time.MicroDuration"),
                                   .put = debezium_put_interval, .zero = STR("0") };
}

static struct debezium_type hstore(const struct debezium_format *f)
{
    if (f->hstore == DEBEZIUM_HSTORE_MAP)
        return (struct debezium_type){ "map", .put = debezium_put_hstore_map, .zero = STR("{}") };
    return (struct debezium_type){ "string", NAMED("data.Json"), .put = debezium_put_hstore_json,
                                   .zero = STR("\"{}\"") };
}

static struct debezium_type labels(struct str labels_joined, struct arena *a)
{
    struct debezium_type type = { "string", NAMED("data.Enum"), .put = debezium_put_string,
                                  .zero = STR("\"\"") };
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    buf_text(&b, "\"allowed\":");
    debezium_json_string(&b, labels_joined);
    type.parameters = arena_str(a, buf_view(&b));
    buf_done(&b);
    return type;
}

/* ---- which it is -------------------------------------------------------------------------------- */

static struct debezium_type fixed_type(const struct debezium_format *f, const struct subject *s)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fixed[i].by_name != NULL ? str_is(s->name, fixed[i].by_name) : fixed[i].oid == s->oid)
            return fixed[i].type;
    }
    if (s->oid == PG_TSVECTOR && f->compat != DEBEZIUM_2_5)
        return (struct debezium_type){ "string", NAMED("data.Tsvector"), .put = debezium_put_string,
                                       .zero = STR("\"\"") };
    return plain_string;
}

static struct debezium_type scalar(const struct debezium_format *f, const struct subject *s,
                                   struct arena *a)
{
    int32_t digits = s->typmod < 0 ? MICRO_DIGITS : s->typmod;

    if (s->kind == 'e' || s->labels.n > 0)
        return labels(s->labels, a);
    if (str_is(s->name, "hstore"))
        return hstore(f);
    switch (s->oid) {
    case PG_NUMERIC:
        return numeric(f, s->typmod, a);
    case PG_BYTEA:
        return bytea(f);
    case PG_DATE:
        return date(f);
    case PG_TIME:
        return time_of_day(f, digits, s->in_array);
    case PG_TIMESTAMP:
        return timestamp(f, digits);
    case PG_TIMESTAMPTZ:
        return timestamptz(digits);
    case PG_MONEY:
        return s->in_array ? plain_string : money(f, a);
    case PG_INTERVAL:
        return s->in_array ? plain_string : interval(f);
    case PG_BIT:
    case PG_VARBIT:
        return s->in_array ? plain_string : bits(s->typmod, a);
    case PG_XML:
    case PG_POINT:
        return s->in_array ? plain_string : fixed_type(f, s);
    default:
        return fixed_type(f, s);
    }
}

/* "public.hstore", "\"My S\".geometry(Point,4326)[]": hstore, geometry. Only a type that an extension
 * brought is known by name. */
static struct str bare_name(struct str type_name, uint32_t oid)
{
    size_t end = str_find(type_name, '(');
    size_t start;

    if (oid < 16384)
        return STR_NONE;
    while (end > 2 && str_eq(str_make(type_name.p + end - 2, 2), STR("[]")))
        end -= 2;
    for (start = end; start > 0 && type_name.p[start - 1] != '.';)
        start--;
    return str_make(type_name.p + start, end - start);
}

static struct subject subject_of(const struct column *c)
{
    bool domain = c->type_kind == 'd' && c->base_oid != 0;
    uint32_t oid = domain ? c->base_oid : c->type_oid;

    return (struct subject){ .oid = oid,
                             .typmod = domain ? c->base_typmod : c->typmod,
                             .kind = c->type_kind,
                             .name = bare_name(c->type_name, oid),
                             .labels = c->labels };
}

/* The lists of types that PostgresValueConverter names have optional elements, the others what comes of it. */
static bool items_optional(const struct debezium_format *f, const struct subject *s)
{
    bool tsvector = s->oid == PG_TSVECTOR && f->compat != DEBEZIUM_2_5;

    return s->kind != 'e' && s->labels.n == 0 && !tsvector;
}

const struct debezium_type *debezium_type_of(const struct debezium_format *f,
                                             const struct column *column, struct arena *a)
{
    struct subject s = subject_of(column);
    uint32_t element = column->element_oid != 0 ? column->element_oid : pgtype_element(s.oid);
    struct debezium_type *type = arena_zalloc(a, 1, sizeof *type);
    struct debezium_type *item;

    if (element == 0 || s.oid == PG_INT2VECTOR || s.oid == PG_OIDVECTOR) {
        *type = scalar(f, &s, a);
    } else {
        item = arena_zalloc(a, 1, sizeof *item);
        s.name = bare_name(column->type_name, element);
        s.oid = element;
        s.kind = column->element_kind;
        s.in_array = true;
        *item = scalar(f, &s, a);
        item->as_text = f->overflow == DEBEZIUM_OVERFLOW_TEXT;
        item->unavailable = debezium_unavailable(f, item, 0, a);
        *type = (struct debezium_type){ "array", .put = debezium_put_array, .item = item,
                                        .item_optional = items_optional(f, &s), .zero = STR("[]") };
    }
    type->as_text = f->overflow == DEBEZIUM_OVERFLOW_TEXT;
    type->unavailable = debezium_unavailable(f, type, element, a);
    return type;
}
