/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_private.h"

#include "base/limits.h"
#include "postgres/conn.h"

#include <string.h>

enum { CONNECT_TIMEOUT_MS = 5000, QUERY_TIMEOUT_MS = 10000, TABLES_MAX = 10000 };

/* PostgreSQL fits the expressions itself. Parts of a partitioned table come with it. Of a publication
 * that exists only its own tables can be captured. */
static const char query[] =
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n"
    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND c.relpersistence = 'p' AND n.nspname <> 'information_schema'"
    " AND n.nspname NOT LIKE 'pg\\_%'"
    " AND ($1::text IS NULL OR n.nspname || '.' || c.relname ~* $1)"
    " AND ($2::text IS NULL OR n.nspname || '.' || c.relname !~* $2)"
    " AND ($3::text IS NULL OR n.nspname ~* $3) AND ($4::text IS NULL OR n.nspname !~* $4)"
    " AND (NOT EXISTS (SELECT FROM pg_publication WHERE pubname = $5) OR EXISTS (SELECT FROM"
    " pg_publication_tables p WHERE p.pubname = $5 AND p.schemaname = n.nspname"
    " AND p.tablename = c.relname)) ORDER BY 1 LIMIT 10001";

static bool ask(const struct config_source *source, const struct connect_filters *f,
                struct postgres_conn **ret_conn, struct postgres_result **ret_result,
                struct error *err)
{
    struct postgres_opts opts = { .url = source->url,
                                  .password = source->password,
                                  .application_name = "multisink",
                                  .stop_fd = -1,
                                  .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                  .query_timeout_ms = QUERY_TIMEOUT_MS };
    const char *params[] = { f->table_include, f->table_exclude, f->schema_include,
                             f->schema_exclude, source->publication };

    return postgres_connect(&opts, ret_conn, err) &&
           postgres_query(*ret_conn, query, params, 5, ret_result, err);
}

static bool take_names(const struct postgres_result *r, struct arena *a,
                       const char *const **ret_tables, size_t *ret_count, struct error *err)
{
    int rows = postgres_rows(r);
    const char **tables;

    if (rows == 0)
        return error_set(err, ERR_STOP, E_CONNECT_TABLES,
                         "cannot capture anything: no table of the database fits");
    if (rows > TABLES_MAX)
        return error_set(err, ERR_STOP, E_CONNECT_TABLES, "more than %d tables fit", TABLES_MAX);
    tables = arena_zalloc(a, (size_t)rows, sizeof(char *));
    for (int i = 0; i < rows; i++)
        tables[i] = arena_str(a, postgres_text(r, i, 0)).p;
    *ret_tables = tables;
    *ret_count = (size_t)rows;
    return true;
}

/* The url, user and publication go through the one translation; what else can be wrong is said elsewhere. */
static struct config *source_config(const json_t *properties, struct error *err)
{
    static const char *const others[] = { "signal.data.collection",
                                          "incremental.snapshot.chunk.size",
                                          "heartbeat.action.query" };
    static const char *const any[] = { "public.any" };
    json_t *config = json_copy((json_t *)(uintptr_t)properties);
    struct connect_source_text text = { config, "catalog", ".", any, 1, NULL };
    struct config *conf = NULL;
    struct buf b;

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        (void)json_object_del(config, others[i]);
    buf_init(&b, LIMIT_CONFIG_FILE);
    connect_source_text(&text, &b);
    if (!config_load_text("the connector", buf_view(&b), sink_config_kinds(), &conf, NULL, err))
        conf = NULL;
    if (b.p != NULL)
        explicit_bzero(b.p, b.n);
    buf_done(&b);
    json_decref(config);
    return conf;
}

bool connect_catalog_tables(const json_t *config, const struct connect_filters *filters,
                            struct arena *a, const char *const **ret_tables, size_t *ret_count,
                            struct error *err)
{
    struct config *conf = source_config(config, err);
    struct postgres_conn *conn = NULL;
    struct postgres_result *result = NULL;
    bool ok;

    if (conf == NULL)
        return false;
    ok = ask(&conf->source, filters, &conn, &result, err) &&
         take_names(result, a, ret_tables, ret_count, err);
    postgres_result_free(result);
    postgres_close(conn);
    config_free(conf);
    return ok;
}
