/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type trees. Built-in scalars are static, so that a tree costs memory only where it branches: what
 * a peer can make grow here is at most a small multiple of the bytes it sent.
 *
 *   option := id(uint16) then  list, set: option   map: option option
 *             tuple: n(uint16) n x option   UDT: keyspace name n(uint16) n x (field name, option)
 *             custom: class name            where names are uint16 length and bytes
 */
#include "cql/types_impl.h"

#include "base/limits.h"

static const struct {
    struct cql_type type;
    const char *text;
    const char *class; /* without org.apache.cassandra.db.marshal. */
} scalars[] = {
    { { .id = CQL_ASCII }, "ascii", "AsciiType" },
    { { .id = CQL_BIGINT }, "bigint", "LongType" },
    { { .id = CQL_BLOB }, "blob", "BytesType" },
    { { .id = CQL_BOOLEAN }, "boolean", "BooleanType" },
    { { .id = CQL_COUNTER }, "counter", "CounterColumnType" },
    { { .id = CQL_DECIMAL }, "decimal", "DecimalType" },
    { { .id = CQL_DOUBLE }, "double", "DoubleType" },
    { { .id = CQL_FLOAT }, "float", "FloatType" },
    { { .id = CQL_INT }, "int", "Int32Type" },
    { { .id = CQL_TIMESTAMP }, "timestamp", "TimestampType" },
    { { .id = CQL_UUID }, "uuid", "UUIDType" },
    { { .id = CQL_TEXT }, "text", "UTF8Type" },
    { { .id = CQL_TEXT }, "varchar", "UTF8Type" },
    { { .id = CQL_VARINT }, "varint", "IntegerType" },
    { { .id = CQL_TIMEUUID }, "timeuuid", "TimeUUIDType" },
    { { .id = CQL_INET }, "inet", "InetAddressType" },
    { { .id = CQL_DATE }, "date", "SimpleDateType" },
    { { .id = CQL_TIME }, "time", "TimeType" },
    { { .id = CQL_SMALLINT }, "smallint", "ShortType" },
    { { .id = CQL_TINYINT }, "tinyint", "ByteType" },
    { { .id = CQL_DURATION }, "duration", "DurationType" },
};

enum { SCALAR_COUNT = sizeof scalars / sizeof scalars[0] };

static const struct {
    const char *name;
    enum cql_type_id id;
    uint32_t of_count;
} collections[] = {
    { "list", CQL_LIST, 1 },     { "set", CQL_SET, 1 },
    { "map", CQL_MAP, 2 },       { "tuple", CQL_TUPLE, 0 }, /* any number */
    { "vector", CQL_VECTOR, 1 },
};

enum { COLLECTION_COUNT = sizeof collections / sizeof collections[0] };

const struct cql_type *cql_types_scalar(unsigned id)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (scalars[i].type.id == id)
            return &scalars[i].type;
    }
    return NULL;
}

const struct cql_type *cql_types_scalar_named(struct str text)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (str_is(text, scalars[i].text))
            return &scalars[i].type;
    }
    return NULL;
}

const struct cql_type *cql_types_scalar_class(struct str name)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (str_is(name, scalars[i].class))
            return &scalars[i].type;
    }
    return NULL;
}

enum cql_type_id cql_types_collection(struct str name, uint32_t *ret_of_count)
{
    for (size_t i = 0; i < COLLECTION_COUNT; i++) {
        if (str_is(name, collections[i].name)) {
            *ret_of_count = collections[i].of_count;
            return collections[i].id;
        }
    }
    return CQL_CUSTOM;
}

struct cql_type *cql_types_new(struct arena *a, enum cql_type_id id)
{
    struct cql_type *type = arena_zalloc(a, 1, sizeof *type);

    type->id = id;
    return type;
}

const struct cql_type **cql_types_parts(struct arena *a, size_t count)
{
    /* An array of pointers is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    return arena_zalloc(a, count, sizeof(const struct cql_type *));
}

/* ---- protocol ---------------------------------------------------------------------------------- */

static struct str read_name(struct rd *r)
{
    return rd_bytes(r, rd_be16(r));
}

static const struct cql_type *read_type(struct rd *r, struct arena *a, unsigned depth);

/* `count` options, with a name before each when `fields` is not NULL. */
static bool read_parts(struct rd *r, struct arena *a, struct cql_type *type, size_t count,
                       bool named, unsigned depth)
{
    const struct cql_type **of;
    struct str *fields = NULL;

    if (count > rd_left(r) / 2)
        return rd_fail(r);
    of = cql_types_parts(a, count);
    if (named)
        fields = arena_zalloc(a, count, sizeof *fields);
    for (size_t i = 0; i < count; i++) {
        if (fields != NULL)
            fields[i] = read_name(r);
        of[i] = read_type(r, a, depth + 1);
        if (of[i] == NULL)
            return false;
    }
    type->of = of;
    type->of_count = (uint32_t)count;
    type->fields = fields;
    return true;
}

static const struct cql_type *read_user(struct rd *r, struct arena *a, unsigned depth)
{
    struct cql_type *type = cql_types_new(a, CQL_UDT);

    (void)read_name(r); /* keyspace */
    type->name = read_name(r);
    return read_parts(r, a, type, rd_be16(r), true, depth) ? type : NULL;
}

static const struct cql_type *read_type(struct rd *r, struct arena *a, unsigned depth)
{
    unsigned id = rd_be16(r);
    const struct cql_type *scalar = cql_types_scalar(id);
    struct cql_type *type = NULL;
    bool ok = false;

    if (!rd_ok(r) || scalar != NULL)
        return rd_ok(r) ? scalar : NULL;
    if (depth >= LIMIT_CQL_TYPE_DEPTH)
        return rd_fail(r) ? scalar : NULL;
    switch (id) {
    case CQL_CUSTOM: {
        struct str name = read_name(r);

        return rd_ok(r) ? cql_types_from_class(name, a, depth) : NULL;
    }
    case CQL_LIST:
    case CQL_SET:
        type = cql_types_new(a, (enum cql_type_id)id);
        ok = read_parts(r, a, type, 1, false, depth);
        break;
    case CQL_MAP:
        type = cql_types_new(a, CQL_MAP);
        ok = read_parts(r, a, type, 2, false, depth);
        break;
    case CQL_TUPLE:
        type = cql_types_new(a, CQL_TUPLE);
        ok = read_parts(r, a, type, rd_be16(r), false, depth);
        break;
    case CQL_UDT:
        return read_user(r, a, depth);
    default: /* of a newer protocol; what follows cannot be understood */
        (void)rd_fail(r);
    }
    return ok ? type : NULL;
}

bool cql_types_read(struct rd *r, struct arena *a, const struct cql_type **ret_type)
{
    const struct cql_type *type = read_type(r, a, 0);

    if (type == NULL || !rd_ok(r))
        return rd_fail(r);
    *ret_type = type;
    return true;
}

/* ---- compare and print ------------------------------------------------------------------------- */

bool cql_types_equal(const struct cql_type *x, const struct cql_type *y)
{
    if (x->id != y->id || x->dimension != y->dimension)
        return false;
    if (x->id == CQL_CUSTOM || x->id == CQL_UDT) {
        if (!str_eq(x->name, y->name))
            return false;
        if (x->of_count == 0 || y->of_count == 0)
            return true;
    }
    if (x->of_count != y->of_count)
        return false;
    for (uint32_t i = 0; i < x->of_count; i++) {
        if (!cql_types_equal(x->of[i], y->of[i]))
            return false;
    }
    return true;
}

/* A name that CQL reads back as it is without quotes: it needs none, and is not one of the language's types. */
static bool is_plain(struct str name)
{
    uint32_t of_count;

    if (name.n == 0 || !(name.p[0] >= 'a' && name.p[0] <= 'z'))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return !str_is(name, "frozen") && cql_types_scalar_named(name) == NULL &&
           cql_types_collection(name, &of_count) == CQL_CUSTOM;
}

static void put_collection(const struct cql_type *type, struct buf *b)
{
    for (size_t i = 0; i < COLLECTION_COUNT; i++) {
        if (collections[i].id == type->id)
            buf_text(b, collections[i].name);
    }
    buf_u8(b, '<');
    for (uint32_t i = 0; i < type->of_count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        cql_types_text(type->of[i], b);
    }
    if (type->id == CQL_VECTOR)
        buf_putf(b, ", %u", type->dimension);
    buf_u8(b, '>');
}

static const char *scalar_name(enum cql_type_id id)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        if (scalars[i].type.id == id)
            return scalars[i].text;
    }
    return "";
}

void cql_types_text(const struct cql_type *type, struct buf *b)
{
    if (type->frozen)
        buf_text(b, "frozen<");
    if (type->id == CQL_CUSTOM) {
        buf_quoted(b, type->name, '\'');
    } else if (type->id == CQL_UDT) {
        if (is_plain(type->name))
            buf_str(b, type->name);
        else
            buf_quoted(b, type->name, '"');
    } else if (cql_types_scalar(type->id) == NULL) {
        put_collection(type, b);
    } else {
        buf_text(b, scalar_name(type->id));
    }
    if (type->frozen)
        buf_u8(b, '>');
}
