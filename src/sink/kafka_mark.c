/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_mark.h"

/* Written backwards from the end of the text; returns where it begins. */
static char *put_dec(char *end, uint64_t v)
{
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return end;
}

static char *put_hex(char *end, uint32_t v)
{
    do {
        *--end = "0123456789ABCDEF"[v & 15];
        v >>= 4;
    } while (v > 0);
    return end;
}

/* Once per record: about ten times as fast as a format string. */
struct str sink_kafka_mark_format(struct sink_kafka_mark mark, char text[SINK_KAFKA_MARK_TEXT])
{
    char *end = text + SINK_KAFKA_MARK_TEXT;
    char *p = end;

    if (mark.place > 0) {
        p = put_dec(p, mark.place);
        *--p = '/';
    }
    p = put_dec(p, mark.pos.ordinal);
    *--p = '/';
    p = put_hex(p, (uint32_t)mark.pos.commit_end.v);
    *--p = '/';
    p = put_hex(p, (uint32_t)(mark.pos.commit_end.v >> 32));
    *--p = '/';
    p = put_dec(p, mark.pos.epoch);
    return str_make(p, (size_t)(end - p));
}

bool sink_kafka_mark_parse(struct str s, struct sink_kafka_mark *ret_mark)
{
    struct sink_kafka_mark mark = { .place = 0 };
    size_t slashes = 0;
    size_t last = 0;
    uint64_t place;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '/')
            continue;
        slashes++;
        last = i;
    }
    if (slashes == 4) {
        if (!str_to_u64(str_make(s.p + last + 1, s.n - last - 1), &place) || place == 0 ||
            place > UINT32_MAX)
            return false;
        mark.place = (uint32_t)place;
        s.n = last;
    }
    if (!position_parse(s, &mark.pos))
        return false;
    *ret_mark = mark;
    return true;
}

struct str sink_kafka_op(enum change_op op)
{
    switch (op) {
    case CHANGE_INSERT:
        return STR("c");
    case CHANGE_UPDATE:
        return STR("u");
    case CHANGE_DELETE:
        return STR("d");
    case CHANGE_TRUNCATE:
        return STR("t");
    case CHANGE_SNAPSHOT:
        return STR("r");
    case CHANGE_MESSAGE:
        return STR("m");
    }
    return STR_NONE;
}

static void put_name(struct str name, struct buf *b)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c < 0x20 || c == ',' || c == '%' || c == 0x7F)
            buf_putf(b, "%%%02X", c);
        else
            buf_u8(b, c);
    }
}

void sink_kafka_unchanged(const struct change *c, struct buf *b)
{
    const char *separator = "";

    if (c->after == NULL)
        return;
    for (uint32_t i = 0; i < c->rel->column_count; i++) {
        if (c->after[i].kind != VALUE_UNCHANGED)
            continue;
        buf_text(b, separator);
        put_name(c->rel->columns[i].name, b);
        separator = ",";
    }
}
