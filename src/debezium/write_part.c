/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/writer_impl.h"

enum { SHOWN = 60 /* bytes of a value in an error */ };

static const char *const snapshot_names[] = {
    [DEBEZIUM_SNAPSHOT_FALSE] = "false",
    [DEBEZIUM_SNAPSHOT_TRUE] = "true",
    [DEBEZIUM_SNAPSHOT_FIRST] = "first",
    [DEBEZIUM_SNAPSHOT_FIRST_IN_COLLECTION] = "first_in_data_collection",
    [DEBEZIUM_SNAPSHOT_LAST_IN_COLLECTION] = "last_in_data_collection",
    [DEBEZIUM_SNAPSHOT_LAST] = "last",
    [DEBEZIUM_SNAPSHOT_INCREMENTAL] = "incremental",
};

/* ---- rows --------------------------------------------------------------------------------------- */

static bool refuse(const struct debezium_event *e, const struct debezium_shape_column *c,
                   struct str text, const char *why, struct error *err)
{
    int shown = text.n < SHOWN ? (int)text.n : SHOWN;

    return error_set(err, ERR_REJECT, E_DEBEZIUM_VALUE,
                     "cannot write column \"%.*s\" of %.*s.%.*s as %s (value %.*s%s): %s",
                     STR_ARG(c->name), STR_ARG(e->rel->schema), STR_ARG(e->rel->table),
                     c->type->name != NULL ? c->type->name : c->type->connect, shown, text.p,
                     text.n > SHOWN ? "..." : "", why);
}

static bool put_value(const struct debezium_writer *w, const struct debezium_event *e,
                      const struct debezium_shape_column *c, const struct value *value,
                      const struct value *older, struct buf *b, struct error *err)
{
    const char *why = "it is not of its type";

    if (value->kind == VALUE_UNCHANGED && older != NULL && older->kind == VALUE_TEXT)
        value = older;
    switch (value->kind) {
    case VALUE_TEXT:
        return c->type->put(c->type, value->text, b, &why) || refuse(e, c, value->text, why, err);
    case VALUE_UNCHANGED:
        buf_str(b, c->type->unavailable);
        return true;
    default:
        if (c->fallback.n > 0 && (c->not_null || w->format.null_is_default))
            buf_str(b, c->fallback);
        else if (c->not_null)
            buf_str(b, c->type->zero);
        else
            BUF_LIT(b, "null");
        return true;
    }
}

bool debezium_part_row(const struct debezium_writer *w, const struct debezium_event *e,
                       const struct value *row, const struct value *older, struct buf *b,
                       struct error *err)
{
    const struct debezium_shape *s = e->shape;

    for (size_t i = 0; i < s->count; i++) {
        buf_str(b, s->columns[i].member);
        if (!put_value(w, e, &s->columns[i], &row[i], older != NULL ? &older[i] : NULL, b, err))
            return false;
    }
    return true;
}

static bool put_row(const struct debezium_writer *w, const struct debezium_event *e,
                    const struct value *row, const struct value *older, struct buf *b,
                    struct error *err)
{
    if (row == NULL) {
        BUF_LIT(b, "null");
        return true;
    }
    BUF_LIT(b, "{");
    if (!debezium_part_row(w, e, row, older, b, err))
        return false;
    BUF_LIT(b, "}");
    return true;
}

bool debezium_part_key(const struct debezium_writer *w, const struct debezium_event *e,
                       const struct debezium_shape_key *key, const struct value *row,
                       const struct value *older, struct buf *b, struct error *err)
{
    buf_str(b, key->open);
    for (size_t i = 0; i < key->count; i++) {
        uint32_t at = key->columns[i];

        buf_str(b, key->members[i]);
        if (!put_value(w, e, &e->shape->columns[at], &row[at], older != NULL ? &older[at] : NULL, b,
                       err))
            return false;
    }
    BUF_LIT(b, "}");
    if (w->format.key_schemas)
        BUF_LIT(b, "}");
    return true;
}

/* ---- source ------------------------------------------------------------------------------------- */

const char *debezium_part_snapshot(const struct debezium_event *e)
{
    if ((e->change->flags & CHANGE_INCREMENTAL) != 0)
        return snapshot_names[DEBEZIUM_SNAPSHOT_INCREMENTAL];
    if (e->op == 'r' && e->moment->snapshot == DEBEZIUM_SNAPSHOT_FALSE)
        return snapshot_names[DEBEZIUM_SNAPSHOT_TRUE];
    return snapshot_names[e->moment->snapshot];
}

static bool incremental(const struct debezium_event *e)
{
    return (e->change->flags & CHANGE_INCREMENTAL) != 0 ||
           e->moment->snapshot == DEBEZIUM_SNAPSHOT_INCREMENTAL;
}

struct lsn debezium_part_lsn(const struct debezium_event *e)
{
    return e->change->lsn.v != 0 ? e->change->lsn : e->change->commit_lsn;
}

void debezium_part_sequence(const struct debezium_event *e, bool escaped, struct buf *b)
{
    struct str quote = escaped ? STR("\\\"") : STR("\"");
    struct lsn lsn = debezium_part_lsn(e);
    /* A message outside a transaction is its own last commit. */
    struct lsn last = e->op == 'm' && e->change->xid == 0 ? lsn : e->moment->last_commit;
    uint64_t pair[2] = { last.v, lsn.v };

    BUF_LIT(b, "[");
    for (size_t i = 0; i < 2; i++) {
        if (i > 0)
            BUF_LIT(b, ",");
        if (pair[i] == 0) {
            BUF_LIT(b, "null");
            continue;
        }
        buf_str(b, quote);
        buf_udec(b, pair[i]);
        buf_str(b, quote);
    }
    BUF_LIT(b, "]");
}

static void put_or_null(struct buf *b, uint64_t v, bool known)
{
    if (known)
        buf_udec(b, v);
    else
        BUF_LIT(b, "null");
}

/* Milliseconds of microseconds, toward minus infinity. */
static int64_t millis(int64_t us)
{
    return us >= 0 ? us / 1000 : -((-us + 999) / 1000);
}

void debezium_part_source(const struct debezium_writer *w, const struct debezium_event *e,
                          struct buf *b)
{
    struct lsn lsn = debezium_part_lsn(e);
    bool position = !incremental(e);

    buf_str(b, e->shape != NULL ? e->shape->source_open : buf_view(&w->source_open));
    buf_dec(b, millis(e->source_us));
    BUF_LIT(b, ",\"snapshot\":\"");
    buf_str(b, str_from(debezium_part_snapshot(e)));
    buf_str(b, w->db);
    debezium_part_sequence(e, true, b);
    BUF_LIT(b, "\"");
    if (w->format.compat != DEBEZIUM_2_5) {
        BUF_LIT(b, ",\"ts_us\":");
        buf_dec(b, e->source_us);
        BUF_LIT(b, ",\"ts_ns\":");
        buf_dec(b, e->source_us * 1000);
    }
    if (e->shape != NULL)
        buf_str(b, e->shape->source_table);
    else
        BUF_LIT(b, ",\"schema\":\"\",\"table\":\"\",\"txId\":");
    put_or_null(b, e->change->xid, position && e->change->xid != 0);
    BUF_LIT(b, ",\"lsn\":");
    put_or_null(b, lsn.v, position && lsn.v != 0);
    BUF_LIT(b, ",\"xmin\":null}");
}

void debezium_part_transaction(const struct debezium_writer *w, const struct debezium_event *e,
                               struct buf *b)
{
    if (!w->format.transactions || e->moment->total_order == 0 || e->change->xid == 0) {
        BUF_LIT(b, ",\"transaction\":null");
        return;
    }
    BUF_LIT(b, ",\"transaction\":{\"id\":\"");
    buf_udec(b, e->change->xid);
    BUF_LIT(b, ":");
    buf_udec(b, debezium_part_lsn(e).v);
    BUF_LIT(b, "\",\"total_order\":");
    buf_udec(b, e->moment->total_order);
    BUF_LIT(b, ",\"data_collection_order\":");
    buf_udec(b, e->moment->collection_order);
    BUF_LIT(b, "}");
}

/* ---- the two forms of a value -------------------------------------------------------------------- */

bool debezium_part_envelope(const struct debezium_writer *w, const struct debezium_event *e,
                            struct buf *b, struct error *err)
{
    bool old = w->format.compat == DEBEZIUM_2_5;
    bool create = e->op == 'c' || e->op == 'r';
    int64_t now = e->moment->now_us;
    const char op = e->op;

    if (!put_row(w, e, create ? NULL : e->change->before, NULL, b, err))
        return false;
    BUF_LIT(b, ",\"after\":");
    if (!put_row(w, e, e->op == 'd' ? NULL : e->change->after, e->change->before, b, err))
        return false;
    debezium_part_source(w, e, b);
    if (!old)
        debezium_part_transaction(w, e, b);
    BUF_LIT(b, ",\"op\":\"");
    buf_put(b, &op, 1);
    BUF_LIT(b, "\",\"ts_ms\":");
    buf_dec(b, millis(now));
    if (old) {
        debezium_part_transaction(w, e, b);
    } else {
        BUF_LIT(b, ",\"ts_us\":");
        buf_dec(b, now);
        BUF_LIT(b, ",\"ts_ns\":");
        buf_dec(b, now * 1000);
    }
    BUF_LIT(b, "}");
    if (w->format.value_schemas)
        BUF_LIT(b, "}");
    return true;
}

/* The column of before.NAME or after.NAME; null where there is no such row. */
static bool put_added_column(const struct debezium_writer *w, const struct debezium_event *e,
                             const struct debezium_unwrap_item *item, struct buf *b,
                             struct error *err)
{
    bool before = item->what == UNWRAP_COLUMN_BEFORE;
    const struct value *row = before ? e->change->before : e->change->after;
    const struct value *older = before ? NULL : e->change->before;

    for (size_t i = 0; i < e->shape->count; i++) {
        const struct debezium_shape_column *c = &e->shape->columns[i];

        if (!str_eq(c->name, item->column))
            continue;
        buf_str(b, item->member);
        if (row == NULL) {
            BUF_LIT(b, "null");
            return true;
        }
        return put_value(w, e, c, &row[i], older != NULL ? &older[i] : NULL, b, err);
    }
    return true;
}

bool debezium_part_unwrapped(const struct debezium_writer *w, const struct debezium_event *e,
                             const struct value *row, struct buf *b, struct error *err)
{
    bool gone = e->op == 'd';

    if (!debezium_part_row(w, e, row, gone ? NULL : e->change->before, b, err))
        return false;
    if (debezium_unwrap_rewrites(&w->format)) {
        if (e->shape->count > 0)
            BUF_LIT(b, ",");
        buf_str(b, gone ? STR("\"__deleted\":\"true\"") : STR("\"__deleted\":\"false\""));
    }
    for (size_t i = 0; i < w->plan.field_count; i++) {
        const struct debezium_unwrap_item *item = &w->plan.fields[i];

        if (item->what == UNWRAP_COLUMN_BEFORE || item->what == UNWRAP_COLUMN_AFTER) {
            if (!put_added_column(w, e, item, b, err))
                return false;
            continue;
        }
        buf_str(b, item->member);
        debezium_added_json(w, e, item->what, b);
    }
    BUF_LIT(b, "}");
    if (w->format.value_schemas)
        BUF_LIT(b, "}");
    return true;
}
