/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELECT * is tolerant: columns that a version does not have are simply not there. peers_v2 came with
 * Cassandra 4.0; a node that does not know it says 0x2200, or 0x0000 with a text that names the table.
 */
#include "cql/discover.h"

#include "base/limits.h"
#include "base/mem.h"
#include "cql/failure.h"
#include "cql/request.h"

#include <stdlib.h>

struct query {
    struct str text;
};

static void write_query(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    const struct query *q = arg;

    cql_request_query(b, version, stream, q->text, CQL_LOCAL_ONE);
}

static void write_register(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    (void)arg;
    cql_request_register(b, version, stream);
}

static void write_options(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    (void)arg;
    cql_request_options(b, version, stream);
}

static struct cql_rows *rows_new(void)
{
    struct cql_rows *rows = mem_zalloc(1, sizeof *rows);

    rows->arena = mem_zalloc(1, sizeof *rows->arena);
    arena_init(rows->arena, LIMIT_ARENA);
    return rows;
}

void cql_rows_free(struct cql_rows *rows)
{
    if (rows == NULL)
        return;
    arena_done(rows->arena);
    free(rows->arena);
    free(rows);
}

struct str cql_rows_get(const struct cql_rows *rows, size_t row, const char *column)
{
    for (size_t i = 0; i < rows->column_count && row < rows->row_count; i++) {
        if (strcmp(rows->names[i], column) == 0)
            return rows->values[row * rows->column_count + i];
    }
    return CQL_NULL;
}

/* An answer is an ERROR when *ret_failed is set; then err is not touched. */
static bool ask(struct cql_conn *c, struct str text, int64_t deadline_us,
                struct cql_rows **ret_rows, struct cql_failure *failure, bool *ret_failed,
                struct error *err)
{
    struct query q = { text };
    struct cql_envelope e;
    struct cql_rows *rows;

    if (!cql_conn_call(c, write_query, &q, deadline_us, &e, err))
        return false;
    *ret_failed = e.opcode == CQL_OP_ERROR;
    if (*ret_failed)
        return cql_reply_failure(&e, failure, err) || cql_conn_break(c);
    if (cql_reply_result_kind(&e) == 0) {
        (void)error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                        "cannot read from %s: answer 0x%02x to a query", cql_conn_peer(c),
                        e.opcode);
        (void)cql_conn_break(c);
        return false;
    }
    rows = rows_new();
    if (cql_reply_result_kind(&e) == CQL_RESULT_ROWS &&
        !cql_reply_rows(&e, rows->arena, rows, err)) {
        cql_rows_free(rows);
        (void)cql_conn_break(c);
        return false;
    }
    *ret_rows = rows;
    return true;
}

bool cql_discover_query(struct cql_conn *c, struct str text, const char *what, int64_t deadline_us,
                        struct cql_rows **ret_rows, struct error *err)
{
    struct cql_failure failure;
    bool failed;

    if (!ask(c, text, deadline_us, ret_rows, &failure, &failed, err))
        return false;
    if (failed)
        (void)cql_failure_error(&failure, what, cql_conn_peer(c), err);
    return !failed;
}

/* ---- topology ---- */

static const char *copied(const struct cql_rows *rows, const char *column, struct arena *a)
{
    struct str v = cql_rows_get(rows, 0, column);

    return v.p != NULL ? arena_str(a, v).p : "?";
}

static const char *without_package(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL ? dot + 1 : name;
}

static bool read_local(struct cql_conn *c, const char *address, uint16_t port, int64_t deadline_us,
                       struct cql_topology *t, struct cql_meta_host *host, struct error *err)
{
    struct cql_rows *rows;
    bool ok;

    if (!cql_discover_query(c, STR("SELECT * FROM system.local"), "read system.local", deadline_us,
                            &rows, err))
        return false;
    t->cluster_name = copied(rows, "cluster_name", &t->arena);
    t->release_version = copied(rows, "release_version", &t->arena);
    t->partitioner = without_package(copied(rows, "partitioner", &t->arena));
    ok = cql_meta_local(rows, 0, address, port, &t->arena, host);
    cql_rows_free(rows);
    return ok || error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                           "cannot read system.local (%s): it has no host_id, data_center, rack or "
                           "tokens; the node is still starting",
                           cql_conn_peer(c));
}

static bool lacks_table(const struct cql_failure *f)
{
    return f->code == CQL_ERR_INVALID ||
           (f->code == CQL_ERR_SERVER && memmem(f->text.p, f->text.n, "peers_v2", 8) != NULL);
}

static bool read_peers(struct cql_conn *c, int64_t deadline_us, struct cql_rows **ret_rows,
                       struct error *err)
{
    struct cql_failure failure;
    bool failed;

    if (!ask(c, STR("SELECT * FROM system.peers_v2"), deadline_us, ret_rows, &failure, &failed,
             err))
        return false;
    if (!failed)
        return true;
    if (!lacks_table(&failure)) {
        (void)cql_failure_error(&failure, "read system.peers_v2", cql_conn_peer(c), err);
        return false;
    }
    return cql_discover_query(c, STR("SELECT * FROM system.peers"), "read system.peers",
                              deadline_us, ret_rows, err);
}

static bool known(const struct cql_topology *t, const struct cql_meta_host *h)
{
    for (size_t i = 0; i < t->host_count; i++) {
        if (memcmp(t->hosts[i].id, h->id, CQL_META_ID) == 0)
            return true;
    }
    return false;
}

bool cql_discover_topology(struct cql_conn *c, const char *address, uint16_t port,
                           uint16_t peer_port, int64_t deadline_us,
                           struct cql_topology *ret_topology, struct error *err)
{
    struct cql_topology *t = ret_topology;
    struct cql_meta_host host;
    struct cql_rows *peers;
    size_t count;

    *t = (struct cql_topology){ 0 };
    arena_init(&t->arena, LIMIT_ARENA);
    if (!read_local(c, address, port, deadline_us, t, &host, err) ||
        !read_peers(c, deadline_us, &peers, err))
        return false;
    count = peers->row_count < LIMIT_CQL_HOSTS ? peers->row_count : LIMIT_CQL_HOSTS - 1;
    t->hosts = arena_zalloc(&t->arena, count + 1, sizeof *t->hosts);
    t->hosts[t->host_count++] = host;
    for (size_t i = 0; i < count; i++) {
        if (cql_meta_peer(peers, i, peer_port, &t->arena, &host) && !known(t, &host))
            t->hosts[t->host_count++] = host;
    }
    cql_rows_free(peers);
    return true;
}

void cql_topology_done(struct cql_topology *t)
{
    arena_done(&t->arena);
}

/* ---- schema ---- */

static bool select_by_name(struct cql_conn *c, const char *from, const char *keyspace,
                           const char *table, int64_t deadline_us, struct cql_rows **ret_rows,
                           struct error *err)
{
    struct buf b;
    bool ok;

    buf_init(&b, LIMIT_CQL_TYPE_TEXT);
    buf_putf(&b, "SELECT * FROM system_schema.%s WHERE keyspace_name = ", from);
    buf_quoted(&b, str_from(keyspace), '\'');
    if (table != NULL) {
        buf_text(&b, " AND table_name = ");
        buf_quoted(&b, str_from(table), '\'');
    }
    ok = buf_ok(&b);
    if (ok) {
        ok = cql_discover_query(c, buf_view(&b), "read the schema", deadline_us, ret_rows, err);
    } else {
        (void)error_set(err, ERR_STOP, E_CQL_NO_TABLE,
                        "cannot read the schema: the table's name is too long");
    }
    buf_done(&b);
    return ok;
}

bool cql_discover_replication(struct cql_conn *c, const char *keyspace, int64_t deadline_us,
                              struct cql_ring_replication *ret_replication, struct error *err)
{
    struct cql_rows *rows = NULL;
    bool found;

    if (!select_by_name(c, "keyspaces", keyspace, NULL, deadline_us, &rows, err))
        return false;
    found = rows->row_count > 0;
    if (found)
        cql_meta_replication(rows, 0, ret_replication);
    cql_rows_free(rows);
    return found || error_set(err, ERR_STOP, E_CQL_NO_KEYSPACE,
                              "cannot use keyspace \"%s\" (%s): it does not exist", keyspace,
                              cql_conn_peer(c));
}

void cql_table_free(struct cql_table *t)
{
    struct arena *a = t != NULL ? t->arena : NULL;

    arena_done(a); /* holds t itself */
    free(a);
}

static struct cql_table *table_new(const char *keyspace, const char *name)
{
    struct arena *a = mem_zalloc(1, sizeof *a);
    struct cql_table *t;

    arena_init(a, LIMIT_ARENA);
    t = arena_zalloc(a, 1, sizeof *t);
    t->arena = a;
    t->keyspace = arena_str(a, str_from(keyspace)).p;
    t->name = arena_str(a, str_from(name)).p;
    return t;
}

bool cql_discover_table(struct cql_conn *c, const char *keyspace, const char *table,
                        int64_t deadline_us, struct cql_table **ret_table, struct error *err)
{
    struct cql_ring_replication ignored;
    struct cql_rows *rows = NULL;
    struct cql_table *t;
    bool ok;

    if (!select_by_name(c, "columns", keyspace, table, deadline_us, &rows, err))
        return false;
    if (rows->row_count == 0) {
        cql_rows_free(rows);
        return cql_discover_replication(c, keyspace, deadline_us, &ignored, err) &&
               error_set(err, ERR_STOP, E_CQL_NO_TABLE,
                         "cannot use table \"%s.%s\" (%s): it does not exist", keyspace, table,
                         cql_conn_peer(c));
    }
    t = table_new(keyspace, table);
    t->column_count = rows->row_count;
    ok = cql_meta_columns(rows, t->arena, &t->columns);
    cql_rows_free(rows);
    if (!ok) {
        cql_table_free(t);
        return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                         "cannot read the columns of \"%s.%s\" (%s): a row is incomplete", keyspace,
                         table, cql_conn_peer(c));
    }
    *ret_table = t;
    return true;
}

/* ---- the connection itself ---- */

bool cql_discover_register(struct cql_conn *c, int64_t deadline_us, struct error *err)
{
    struct cql_failure failure;
    struct cql_envelope e;

    if (!cql_conn_call(c, write_register, NULL, deadline_us, &e, err))
        return false;
    if (e.opcode == CQL_OP_READY)
        return true;
    if (e.opcode == CQL_OP_ERROR && cql_reply_failure(&e, &failure, err))
        return cql_failure_error(&failure, "ask for events", cql_conn_peer(c), err);
    return cql_conn_break(c) || error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                                          "cannot ask for events (%s): unexpected answer 0x%02x",
                                          cql_conn_peer(c), e.opcode);
}

bool cql_discover_ping(struct cql_conn *c, int64_t deadline_us, struct error *err)
{
    struct cql_envelope e;

    return cql_conn_call(c, write_options, NULL, deadline_us, &e, err);
}
