/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a change: their fields, their relation, their values. */
#include "debezium/read_record.h"

static bool find_fields(struct debezium_read_record *rec)
{
    const char *why;

    if (rec->key.j != NULL) {
        if (rec->key.schema != NULL)
            rec->key_fields = &rec->key.schema->fields;
        else if (!debezium_shapes_guess(&rec->r->shapes, rec->key.j, rec->key.payload, 'k',
                                        rec->schema, rec->table, &rec->key_fields, &why))
            return debezium_record_reject(rec, "key", STR_NONE, why);
    }
    if (rec->value.j != NULL && rec->value.schema != NULL) {
        rec->row_fields = &rec->value.schema->fields;
        return true;
    }
    if (rec->before != NO_TOKEN &&
        !debezium_shapes_guess(&rec->r->shapes, rec->value.j, rec->before,
                               rec->unwrapped ? 'u' : 'r', rec->schema, rec->table,
                               &rec->row_fields, &why))
        return debezium_record_reject(rec, "before", STR_NONE, why);
    if (rec->after != NO_TOKEN && !debezium_shapes_guess(&rec->r->shapes, rec->value.j, rec->after,
                                                         rec->unwrapped ? 'u' : 'r', rec->schema,
                                                         rec->table, &rec->row_fields, &why))
        return debezium_record_reject(rec, "after", STR_NONE, why);
    return true;
}

/* With only a key, the columns are those of the table's latest row. */
static bool find_shape(struct debezium_read_record *rec)
{
    const struct debezium_shape *latest = NULL;
    const char *why;

    if (rec->row_fields == NULL || rec->key_fields == NULL)
        latest = debezium_shapes_latest(&rec->r->shapes, rec->schema, rec->table);
    if (latest != NULL && rec->key_fields == NULL && rec->op == 't')
        rec->key_fields = latest->key; /* a truncate comes without one */
    if (latest == NULL && rec->value.j == NULL && rec->r->shapes.last_row != NULL) {
        /* The table's name is not made into the topic's without loss; a topic is of one table. */
        latest = rec->r->shapes.last_row;
        rec->schema = latest->rel->schema;
        rec->table = latest->rel->table;
    }
    if (rec->row_fields == NULL) {
        if (latest == NULL)
            return debezium_record_reject(
                rec, "value", STR_NONE,
                "it has no columns, and no row of the table came before it");
        rec->row_fields = latest->row;
        rec->unwrapped = latest->unwrapped;
    }
    if (!debezium_shapes_find(&rec->r->shapes, rec->row_fields, rec->key_fields, rec->unwrapped,
                              rec->schema, rec->table, &rec->shape, &why))
        return debezium_record_reject(rec, "value", STR_NONE, why);
    rec->c->rel = rec->shape->rel;
    return true;
}

static struct value *new_row(struct debezium_read_record *rec)
{
    return arena_zalloc(rec->a, rec->shape->rel->column_count, sizeof(struct value));
}

static bool fill(struct debezium_read_record *rec, const char *where, uint32_t object,
                 const struct debezium_row_opts *opts, struct value *values, bool *ret_real)
{
    struct debezium_fault fault;

    if (!debezium_rows_fill(&rec->r->rows, rec->value.j, object, opts, values, ret_real, &fault))
        return debezium_record_reject(rec, where, fault.field, fault.why);
    return true;
}

static bool fill_key(struct debezium_read_record *rec, bool all, struct value *values)
{
    struct debezium_fault fault;

    if (rec->key.j == NULL)
        return true;
    if (!debezium_rows_fill_key(&rec->r->rows, rec->key.j, rec->key.payload, rec->shape, all,
                                values, &fault))
        return debezium_record_reject(rec, "key", fault.field, fault.why);
    return true;
}

/* multisink.unchanged: names with commas between them. */
static bool mark_unchanged(struct debezium_read_record *rec, struct value *values)
{
    struct str left = rec->in->unchanged_header;

    while (left.n > 0) {
        size_t n = str_find(left, ',');
        struct str name = str_make(left.p, n);
        uint32_t column = relation_column(rec->shape->rel, name);

        if (column == rec->shape->rel->column_count)
            return debezium_record_reject(rec, "multisink.unchanged", name,
                                          "there is no such column");
        values[column].kind = VALUE_UNCHANGED;
        n += n < left.n ? 1 : 0;
        left = str_make(left.p + n, left.n - n);
    }
    return true;
}

static bool read_after(struct debezium_read_record *rec)
{
    struct debezium_row_opts opts = { .shape = rec->shape,
                                      .placeholders = !rec->in->ours,
                                      .complete = true };
    struct value *values;
    bool real;

    if (rec->after == NO_TOKEN)
        return debezium_record_reject(rec, "after", STR_NONE, "it is missing or null");
    values = new_row(rec);
    if (!fill(rec, rec->unwrapped ? "value" : "after", rec->after, &opts, values, &real) ||
        !fill_key(rec, false, values) || !mark_unchanged(rec, values))
        return false;
    rec->c->after = values;
    return true;
}

/* How much of the old row is known. Debezium sends an old row with an update only under REPLICA IDENTITY FULL.
 * With a delete it always does, and fills what it does not know with defaults and zeros: a row in which
 * nothing else stands may be one of these, and only its key is taken. */
static enum change_before known_of(const struct debezium_read_record *rec, bool real)
{
    if (str_is(rec->in->before_header, "full"))
        return CHANGE_BEFORE_FULL;
    if (str_is(rec->in->before_header, "key"))
        return CHANGE_BEFORE_KEY;
    if (rec->key_fields == NULL || rec->op == 'u')
        return CHANGE_BEFORE_FULL;
    return real && rec->value.schema != NULL && !rec->unwrapped ? CHANGE_BEFORE_FULL
                                                                : CHANGE_BEFORE_KEY;
}

static bool read_before(struct debezium_read_record *rec)
{
    struct debezium_row_opts opts = { .shape = rec->shape };
    const struct relation *rel = rec->shape->rel;
    struct value *values = new_row(rec);
    bool real = false;

    if (!fill(rec, rec->unwrapped ? "value" : "before", rec->before, &opts, values, &real) ||
        !fill_key(rec, false, values))
        return false;
    rec->c->before = values;
    rec->c->before_kind = known_of(rec, real);
    for (uint32_t i = 0; rec->c->before_kind == CHANGE_BEFORE_KEY && i < rel->column_count; i++) {
        if (!rel->columns[i].identity)
            values[i].kind = VALUE_NULL;
    }
    return true;
}

/* A delete of which only the key is known. */
static bool read_key_row(struct debezium_read_record *rec)
{
    struct value *values = new_row(rec);

    if (rec->key.j == NULL)
        return debezium_record_reject(rec, "key", STR_NONE,
                                      "neither a key nor an old row says what is deleted");
    if (!fill_key(rec, true, values))
        return false;
    rec->c->before = values;
    rec->c->before_kind = CHANGE_BEFORE_KEY;
    return true;
}

static enum change_op op_of(char op)
{
    switch (op) {
    case 'u':
        return CHANGE_UPDATE;
    case 'd':
        return CHANGE_DELETE;
    case 'r':
        return CHANGE_SNAPSHOT;
    case 't':
        return CHANGE_TRUNCATE;
    default:
        return CHANGE_INSERT;
    }
}

static void keep_deleted_key(struct debezium_read_record *rec)
{
    rec->r->deleted = rec->c->op == CHANGE_DELETE && rec->in->has_key;
    if (!rec->r->deleted)
        return;
    buf_clear(&rec->r->deleted_key);
    buf_str(&rec->r->deleted_key, rec->in->key);
}

bool debezium_record_rows(struct debezium_read_record *rec)
{
    struct change *c = rec->c;

    if (!find_fields(rec) || !find_shape(rec))
        return false;
    c->op = op_of(rec->op);
    if (rec->in->key_moved && (c->op == CHANGE_DELETE || c->op == CHANGE_INSERT))
        c->flags |= CHANGE_KEY_MOVED;
    if (c->op == CHANGE_DELETE) {
        if (rec->before != NO_TOKEN ? !read_before(rec) : !read_key_row(rec))
            return false;
    } else if (c->op != CHANGE_TRUNCATE) {
        if (rec->before != NO_TOKEN && c->op == CHANGE_UPDATE && !read_before(rec))
            return false;
        if (!read_after(rec))
            return false;
    }
    if (!debezium_rows_finish(&rec->r->rows, rec->a))
        return debezium_record_reject(rec, "value", STR_NONE, "it is too large");
    keep_deleted_key(rec);
    rec->r->ready = rec->r->ready || c->after != NULL || rec->before != NO_TOKEN;
    return true;
}
