/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reference is [STRUCT.]FIELD[:NAME]. Without STRUCT, op and ts_ms are the envelope's own, id, total_order and
 * data_collection_order the transaction's, everything else the source's. Its name is PREFIX + NAME, or PREFIX +
 * FIELD, or PREFIX + STRUCT_FIELD when STRUCT was given.
 */
#include "debezium/write_unwrap.h"

#include "debezium/write_schema.h"

static const struct {
    const char *of;
    const char *field;
    const char *type; /* NULL: source.snapshot's */
    enum debezium_unwrap_what what;
    bool later; /* not in 2.5 */
} members[] = {
    { "", "op", "string", UNWRAP_OP, false },
    { "", "ts_ms", "int64", UNWRAP_TS_MS, false },
    { "", "ts_us", "int64", UNWRAP_TS_US, true },
    { "", "ts_ns", "int64", UNWRAP_TS_NS, true },
    { "source", "version", "string", UNWRAP_VERSION, false },
    { "source", "connector", "string", UNWRAP_CONNECTOR, false },
    { "source", "name", "string", UNWRAP_NAME, false },
    { "source", "ts_ms", "int64", UNWRAP_SOURCE_TS_MS, false },
    { "source", "snapshot", NULL, UNWRAP_SNAPSHOT, false },
    { "source", "db", "string", UNWRAP_DB, false },
    { "source", "sequence", "string", UNWRAP_SEQUENCE, false },
    { "source", "ts_us", "int64", UNWRAP_SOURCE_TS_US, true },
    { "source", "ts_ns", "int64", UNWRAP_SOURCE_TS_NS, true },
    { "source", "schema", "string", UNWRAP_SCHEMA, false },
    { "source", "table", "string", UNWRAP_TABLE, false },
    { "source", "txId", "int64", UNWRAP_TXID, false },
    { "source", "lsn", "int64", UNWRAP_LSN, false },
    { "source", "xmin", "int64", UNWRAP_XMIN, false },
    { "transaction", "id", "string", UNWRAP_TX_ID, false },
    { "transaction", "total_order", "int64", UNWRAP_TX_TOTAL, false },
    { "transaction", "data_collection_order", "int64", UNWRAP_TX_COLLECTION, false },
};

enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

static enum debezium_unwrap_what find(const struct debezium_format *f, struct str of,
                                      struct str field)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (str_is(of, members[i].of) && str_is(field, members[i].field) &&
            !(members[i].later && f->compat == DEBEZIUM_2_5))
            return members[i].what;
    }
    if (str_is(of, "before"))
        return UNWRAP_COLUMN_BEFORE;
    if (str_is(of, "after"))
        return UNWRAP_COLUMN_AFTER;
    return UNWRAP_NONE;
}

/* The struct that a field without one belongs to. */
static struct str owner(const struct debezium_format *f, struct str field)
{
    static const char *const order[] = { "", "transaction" };

    for (size_t i = 0; i < 2; i++) {
        if (find(f, str_from(order[i]), field) != UNWRAP_NONE)
            return str_from(order[i]);
    }
    return STR("source");
}

static struct debezium_unwrap_item parse(const struct debezium_format *f, struct str text,
                                         const char *prefix, struct arena *a)
{
    struct debezium_unwrap_item item = { 0 };
    size_t colon = str_find(text, ':');
    struct str path = str_make(text.p, colon);
    size_t dot = str_find(path, '.');
    struct str of;
    struct str field = path;
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    buf_text(&b, prefix);
    if (dot < path.n) {
        of = str_make(path.p, dot);
        field = str_make(path.p + dot + 1, path.n - dot - 1);
    } else {
        of = owner(f, field);
    }
    if (colon < text.n) {
        buf_put(&b, text.p + colon + 1, text.n - colon - 1);
    } else if (dot < path.n) {
        buf_str(&b, of);
        buf_u8(&b, '_');
        buf_str(&b, field);
    } else {
        buf_str(&b, field);
    }
    item.what = find(f, of, field);
    item.column = arena_str(a, field);
    item.name = arena_str(a, buf_view(&b));
    buf_clear(&b);
    buf_u8(&b, ',');
    debezium_json_string(&b, item.name);
    buf_u8(&b, ':');
    item.member = arena_str(a, buf_view(&b));
    buf_done(&b);
    return item;
}

static struct debezium_unwrap_item *parse_all(const struct debezium_format *f,
                                              const char *const *list, const char *prefix,
                                              struct arena *a, size_t *ret_count)
{
    struct debezium_unwrap_item *items;
    size_t count = 0;

    while (list != NULL && list[count] != NULL)
        count++;
    items = arena_zalloc(a, count, sizeof *items);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct debezium_unwrap_item item = parse(f, str_trim(str_from(list[i])), prefix, a);

        if (item.what != UNWRAP_NONE)
            items[(*ret_count)++] = item;
    }
    return items;
}

void debezium_unwrap_plan_init(struct debezium_unwrap_plan *plan, const struct debezium_format *f)
{
    *plan = (struct debezium_unwrap_plan){ 0 };
    arena_init(&plan->arena, SIZE_MAX / 2);
    if (!f->unwrap.on)
        return;
    plan->fields = parse_all(f, f->unwrap.add_fields, f->unwrap.fields_prefix, &plan->arena,
                             &plan->field_count);
    plan->headers = parse_all(f, f->unwrap.add_headers, f->unwrap.headers_prefix, &plan->arena,
                              &plan->header_count);
}

void debezium_unwrap_plan_done(struct debezium_unwrap_plan *plan)
{
    arena_done(&plan->arena);
}

bool debezium_unwrap_rewrites(const struct debezium_format *f)
{
    return f->unwrap.deletes == DEBEZIUM_DELETES_REWRITE ||
           f->unwrap.deletes == DEBEZIUM_DELETES_REWRITE_WITH_TOMBSTONE;
}

void debezium_unwrap_schema(struct buf *b, const struct debezium_format *f,
                            const struct debezium_unwrap_item *item)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        struct debezium_type type = { .connect = members[i].type };
        struct debezium_schema_opts opts = { .optional = true, .field = item->name };

        if (members[i].what != item->what)
            continue;
        if (members[i].type == NULL)
            debezium_schema_snapshot(b, (enum debezium_compat)f->compat, false, item->name);
        else
            debezium_schema(b, &type, &opts);
    }
}
