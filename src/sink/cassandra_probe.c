/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/cassandra_probe.h"

#include "base/limits.h"
#include "sink/cassandra_ddl.h"
#include "sink/cassandra_map.h"

struct probe {
    const struct sink_cassandra_conf *conf;
    struct cql_session *session;
    void (*say)(void *ctx, const char *verdict, const char *text, const char *fix);
    void *ctx;
    struct arena arena;
};

static void say_connected(struct probe *p)
{
    struct cql_info info;

    cql_session_info(p->session, &info);
    p->say(p->ctx, "ok",
           arena_printf(&p->arena, "%s: Cassandra %s, protocol v%u, data center %s, %zu node%s",
                        info.peer, info.release_version, info.protocol_version, info.local_dc,
                        info.host_count, info.host_count == 1 ? "" : "s"),
           NULL);
    if (p->conf->tls.enabled && !p->conf->tls.verify)
        p->say(p->ctx, "warn", "tls.verify is false: any server may pose as these nodes",
               "give the authority's certificate with tls.ca");
}

/* The CQL that would make the table, as the configuration maps it. */
static const char *create_cql(struct probe *p, const struct relation *rel)
{
    const struct sink_cassandra_columns *columns = &p->conf->columns;
    struct str *names = arena_zalloc(&p->arena, columns->count, sizeof *names);
    const char *text;
    struct buf b;

    for (size_t i = 0; i < columns->count; i++)
        names[i] = columns->items[i].source;
    buf_init(&b, LIMIT_CQL_STATEMENT);
    sink_cassandra_ddl_create(rel, p->conf->table.keyspace, p->conf->table.name,
                              columns->count > 0 ? names : NULL, columns->count, &b);
    text = arena_str(&p->arena, str_trim(buf_view(&b))).p;
    buf_done(&b);
    return text;
}

static void say_faults(struct probe *p, const struct relation *rel,
                       const struct sink_cassandra_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        p->say(p->ctx, "FAIL",
               arena_printf(&p->arena, "%.*s -> %s.%s: %s", (int)rel->table.n, rel->table.p,
                            p->conf->table.keyspace, p->conf->table.name, faults->items[i].text),
               faults->items[i].fix);
    }
}

static void say_matched(struct probe *p, const struct sink_cassandra_map *map,
                        const struct cql_table *table)
{
    p->say(p->ctx, "ok",
           arena_printf(&p->arena, "%s.%s: %zu of %zu columns are written, the key is covered",
                        table->keyspace, table->name, map->bind_count, table->column_count),
           NULL);
}

/* Does the target's key tell rows apart that differ in this column of the source's key? */
static bool is_told_apart(const struct sink_cassandra_map *map, const struct column *col)
{
    for (size_t i = 0; i < map->key_count; i++) {
        if (map->binds[i].column == col && map->binds[i].type->id != CQL_TIMESTAMP)
            return true;
    }
    return false;
}

/* A key that holds less than the source's (or its times, cut to milliseconds) may be meant; so no fault. */
static void say_overwrites(struct probe *p, const struct sink_cassandra_map *map)
{
    for (uint32_t i = 0; i < map->rel->column_count; i++) {
        const struct column *col = &map->rel->columns[i];

        if (!col->primary_key || is_told_apart(map, col))
            continue;
        p->say(p->ctx, "warn",
               arena_printf(
                   &p->arena,
                   "%s.%s: rows that differ only in \"%.*s\" overwrite each other: the key "
                   "does not hold it, or only to the millisecond",
                   p->conf->table.keyspace, p->conf->table.name, (int)col->name.n, col->name.p),
               "add the whole primary key of the source to the table's key, times as text");
    }
}

static bool is_code(const struct error *err, enum error_code code)
{
    const struct error_page *page = error_page_find(err->code);

    return page != NULL && page->number == (int)code;
}

static bool probe_relation(struct probe *p, const struct relation *rel, struct error *err)
{
    const struct sink_cassandra_table *name = &p->conf->table;
    const struct sink_cassandra_map *map;
    struct sink_cassandra_history none = { NULL, NULL };
    struct sink_cassandra_faults faults;
    struct cql_table *table = NULL;

    if (!cql_session_table(p->session, name->keyspace, name->name, &table, err)) {
        if (!is_code(err, E_CQL_NO_TABLE))
            return false;
        p->say(p->ctx, "FAIL", err->msg, create_cql(p, rel));
        return true;
    }
    map = sink_cassandra_map_new(p->conf, rel, table, none, &p->arena, &faults);
    if (map == NULL) {
        say_faults(p, rel, &faults);
    } else {
        say_matched(p, map, table);
        say_overwrites(p, map);
    }
    cql_table_free(table);
    return true;
}

static void say_no_keyspace(struct probe *p, const struct error *err)
{
    struct buf b;

    buf_init(&b, LIMIT_CQL_STATEMENT);
    sink_cassandra_ddl_keyspace(p->conf->table.keyspace, &b);
    p->say(p->ctx, "FAIL", err->msg, buf_cstr(&b));
    buf_done(&b);
}

static bool probe_all(struct probe *p, const struct relation *const *rels, size_t rel_count,
                      struct error *err)
{
    say_connected(p);
    for (size_t i = 0; i < rel_count; i++) {
        if (!probe_relation(p, rels[i], err))
            return false;
    }
    return true;
}

bool sink_cassandra_probe(const void *conf, const struct sink_env *env,
                          const struct relation *const *rels, size_t rel_count,
                          void (*say)(void *ctx, const char *verdict, const char *text,
                                      const char *fix),
                          void *ctx, struct error *err)
{
    struct probe p = { .conf = conf, .say = say, .ctx = ctx };
    struct cql_opts opts = sink_cassandra_session_opts(p.conf, env->stop_fd, env->clock);
    bool ok;

    arena_init(&p.arena, LIMIT_ARENA);
    ok = cql_session_open(&opts, &p.session, err) && probe_all(&p, rels, rel_count, err);
    if (!ok && is_code(err, E_CQL_NO_KEYSPACE)) {
        say_no_keyspace(&p, err);
        ok = true;
    }
    cql_session_close(p.session);
    arena_done(&p.arena);
    return ok;
}
