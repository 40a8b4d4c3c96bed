/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/cassandra_row.h"

#include <assert.h>

enum { NAME_SHOWN = 64 };

/* What the row is made with. */
struct making {
    const struct sink_cassandra_map *map;
    const struct change *change;
    struct arena *a;
    struct buf *scratch;
};

static bool no_key_value(const struct sink_cassandra_bind *bind, const char *why, struct error *err)
{
    size_t n = bind->column->name.n < NAME_SHOWN ? bind->column->name.n : NAME_SHOWN;

    return error_set(
        err, ERR_REJECT, E_CASSANDRA_KEY_VALUE,
        "cannot write a row without its key (column \"%.*s\", key column \"%s\"): it is %s", (int)n,
        bind->column->name.p, bind->target, why);
}

static bool encode(const struct making *m, const struct sink_cassandra_bind *bind,
                   const struct value *value, struct str *ret_value, struct error *err)
{
    if (value->kind == VALUE_NULL || value->kind == VALUE_UNCHANGED) {
        if (bind->key)
            return no_key_value(bind, value->kind == VALUE_NULL ? "NULL" : "not part of the change",
                                err);
        *ret_value = value->kind == VALUE_NULL ? CQL_NULL : CQL_UNSET;
        return true;
    }
    buf_clear(m->scratch);
    if (!cql_types_encode(bind->column, bind->type, value->text, m->scratch, err))
        return false;
    *ret_value = arena_str(m->a, buf_view(m->scratch));
    return true;
}

/* Is the old value of this column known? */
static bool is_known(const struct change *c, const struct sink_cassandra_bind *bind)
{
    return c->before_kind == CHANGE_BEFORE_FULL ||
           (c->before_kind == CHANGE_BEFORE_KEY && bind->column->identity);
}

/* The first binds, from the old row. The delete of an update's old key is stamped just below the update:
 * it takes all that was written before, but never the row that the update itself writes, even where old
 * and new key are the same to Cassandra (1.0 and 1.00, two times of one millisecond). */
static bool make_delete(const struct making *m, struct cql_stmt *stmt,
                        struct cql_request *ret_request, struct error *err)
{
    int64_t wts = m->change->op == CHANGE_DELETE ? m->change->wts : m->change->wts - 1;
    const struct sink_cassandra_map *map = m->map;
    struct str *values = arena_zalloc(m->a, map->key_count, sizeof *values);

    for (size_t i = 0; i < map->key_count; i++) {
        const struct sink_cassandra_bind *bind = &map->binds[i];

        if (!is_known(m->change, bind))
            return no_key_value(bind, "not part of the delete", err);
        if (!encode(m, bind, &m->change->before[bind->source], &values[i], err))
            return false;
    }
    *ret_request = (struct cql_request){ stmt, values, wts };
    return true;
}

/* The value to write: of an unchanged column that stands in the key, the old one. */
static const struct value *value_of(const struct change *c, const struct sink_cassandra_bind *bind)
{
    const struct value *value = &c->after[bind->source];

    if (bind->key && value->kind == VALUE_UNCHANGED && is_known(c, bind))
        return &c->before[bind->source];
    return value;
}

static bool make_insert(const struct making *m, struct cql_stmt *stmt,
                        struct cql_request *ret_request, struct error *err)
{
    const struct sink_cassandra_map *map = m->map;
    struct str *values = arena_zalloc(m->a, map->bind_count, sizeof *values);

    for (size_t i = 0; i < map->bind_count; i++) {
        if (!encode(m, &map->binds[i], value_of(m->change, &map->binds[i]), &values[i], err))
            return false;
    }
    *ret_request = (struct cql_request){ stmt, values, m->change->wts };
    return true;
}

/* Does this update give the row another key in the target? Only where the whole old key is known. */
static bool moves_key(const struct sink_cassandra_map *map, const struct change *c)
{
    bool moved = false;

    if (c->op != CHANGE_UPDATE || c->before_kind == CHANGE_BEFORE_NONE)
        return false;
    for (size_t i = 0; i < map->key_count; i++) {
        const struct sink_cassandra_bind *bind = &map->binds[i];
        const struct value *before = &c->before[bind->source];
        const struct value *after = value_of(c, bind);

        if (!is_known(c, bind) || before->kind != VALUE_TEXT)
            return false;
        moved = moved || after->kind != VALUE_TEXT || !str_eq(before->text, after->text);
    }
    return moved;
}

bool sink_cassandra_row(const struct sink_cassandra_map *map,
                        const struct sink_cassandra_stmts *stmts, int on_delete,
                        const struct change *c, struct arena *a, struct buf *scratch,
                        struct cql_request *ret_requests, size_t *ret_count, struct error *err)
{
    struct making m = { map, c, a, scratch };
    bool deletes = c->op == CHANGE_DELETE || moves_key(map, c);
    size_t n = 0;

    assert(c->op != CHANGE_TRUNCATE);
    if (deletes && on_delete == SINK_CASSANDRA_DELETE_APPLY) {
        if (!make_delete(&m, stmts->delete, &ret_requests[n], err))
            return false;
        n++;
    }
    if (c->op != CHANGE_DELETE) {
        if (!make_insert(&m, stmts->insert, &ret_requests[n], err))
            return false;
        n++;
    }
    *ret_count += n;
    return true;
}
