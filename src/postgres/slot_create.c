/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_REPLICATION_SLOT waits, in three rounds, for every transaction that was open with an xid. It is
 * cancellable, but a client that just goes away leaves the slot behind when the wait ends; so giving up
 * means: cancel, and if it was made in that very moment, drop it.
 */
#include "postgres/slot.h"

#include "base/wake.h"
#include "postgres/link.h"

#include <poll.h>

enum { LOOK_MS = 2000, DROP_MS = 2000, SQL_MAX = 1024, TEXT_MAX = 512, SHOWN = 3 };

static const char blockers_sql[] =
    "SELECT who, seconds, count(*) OVER () FROM ("
    " SELECT 'PID ' || pid || ' (' || coalesce(nullif(application_name, ''), usename, 'unknown')"
    "   || coalesce(' at ' || host(client_addr), '') || ')' AS who,"
    "  extract(epoch FROM now() - xact_start)::bigint AS seconds"
    " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
    " UNION ALL"
    " SELECT 'prepared transaction ' || quote_literal(gid),"
    "  extract(epoch FROM now() - prepared)::bigint FROM pg_prepared_xacts"
    ") AS open ORDER BY seconds DESC NULLS LAST LIMIT 3";

static bool blockers(struct postgres_conn *sql, struct buf *b, struct error *err)
{
    struct postgres_result *r = NULL;
    int rows;

    if (!postgres_query(sql, blockers_sql, NULL, 0, &r, err))
        return false;
    rows = postgres_rows(r);
    buf_clear(b);
    if (rows == 0)
        buf_text(b, "waits for the server");
    else
        buf_putf(b, "waits for %d open transaction%s: ", (int)postgres_i64(r, 0, 2),
                 postgres_i64(r, 0, 2) == 1 ? "" : "s");
    for (int i = 0; i < rows; i++)
        buf_putf(b, "%s%.*s, open for %lld s", i > 0 ? "; " : "",
                 (int)(postgres_text(r, i, 0).n & 0xff), postgres_text(r, i, 0).p,
                 (long long)postgres_i64(r, i, 1));
    if (rows > 0 && postgres_i64(r, 0, 2) > SHOWN)
        buf_text(b, "; ...");
    postgres_result_free(r);
    return true;
}

/* The command was sent: waits for as long as it takes, or until stop is asked. */
static bool wait_made(struct postgres_conn *repl, struct postgres_conn *sql,
                      const struct postgres_slot_create_opts *o, struct error *err)
{
    struct buf text;
    bool ok = true;

    buf_init(&text, TEXT_MAX);
    while (ok && PQisBusy(repl->pq)) {
        bool ready = postgres_link_ready(repl, POLLIN, LOOK_MS, repl->stop_fd);

        if (wake_is_set(repl->stop_fd))
            ok = error_cancel(err);
        else if (ready)
            ok = PQconsumeInput(repl->pq) != 0 ||
                 postgres_link_lost(repl, "cannot make the slot", err);
        else if ((ok = blockers(sql, &text, err))) {
            if (o->waiting != NULL)
                o->waiting(o->ctx, buf_cstr(&text));
        }
    }
    buf_done(&text);
    return ok;
}

static void give_up(struct postgres_conn *repl, const char *name)
{
    int stop_fd = repl->stop_fd;
    PGresult *r = NULL;
    struct error ignored;
    struct buf sql;

    if (repl->broken || !postgres_link_cancel(repl) || repl->broken)
        return;
    buf_init(&sql, SQL_MAX);
    buf_text(&sql, "DROP_REPLICATION_SLOT ");
    postgres_quote_ident(&sql, str_from(name));
    repl->stop_fd = -1; /* it is set, and this must still be said */
    if (postgres_link_run(repl, buf_cstr(&sql), NULL, 0, postgres_link_deadline(repl, DROP_MS), &r,
                          &ignored))
        PQclear(r);
    repl->stop_fd = stop_fd;
    buf_done(&sql);
}

static bool take_made(const PGresult *r, const char *name, struct postgres_slot_made *ret_made,
                      struct error *err)
{
    struct postgres_slot_made made = { 0 };

    if (PQntuples(r) != 1 || PQnfields(r) < 3 || PQgetisnull(r, 0, 2) ||
        !lsn_parse(str_from(PQgetvalue(r, 0, 1)), &made.consistent) ||
        !str_copy(str_from(PQgetvalue(r, 0, 2)), made.snapshot, sizeof made.snapshot))
        return error_set(err, ERR_STOP, E_PG_QUERY,
                         "cannot make slot \"%s\": the server's answer has not the expected form",
                         name);
    *ret_made = made;
    return true;
}

bool postgres_slot_create(struct postgres_conn *replication, struct postgres_conn *sql,
                          const struct postgres_slot_create_opts *opts,
                          struct postgres_slot_made *ret_made, struct error *err)
{
    int64_t deadline_us = postgres_link_deadline(replication, replication->query_timeout_ms);
    PGresult *r = NULL;
    struct buf text;
    bool ok;

    buf_init(&text, SQL_MAX);
    buf_text(&text, "CREATE_REPLICATION_SLOT ");
    postgres_quote_ident(&text, str_from(opts->name));
    buf_text(&text, " LOGICAL pgoutput EXPORT_SNAPSHOT");
    ok = postgres_link_send(replication, buf_cstr(&text), NULL, 0, err) &&
         postgres_link_flush(replication, deadline_us, err);
    buf_done(&text);
    if (!ok)
        return false;
    if (!wait_made(replication, sql, opts, err)) {
        give_up(replication, opts->name);
        return false;
    }
    deadline_us = postgres_link_deadline(replication, replication->query_timeout_ms);
    if (!postgres_link_collect(replication, deadline_us, &r, err))
        return error_wrap(err, "cannot make slot \"%s\"", opts->name);
    ok = take_made(r, opts->name, ret_made, err);
    PQclear(r);
    return ok;
}
