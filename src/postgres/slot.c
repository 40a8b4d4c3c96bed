/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/slot.h"

enum { HAS_REASON = 170000, HAS_CONFLICT = 160000, SQL_MAX = 4096 };

/* %s: the expression for the invalidation reason, which grew over the versions. */
static const char look_sql[] =
    "SELECT s.plugin, s.database, s.temporary, s.active, s.active_pid,"
    " CASE WHEN s.active THEN coalesce(nullif(a.application_name, ''), a.usename, 'unknown')"
    "  || coalesce(' at ' || host(a.client_addr), '') END,"
    " s.wal_status, s.restart_lsn, s.confirmed_flush_lsn,"
    " greatest(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()"
    "  ELSE pg_current_wal_lsn() END, s.restart_lsn), 0)::bigint,"
    " s.safe_wal_size, t.total_txns, %s"
    " FROM pg_replication_slots s"
    " LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid"
    " LEFT JOIN pg_stat_replication_slots t ON t.slot_name = s.slot_name"
    " WHERE s.slot_name = $1";

static const char *reason_expression(int version)
{
    if (version >= HAS_REASON)
        return "s.invalidation_reason";
    if (version >= HAS_CONFLICT)
        return "CASE WHEN s.conflicting THEN 'conflict with recovery' END";
    return "NULL";
}

static void copy(const struct postgres_result *r, int column, char *text, size_t size)
{
    struct str s = postgres_text(r, 0, column);

    (void)str_copy(s.p != NULL ? s : STR(""), text, size);
}

static void fill(const struct postgres_result *r, struct postgres_slot *s)
{
    s->exists = true;
    copy(r, 0, s->plugin, sizeof s->plugin);
    copy(r, 1, s->database, sizeof s->database);
    s->temporary = postgres_bool(r, 0, 2);
    s->active = postgres_bool(r, 0, 3);
    s->active_pid = (int)postgres_i64(r, 0, 4);
    copy(r, 5, s->active_who, sizeof s->active_who);
    copy(r, 6, s->wal_status, sizeof s->wal_status);
    (void)lsn_parse(postgres_text(r, 0, 7), &s->restart);
    (void)lsn_parse(postgres_text(r, 0, 8), &s->confirmed_flush);
    s->retained_bytes = postgres_u64(r, 0, 9);
    s->safe_wal_size = postgres_text(r, 0, 10).p != NULL ? postgres_i64(r, 0, 10) : -1;
    s->has_total_txns = postgres_text(r, 0, 11).p != NULL;
    s->total_txns = postgres_u64(r, 0, 11);
    copy(r, 12, s->invalidation, sizeof s->invalidation);
}

bool postgres_slot_look(struct postgres_conn *c, const char *name, struct postgres_slot *ret_slot,
                        struct error *err)
{
    struct postgres_slot slot = { .safe_wal_size = -1 };
    struct postgres_result *r = NULL;
    struct buf sql;
    bool ok;

    buf_init(&sql, SQL_MAX);
    buf_putf(&sql, look_sql, reason_expression(postgres_version(c)));
    ok = postgres_query(c, buf_cstr(&sql), &name, 1, &r, err);
    buf_done(&sql);
    if (!ok)
        return error_wrap(err, "cannot look at slot \"%s\"", name);
    (void)str_copy(str_from(name), slot.name, sizeof slot.name);
    if (postgres_rows(r) > 0)
        fill(r, &slot);
    postgres_result_free(r);
    *ret_slot = slot;
    return true;
}

bool postgres_slot_drop(struct postgres_conn *sql, const char *name, struct error *err)
{
    struct postgres_result *r = NULL;

    if (!postgres_query(sql,
                        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                        " WHERE slot_name = $1",
                        &name, 1, &r, err))
        return error_wrap(err, "cannot drop slot \"%s\"", name);
    postgres_result_free(r);
    return true;
}
