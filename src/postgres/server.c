/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/server.h"

#include <stdio.h>

enum { STANDBY_DECODES = 160000 };

/* current_setting gives times and sizes in a unit of its choice; pg_settings gives the bare number,
 * wal_sender_timeout in ms and max_slot_wal_keep_size in MB. */
static const char look_sql[] =
    "SELECT current_setting('server_version'), s.system_identifier,"
    " CASE WHEN pg_is_in_recovery() THEN c.timeline_id"
    "      ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,"
    " CASE WHEN pg_is_in_recovery()"
    "      THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
    "      ELSE pg_current_wal_flush_lsn() END,"
    " pg_is_in_recovery(), current_database(), session_user, r.rolreplication OR r.rolsuper,"
    " r.rolsuper, current_setting('wal_level'),"
    " (SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'),"
    " (SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),"
    " current_setting('max_replication_slots'), (SELECT count(*) FROM pg_replication_slots),"
    " current_setting('max_wal_senders'), (SELECT count(*) FROM pg_stat_replication)"
    " FROM pg_control_system() s, pg_control_checkpoint() c, pg_roles r"
    " WHERE r.rolname = session_user";

static void copy(const struct postgres_result *r, int column, char *text, size_t size)
{
    (void)str_copy(postgres_text(r, 0, column), text, size);
}

static void fill(const struct postgres_conn *c, const struct postgres_result *r,
                 struct postgres_server *s)
{
    int64_t keep_mb = postgres_i64(r, 0, 11);

    s->version_num = postgres_version(c);
    copy(r, 0, s->version, sizeof s->version);
    /* pg_control_system gives the unsigned number as a signed bigint. */
    s->system_id = (uint64_t)postgres_i64(r, 0, 1);
    s->timeline = (uint32_t)postgres_i64(r, 0, 2);
    (void)lsn_parse(postgres_text(r, 0, 3), &s->flush);
    s->standby = postgres_bool(r, 0, 4);
    copy(r, 5, s->database, sizeof s->database);
    copy(r, 6, s->user, sizeof s->user);
    s->may_replicate = postgres_bool(r, 0, 7);
    s->superuser = postgres_bool(r, 0, 8);
    copy(r, 9, s->wal_level, sizeof s->wal_level);
    s->wal_sender_timeout_ms = postgres_i64(r, 0, 10);
    s->max_slot_wal_keep_size = keep_mb < 0 ? -1 : keep_mb * 1024 * 1024;
    s->max_replication_slots = (int)postgres_i64(r, 0, 12);
    s->used_replication_slots = (int)postgres_i64(r, 0, 13);
    s->max_wal_senders = (int)postgres_i64(r, 0, 14);
    s->used_wal_senders = (int)postgres_i64(r, 0, 15);
}

bool postgres_server_look(struct postgres_conn *c, struct postgres_server *ret_server,
                          struct error *err)
{
    struct postgres_server s = { 0 };
    struct postgres_result *r = NULL;

    if (!postgres_query(c, look_sql, NULL, 0, &r, err))
        return error_wrap(err, "cannot look at the server");
    if (postgres_rows(r) != 1) {
        postgres_result_free(r);
        return error_set(err, ERR_RETRY, E_PG_QUERY, "cannot look at the server: no row came back");
    }
    fill(c, r, &s);
    postgres_result_free(r);
    *ret_server = s;
    return true;
}

bool postgres_server_judge(const struct postgres_server *s, struct error *err)
{
    if (s->standby && s->version_num < STANDBY_DECODES) {
        return error_set(
            err, ERR_STOP, E_PG_STANDBY,
            "cannot capture from a standby of version %s: logical decoding on standbys "
            "needs PostgreSQL 16",
            s->version);
    }
    if (strcmp(s->wal_level, "logical") != 0) {
        return error_set(
            err, ERR_STOP, E_PG_WAL_LEVEL,
            "cannot capture: wal_level is %s, not logical; run ALTER SYSTEM SET wal_level "
            "= logical and restart the server",
            s->wal_level);
    }
    if (!s->may_replicate) {
        return error_set(
            err, ERR_STOP, E_PG_PERMISSION,
            "cannot capture: user \"%s\" lacks the REPLICATION attribute; run ALTER ROLE "
            "\"%s\" REPLICATION",
            s->user, s->user);
    }
    return true;
}
