/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/tables.h"

#include "base/limits.h"
#include "postgres/catalog.h"

void tables_init(struct tables *t, const struct config_strings *wanted, const char *publication)
{
    *t = (struct tables){ .wanted = wanted, .publication = publication };
    map_init(&t->by_version);
    arena_init(&t->arena, 256 * MIB);
}

void tables_done(struct tables *t)
{
    map_done(&t->by_version);
    arena_done(&t->arena);
}

bool tables_listed(const struct config_strings *names, struct str schema, struct str table)
{
    struct arena scratch;
    bool found = false;

    arena_init(&scratch, 16 * MIB);
    for (size_t i = 0; i < names->count && !found; i++) {
        struct str want_schema;
        struct str want_table;

        found = postgres_name_split(names->items[i], &scratch, &want_schema, &want_table) &&
                str_eq(want_schema, schema) && str_eq(want_table, table);
    }
    arena_done(&scratch);
    return found;
}

/* The relation under the name of its listed root, or NULL when it has none. */
static bool find_root(struct tables *t, struct postgres_conn *sql, const struct relation *rel,
                      const struct relation **ret_rel, struct error *err)
{
    struct postgres_publication pub;
    struct arena scratch;
    bool ok;

    *ret_rel = NULL;
    arena_init(&scratch, 64 * MIB);
    ok = postgres_publication_look(sql, t->publication, &scratch, &pub, err);
    for (size_t i = 0; ok && i < pub.table_count; i++) {
        const struct postgres_published *p = &pub.tables[i];
        struct relation renamed;

        if (p->oid != rel->oid || !tables_listed(t->wanted, p->root_schema, p->root_table))
            continue;
        renamed = *rel;
        renamed.schema = p->root_schema;
        renamed.table = p->root_table;
        *ret_rel = relation_copy(&renamed, &t->arena);
    }
    arena_done(&scratch);
    return ok;
}

bool tables_resolve(struct tables *t, struct postgres_conn *sql, const struct relation *rel,
                    const struct relation **ret_rel, struct error *err)
{
    const struct relation *found = rel;

    if (map_has(&t->by_version, MAP_KEY(rel->version))) {
        *ret_rel = map_get(&t->by_version, MAP_KEY(rel->version));
        return true;
    }
    if (!tables_listed(t->wanted, rel->schema, rel->table) && !find_root(t, sql, rel, &found, err))
        return false;
    (void)map_put(&t->by_version, MAP_KEY(rel->version), (void *)found);
    *ret_rel = found;
    return true;
}
