/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/write_answer.h"

#include "cql/failure.h"
#include "cql/write_fate.h"

enum {
    BOUNCES_MAX = 3, /* times a request may come back unprepared */
    WINDOW_MIN = 16
};

static void forget_prepared(struct cql_write *w, uint32_t index, uint32_t host, int64_t sent_us)
{
    const struct cql_write_work *work = w->work;
    struct cql_prepared_id *id =
        cql_cluster_id(work->cluster->hosts[host], work->requests[index].stmt->number);

    /* Answers to what was sent before the last PREPARE say nothing new. */
    if (id->state == CQL_PREPARED_READY && sent_us >= id->ready_us)
        id->state = CQL_PREPARED_NONE;
}

static void refused(struct cql_write *w, uint32_t index, uint32_t host, int64_t sent_us,
                    const struct cql_failure *f)
{
    struct cql_host *h = w->work->cluster->hosts[host];
    struct error err = { 0 };

    (void)cql_failure_error(f, "write", cql_conn_peer(h->conn), &err);
    switch (cql_failure_action(f)) {
    case CQL_ACTION_BACK_OFF:
        h->window = h->window / 2 > WINDOW_MIN ? h->window / 2 : (unsigned)WINDOW_MIN;
        cql_write_try_again(w, index, host, &err);
        break;
    case CQL_ACTION_CLOSE:
        (void)cql_conn_break(h->conn);
        cql_write_try_again(w, index, host, &err);
        break;
    case CQL_ACTION_RETRY:
        cql_write_try_again(w, index, host, &err);
        break;
    case CQL_ACTION_UNPREPARED:
        forget_prepared(w, index, host, sent_us);
        if (++w->items[index].bounces <= BOUNCES_MAX)
            cql_write_again(w, index);
        else
            cql_write_fail(w, &err);
        break;
    case CQL_ACTION_REJECT:
        cql_write_reject(w, index, CQL_FATE_REJECTED, &err, E_CQL_REJECTED);
        break;
    case CQL_ACTION_FAILING:
        cql_write_reject(w, index, CQL_FATE_FAILING, &err, E_CQL_WRITE_FAILURE);
        break;
    case CQL_ACTION_STOP:
        cql_write_fail(w, &err);
        break;
    }
}

static bool nonsense(const struct cql_host *h, const struct cql_envelope *e, struct error *err)
{
    return error_set(err, ERR_RETRY, E_CQL_PROTOCOL,
                     "cannot read from %s: answer 0x%02x to a statement", cql_conn_peer(h->conn),
                     e->opcode);
}

/* False: the answer makes no sense, the connection is of no more use; the request stays open. */
static bool answer_write(struct cql_write *w, uint32_t host, const struct cql_answer *a,
                         struct error *err)
{
    uint32_t index = (uint32_t)(a->tag - 1);
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_failure f;

    if (cql_reply_result_kind(&a->envelope) != 0) {
        cql_write_done(w, index);
        return true;
    }
    if (a->envelope.opcode == CQL_OP_ERROR) {
        if (cql_reply_failure(&a->envelope, &f, err)) {
            refused(w, index, host, a->sent_us, &f);
            return true;
        }
    } else {
        (void)nonsense(h, &a->envelope, err);
    }
    cql_write_try_again(w, index, host, err);
    return false;
}

static bool answer_prepare(struct cql_write *w, uint32_t host, const struct cql_answer *a,
                           struct error *err)
{
    uint32_t number = (uint32_t)(a->tag & ~CQL_WRITE_TAG_PREPARE);
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_stmt *stmt = w->work->stmts[number];
    struct cql_prepared_id *id = cql_cluster_id(h, number);
    struct error why = { 0 };
    struct cql_failure f;

    id->state = CQL_PREPARED_NONE;
    if (a->envelope.opcode == CQL_OP_ERROR) {
        if (!cql_reply_failure(&a->envelope, &f, err))
            return false;
        (void)cql_prepared_refused(stmt, &f, cql_conn_peer(h->conn), &why);
        cql_write_fail(w, &why);
        return true;
    }
    if (cql_reply_result_kind(&a->envelope) != CQL_RESULT_PREPARED)
        return nonsense(h, &a->envelope, err);
    if (!cql_prepared_accept(stmt, id, &a->envelope, w->now_us, &why)) {
        cql_write_fail(w, &why);
        return why.kind != ERR_RETRY; /* malformed */
    }
    return true;
}

void cql_write_given_up(struct cql_write *w, uint32_t host, uint64_t tag, const struct error *err)
{
    w->flying--;
    if ((tag & CQL_WRITE_TAG_PREPARE) != 0) {
        cql_cluster_id(w->work->cluster->hosts[host], (uint32_t)(tag & ~CQL_WRITE_TAG_PREPARE))
            ->state = CQL_PREPARED_NONE;
        cql_write_fail(w, err);
        return;
    }
    cql_write_try_again(w, (uint32_t)(tag - 1), host, err);
}

void cql_write_lost(struct cql_write *w, uint32_t host, const struct error *err)
{
    struct cql_host *h = w->work->cluster->hosts[host];
    struct cql_conn *conn = h->conn;
    uint64_t tag;

    h->conn = NULL; /* so that its requests look for another node */
    while (cql_conn_abandon(conn, &tag))
        cql_write_given_up(w, host, tag, err);
    h->conn = conn;
    cql_cluster_lost(w->work->cluster, h);
}

bool cql_write_answers(struct cql_write *w, uint32_t host, struct error *err)
{
    struct cql_conn *conn = w->work->cluster->hosts[host]->conn;
    struct cql_answer a;
    bool found = true;

    for (;;) {
        if (!cql_conn_next(conn, &a, &found, err))
            return false;
        if (!found)
            return true;
        w->flying--;
        if ((a.tag & CQL_WRITE_TAG_PREPARE) != 0 ? !answer_prepare(w, host, &a, err)
                                                 : !answer_write(w, host, &a, err))
            return false;
    }
}
