/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/session.h"

#include "base/map.h"
#include "base/mem.h"
#include "cql/cluster.h"
#include "cql/failure.h"
#include "cql/request.h"
#include "cql/write.h"

#include <assert.h>
#include <stdlib.h>

struct cql_session {
    struct cql_cluster *cluster;
    struct cql_write *write;
    enum cql_consistency consistency;
    struct cql_stmt **stmts; /* owned; by number */
    size_t stmt_count;
    struct map by_text; /* text -> struct cql_stmt, borrowed */
};

bool cql_session_open(const struct cql_opts *opts, struct cql_session **ret_session,
                      struct error *err)
{
    struct cql_cluster *cluster;
    struct cql_session *s;

    if (!cql_cluster_open(opts, &cluster, err))
        return false;
    s = mem_zalloc(1, sizeof *s);
    s->cluster = cluster;
    s->write = cql_write_new();
    s->consistency =
        opts->consistency == CQL_CONSISTENCY_DEFAULT ? CQL_LOCAL_QUORUM : opts->consistency;
    map_init(&s->by_text);
    *ret_session = s;
    return true;
}

void cql_session_close(struct cql_session *s)
{
    if (s == NULL)
        return;
    cql_cluster_close(s->cluster);
    cql_write_free(s->write);
    for (size_t i = 0; i < s->stmt_count; i++)
        cql_prepared_free(s->stmts[i]);
    free(s->stmts);
    map_done(&s->by_text);
    free(s);
}

void cql_session_info(const struct cql_session *s, struct cql_info *ret_info)
{
    const struct cql_cluster *cl = s->cluster;

    *ret_info = (struct cql_info){ .cluster_name = cl->cluster_name,
                                   .release_version = cl->release_version,
                                   .partitioner = cl->partitioner,
                                   .local_dc = cl->local_dc,
                                   .peer = "",
                                   .protocol_version = cl->opts.version,
                                   .host_count = cl->host_count };
    if (cl->control != NULL)
        ret_info->peer = cql_conn_peer(cl->control->conn);
    for (size_t i = 0; i < cl->host_count; i++)
        ret_info->connected_count += cl->hosts[i]->conn != NULL;
}

/* Closes the control connection when it broke under a question. Always false. */
static bool control_failed(struct cql_session *s)
{
    struct cql_host *control = s->cluster->control;

    if (control != NULL && cql_conn_broken(control->conn))
        cql_cluster_lost(s->cluster, control);
    return false;
}

bool cql_session_table(struct cql_session *s, const char *keyspace, const char *table,
                       struct cql_table **ret_table, struct error *err)
{
    if (!cql_cluster_ready(s->cluster, err))
        return false;
    return cql_discover_table(s->cluster->control->conn, keyspace, table,
                              cql_cluster_deadline(s->cluster), ret_table, err) ||
           control_failed(s);
}

bool cql_session_query(struct cql_session *s, struct str text, struct cql_rows **ret_rows,
                       struct error *err)
{
    if (!cql_cluster_ready(s->cluster, err))
        return false;
    return cql_discover_query(s->cluster->control->conn, text, "run a query",
                              cql_cluster_deadline(s->cluster), ret_rows, err) ||
           control_failed(s);
}

/* ---- statements ---- */

static void write_prepare(struct buf *b, unsigned version, uint16_t stream, const void *arg)
{
    const struct cql_stmt *stmt = arg;

    cql_request_prepare(b, version, stream, stmt->text);
}

static bool prepare_on(struct cql_session *s, struct cql_host *h, struct cql_stmt *stmt,
                       struct error *err)
{
    const struct cql_cluster *cl = s->cluster;
    struct cql_envelope e;
    struct cql_failure f;

    if (!cql_conn_call(h->conn, write_prepare, stmt, cql_cluster_deadline(cl), &e, err))
        return false;
    if (e.opcode == CQL_OP_ERROR) {
        return cql_reply_failure(&e, &f, err)
                   ? cql_prepared_refused(stmt, &f, cql_conn_peer(h->conn), err)
                   : cql_conn_break(h->conn);
    }
    if (cql_reply_result_kind(&e) != CQL_RESULT_PREPARED) {
        (void)cql_conn_break(h->conn);
        return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                         "cannot prepare a statement (%s): unexpected answer 0x%02x",
                         cql_conn_peer(h->conn), e.opcode);
    }
    return cql_prepared_accept(stmt, cql_cluster_id(h, stmt->number), &e,
                               clock_mono_us(cl->opts.clock), err);
}

/* On any node of the local data center; the others follow when they are first used. */
static bool prepare_first(struct cql_session *s, struct cql_stmt *stmt, struct error *err)
{
    struct cql_cluster *cl = s->cluster;
    bool tried = false;

    for (size_t i = 0; i < cl->host_count; i++) {
        struct cql_host *h = cl->hosts[i];

        if (!h->local || h->conn == NULL)
            continue;
        tried = true;
        if (prepare_on(s, h, stmt, err))
            return true;
        if (cql_conn_broken(h->conn))
            cql_cluster_lost(cl, h);
        if (err->kind != ERR_RETRY)
            return false;
    }
    assert(tried); /* the cluster is ready */
    return false;
}

bool cql_session_prepare(struct cql_session *s, struct str text, struct cql_stmt **ret_stmt,
                         struct error *err)
{
    struct cql_stmt *stmt = map_get(&s->by_text, text);

    if (stmt != NULL) {
        *ret_stmt = stmt;
        return true;
    }
    if (!cql_cluster_ready(s->cluster, err))
        return false;
    stmt = cql_prepared_new((uint32_t)s->stmt_count, text);
    if (!prepare_first(s, stmt, err)) {
        cql_prepared_free(stmt);
        return false;
    }
    s->stmts = mem_resize(s->stmts, s->stmt_count + 1, sizeof(struct cql_stmt *));
    s->stmts[s->stmt_count++] = stmt;
    (void)map_put(&s->by_text, stmt->text, stmt);
    *ret_stmt = stmt;
    return true;
}

bool cql_session_write(struct cql_session *s, const struct cql_request *requests, size_t count,
                       struct cql_result *results, struct error *err)
{
    struct cql_write_work work = { .cluster = s->cluster,
                                   .stmts = s->stmts,
                                   .consistency = s->consistency,
                                   .requests = requests,
                                   .count = count,
                                   .results = results };

    return cql_cluster_ready(s->cluster, err) && cql_write_run(s->write, &work, err);
}
