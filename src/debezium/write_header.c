/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers, as Kafka Connect's SimpleHeaderConverter writes them: a text as it is, a number in decimal, a struct
 * as {"name":value} in which texts have their quotes and backslashes escaped and nothing else.
 */
#include "debezium/writer_impl.h"

/* ---- members of the envelope --------------------------------------------------------------------- */

static struct str fixed_text(const struct debezium_writer *w, const struct debezium_event *e,
                             enum debezium_unwrap_what what)
{
    const struct debezium_format *f = &w->format;

    switch (what) {
    case UNWRAP_VERSION:
        return str_from(debezium_shape_version(f));
    case UNWRAP_CONNECTOR:
        return STR("postgresql");
    case UNWRAP_NAME:
        return str_from(f->prefix);
    case UNWRAP_SNAPSHOT:
        /* "false" is the schema's default, which no added field takes over. */
        return strcmp(debezium_part_snapshot(e), "false") == 0
                   ? STR_NONE
                   : str_from(debezium_part_snapshot(e));
    case UNWRAP_DB:
        return str_from(f->database);
    case UNWRAP_SCHEMA:
        return e->rel->schema.p != NULL ? e->rel->schema : STR("");
    case UNWRAP_TABLE:
        return e->rel->table.p != NULL ? e->rel->table : STR("");
    default:
        return STR_NONE;
    }
}

static bool fixed_number(const struct debezium_event *e, enum debezium_unwrap_what what,
                         int64_t *ret_number)
{
    bool snapshot = (e->change->flags & CHANGE_INCREMENTAL) != 0;
    int64_t now = e->moment->now_us;

    switch (what) {
    case UNWRAP_TS_MS:
        *ret_number = now / 1000;
        return true;
    case UNWRAP_TS_US:
        *ret_number = now;
        return true;
    case UNWRAP_TS_NS:
        *ret_number = now * 1000;
        return true;
    case UNWRAP_SOURCE_TS_MS:
        *ret_number = e->source_us / 1000;
        return true;
    case UNWRAP_SOURCE_TS_US:
        *ret_number = e->source_us;
        return true;
    case UNWRAP_SOURCE_TS_NS:
        *ret_number = e->source_us * 1000;
        return true;
    case UNWRAP_TXID:
        *ret_number = e->change->xid;
        return e->change->xid != 0 && !snapshot;
    case UNWRAP_LSN:
        *ret_number = (int64_t)debezium_part_lsn(e).v;
        return *ret_number != 0 && !snapshot;
    case UNWRAP_TX_TOTAL:
        *ret_number = (int64_t)e->moment->total_order;
        return *ret_number != 0;
    case UNWRAP_TX_COLLECTION:
        *ret_number = (int64_t)e->moment->collection_order;
        return *ret_number != 0;
    default:
        return false;
    }
}

/* The member as plain text; false when it is null. */
static bool put_plain(const struct debezium_writer *w, const struct debezium_event *e,
                      enum debezium_unwrap_what what, struct buf *b)
{
    struct str text = fixed_text(w, e, what);
    char op = e->op;
    int64_t number;

    if (what == UNWRAP_OP) {
        buf_put(b, &op, 1);
    } else if (what == UNWRAP_SEQUENCE) {
        debezium_part_sequence(e, false, b);
    } else if (what == UNWRAP_TX_ID && w->format.transactions && e->moment->total_order != 0) {
        buf_udec(b, e->change->xid);
        buf_u8(b, ':');
        buf_udec(b, debezium_part_lsn(e).v);
    } else if (text.p != NULL) {
        buf_str(b, text);
    } else if (fixed_number(e, what, &number)) {
        buf_dec(b, number);
    } else {
        return false;
    }
    return true;
}

void debezium_added_json(const struct debezium_writer *w, const struct debezium_event *e,
                         enum debezium_unwrap_what what, struct buf *b)
{
    int64_t number;
    struct buf text;

    if (fixed_number(e, what, &number)) {
        buf_dec(b, number);
        return;
    }
    buf_init(&text, SIZE_MAX / 2);
    if (put_plain(w, e, what, &text))
        debezium_json_string(b, buf_view(&text));
    else
        BUF_LIT(b, "null");
    buf_done(&text);
}

/* ---- keys --------------------------------------------------------------------------------------- */

static void put_quoted(struct buf *b, struct str s)
{
    buf_u8(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_u8(b, '\\');
        buf_u8(b, (uint8_t)s.p[i]);
    }
    buf_u8(b, '"');
}

/* A decimal is a number here. Java's BigDecimal.toString turns to scientific notation below 0.000001. */
static void put_decimal(struct buf *b, struct str text)
{
    size_t digits = 0;
    size_t fraction = 0;
    size_t first = 0;
    bool point = false;

    for (size_t i = 0; i < text.n; i++) {
        point = point || text.p[i] == '.';
        if (text.p[i] < '0' || text.p[i] > '9')
            continue;
        fraction += point ? 1 : 0;
        if (digits == 0 && text.p[i] != '0')
            first = i;
        digits += digits > 0 || text.p[i] != '0' ? 1 : 0;
    }
    if (fraction < 7 || (int64_t)(digits > 0 ? digits : 1) - 1 - (int64_t)fraction >= -6) {
        buf_str(b, text);
        return;
    }
    if (text.p[0] == '-')
        buf_u8(b, '-');
    buf_u8(b, digits > 0 ? (uint8_t)text.p[first] : '0');
    if (digits > 1) {
        buf_u8(b, '.');
        buf_put(b, text.p + first + 1, digits - 1);
    }
    buf_text(b, "E");
    buf_dec(b, (int64_t)(digits > 0 ? digits : 1) - 1 - (int64_t)fraction);
}

static bool put_key_value(const struct debezium_shape_column *c, const struct value *v,
                          struct buf *b)
{
    const char *why;

    if (v->kind != VALUE_TEXT)
        buf_text(b, "null");
    else if (c->type->put == debezium_put_string)
        put_quoted(b, v->text);
    else if (c->type->put == debezium_put_decimal)
        put_decimal(b, v->text);
    else
        return c->type->put(c->type, v->text, b, &why);
    return true;
}

/* The key of the other half, as a struct. */
static bool put_key(struct debezium_writer *w, const struct debezium_event *e,
                    const struct value *row, struct error *err)
{
    const struct debezium_shape *s = e->shape;

    buf_u8(&w->texts, '{');
    for (size_t i = 0; i < s->key.count; i++) {
        const struct debezium_shape_column *c = &s->columns[s->key.columns[i]];

        if (i > 0)
            buf_u8(&w->texts, ',');
        put_quoted(&w->texts, c->name);
        buf_u8(&w->texts, ':');
        if (!put_key_value(c, &row[s->key.columns[i]], &w->texts))
            return error_set(err, ERR_REJECT, E_DEBEZIUM_VALUE,
                             "cannot write column \"%.*s\" of the moved key", STR_ARG(c->name));
    }
    buf_u8(&w->texts, '}');
    return true;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* A header whose value is appended to w->texts next; NULL when there are too many. */
static struct debezium_header_at *begin(struct debezium_writer *w, size_t which, struct str name)
{
    struct debezium_header_list *list = &w->headers[which];
    struct debezium_header_at *h = &list->items[list->count];

    if (list->count == DEBEZIUM_HEADERS_MAX)
        return NULL;
    *h = (struct debezium_header_at){ .name = name, .start = w->texts.n };
    list->count++;
    return h;
}

static void add(struct debezium_writer *w, size_t which, struct str name, struct str value)
{
    struct debezium_header_at *h = begin(w, which, name);

    if (h == NULL)
        return;
    buf_str(&w->texts, value);
    h->n = value.n;
}

static bool add_moved_key(struct debezium_writer *w, const struct debezium_event *e, size_t which,
                          struct error *err)
{
    const struct change *pair = e->moment->pair;
    bool gone = e->change->op == CHANGE_DELETE;
    const struct value *row;
    struct debezium_header_at *h;

    if ((e->change->flags & CHANGE_KEY_MOVED) == 0 || pair == NULL || e->shape->key.count == 0)
        return true;
    row = gone ? pair->after : pair->before;
    if (row == NULL)
        return true;
    h = begin(w, which, gone ? STR("__debezium.newkey") : STR("__debezium.oldkey"));
    if (h == NULL)
        return true;
    if (!put_key(w, e, row, err))
        return false;
    h->n = w->texts.n - h->start;
    return true;
}

/* before.NAME or after.NAME; false when it is null. */
static bool put_column(const struct debezium_event *e, const struct debezium_unwrap_item *item,
                       struct buf *b)
{
    const struct value *row =
        item->what == UNWRAP_COLUMN_BEFORE ? e->change->before : e->change->after;

    for (size_t i = 0; e->shape != NULL && row != NULL && i < e->shape->count; i++) {
        const struct debezium_shape_column *c = &e->shape->columns[i];
        const char *why;

        if (!str_eq(c->name, item->column) || row[i].kind != VALUE_TEXT)
            continue;
        if (c->type->put != debezium_put_string)
            return c->type->put(c->type, row[i].text, b, &why);
        buf_str(b, row[i].text);
        return true;
    }
    return false;
}

static void add_asked(struct debezium_writer *w, const struct debezium_event *e, size_t which,
                      bool tombstone)
{
    for (size_t i = 0; i < w->plan.header_count; i++) {
        const struct debezium_unwrap_item *item = &w->plan.headers[i];
        bool column = item->what == UNWRAP_COLUMN_BEFORE || item->what == UNWRAP_COLUMN_AFTER;
        struct debezium_header_at *h;

        /* Of a tombstone only the operation is known. */
        if (tombstone && item->what != UNWRAP_OP)
            continue;
        h = begin(w, which, item->name);
        if (h == NULL)
            return;
        h->null =
            column ? !put_column(e, item, &w->texts) : !put_plain(w, e, item->what, &w->texts);
        h->n = w->texts.n - h->start;
    }
}

bool debezium_headers(struct debezium_writer *w, const struct debezium_event *e, size_t which,
                      bool tombstone, struct error *err)
{
    bool message = e->op == 'm';

    w->headers[which].count = 0;
    if (!message && !add_moved_key(w, e, which, err))
        return false;
    if (w->format.compat != DEBEZIUM_2_5 && !message) {
        add(w, which, STR("__debezium.context.connectorLogicalName"), str_from(w->format.prefix));
        add(w, which, STR("__debezium.context.taskId"), STR("0"));
        add(w, which, STR("__debezium.context.connectorName"),
            w->format.connector != NULL ? str_from(w->format.connector) : STR("postgresql"));
    }
    /* From 3.x on the transformation leaves alone what is no envelope. */
    if (!message || w->format.compat == DEBEZIUM_2_5)
        add_asked(w, e, which, tombstone);
    return true;
}

void debezium_headers_give(const struct debezium_writer *w, size_t which, struct debezium_record *r)
{
    const struct debezium_header_list *list = &w->headers[which];

    r->header_count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        const struct debezium_header_at *h = &list->items[i];

        r->headers[i].name = h->name;
        r->headers[i].value = h->null ? STR_NONE : str_make(w->texts.p + h->start, h->n);
    }
}
