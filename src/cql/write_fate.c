/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/write_fate.h"

enum { TRIES_MAX = 2 }; /* nodes asked for one request before the work fails */

bool cql_write_failed(const struct cql_write *w)
{
    return w->failure.kind != ERR_NONE;
}

void cql_write_fail(struct cql_write *w, const struct error *err)
{
    if (!cql_write_failed(w) || (w->failure.kind == ERR_RETRY && err->kind != ERR_RETRY))
        w->failure = *err;
}

static void finish(struct cql_write *w, uint32_t index, enum cql_write_fate fate)
{
    w->items[index].fate = (uint8_t)fate;
    w->open--;
}

void cql_write_done(struct cql_write *w, uint32_t index)
{
    w->work->results[index] = (struct cql_result){ 0 };
    finish(w, index, CQL_FATE_DONE);
}

void cql_write_reject(struct cql_write *w, uint32_t index, enum cql_write_fate fate,
                      const struct error *err, enum error_code code)
{
    w->work->results[index] = (struct cql_result){
        .rejected = true,
        .code = code,
        .reason = arena_str(&w->reasons, str_from(err->msg)).p,
    };
    if (fate == CQL_FATE_REJECTED)
        w->rejected++;
    else
        w->failing++;
    finish(w, index, fate);
}

void cql_write_again(struct cql_write *w, uint32_t index)
{
    w->again[w->again_count++] = index;
}

static bool other_node(const struct cql_write *w, uint32_t host)
{
    const struct cql_cluster *cl = w->work->cluster;

    for (uint32_t i = 0; i < cl->host_count; i++) {
        if (i != host && cl->hosts[i]->local && cl->hosts[i]->conn != NULL)
            return true;
    }
    return false;
}

void cql_write_try_again(struct cql_write *w, uint32_t index, uint32_t host,
                         const struct error *err)
{
    struct cql_write_item *item = &w->items[index];

    item->tries++;
    item->avoid = host;
    if (item->tries < TRIES_MAX && other_node(w, host))
        cql_write_again(w, index);
    else
        cql_write_fail(w, err);
}
