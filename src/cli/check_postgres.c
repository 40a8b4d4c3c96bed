/* SPDX-License-Identifier: Apache-2.0 */
/* `check`, the source: every question that capture would ask at its start, and some that only hurt
 * later. Only SELECTs. */
#include "base/limits.h"
#include "cli/check_rows.h"
#include "cli/cli.h"
#include "model/change.h"
#include "pipeline/checkpoint.h"
#include "postgres/server.h"
#include "postgres/slot.h"
#include "stream/log_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { PROBE_TIMEOUT_MS = 5000 };

static void fix_server(const struct postgres_server *s, char *fix, size_t size)
{
    if (strcmp(s->wal_level, "logical") != 0)
        (void)snprintf(fix, size, "ALTER SYSTEM SET wal_level = logical;  then restart the server");
    else if (!s->may_replicate)
        (void)snprintf(fix, size, "ALTER ROLE \"%s\" REPLICATION;", s->user);
    else
        (void)snprintf(fix, size, "multisink explain E%04d", (int)E_PG_STANDBY);
}

static void look_server(struct check *c, const struct postgres_server *s)
{
    struct error err;
    char fix[256];

    if (!postgres_server_judge(s, &err)) {
        fix_server(s, fix, sizeof fix);
        check_error(c, &err, fix);
    } else {
        check_add(c, CHECK_OK, E_NONE, NULL,
                  "wal_level=%s, user %s may replicate, %d of %d slots and %d of %d senders used",
                  s->wal_level, s->user, s->used_replication_slots, s->max_replication_slots,
                  s->used_wal_senders, s->max_wal_senders);
    }
    if (s->used_wal_senders >= s->max_wal_senders)
        check_add(c, CHECK_FAIL, E_PG_BUSY, "raise max_wal_senders and restart the server",
                  "all %d WAL senders are in use", s->max_wal_senders);
    if (s->max_slot_wal_keep_size < 0)
        check_add(c, CHECK_WARN, E_NONE, "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB';",
                  "max_slot_wal_keep_size=-1: a pipeline that is stopped for long can fill the "
                  "server's disk");
    if (s->wal_sender_timeout_ms > 0 &&
        c->config->source.status_interval_ms * 3 > s->wal_sender_timeout_ms)
        check_add(c, CHECK_WARN, E_NONE, "make source.postgres.status_interval shorter",
                  "wal_sender_timeout is %" PRId64 " ms, less than three times status_interval",
                  s->wal_sender_timeout_ms);
}

/* ---- tables and publication ----------------------------------------------------------------------- */

static const char *name_of(struct check *c, const struct relation *rel)
{
    struct buf b;
    const char *name;

    buf_init(&b, KIB);
    relation_name(rel, &b);
    name = arena_str(&c->arena, buf_view(&b)).p;
    buf_done(&b);
    return name;
}

static void look_table(struct check *c, const struct postgres_table *t, const char *user)
{
    const char *name = name_of(c, t->rel);
    char fix[512];

    if (!t->has_identity) {
        (void)snprintf(fix, sizeof fix,
                       "ALTER TABLE %s REPLICA IDENTITY FULL;  or add a primary key", name);
        check_add(c, CHECK_FAIL, E_TABLE_NO_IDENTITY, fix,
                  "%s has no primary key and no replica identity: once published, PostgreSQL "
                  "refuses UPDATE and DELETE on it",
                  name);
    } else if (!relation_has_primary_key(t->rel)) {
        check_add(c, CHECK_WARN, E_NONE, NULL,
                  "%s has no primary key: its replica identity is used as the key", name);
    }
    if (!t->may_select && c->config->source.snapshot == CONFIG_SNAPSHOT_INITIAL) {
        (void)snprintf(fix, sizeof fix, "GRANT SELECT ON %s TO \"%s\";", name, user);
        check_add(c, CHECK_FAIL, E_PG_PERMISSION, fix,
                  "user %s may not read %s, which the first copy needs", user, name);
    }
    if (t->generated_columns > 0)
        check_add(c, CHECK_WARN, E_NONE, NULL,
                  "%s: %u generated column%s: the server does not send such columns", name,
                  t->generated_columns, t->generated_columns == 1 ? "" : "s");
}

static bool look_tables(struct check *c, struct postgres_conn *conn, const char *user)
{
    const struct config_strings *names = &c->config->source.tables;
    struct postgres_table *tables;
    struct error err;

    if (!postgres_tables_find(conn, names->items, names->count, &c->arena, &tables, &err)) {
        check_error(c, &err, NULL);
        return false;
    }
    c->tables = tables;
    c->table_count = names->count;
    check_add(c, CHECK_OK, E_NONE, NULL, "%zu table%s found", names->count,
              names->count == 1 ? "" : "s");
    for (size_t i = 0; i < names->count; i++)
        look_table(c, &tables[i], user);
    return true;
}

/* What is missing, as the statement that adds it. */
static const char *fix_publication(struct check *c, const struct error *err)
{
    const char *statement = strstr(err->msg, "ALTER PUBLICATION");

    return statement != NULL ? arena_printf(&c->arena, "%s;", statement) : NULL;
}

/* The captured tables, and behind them the signal table (NULL: none) unless it is one of them. */
static const struct postgres_table *published(struct check *c, const struct postgres_table *signals,
                                              size_t *ret_count)
{
    const struct config_source *source = &c->config->source;
    struct postgres_table *all = arena_zalloc(&c->arena, c->table_count + 1, sizeof *all);
    bool among = false;

    for (size_t i = 0; i < c->table_count; i++) {
        all[i] = c->tables[i];
        among = among ||
                (signals != NULL && strcmp(source->tables.items[i], source->signal_table) == 0);
    }
    *ret_count = c->table_count;
    if (signals != NULL && !among)
        all[(*ret_count)++] = *signals;
    return all;
}

static void no_publication(struct check *c, const struct postgres_table *tables, size_t count)
{
    const char *name = c->config->source.publication;
    struct buf sql;

    buf_init(&sql, MIB);
    postgres_publication_sql(&sql, name, tables, count);
    check_add(c, CHECK_WARN, E_NONE, buf_cstr(&sql),
              "publication %s does not exist: `run` makes it, if the user owns the tables", name);
    buf_done(&sql);
}

static void look_publication(struct check *c, struct postgres_conn *conn,
                             const struct postgres_table *signals)
{
    const char *name = c->config->source.publication;
    size_t count;
    const struct postgres_table *tables = published(c, signals, &count);
    struct postgres_publication p;
    struct error err;

    if (!postgres_publication_look(conn, name, &c->arena, &p, &err)) {
        check_error(c, &err, NULL);
        return;
    }
    if (!p.exists) {
        no_publication(c, tables, count);
        return;
    }
    if (!postgres_publication_judge(&p, name, tables, count, &err)) {
        check_error(c, &err, fix_publication(c, &err));
        return;
    }
    check_add(c, CHECK_OK, E_NONE, NULL, "publication %s covers them", name);
    if (signals != NULL && !p.insert) {
        check_add(c, CHECK_FAIL, E_SIGNAL,
                  arena_printf(&c->arena,
                               "ALTER PUBLICATION \"%s\" SET (publish = 'insert%s%s%s');", name,
                               p.update ? ", update" : "", p.delete ? ", delete" : "",
                               p.truncate ? ", truncate" : ""),
                  "publication %s leaves out inserts, so no signal arrives", name);
    } else if (!p.insert || !p.update || !p.delete) {
        check_add(c, CHECK_WARN, E_NONE, NULL, "publication %s leaves out%s%s%s", name,
                  p.insert ? "" : " inserts", p.update ? "" : " updates",
                  p.delete ? "" : " deletes");
    }
}

/* ---- the signal table ------------------------------------------------------------------------------- */

/* NULL: none, or none that can be used, which is a row then. Its columns are taken by place: id, type, data. */
static const struct postgres_table *look_signal_table(struct check *c, struct postgres_conn *conn)
{
    const char *name = c->config->source.signal_table;
    struct postgres_table *table;
    struct error err;

    if (name == NULL)
        return NULL;
    if (!postgres_tables_find(conn, &name, 1, &c->arena, &table, &err)) {
        check_error(
            c, &err,
            arena_printf(&c->arena,
                         "CREATE TABLE %s (id varchar(42) PRIMARY KEY, type varchar(32) NOT "
                         "NULL, data varchar(2048));",
                         name));
        return NULL;
    }
    if (table->rel->column_count < 3) {
        check_add(c, CHECK_FAIL, E_SIGNAL, "give it the columns id, type and data, in this order",
                  "signal table %s has %u columns: signals need three", name,
                  (unsigned)table->rel->column_count);
        return NULL;
    }
    check_add(c, CHECK_OK, E_NONE, NULL, "signals are read from %s", name);
    return table;
}

/* ---- the slot --------------------------------------------------------------------------------------- */

/* What state.db knows of the source. It is opened only when it is there already. */
static bool recorded(struct check *c, struct checkpoint_source *source, bool *ret_found)
{
    const char *dir = c->config->stream.dir;
    struct state *state;
    struct error err;
    bool ok;

    *ret_found = false;
    if (access(arena_printf(&c->arena, "%s/state.db", dir), F_OK) != 0)
        return true;
    if (!state_open(dir, false, &state, &err)) {
        check_error(c, &err, NULL);
        return false;
    }
    ok = checkpoint_get_source(state, ret_found, source, &err);
    state_close(state);
    if (!ok)
        check_error(c, &err, NULL);
    return ok;
}

/* Where our log ends. */
static bool log_end(struct check *c, struct lsn *ret_durable)
{
    const struct log_stream_opts opts = {
        .dir = arena_printf(&c->arena, "%s/log", c->config->stream.dir),
        .readonly = true,
    };
    struct stream_tail tail;
    struct stream *stream;
    struct error err;

    if (!log_stream_open(&opts, &stream, NULL, &err)) {
        check_error(c, &err, NULL);
        return false;
    }
    stream->ops->tail(stream, &tail);
    stream->ops->close(stream);
    *ret_durable = tail.position.commit_end;
    return true;
}

/* While a daemon reads the slot, both move; what it has confirmed is then taken for what it has. */
static bool expectation(struct check *c, const struct postgres_slot *slot,
                        struct postgres_slot_expect *expect)
{
    struct checkpoint_source source;
    bool found;

    if (!recorded(c, &source, &found))
        return false;
    if (!found || source.phase != CHECKPOINT_STREAMING)
        return true;
    if (strcmp(source.slot, slot->name) != 0) {
        check_add(c, CHECK_FAIL, E_SOURCE_CHANGED,
                  "name the old slot again, or another directory in stream.log.dir",
                  "the log in %s continues slot %s, the configuration names %s",
                  c->config->stream.dir, source.slot, slot->name);
        return false;
    }
    expect->had_slot = true;
    expect->total_txns = source.slot_txns;
    expect->system_id = source.system_id;
    expect->timeline = source.timeline;
    expect->durable = slot->confirmed_flush;
    return slot->active || log_end(c, &expect->durable);
}

static void slot_is_fine(struct check *c, const struct postgres_slot *slot,
                         const struct postgres_server *server)
{
    const char *name = c->config->source.slot;

    if (!slot->exists && server->used_replication_slots >= server->max_replication_slots) {
        check_add(c, CHECK_FAIL, E_SLOT_LIMIT,
                  "drop a slot that nobody needs, or raise max_replication_slots",
                  "slot %s cannot be made: all %d slots are in use", name,
                  server->max_replication_slots);
    } else if (!slot->exists) {
        check_add(c, CHECK_OK, E_NONE, NULL, "slot %s does not exist yet: `run` makes it%s", name,
                  c->config->source.snapshot == CONFIG_SNAPSHOT_INITIAL ? " and copies the tables"
                                                                        : "");
    } else {
        check_add(c, strcmp(slot->wal_status, "reserved") == 0 ? CHECK_OK : CHECK_WARN, E_NONE,
                  NULL, "slot %s: WAL %s, %.1f MiB kept for it", name, slot->wal_status,
                  (double)slot->retained_bytes / (double)MIB);
    }
}

static void look_slot(struct check *c, struct postgres_conn *conn,
                      const struct postgres_server *server)
{
    struct postgres_slot_expect expect = { .database = server->database };
    struct postgres_server later;
    struct postgres_slot slot;
    struct error err;

    if (!postgres_slot_look(conn, c->config->source.slot, &slot, &err)) {
        check_error(c, &err, NULL);
        return;
    }
    if (!expectation(c, &slot, &expect))
        return;
    /* A daemon that runs has gone on since the server was looked at: its WAL must not seem to end before us. */
    if (!postgres_server_look(conn, &later, &err)) {
        check_error(c, &err, NULL);
        return;
    }
    if (postgres_slot_judge(&slot, &expect, &later, &err))
        slot_is_fine(c, &slot, server);
    else if (err.kind == ERR_RETRY) { /* in use: by this very pipeline, most likely */
        check_add(c, CHECK_WARN, E_SLOT_ACTIVE, NULL,
                  "slot %s is in use by PID %d (%s): fine if that is this pipeline",
                  c->config->source.slot, slot.active_pid, slot.active_who);
    } else {
        check_error(c, &err, NULL);
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static bool connect(struct check *c, struct postgres_conn **ret_conn)
{
    const struct postgres_opts opts = {
        .url = c->config->source.url,
        .password = c->config->source.password,
        .application_name = "multisink check",
        .stop_fd = -1,
        .connect_timeout_ms = PROBE_TIMEOUT_MS,
        .query_timeout_ms = PROBE_TIMEOUT_MS,
    };
    int64_t start = clock_mono_us(&clock_system);
    struct postgres_conn *conn;
    struct error err;
    int version;

    if (!postgres_connect(&opts, &conn, &err)) {
        check_error(c, &err, NULL);
        return false;
    }
    version = postgres_version(conn);
    check_add(c, CHECK_OK, E_NONE, NULL, "%s, PostgreSQL %d.%d, %s", postgres_peer(conn),
              version / 10000, version % 10000, postgres_uses_tls(conn) ? "TLS" : "no TLS");
    check_elapsed(c, clock_mono_us(&clock_system) - start);
    *ret_conn = conn;
    return true;
}

static void look_source(struct check *c, struct postgres_conn *conn,
                        const struct postgres_server *server)
{
    const struct postgres_table *signals;
    bool found;

    look_server(c, server);
    found = look_tables(c, conn, server->user);
    signals = look_signal_table(c, conn);
    if (found)
        look_publication(c, conn, signals);
    look_slot(c, conn, server);
}

void check_postgres(struct check *c)
{
    struct postgres_server server;
    struct postgres_conn *conn;
    struct error err;

    c->part = "Postgres";
    if (!connect(c, &conn))
        return;
    if (postgres_server_look(conn, &server, &err)) {
        look_source(c, conn, &server);
    } else {
        check_error(c, &err, NULL);
    }
    postgres_close(conn);
}
