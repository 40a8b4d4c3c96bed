/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays. PostgreSQL's literal (array_out):
 *
 *   array   := [bounds '='] list        bounds := '[' low ':' high ']' ...   only when a low is not 1
 *   list    := '{' [item {',' item}] '}'
 *   item    := list | '"' text with \ before " and \ '"' | text | NULL
 *
 * Each level of braces becomes one list, set or vector of the CQL type; {} is empty at any depth. What
 * CQL cannot keep is refused: bounds that do not start at 1, and NULL elements.
 *
 *   list, set   count(int32) then per element length(int32) bytes; a set sorted by bytes, each once
 *   vector      the elements back to back, exactly as many as its dimension
 */
#include "cql/types_impl.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

struct walk {
    struct rd r;
    enum cql_types_from element;
    struct buf *out;
    struct buf text; /* an element without its quotes */
    const char *why;
};

static bool fail(struct walk *w, const char *why)
{
    w->why = why;
    return false;
}

static bool is_collection(const struct cql_type *type)
{
    return type->id == CQL_LIST || type->id == CQL_SET || type->id == CQL_VECTOR;
}

/* Takes an element's text into w->text. */
static bool take_element(struct walk *w)
{
    bool quoted = rd_peek(&w->r) == '"';

    buf_clear(&w->text);
    if (quoted)
        (void)rd_u8(&w->r);
    while (rd_left(&w->r) > 0) {
        uint8_t c = rd_peek(&w->r);

        if (quoted ? c == '"' : c == ',' || c == '}')
            break;
        (void)rd_u8(&w->r);
        if (c == '\\')
            c = rd_u8(&w->r);
        buf_u8(&w->text, c);
    }
    if (quoted)
        (void)rd_u8(&w->r);
    if (!rd_ok(&w->r) || !buf_ok(&w->text))
        return fail(w, "it is not an array");
    if (!quoted && w->text.n == 0)
        return fail(w, "it is not an array");
    if (!quoted && str_is(buf_view(&w->text), "NULL"))
        return fail(w, "a collection cannot hold NULL");
    return true;
}

static bool put_level(struct walk *w, const struct cql_type *type);

static bool put_item(struct walk *w, const struct cql_type *type)
{
    const struct cql_type *of = type->of[0];
    size_t at = w->out->n;

    if (type->id != CQL_VECTOR)
        buf_be32(w->out, 0);
    if (is_collection(of)) {
        if (rd_peek(&w->r) != '{')
            return fail(w, "it has fewer dimensions than the CQL type");
        if (!put_level(w, of))
            return false;
    } else {
        if (rd_peek(&w->r) == '{')
            return fail(w, "it has more dimensions than the CQL type");
        if (!take_element(w))
            return false;
        if (!cql_types_put_scalar(w->element, of->id, buf_view(&w->text), w->out, &w->why))
            return false;
    }
    if (!buf_ok(w->out))
        return fail(w, "it is too large");
    if (type->id != CQL_VECTOR)
        buf_patch_be32(w->out, at, (uint32_t)(w->out->n - at - 4));
    return true;
}

static int element_cmp(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorts the elements written from `at` on and drops repeated ones; returns how many are left. */
static uint32_t sort_set(struct buf *out, size_t at, uint32_t count)
{
    size_t size = out->n - at;
    struct str copy = str_make(mem_strndup(str_make(out->p + at, size)), size);
    struct str *elements = mem_zalloc(count, sizeof *elements);
    struct rd r = rd_make(copy);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++)
        elements[i] = rd_bytes(&r, rd_be32(&r));
    qsort(elements, count, sizeof *elements, element_cmp);
    out->n = at;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(elements[i], elements[i - 1]))
            continue;
        buf_be32(out, (uint32_t)elements[i].n);
        buf_str(out, elements[i]);
        kept++;
    }
    free(elements);
    free((void *)(uintptr_t)copy.p);
    return kept;
}

/* One level of braces. The depth is that of the type, which is bounded. */
static bool put_level(struct walk *w, const struct cql_type *type)
{
    size_t at = w->out->n;
    uint32_t count = 0;

    if (type->id != CQL_VECTOR)
        buf_be32(w->out, 0);
    if (rd_u8(&w->r) != '{')
        return fail(w, "it is not an array");
    if (rd_peek(&w->r) == '}') {
        (void)rd_u8(&w->r);
    } else {
        do {
            if (!put_item(w, type))
                return false;
            count++;
            if (rd_peek(&w->r) != ',' && rd_peek(&w->r) != '}')
                return fail(w, "it is not an array");
        } while (rd_u8(&w->r) == ',');
    }
    if (!rd_ok(&w->r))
        return fail(w, "it is not an array");
    if (type->id == CQL_VECTOR)
        return count == type->dimension || fail(w, "a vector has another number of elements");
    if (type->id == CQL_SET)
        count = sort_set(w->out, at + 4, count);
    if (!buf_ok(w->out))
        return fail(w, "it is too large");
    buf_patch_be32(w->out, at, count);
    return true;
}

bool cql_types_put_array(enum cql_types_from element, const struct cql_type *type, struct str text,
                         struct buf *out, const char **ret_why)
{
    struct walk w = { .r = rd_make(text), .element = element, .out = out };
    bool ok;

    buf_init(&w.text, LIMIT_PG_MESSAGE);
    if (rd_peek(&w.r) == '[')
        ok = fail(&w, "its bounds do not start at 1, which CQL cannot keep");
    else
        ok = put_level(&w, type);
    if (ok && !rd_done(&w.r))
        ok = fail(&w, "it is not an array");
    buf_done(&w.text);
    if (!ok)
        *ret_why = w.why;
    return ok;
}
