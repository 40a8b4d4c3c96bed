/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/cassandra_map.h"

#include "base/limits.h"
#include "sink/cassandra_ddl.h"

#include <assert.h>

enum { NAME_SHOWN = 64 };

/* The state of making one map. */
struct making {
    const struct sink_cassandra_conf *conf;
    const struct relation *rel;
    const struct cql_table *table;
    struct sink_cassandra_history history;
    struct arena *a;
    struct sink_cassandra_faults *faults;
    struct sink_cassandra_bind *binds; /* by column of the target; column NULL: not mapped */
};

static int shown(struct str name)
{
    return (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN);
}

static void add_fault(struct sink_cassandra_faults *faults, enum error_code code, const char *text,
                      const char *fix)
{
    faults->items = arena_grow(faults->arena, faults->items, faults->count, &faults->cap,
                               sizeof *faults->items);
    faults->items[faults->count++] = (struct sink_cassandra_fault){ code, text, fix };
}

static const struct cql_column *find_target(const struct cql_table *table, struct str name,
                                            size_t *ret_index)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (str_is(name, table->columns[i].name)) {
            *ret_index = i;
            return &table->columns[i];
        }
    }
    return NULL;
}

static const char *near_source(const struct making *m, struct str name)
{
    const char **names = arena_alloc(m->a, m->rel->column_count * sizeof *names);

    for (uint32_t i = 0; i < m->rel->column_count; i++)
        names[i] = arena_str(m->a, m->rel->columns[i].name).p;
    return config_nearest(name, names, m->rel->column_count);
}

/* ALTER TABLE ... ADD for a source column. */
static const char *add_column_cql(const struct making *m, const struct column *col,
                                  struct str target)
{
    struct buf b;
    const char *text;

    buf_init(&b, LIMIT_CQL_TYPE_TEXT);
    buf_text(&b, "ALTER TABLE ");
    sink_cassandra_ddl_table(m->table->keyspace, m->table->name, &b);
    buf_text(&b, " ADD ");
    sink_cassandra_ddl_name(target, &b);
    buf_u8(&b, ' ');
    cql_types_suggest(col, &b);
    buf_u8(&b, ';');
    text = arena_str(m->a, buf_view(&b)).p;
    buf_done(&b);
    return text;
}

static bool has_column(const struct relation *rel, struct str name)
{
    return rel != NULL && relation_column(rel, name) < rel->column_count;
}

static void fault_no_target(struct making *m, const struct column *col, struct str target)
{
    bool is_new = m->conf->columns.count == 0 && m->history.older != NULL &&
                  !has_column(m->history.older, col->name);

    add_fault(m->faults, is_new ? E_CASSANDRA_COLUMN_NEW : E_CASSANDRA_MAPPING,
              arena_printf(m->a, "no target column \"%.*s\" (%.*s)", shown(target), target.p,
                           shown(col->type_name), col->type_name.p),
              add_column_cql(m, col, target));
}

static void fault_no_source(struct making *m, struct str name)
{
    const char *near = near_source(m, name);

    if (has_column(m->history.older, name)) {
        add_fault(m->faults, E_CASSANDRA_COLUMN_GONE,
                  arena_printf(m->a, "source column \"%.*s\" was dropped or renamed", shown(name),
                               name.p),
                  "take it out of \"columns\", or map its new name");
        return;
    }
    add_fault(m->faults, E_CASSANDRA_MAPPING,
              arena_printf(m->a, "no source column \"%.*s\"", shown(name), name.p),
              near != NULL ? arena_printf(m->a, "did you mean \"%s\"?", near)
                           : "correct \"columns\" in the configuration");
}

static void fault_type(struct making *m, const struct column *col, const struct cql_column *target,
                       const char *why)
{
    struct buf b;

    buf_init(&b, LIMIT_CQL_TYPE_TEXT);
    cql_types_suggest(col, &b);
    add_fault(m->faults, E_CASSANDRA_MAPPING,
              arena_printf(m->a, "\"%.*s\" is %.*s, which %.64s cannot take: %s", shown(col->name),
                           col->name.p, shown(col->type_name), col->type_name.p, target->type_text,
                           why),
              arena_printf(m->a,
                           "make \"%s\" a column of type %s (CQL cannot change a column's type: "
                           "add a new one, or make the table anew)",
                           target->name, buf_cstr(&b)));
    buf_done(&b);
}

/* An old row's column that source and target have both dropped since. */
static bool is_gone_on_both_sides(const struct making *m, const struct column *col)
{
    return m->conf->columns.count == 0 && m->history.newer != NULL &&
           !has_column(m->history.newer, col->name);
}

static void bind_column(struct making *m, uint32_t source, struct str target_name)
{
    const struct column *col = &m->rel->columns[source];
    const struct cql_column *target;
    const char *why = "multisink does not know this type";
    size_t index;

    target = find_target(m->table, target_name, &index);
    if (target == NULL) {
        if (!is_gone_on_both_sides(m, col))
            fault_no_target(m, col, target_name);
        return;
    }
    if (target->type == NULL || !cql_types_fit(col, target->type, &why)) {
        fault_type(m, col, target, why);
        return;
    }
    m->binds[index] = (struct sink_cassandra_bind){ source, col, target->type, target->name,
                                                    target->kind == CQL_PARTITION_KEY ||
                                                        target->kind == CQL_CLUSTERING };
}

static void bind_all(struct making *m)
{
    const struct sink_cassandra_columns *columns = &m->conf->columns;

    for (uint32_t i = 0; columns->count == 0 && i < m->rel->column_count; i++)
        bind_column(m, i, m->rel->columns[i].name);
    for (size_t i = 0; i < columns->count; i++) {
        struct str name = columns->items[i].source;
        uint32_t source = relation_column(m->rel, name);

        if (source < m->rel->column_count)
            bind_column(m, source, columns->items[i].target);
        else if (!has_column(m->history.newer, name))
            fault_no_source(m, name);
    }
}

static bool is_key(const struct cql_column *column)
{
    return column->kind == CQL_PARTITION_KEY || column->kind == CQL_CLUSTERING;
}

/* Is there a fault about this target column already? Then "the key is not mapped" says nothing new. */
static bool is_named(const struct making *m, const char *target)
{
    const struct sink_cassandra_columns *columns = &m->conf->columns;

    for (size_t i = 0; i < columns->count; i++) {
        if (str_is(columns->items[i].target, target))
            return true;
    }
    return columns->count == 0 && relation_column(m->rel, str_from(target)) < m->rel->column_count;
}

static void check_key(struct making *m)
{
    for (size_t i = 0; i < m->table->column_count; i++) {
        const struct cql_column *column = &m->table->columns[i];

        if (!is_key(column) || m->binds[i].column != NULL || is_named(m, column->name))
            continue;
        add_fault(m->faults, E_CASSANDRA_MAPPING,
                  arena_printf(m->a, "nothing is mapped to key column \"%s\"", column->name),
                  arena_printf(m->a, "add a source column for \"%s\" (%s) to \"columns\"",
                               column->name, column->type_text));
    }
}

static bool has_identity(const struct relation *rel)
{
    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (rel->columns[i].identity)
            return true;
    }
    return false;
}

/* The key of the target must be in what the source tells of old rows. A source without an identity
 * refuses UPDATE and DELETE by itself, so that nothing is missing there. */
static void check_identity(struct making *m)
{
    struct buf table;

    if (m->conf->on_delete == SINK_CASSANDRA_DELETE_IGNORE || !has_identity(m->rel))
        return;
    buf_init(&table, LIMIT_CQL_TYPE_TEXT);
    relation_name(m->rel, &table);
    for (size_t i = 0; i < m->table->column_count; i++) {
        const struct sink_cassandra_bind *bind = &m->binds[i];

        if (bind->column == NULL || !bind->key || bind->column->identity)
            continue;
        add_fault(
            m->faults, E_CASSANDRA_IDENTITY,
            arena_printf(m->a,
                         "key column \"%s\" comes from \"%.*s\", which deletes and updates of the "
                         "source do not carry",
                         bind->target, shown(bind->column->name), bind->column->name.p),
            arena_printf(m->a, "ALTER TABLE %s REPLICA IDENTITY FULL; or on_delete: ignore",
                         buf_cstr(&table)));
    }
    buf_done(&table);
}

/* INSERT INTO "ks"."t" ("a","b") VALUES (?,?) */
static struct str insert_text(const struct making *m, const struct sink_cassandra_map *map)
{
    struct buf b;
    struct str text;

    buf_init(&b, LIMIT_CQL_STATEMENT);
    buf_text(&b, "INSERT INTO ");
    sink_cassandra_ddl_table(m->table->keyspace, m->table->name, &b);
    for (size_t i = 0; i < map->bind_count; i++) {
        buf_text(&b, i == 0 ? " (" : ", ");
        sink_cassandra_ddl_name(str_from(map->binds[i].target), &b);
    }
    buf_text(&b, ") VALUES ");
    for (size_t i = 0; i < map->bind_count; i++)
        buf_text(&b, i == 0 ? "(?" : ", ?");
    buf_u8(&b, ')');
    assert(buf_ok(&b));
    text = arena_str(m->a, buf_view(&b));
    buf_done(&b);
    return text;
}

static struct str delete_text(const struct making *m, const struct sink_cassandra_map *map)
{
    struct buf b;
    struct str text;

    buf_init(&b, LIMIT_CQL_STATEMENT);
    buf_text(&b, "DELETE FROM ");
    sink_cassandra_ddl_table(m->table->keyspace, m->table->name, &b);
    for (size_t i = 0; i < map->key_count; i++) {
        buf_text(&b, i == 0 ? " WHERE " : " AND ");
        sink_cassandra_ddl_name(str_from(map->binds[i].target), &b);
        buf_text(&b, " = ?");
    }
    assert(buf_ok(&b));
    text = arena_str(m->a, buf_view(&b));
    buf_done(&b);
    return text;
}

/* The table's columns stand with the key first, and so do the binds. */
static const struct sink_cassandra_map *finish(const struct making *m)
{
    struct sink_cassandra_map *map = arena_zalloc(m->a, 1, sizeof *map);
    struct sink_cassandra_bind *binds = arena_zalloc(m->a, m->table->column_count, sizeof *binds);

    for (size_t i = 0; i < m->table->column_count; i++) {
        if (m->binds[i].column == NULL)
            continue;
        assert(!m->binds[i].key || map->key_count == map->bind_count);
        map->key_count += m->binds[i].key;
        binds[map->bind_count++] = m->binds[i];
    }
    map->rel = m->rel;
    map->binds = binds;
    map->insert_text = insert_text(m, map);
    map->delete_text = delete_text(m, map);
    return map;
}

const struct sink_cassandra_map *
sink_cassandra_map_new(const struct sink_cassandra_conf *conf, const struct relation *rel,
                       const struct cql_table *table, struct sink_cassandra_history history,
                       struct arena *a, struct sink_cassandra_faults *ret_faults)
{
    struct making m = { .conf = conf, .rel = rel, .table = table, .history = history, .a = a };

    *ret_faults = (struct sink_cassandra_faults){ .arena = a };
    m.faults = ret_faults;
    m.binds = arena_zalloc(a, table->column_count, sizeof *m.binds);
    bind_all(&m);
    check_key(&m);
    check_identity(&m);
    return ret_faults->count == 0 ? finish(&m) : NULL;
}

bool sink_cassandra_map_error(const struct sink_cassandra_conf *conf, const struct relation *rel,
                              const struct sink_cassandra_faults *faults, struct error *err)
{
    struct buf b;
    size_t i;
    enum { ROOM = sizeof err->msg - 60 };

    buf_init(&b, LIMIT_CQL_STATEMENT);
    buf_text(&b, "cannot write ");
    relation_name(rel, &b);
    buf_putf(&b, " to %s.%s: ", conf->table.keyspace, conf->table.name);
    for (i = 0; i < faults->count; i++) {
        const struct sink_cassandra_fault *fault = &faults->items[i];
        size_t fix = faults->count == 1 && fault->fix != NULL ? strlen(fault->fix) + 3 : 0;

        if (i > 0 && b.n + strlen(fault->text) + 2 > ROOM)
            break;
        buf_putf(&b, "%s%s", i > 0 ? "; " : "", fault->text);
        if (fix > 0 && b.n + fix < sizeof err->msg)
            buf_putf(&b, " (%s)", fault->fix);
    }
    if (i < faults->count)
        buf_putf(&b, "; and %zu more, see multisink check", faults->count - i);
    (void)error_set(err, ERR_STOP, faults->items[0].code, "%s", buf_cstr(&b));
    buf_done(&b);
    return false;
}
