/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cassandra sink: every change becomes a prepared INSERT or DELETE that carries the change's write
 * stamp (USING TIMESTAMP, by the protocol's flag). Cassandra keeps, column by column, what has the
 * highest stamp; so the final state is exact whatever is repeated, reordered or sent twice, and a batch
 * goes out as fast as the nodes take it, in no order, never as a CQL BATCH.
 *
 *   (1) A request's stamp is its change's, never the clock's.
 *   (2) write() returns true only when every request was acknowledged at the configured consistency
 *       or refused by name.
 *   (3) A column that a change leaves alone (TOAST) is unset, never null.
 */
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/cassandra_conf.h"
#include "sink/cassandra_map.h"
#include "sink/cassandra_probe.h"
#include "sink/cassandra_row.h"
#include "sink/sink.h"

#include <stdlib.h>

/* One version of a table's shape, and all that hangs on it. */
struct shape {
    struct arena arena;
    const struct relation *rel; /* our copy */
    struct cql_table *table;
    const struct sink_cassandra_map *map;
    struct sink_cassandra_stmts stmts;
};

struct sink {
    const struct sink_cassandra_conf *conf;
    struct cql_session *session;
    struct map shapes; /* by version */
    const struct shape *last;
    struct buf scratch;
};

/* ---- shapes ------------------------------------------------------------------------------------- */

static void shape_free(struct shape *shape)
{
    if (shape == NULL)
        return;
    cql_table_free(shape->table);
    arena_done(&shape->arena);
    free(shape);
}

static struct sink_cassandra_history find_history(const struct sink *s, const struct relation *rel)
{
    struct sink_cassandra_history history = { NULL, NULL };

    for (struct map_slot *slot = map_next(&s->shapes, NULL); slot != NULL;
         slot = map_next(&s->shapes, slot)) {
        const struct relation *other = ((const struct shape *)slot->value)->rel;

        if (other->oid != rel->oid)
            continue;
        if (other->version < rel->version &&
            (history.older == NULL || other->version > history.older->version))
            history.older = other;
        if (other->version > rel->version &&
            (history.newer == NULL || other->version > history.newer->version))
            history.newer = other;
    }
    return history;
}

/* Do the markers have the types that the map was made for? The table may have changed in between. */
static bool check_binds(const struct shape *shape, const struct cql_stmt *stmt, size_t wanted,
                        struct error *err)
{
    size_t count;
    const struct cql_bind *binds = cql_stmt_binds(stmt, &count);
    bool same = count == wanted;

    for (size_t i = 0; same && i < count; i++)
        same = binds[i].type != NULL && cql_types_equal(binds[i].type, shape->map->binds[i].type);
    if (same)
        return true;
    return error_set(
        err, ERR_RETRY, E_CQL_SCHEMA_CHANGED,
        "cannot prepare a statement for %s.%s: the table changed while it was looked at",
        shape->table->keyspace, shape->table->name);
}

static bool prepare(struct sink *s, struct shape *shape, struct error *err)
{
    const struct sink_cassandra_map *map = shape->map;

    if (!cql_session_prepare(s->session, map->insert_text, &shape->stmts.insert, err) ||
        !check_binds(shape, shape->stmts.insert, map->bind_count, err))
        return false;
    if (s->conf->on_delete == SINK_CASSANDRA_DELETE_IGNORE)
        return true;
    return cql_session_prepare(s->session, map->delete_text, &shape->stmts.delete, err) &&
           check_binds(shape, shape->stmts.delete, map->key_count, err);
}

static bool shape_fill(struct sink *s, struct shape *shape, struct error *err)
{
    const struct sink_cassandra_table *table = &s->conf->table;
    struct sink_cassandra_faults faults;

    if (!cql_session_table(s->session, table->keyspace, table->name, &shape->table, err))
        return false;
    shape->map = sink_cassandra_map_new(s->conf, shape->rel, shape->table,
                                        find_history(s, shape->rel), &shape->arena, &faults);
    if (shape->map == NULL)
        return sink_cassandra_map_error(s->conf, shape->rel, &faults, err);
    return prepare(s, shape, err);
}

static bool cassandra_relation(struct sink *s, const struct relation *rel, struct error *err)
{
    struct shape *shape;

    if (map_has(&s->shapes, MAP_KEY(rel->version)))
        return true;
    shape = mem_zalloc(1, sizeof *shape);
    arena_init(&shape->arena, LIMIT_ARENA);
    shape->rel = relation_copy(rel, &shape->arena);
    if (!shape_fill(s, shape, err)) {
        shape_free(shape);
        return false;
    }
    (void)map_put(&s->shapes, MAP_KEY(rel->version), shape);
    return true;
}

static const struct shape *find_shape(struct sink *s, const struct relation *rel, struct error *err)
{
    if (s->last != NULL && s->last->rel->version == rel->version)
        return s->last;
    if (!cassandra_relation(s, rel, err))
        return NULL;
    s->last = map_get(&s->shapes, MAP_KEY(rel->version));
    return s->last;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* A batch on its way: requests, and of which change each is. */
struct outgoing {
    struct cql_request *requests;
    size_t *change;
    size_t count;
    bool truncate; /* stopped in front of a TRUNCATE that is refused */
};

static void reject(struct sink_result *res, const struct batch *b, size_t index,
                   enum error_code code, const char *reason)
{
    sink_reject_add(res, b,
                    &(struct sink_reject){ .index = index, .code = code, .reason = reason });
}

static enum error_code reject_code(const struct error *err)
{
    const struct error_page *page = error_page_find(err->code);

    return page != NULL ? (enum error_code)page->number : E_CQL_REJECTED;
}

static bool collect(struct sink *s, const struct batch *b, struct outgoing *out,
                    struct sink_result *res, struct error *err)
{
    size_t room = b->count * SINK_CASSANDRA_ROW_REQUESTS;

    out->requests = arena_zalloc(b->arena, room, sizeof *out->requests);
    out->change = arena_zalloc(b->arena, room, sizeof *out->change);
    for (size_t i = 0; i < b->count && !out->truncate; i++) {
        const struct change *c = &b->changes[i];
        const struct shape *shape;
        struct error refused;
        size_t before = out->count;

        if (c->op == CHANGE_TRUNCATE) {
            out->truncate = s->conf->on_truncate == SINK_CASSANDRA_TRUNCATE_REFUSE;
            continue;
        }
        shape = find_shape(s, c->rel, err);
        if (shape == NULL)
            return false;
        if (!sink_cassandra_row(shape->map, &shape->stmts, s->conf->on_delete, c, b->arena,
                                &s->scratch, out->requests + out->count, &out->count, &refused))
            reject(res, b, i, reject_code(&refused), refused.msg);
        for (size_t k = before; k < out->count; k++)
            out->change[k] = i;
    }
    return true;
}

/* A change of two requests is refused once. */
static void collect_rejects(const struct batch *b, const struct outgoing *out,
                            const struct cql_result *results, struct sink_result *res)
{
    for (size_t i = 0; i < out->count; i++) {
        bool again = i > 0 && out->change[i] == out->change[i - 1] && results[i - 1].rejected;

        if (results[i].rejected && !again)
            reject(res, b, out->change[i], results[i].code, results[i].reason);
    }
}

static bool refuse_truncate(const struct sink *s, struct error *err)
{
    return error_set(
        err, ERR_STOP, E_CASSANDRA_TRUNCATE,
        "cannot go on writing to %s.%s: the source table was truncated, and on_truncate is "
        "refuse; empty the target by hand if it shall be empty, then set on_truncate: ignore",
        s->conf->table.keyspace, s->conf->table.name);
}

static bool cassandra_write(struct sink *s, const struct batch *b, struct sink_result *res,
                            struct error *err)
{
    struct outgoing out = { .count = 0 };
    struct cql_result *results;

    if (!collect(s, b, &out, res, err))
        return false;
    results = arena_zalloc(b->arena, out.count, sizeof *results);
    if (out.count > 0 && !cql_session_write(s->session, out.requests, out.count, results, err))
        return false;
    if (out.truncate)
        return refuse_truncate(s, err);
    collect_rejects(b, &out, results, res);
    return true;
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void cassandra_close(struct sink *s)
{
    if (s == NULL)
        return;
    for (struct map_slot *slot = map_next(&s->shapes, NULL); slot != NULL;
         slot = map_next(&s->shapes, slot))
        shape_free(slot->value);
    map_done(&s->shapes);
    cql_session_close(s->session);
    buf_done(&s->scratch);
    free(s);
}

static bool cassandra_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                           struct error *err)
{
    const struct sink_cassandra_conf *c = conf;
    struct cql_opts opts = sink_cassandra_session_opts(c, env->stop_fd, env->clock);
    struct sink *s = mem_zalloc(1, sizeof *s);

    s->conf = c;
    map_init(&s->shapes);
    buf_init(&s->scratch, LIMIT_CQL_REQUEST);
    if (!cql_session_open(&opts, &s->session, err)) {
        cassandra_close(s);
        return false;
    }
    *ret_sink = s;
    return true;
}

const struct sink_ops sink_cassandra_ops = {
    .name = "cassandra",
    .help = "Rows of a Cassandra table, kept as they are in PostgreSQL: inserts and updates become "
            "upserts, deletes become deletes.",
    .keys = sink_cassandra_keys,
    .conf_size = sizeof(struct sink_cassandra_conf),
    .check = sink_cassandra_conf_check,
    .ordered = false,
    .open = cassandra_open,
    .relation = cassandra_relation,
    .write = cassandra_write,
    .probe = sink_cassandra_probe,
    .close = cassandra_close,
};
