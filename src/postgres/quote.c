/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL quoting without a connection. standard_conforming_strings is on for every server we accept
 * unless someone turned it off, so a literal with a backslash is written as E'...', which means the
 * same under both.
 */
#include "postgres/conn.h"

static void put_quoted(struct buf *b, struct str s, char quote, bool backslash)
{
    buf_u8(b, (uint8_t)quote);
    for (size_t i = 0; i < s.n && s.p[i] != '\0'; i++) {
        if (s.p[i] == quote || (backslash && s.p[i] == '\\'))
            buf_u8(b, (uint8_t)s.p[i]);
        buf_u8(b, (uint8_t)s.p[i]);
    }
    buf_u8(b, (uint8_t)quote);
}

void postgres_quote_ident(struct buf *b, struct str name)
{
    put_quoted(b, name, '"', false);
}

void postgres_quote_literal(struct buf *b, struct str text)
{
    bool backslash = str_find(text, '\\') < text.n;

    if (backslash)
        buf_text(b, "E");
    put_quoted(b, text, '\'', backslash);
}
