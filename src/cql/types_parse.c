/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types written as text: by CQL in system_schema, and as Java class names in the protocol.
 *
 *   type  := word | word '<' type {',' type} '>' | "vector" '<' type ',' number '>'
 *          | '"' user type '"' | '\'' class '\''
 *   class := org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)
 */
#include "cql/types_impl.h"

#include "base/limits.h"

/* ---- text -------------------------------------------------------------------------------------- */

struct parser {
    struct rd r;
    struct arena *a;
    unsigned depth;
};

static void set_parts(struct arena *a, struct cql_type *type, const struct cql_type *const *parts,
                      size_t count)
{
    const struct cql_type **of = cql_types_parts(a, count);

    for (size_t i = 0; i < count; i++)
        of[i] = parts[i];
    type->of = of;
    type->of_count = (uint32_t)count;
}

static void skip_spaces(struct parser *p)
{
    while (rd_left(&p->r) > 0 && rd_peek(&p->r) == ' ')
        (void)rd_u8(&p->r);
}

static bool take(struct parser *p, char c)
{
    skip_spaces(p);
    if (rd_left(&p->r) == 0 || rd_peek(&p->r) != (unsigned char)c)
        return false;
    (void)rd_u8(&p->r);
    return true;
}

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '$';
}

static struct str take_word(struct parser *p)
{
    const unsigned char *start;

    skip_spaces(p);
    start = p->r.p;
    while (rd_left(&p->r) > 0 && is_word(rd_peek(&p->r)))
        (void)rd_u8(&p->r);
    return str_make(start, (size_t)(p->r.p - start));
}

/* Bytes up to the closing quote, which is not counted; a doubled quote does not close. */
static bool find_quote(const struct parser *p, char quote, size_t *ret_n)
{
    const unsigned char *s = p->r.p;
    size_t left = rd_left(&p->r);

    for (size_t i = 0; i < left; i++) {
        if (s[i] != (unsigned char)quote)
            continue;
        if (i + 1 == left || s[i + 1] != (unsigned char)quote) {
            *ret_n = i;
            return true;
        }
        i++;
    }
    return false;
}

/* The rest of a quoted name, whose opening quote is taken. */
static bool take_quoted(struct parser *p, char quote, struct str *ret_text)
{
    struct str raw;
    char *copy;
    size_t size;
    size_t n = 0;

    if (!find_quote(p, quote, &size) || size == 0)
        return false;
    raw = rd_bytes(&p->r, size);
    (void)rd_u8(&p->r);
    copy = arena_alloc(p->a, size);
    for (size_t i = 0; i < raw.n; i++) {
        copy[n++] = raw.p[i];
        i += raw.p[i] == quote;
    }
    *ret_text = str_make(copy, n);
    return true;
}

static const struct cql_type *parse_type(struct parser *p);
static const struct cql_type *parse_class(struct parser *p, struct str name);

static const struct cql_type *parse_named(struct parser *p, enum cql_type_id id)
{
    struct cql_type *type;
    struct str text;

    if (!take_quoted(p, id == CQL_UDT ? '"' : '\'', &text))
        return NULL;
    if (id == CQL_CUSTOM)
        return cql_types_from_class(text, p->a, p->depth);
    type = cql_types_new(p->a, id);
    type->name = text;
    return type;
}

static bool parse_dimension(struct parser *p, struct cql_type *type)
{
    uint64_t n;

    if (!take(p, ',') || !str_to_u64(take_word(p), &n) || n < 1 || n > LIMIT_CQL_DIMENSION)
        return false;
    type->dimension = (uint32_t)n;
    return true;
}

/* A list of types up to `close`, whose opening bracket is taken. */
static bool parse_parts(struct parser *p, struct cql_type *type, char close,
                        const struct cql_type *(*part)(struct parser *))
{
    const struct cql_type *parts[LIMIT_CQL_TYPE_PARTS];
    size_t n = 0;

    if (p->depth >= LIMIT_CQL_TYPE_DEPTH)
        return false;
    p->depth++;
    do {
        if (n == LIMIT_CQL_TYPE_PARTS || (parts[n] = part(p)) == NULL)
            return false;
        n++;
    } while (type->id != CQL_VECTOR && take(p, ','));
    p->depth--;
    if (type->id == CQL_VECTOR && !parse_dimension(p, type))
        return false;
    set_parts(p->a, type, parts, n);
    return take(p, close);
}

static const struct cql_type *parse_frozen(struct parser *p)
{
    const struct cql_type *inner;
    struct cql_type *type;

    if (!take(p, '<') || p->depth >= LIMIT_CQL_TYPE_DEPTH)
        return NULL;
    p->depth++;
    inner = parse_type(p);
    p->depth--;
    if (inner == NULL || !take(p, '>'))
        return NULL;
    type = cql_types_new(p->a, inner->id);
    *type = *inner;
    type->frozen = true;
    return type;
}

static const struct cql_type *parse_type(struct parser *p)
{
    const struct cql_type *scalar;
    struct cql_type *type;
    enum cql_type_id id;
    uint32_t of_count;
    struct str word;

    if (take(p, '"'))
        return parse_named(p, CQL_UDT);
    if (take(p, '\''))
        return parse_named(p, CQL_CUSTOM);
    word = take_word(p);
    if (str_is(word, "frozen"))
        return parse_frozen(p);
    id = cql_types_collection(word, &of_count);
    if (id != CQL_CUSTOM) {
        type = cql_types_new(p->a, id);
        if (!take(p, '<') || !parse_parts(p, type, '>', parse_type))
            return NULL;
        return of_count == 0 || of_count == type->of_count ? type : NULL;
    }
    scalar = cql_types_scalar_named(word);
    if (scalar != NULL || word.n == 0)
        return scalar;
    type = cql_types_new(p->a, CQL_UDT);
    type->name = arena_str(p->a, word);
    return type;
}

bool cql_types_parse(struct str text, struct arena *a, const struct cql_type **ret_type)
{
    struct parser p = { rd_make(text), a, 0 };
    const struct cql_type *type;

    if (text.n > LIMIT_CQL_TYPE_TEXT)
        return false;
    type = parse_type(&p);
    skip_spaces(&p);
    if (type == NULL || !rd_done(&p.r))
        return false;
    *ret_type = type;
    return true;
}

/* ---- class names ------------------------------------------------------------------------------- */

static const struct cql_type *parse_class_part(struct parser *p)
{
    return parse_class(p, take_word(p));
}

/* The built-in classes that the protocol gives as custom ones; NULL for any other. */
static const struct cql_type *parse_class(struct parser *p, struct str name)
{
    static const struct str package = { "org.apache.cassandra.db.marshal.", 32 };
    const struct cql_type *scalar;
    struct cql_type *type;

    if (!str_starts(name, package))
        return NULL;
    name = str_make(name.p + package.n, name.n - package.n);
    scalar = cql_types_scalar_class(name);
    if (scalar != NULL)
        return scalar;
    if (!str_is(name, "VectorType") || !take(p, '('))
        return NULL;
    type = cql_types_new(p->a, CQL_VECTOR);
    return parse_parts(p, type, ')', parse_class_part) ? type : NULL;
}

const struct cql_type *cql_types_from_class(struct str text, struct arena *a, unsigned depth)
{
    struct parser p = { rd_make(text), a, depth };
    const struct cql_type *type = NULL;
    struct cql_type *custom;

    if (text.n <= LIMIT_CQL_TYPE_TEXT)
        type = parse_class(&p, take_word(&p));
    skip_spaces(&p);
    if (type != NULL && rd_done(&p.r))
        return type;
    custom = cql_types_new(a, CQL_CUSTOM);
    custom->name = arena_str(a, text);
    return custom;
}
