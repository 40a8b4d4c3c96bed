/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the catalog is asked, and when. With every Relation message: it may say what the newest version
 * already says, and still something changed that it does not tell: a NOT NULL, a default, a label, now
 * or while nobody was connected. The answer counts column by column: same name, type and typmod, or it
 * is about a later shape. For the others the newest version stands where it is of the same shape; else
 * the type alone is asked for; then come Type messages; then the built-in names.
 */
#include "postgres/relations.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/pgtype.h"
#include "postgres/columns.h"

#include <assert.h>
#include <stdlib.h>

/* All versions together; a thousand columns take about 100 KiB. */
#define VERSIONS_BYTES_MAX (LIMIT_ARENA / 4)
#define LOOK_BYTES_MAX     (64 * MIB) /* one table's columns from the catalog */

struct entry {
    const struct relation *newest;
    uint64_t connection; /* the connection on which a message named it last */
};

struct postgres_relations {
    struct arena arena; /* every version ever handed out */
    struct arena look;  /* scratch of one question */
    struct map tables;  /* oid -> struct entry */
    struct map types;   /* oid -> terminated "schema.name" */
    uint64_t connection;
    uint32_t next_version;
    uint32_t count;
};

struct postgres_relations *postgres_relations_new(uint32_t first_version)
{
    struct postgres_relations *rs = mem_zalloc(1, sizeof *rs);

    assert(first_version >= 1);
    arena_init(&rs->arena, LIMIT_ARENA);
    arena_init(&rs->look, LOOK_BYTES_MAX);
    map_init(&rs->tables);
    map_init(&rs->types);
    rs->next_version = first_version;
    rs->connection = 1;
    return rs;
}

static void free_values(struct map *m)
{
    for (struct map_slot *s = map_next(m, NULL); s != NULL; s = map_next(m, s))
        free(s->value);
    map_done(m);
}

void postgres_relations_free(struct postgres_relations *rs)
{
    if (rs == NULL)
        return;
    free_values(&rs->tables);
    free_values(&rs->types);
    arena_done(&rs->look);
    arena_done(&rs->arena);
    free(rs);
}

void postgres_relations_begin(struct postgres_relations *rs)
{
    rs->connection++;
}

void postgres_relations_type(struct postgres_relations *rs, const struct pgoutput_type *msg)
{
    /* pg_catalog is sent as "", and left out where PostgreSQL leaves it out. */
    char *name = msg->schema.n == 0
                     ? mem_strndup(msg->name)
                     : mem_printf("%.*s.%.*s", STR_ARG(msg->schema), STR_ARG(msg->name));

    free(map_put(&rs->types, MAP_KEY(msg->oid), name));
}

static struct entry *find(const struct postgres_relations *rs, uint32_t oid)
{
    return map_get(&rs->tables, MAP_KEY(oid));
}

const struct relation *postgres_relations_get(const struct postgres_relations *rs, uint32_t oid)
{
    const struct entry *e = find(rs, oid);

    return e != NULL ? e->newest : NULL;
}

const struct relation *postgres_relations_current(const struct postgres_relations *rs, uint32_t oid)
{
    const struct entry *e = find(rs, oid);

    return e != NULL && e->connection == rs->connection ? e->newest : NULL;
}

static bool room_left(const struct postgres_relations *rs, struct error *err)
{
    if (rs->count < LIMIT_PG_RELATIONS && rs->arena.used < VERSIONS_BYTES_MAX)
        return true;
    return error_set(
        err, ERR_STOP, E_PG_RELATIONS,
        "cannot keep another table version: %u are kept, in %zu bytes; the limits are %u "
        "and %zu",
        rs->count, rs->arena.used, LIMIT_PG_RELATIONS, VERSIONS_BYTES_MAX);
}

static void set_newest(struct postgres_relations *rs, const struct relation *rel)
{
    struct entry *e = find(rs, rel->oid);

    if (e == NULL) {
        e = mem_zalloc(1, sizeof *e);
        (void)map_put(&rs->tables, MAP_KEY(rel->oid), e);
    }
    e->newest = rel;
}

/* The newest when it is the same, else a numbered copy. */
static bool number(struct postgres_relations *rs, const struct relation *rel,
                   const struct relation **ret_rel, struct error *err)
{
    const struct relation *newest = postgres_relations_get(rs, rel->oid);
    struct relation numbered = *rel;

    if (newest != NULL && relation_same(newest, rel)) {
        *ret_rel = newest;
        return true;
    }
    if (!room_left(rs, err))
        return false;
    if (numbered.version == 0)
        numbered.version = rs->next_version;
    if (numbered.version >= rs->next_version)
        rs->next_version = numbered.version + 1;
    rs->count++;
    *ret_rel = relation_copy(&numbered, &rs->arena);
    return true;
}

bool postgres_relations_adopt(struct postgres_relations *rs, const struct relation *rel,
                              const struct relation **ret_rel, struct error *err)
{
    if (!number(rs, rel, ret_rel, err))
        return false;
    if (*ret_rel != postgres_relations_get(rs, rel->oid))
        set_newest(rs, *ret_rel);
    return true;
}

bool postgres_relations_aside(struct postgres_relations *rs, const struct relation *rel,
                              const struct relation **ret_rel, struct error *err)
{
    return number(rs, rel, ret_rel, err);
}

/* Does the version say what the message says? */
static bool says(const struct relation *rel, const struct pgoutput_relation *msg)
{
    if (rel->oid != msg->oid || rel->identity != msg->identity ||
        rel->column_count != msg->column_count || !str_eq(rel->schema, msg->schema) ||
        !str_eq(rel->table, msg->table))
        return false;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *a = &rel->columns[i];
        const struct pgoutput_column *b = &msg->columns[i];

        if (!str_eq(a->name, b->name) || a->type_oid != b->type_oid || a->typmod != b->typmod ||
            a->identity != b->identity)
            return false;
    }
    return true;
}

/* What the message has, and what was known already of that very shape. */
static void from_message(const struct pgoutput_relation *msg, const struct relation *newest,
                         struct relation *rel, struct column *columns)
{
    bool same = newest != NULL && says(newest, msg);

    *rel = (struct relation){ .oid = msg->oid,
                              .schema = msg->schema,
                              .table = msg->table,
                              .identity = msg->identity,
                              .column_count = msg->column_count,
                              .columns = columns };
    for (uint32_t i = 0; i < msg->column_count; i++) {
        if (same) {
            columns[i] = newest->columns[i];
            continue;
        }
        columns[i] = (struct column){ .name = msg->columns[i].name,
                                      .type_oid = msg->columns[i].type_oid,
                                      .typmod = msg->columns[i].typmod,
                                      .identity = msg->columns[i].identity };
    }
}

/* Takes over what the catalog says of the columns that are still the same; true: of all. */
static bool take_columns(struct column *columns, uint32_t count, const struct postgres_columns *now)
{
    bool all = true;

    for (uint32_t i = 0; i < count; i++) {
        struct column *c = &columns[i];
        const struct column *found = NULL;

        for (uint32_t j = 0; now != NULL && j < now->count && found == NULL; j++) {
            const struct column *candidate = &now->items[j].column;

            if (str_eq(candidate->name, c->name) && candidate->type_oid == c->type_oid &&
                candidate->typmod == c->typmod)
                found = candidate;
        }
        if (found != NULL) {
            bool identity = c->identity;

            *c = *found;
            c->identity = identity;
        } else {
            all = false;
        }
    }
    return all;
}

static bool ask(struct postgres_relations *rs, struct postgres_conn *sql, uint32_t oid,
                struct column *columns, uint32_t count, struct error *err)
{
    struct postgres_columns *tables = NULL;
    size_t table_count = 0;

    if (!postgres_columns_look(sql, &oid, 1, &rs->look, &tables, &table_count, err))
        return false;
    if (take_columns(columns, count, postgres_columns_of(tables, table_count, oid)))
        return true;
    struct column *types = arena_zalloc(&rs->look, count, sizeof *types);

    memcpy(types, columns, count * sizeof *types);
    if (!postgres_columns_types(sql, types, count, &rs->look, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i].type_name.n == 0)
            columns[i] = types[i];
    }
    return true;
}

/* For what nobody could tell. */
static void fall_back(struct postgres_relations *rs, struct column *c)
{
    const char *known = map_get(&rs->types, MAP_KEY(c->type_oid));
    uint32_t element = pgtype_element(c->type_oid);

    if (c->type_kind == '\0')
        c->type_kind = 'b';
    if (c->type_name.n > 0)
        return;
    c->element_oid = element;
    if (known != NULL)
        c->type_name = str_from(known);
    else if (element != 0)
        c->type_name = str_from(arena_printf(&rs->look, "%s[]", pgtype_name(element)));
    else if (pgtype_name(c->type_oid) != NULL)
        c->type_name = str_from(pgtype_name(c->type_oid));
    else
        c->type_name = str_from(arena_printf(&rs->look, "type %u", c->type_oid));
}

/* A permission that is missing is no reason to stop capturing; a broken connection comes back. */
static bool enrich(struct postgres_relations *rs, struct postgres_conn *sql, uint32_t oid,
                   struct column *columns, uint32_t count, struct error *err)
{
    struct error cause = { 0 };

    if (sql != NULL && !ask(rs, sql, oid, columns, count, &cause) && cause.kind != ERR_STOP) {
        *err = cause;
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        fall_back(rs, &columns[i]);
    return true;
}

bool postgres_relations_put(struct postgres_relations *rs, struct postgres_conn *sql,
                            const struct pgoutput_relation *msg, const struct relation **ret_rel,
                            bool *ret_new, struct error *err)
{
    const struct relation *newest = postgres_relations_get(rs, msg->oid);
    const struct relation *rel;
    struct column *columns;
    struct relation now;

    arena_reset(&rs->look);
    columns = arena_zalloc(&rs->look, msg->column_count, sizeof *columns);
    from_message(msg, newest, &now, columns);
    if (!enrich(rs, sql, msg->oid, columns, msg->column_count, err) ||
        !postgres_relations_adopt(rs, &now, &rel, err))
        return false;
    find(rs, msg->oid)->connection = rs->connection;
    *ret_new = rel != newest;
    *ret_rel = rel;
    return true;
}
