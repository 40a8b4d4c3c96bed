/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml reports a byte that is no text by its offset only, so it is looked for here first, where the
 * line and column are known. What may stand in a text is section 5.1 of the YAML 1.1 document.
 */
#include "config/yaml.h"

#include <stdio.h>

struct cursor {
    const unsigned char *p, *end;
    int line, column;
};

/* The code point at the cursor and its length; length 0: not UTF-8. */
static uint32_t decode(const struct cursor *c, size_t *ret_n)
{
    size_t left = (size_t)(c->end - c->p);
    size_t n = c->p[0] < 0x80 ? 1 : c->p[0] < 0xE0 ? 2 : c->p[0] < 0xF0 ? 3 : 4;
    uint32_t point;

    if (n > left || !str_is_utf8(str_make(c->p, n))) {
        *ret_n = 0;
        return 0;
    }
    point = n == 1 ? c->p[0] : c->p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        point = (point << 6) | (c->p[i] & 0x3Fu);
    *ret_n = n;
    return point;
}

static bool is_line_end(uint32_t point)
{
    return point == '\n' || point == '\r' || point == 0x85 || point == 0x2028 || point == 0x2029;
}

static bool is_text(uint32_t point)
{
    if (point < 0x20)
        return point == '\t' || point == '\n' || point == '\r';
    if (point >= 0x7F && point < 0xA0)
        return point == 0x85;
    return point != 0xFEFF && point != 0xFFFE && point != 0xFFFF;
}

static bool fault(struct config_report *rep, const struct cursor *c, const char *what)
{
    struct config_span at = { c->line, c->column, c->line, c->column + 1 };

    config_fault_span(rep, at, E_CONFIG_BYTES, "save the file as UTF-8 text",
                      "this is not text: %s", what);
    return false;
}

static bool is_utf16(struct str s)
{
    if (s.n < 2)
        return false;
    return str_starts(s, STR("\xFF\xFE")) || str_starts(s, STR("\xFE\xFF")) ||
           (s.p[0] == '\0') != (s.p[1] == '\0');
}

bool config_bytes_check(struct config_report *rep)
{
    const unsigned char *p = (const unsigned char *)rep->source.p;
    struct cursor c = { p, p + rep->source.n, 1, 1 };
    char what[48];
    uint32_t point;
    size_t n;

    if (is_utf16(rep->source))
        return fault(rep, &c, "the file is UTF-16");
    while (c.p < c.end) {
        point = decode(&c, &n);
        if (n == 0) {
            (void)snprintf(what, sizeof what, "byte 0x%02X is not valid UTF-8", *c.p);
            return fault(rep, &c, what);
        }
        if (!is_text(point)) {
            (void)snprintf(what, sizeof what, "control character U+%04X%s", (unsigned)point,
                           point == 0 ? " (NUL)" : "");
            return fault(rep, &c, what);
        }
        c.p += n;
        c.column++;
        if (is_line_end(point) && !(point == '\r' && c.p < c.end && *c.p == '\n')) {
            c.line++;
            c.column = 1;
        }
    }
    return true;
}
