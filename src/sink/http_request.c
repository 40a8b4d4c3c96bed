/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "process/rowjson.h"
#include "sink/http.h"

/* 32 hex digits: epoch (8), end of the commit (16), ordinal (8). No dot, as the signature wants it. */
static void put_position(struct position p, struct buf *b)
{
    char digits[32];

    str_put_hex(digits, p.epoch, 8);
    str_put_hex(digits + 8, p.commit_end.v, 16);
    str_put_hex(digits + 24, p.ordinal, 8);
    buf_put(b, digits, sizeof digits);
}

void http_put_id(const struct http_rows *rows, struct buf *b)
{
    size_t first = rows->count;
    size_t last = 0;
    size_t n = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (rows->states[i] != HTTP_PENDING)
            continue;
        first = n == 0 ? i : first;
        last = i;
        n++;
    }
    buf_str(b, STR("msg_"));
    if (n == 0)
        return;
    put_position(rows->changes[first].pos, b);
    if (!rows->batched)
        return;
    buf_u8(b, '_');
    put_position(rows->changes[last].pos, b);
    buf_u8(b, '_');
    buf_udec(b, n);
}

const char *http_op(const struct http_rows *rows)
{
    const struct change *first = NULL;

    for (size_t i = 0; i < rows->count; i++) {
        if (rows->states[i] != HTTP_PENDING)
            continue;
        if (first == NULL)
            first = &rows->changes[i];
        else if (rows->changes[i].op != first->op)
            return "mixed";
    }
    return first != NULL ? change_op_name(first->op) : "";
}

void http_put_unchanged(const struct change *c, struct buf *b)
{
    bool first = true;

    for (uint32_t i = 0; c->after != NULL && i < c->rel->column_count; i++) {
        if (c->after[i].kind != VALUE_UNCHANGED)
            continue;
        if (!first)
            buf_u8(b, ',');
        first = false;
        http_url_encode(c->rel->columns[i].name, b);
    }
}

static void put_row(const struct change *c, struct buf *b)
{
    const struct value *row = change_row(c);

    if (row == NULL)
        buf_str(b, STR("null"));
    else
        rowjson_object(c->rel, row, c->after == NULL && c->before_kind == CHANGE_BEFORE_KEY, b);
}

static char debezium_op(enum change_op op)
{
    switch (op) {
    case CHANGE_INSERT:
        return 'c';
    case CHANGE_UPDATE:
        return 'u';
    case CHANGE_DELETE:
        return 'd';
    case CHANGE_TRUNCATE:
        return 't';
    case CHANGE_SNAPSHOT:
        return 'r';
    case CHANGE_MESSAGE:
        return 'm';
    }
    return '?';
}

/* Both times are stored with the change, so that a repeat is the same bytes. */
static void put_debezium(const char *pipeline, const struct change *c, struct buf *b)
{
    buf_str(b, STR("{\"before\":"));
    if (c->before_kind != CHANGE_BEFORE_NONE && c->before != NULL)
        rowjson_object(c->rel, c->before, c->before_kind == CHANGE_BEFORE_KEY, b);
    else
        buf_str(b, STR("null"));
    buf_str(b, STR(",\"after\":"));
    if (c->after != NULL)
        rowjson_object(c->rel, c->after, false, b);
    else
        buf_str(b, STR("null"));
    buf_putf(
        b, ",\"op\":\"%c\",\"source\":{\"connector\":\"postgresql\",\"name\":", debezium_op(c->op));
    json_string(b, str_from(pipeline));
    buf_putf(b, ",\"ts_ms\":%lld,\"snapshot\":\"%s\",\"schema\":",
             (long long)(c->commit_time_us / 1000), c->op == CHANGE_SNAPSHOT ? "true" : "false");
    json_string(b, c->rel->schema);
    buf_str(b, STR(",\"table\":"));
    json_string(b, c->rel->table);
    buf_putf(b, ",\"txId\":%u,\"lsn\":%llu,\"commit_end_lsn\":%llu,\"ordinal\":%u},\"ts_ms\":%lld}",
             c->xid, (unsigned long long)c->commit_lsn.v, (unsigned long long)c->pos.commit_end.v,
             c->pos.ordinal, (long long)(c->wts / 1000));
}

void http_put_body(const struct http_conf *conf, const char *pipeline, const struct http_rows *rows,
                   struct buf *b)
{
    bool array = rows->batched && conf->batch.format == HTTP_FORMAT_JSON_ARRAY;
    bool lines = rows->batched && conf->batch.format == HTTP_FORMAT_NDJSON;
    bool first = true;

    if (array)
        buf_u8(b, '[');
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->states[i] != HTTP_PENDING)
            continue;
        if (array && !first)
            buf_u8(b, ',');
        first = false;
        if (conf->envelope == HTTP_ENVELOPE_DEBEZIUM)
            put_debezium(pipeline, &rows->changes[i], b);
        else
            put_row(&rows->changes[i], b);
        if (lines)
            buf_u8(b, '\n');
    }
    if (array)
        buf_u8(b, ']');
}

static bool same_unchanged(const struct change *a, const struct change *b)
{
    if ((a->after == NULL) != (b->after == NULL))
        return false;
    for (uint32_t i = 0; a->after != NULL && i < a->rel->column_count; i++) {
        if ((a->after[i].kind == VALUE_UNCHANGED) != (b->after[i].kind == VALUE_UNCHANGED))
            return false;
    }
    return true;
}

bool http_together(const struct http_conf *conf, const struct change *a, const struct change *b)
{
    struct http_route x = http_conf_route(conf, a->op);
    struct http_route y = http_conf_route(conf, b->op);

    if (x.url != y.url || x.method != y.method)
        return false;
    if (conf->envelope == HTTP_ENVELOPE_DEBEZIUM)
        return true;
    return a->op == b->op && a->rel->version == b->rel->version && same_unchanged(a, b);
}
