/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values with parts. PostgreSQL's text of them:
 *
 *   array   := [bounds '='] list        bounds := '[' low ':' high ']' ...   only when a low is not 1
 *   list    := '{' [item {',' item}] '}'
 *   item    := list | '"' text with \ before " and \ '"' | text | NULL
 *   hstore  := [pair {', ' pair}]       pair := quoted '=>' (quoted | NULL)
 *   point   := '(' x ',' y ')'
 *
 * Inner lists become inner JSON arrays, whatever the schema says: nothing is lost by that.
 */
#include "debezium/write_type.h"

#include "base/limits.h"
#include "base/rd.h"

#include <stdlib.h>

enum { DEPTH_MAX = 6 /* PostgreSQL's MAXDIM */ };

static const char why_array[] = "it is not an array";

/* ---- arrays ------------------------------------------------------------------------------------- */

struct walk {
    struct rd r;
    const struct debezium_type *item;
    struct buf *out;
    struct buf text; /* an element without its quotes, only where it has escapes */
    const char *why;
};

static bool fail(struct walk *w, const char *why)
{
    w->why = why;
    return false;
}

/* A quoted element: as it stands where nothing in it is escaped, else copied. */
static bool take_quoted(struct walk *w, struct str *ret_text)
{
    const char *start;
    bool escaped = false;

    (void)rd_u8(&w->r);
    start = (const char *)w->r.p;
    while (rd_left(&w->r) > 0 && rd_peek(&w->r) != '"') {
        if (rd_u8(&w->r) == '\\') {
            escaped = true;
            (void)rd_u8(&w->r);
        }
    }
    *ret_text = str_make(start, (size_t)((const char *)w->r.p - start));
    if (rd_u8(&w->r) != '"')
        return fail(w, why_array);
    if (!escaped)
        return true;
    buf_clear(&w->text);
    for (size_t i = 0; i < ret_text->n; i++) {
        if (ret_text->p[i] == '\\')
            i++;
        buf_u8(&w->text, (uint8_t)ret_text->p[i]);
    }
    *ret_text = buf_view(&w->text);
    return buf_ok(&w->text) || fail(w, "it is too large");
}

static bool put_element(struct walk *w)
{
    struct str text;
    bool quoted = rd_peek(&w->r) == '"';

    if (quoted) {
        if (!take_quoted(w, &text))
            return false;
    } else {
        const char *start = (const char *)w->r.p;

        while (rd_left(&w->r) > 0 && rd_peek(&w->r) != ',' && rd_peek(&w->r) != '}')
            (void)rd_u8(&w->r);
        text = str_make(start, (size_t)((const char *)w->r.p - start));
        if (text.n == 0)
            return fail(w, why_array);
        if (str_is(text, "NULL")) {
            BUF_LIT(w->out, "null");
            return true;
        }
    }
    return w->item->put(w->item, text, w->out, &w->why);
}

/* One level of braces; as deep as PostgreSQL allows. */
static bool put_list(struct walk *w, unsigned depth) // NOLINT(misc-no-recursion): bounded
{
    bool more = true;

    if (rd_u8(&w->r) != '{' || depth == DEPTH_MAX)
        return fail(w, why_array);
    BUF_LIT(w->out, "[");
    if (rd_peek(&w->r) == '}') {
        (void)rd_u8(&w->r);
        more = false;
    }
    while (more) {
        uint8_t c;

        if (rd_peek(&w->r) == '{' ? !put_list(w, depth + 1) : !put_element(w))
            return false;
        c = rd_u8(&w->r);
        more = c == ',';
        if (!more && c != '}')
            return fail(w, why_array);
        if (more)
            BUF_LIT(w->out, ",");
    }
    BUF_LIT(w->out, "]");
    return true;
}

bool debezium_put_array(const struct debezium_type *type, struct str text, struct buf *out,
                        const char **ret_why)
{
    struct walk w = { .r = rd_make(text), .item = type->item, .out = out, .why = why_array };
    bool ok;

    buf_init(&w.text, LIMIT_PG_MESSAGE);
    while (rd_left(&w.r) > 0 && rd_peek(&w.r) != '{') /* the bounds */
        (void)rd_u8(&w.r);
    ok = put_list(&w, 0) && rd_done(&w.r);
    buf_done(&w.text);
    if (!ok)
        *ret_why = w.why;
    return ok;
}

/* ---- points ------------------------------------------------------------------------------------- */

/* Well-known binary: byte order 1 (little-endian), type 1, x, y. */
static bool wkb_double(struct str text, unsigned char *to)
{
    char copy[64];
    char *end;
    double v;

    if (text.n == 0 || !str_copy(text, copy, sizeof copy))
        return false;
    v = strtod(copy, &end);
    memcpy(to, &v, sizeof v);
    return *end == '\0';
}

bool debezium_put_point(const struct debezium_type *type, struct str text, struct buf *out,
                        const char **ret_why)
{
    unsigned char wkb[21] = { 1, 1 };
    size_t comma = str_find(text, ',');
    struct str x;
    struct str y;

    (void)type;
    *ret_why = "it is not a point";
    if (text.n < 2 || comma == text.n || text.p[0] != '(' || text.p[text.n - 1] != ')')
        return false;
    x = str_make(text.p + 1, comma - 1);
    y = str_make(text.p + comma + 1, text.n - comma - 2);
    if (!wkb_double(x, wkb + 5) || !wkb_double(y, wkb + 13))
        return false;
    BUF_LIT(out, "{\"x\":");
    if (!debezium_java_float(x, false, out))
        return false;
    BUF_LIT(out, ",\"y\":");
    if (!debezium_java_float(y, false, out))
        return false;
    BUF_LIT(out, ",\"wkb\":\"");
    debezium_base64(out, wkb, sizeof wkb, false);
    BUF_LIT(out, "\",\"srid\":null}");
    return true;
}
