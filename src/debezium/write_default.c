/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debezium does not evaluate expressions (PostgresDefaultValueConverter.java). A literal, with or without a cast,
 * is the default: 42, 'abc'::character varying, '2020-01-01'::date. A function call or CURRENT_TIMESTAMP and its
 * kin stand for the type's zero. What then does not parse as the type has no default, nor do types that are not
 * in the list: arrays, bytea, oid, inet, domains. A quote inside a literal is doubled.
 */
#include "debezium/write_default.h"

#include "base/limits.h"
#include "model/pgtype.h"

#include <strings.h>

static const struct {
    uint32_t oid;
    struct str computed; /* stands for what a function gives, in PostgreSQL's text form */
} known[] = {
    { PG_BIT, { "", 0 } },
    { PG_VARBIT, { "", 0 } },
    { PG_BOOL, { "false", 5 } },
    { PG_BPCHAR, { "", 0 } },
    { PG_VARCHAR, { "", 0 } },
    { PG_TEXT, { "", 0 } },
    { PG_NUMERIC, { "0.0", 3 } },
    { PG_FLOAT4, { "0", 1 } },
    { PG_FLOAT8, { "0", 1 } },
    { PG_INT2, { "0", 1 } },
    { PG_INT4, { "0", 1 } },
    { PG_INT8, { "0", 1 } },
    { PG_JSON, { "{}", 2 } },
    { PG_JSONB, { "{}", 2 } },
    { PG_XML, { "", 0 } },
    { PG_UUID, { "00000000-0000-0000-0000-000000000000", 36 } },
    { PG_DATE, { "1970-01-01", 10 } },
    { PG_TIME, { "00:00:00", 8 } },
    { PG_TIMESTAMP, { "1970-01-01 00:00:00", 19 } },
    { PG_TIMESTAMPTZ, { "1970-01-01 00:00:00+00", 22 } },
    { PG_INTERVAL, { "00:00:00", 8 } },
};

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/* ^[(]?[A-Za-z0-9_.]+\(...\) */
static bool is_call(struct str s)
{
    size_t start = s.n > 0 && s.p[0] == '(' ? 1 : 0;
    size_t at = start;

    while (at < s.n && in_name(s.p[at]))
        at++;
    return at > start && at < s.n && s.p[at] == '(' &&
           str_find(str_make(s.p + at, s.n - at), ')') < s.n - at;
}

static bool is_clock(struct str s)
{
    static const char *const words[] = { "current_timestamp", "current_time", "current_date",
                                         "localtime", "localtimestamp" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (s.n == strlen(words[i]) && strncasecmp(s.p, words[i], s.n) == 0)
            return true;
    }
    return false;
}

/* The first literal of the expression, or all of it when it has none. */
static struct str literal(struct str s, struct buf *b)
{
    size_t at = str_find(s, '\'');

    if (at == s.n)
        return s;
    for (at++; at < s.n; at++) {
        if (s.p[at] == '\'' && (at + 1 == s.n || s.p[++at] != '\''))
            break;
        buf_u8(b, (uint8_t)s.p[at]);
    }
    return buf_view(b);
}

static const struct str *computed_value(uint32_t oid)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].oid == oid)
            return &known[i].computed;
    }
    return NULL;
}

static bool fits(uint32_t oid, struct str text)
{
    int64_t v;

    switch (oid) {
    case PG_INT2:
        return str_to_i64(text, &v) && v >= INT16_MIN && v <= INT16_MAX;
    case PG_INT4:
        return str_to_i64(text, &v) && v >= INT32_MIN && v <= INT32_MAX;
    case PG_INT8:
        return str_to_i64(text, &v);
    default:
        return true;
    }
}

/* A value that would only fit as its text is no default. */
static bool put(const struct debezium_type *type, uint32_t oid, struct str text, struct buf *out)
{
    struct debezium_type strict = *type;
    const char *why;

    strict.as_text = false;
    if (oid == PG_FLOAT4 || oid == PG_FLOAT8)
        return debezium_java_parse(text, oid == PG_FLOAT4, out);
    if (oid == PG_BOOL)
        text = strncasecmp(text.p, "true", text.n) == 0 && text.n == 4 ? STR("true") : STR("false");
    return fits(oid, text) && strict.put(&strict, text, out, &why) && buf_ok(out);
}

/* An enum's default is known as 'label'::type, the type without a schema: for one in the schema public, which is
 * in the search path, and whose name needs no quotes. */
static bool is_enum(const struct column *c)
{
    struct str s = c->default_text;
    const char *cast = memrchr(s.p, ':', s.n);
    struct str name = cast == NULL ? STR_NONE : str_make(cast + 1, s.n - (size_t)(cast + 1 - s.p));

    return c->type_kind == 'e' && name.n > 0 && s.p[0] == '\'' &&
           str_starts(name, STR("public.")) && str_find(name, '"') == name.n &&
           str_find(name, '\'') == name.n;
}

struct str debezium_default(const struct debezium_format *f, const struct column *column,
                            const struct debezium_type *type, struct arena *a)
{
    struct str expression = str_trim(column->default_text);
    const struct str *computed = computed_value(column->type_oid);
    struct str json = STR_NONE;
    struct buf unquoted;
    struct buf out;
    struct str text;

    (void)f;
    if (expression.n == 0 || str_starts(expression, STR("NULL::")) ||
        (computed == NULL && !is_enum(column)))
        return STR_NONE;
    /* A struct cannot be a default. */
    if (strcmp(type->connect, "struct") == 0)
        return STR_NONE;
    buf_init(&unquoted, LIMIT_PG_DEFAULT);
    buf_init(&out, SIZE_MAX / 2);
    if (computed != NULL && (is_call(expression) || is_clock(expression)))
        text = *computed;
    else
        text = literal(expression, &unquoted);
    if (put(type, column->type_oid, text, &out))
        json = arena_str(a, buf_view(&out));
    buf_done(&unquoted);
    buf_done(&out);
    return json;
}
