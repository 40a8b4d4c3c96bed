/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables:
 *   source      one row: what history the log continues (checkpoint.c)
 *   sink        name -> position; started: a sink that keeps its own position has been given one
 *   sink_value  small durable values of a sink
 *   parked      records set aside, in the order they were met (park.c)
 */
#include "pipeline/state.h"

#include "base/file.h"
#include "base/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { VERSION = 1, STATEMENTS_MAX = 48, BUSY_TIMEOUT_MS = 10000 };

static const char schema[] =
    "CREATE TABLE source(id INTEGER PRIMARY KEY CHECK(id = 1), epoch INTEGER NOT NULL,"
    " system_id TEXT NOT NULL, timeline INTEGER NOT NULL, database TEXT NOT NULL,"
    " slot TEXT NOT NULL, phase TEXT NOT NULL, slot_txns INTEGER NOT NULL);"
    "CREATE TABLE sink(name TEXT PRIMARY KEY, position TEXT NOT NULL, started INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE sink_value(sink TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(sink, key)) WITHOUT ROWID;"
    "CREATE TABLE parked(id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, ref TEXT NOT NULL,"
    " position TEXT NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, op TEXT NOT NULL,"
    " relation TEXT NOT NULL, waiting INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,"
    " payload BLOB NOT NULL, frames BLOB NOT NULL, parked_us INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, action INTEGER NOT NULL, UNIQUE(sink, ref));"
    "CREATE INDEX parked_key ON parked(sink, key, id);"
    "PRAGMA user_version = 1;";

struct statement {
    const char *sql;
    sqlite3_stmt *stmt;
};

struct state {
    sqlite3 *db;
    char *path;
    struct statement statements[STATEMENTS_MAX];
    int count;
    bool durable;
};

static bool fail(struct state *st, int rc, struct error *err)
{
    const char *why = st->db != NULL ? sqlite3_errmsg(st->db) : sqlite3_errstr(rc);
    int extended = st->db != NULL ? sqlite3_extended_errcode(st->db) : rc;

    if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC)
        return error_set(err, ERR_CORRUPT, E_SYS_FSYNC, "cannot sync %s: %s", st->path, why);
    /* A limit on the file's size comes as a plain I/O error. */
    if ((rc & 0xff) == SQLITE_IOERR && st->db != NULL && file_is_full(sqlite3_system_errno(st->db)))
        return error_set(err, ERR_RETRY, E_SYS_DISK_FULL, "cannot write %s: %s", st->path, why);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return error_set(err, ERR_RETRY, E_SYS_DISK_FULL, "cannot write %s: %s", st->path, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERR_RETRY, E_STATE_FILE,
                         "cannot use %s: another process holds it (%s)", st->path, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, ERR_CORRUPT, E_STATE_BAD, "cannot read %s: %s", st->path, why);
    default:
        return error_set(err, ERR_STOP, E_STATE_FILE, "cannot use %s: %s", st->path, why);
    }
}

static bool exec(struct state *st, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(st->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? true : fail(st, rc, err);
}

static bool read_version(struct state *st, int64_t *ret_version, struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(st, &q, "PRAGMA user_version", err) || !state_step(&q, &row, err))
        return false;
    *ret_version = row ? state_int(&q, 0) : 0;
    state_end(&q);
    return true;
}

static bool prepare_schema(struct state *st, bool create, struct error *err)
{
    int64_t version;

    if (!exec(st,
              "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
              "PRAGMA cache_size = -256; PRAGMA wal_autocheckpoint = 256;",
              err) ||
        !read_version(st, &version, err))
        return false;
    if (version == 0 && create) {
        /* Two threads may come here at once; the second finds the tables. */
        if (!exec(st, "BEGIN IMMEDIATE", err) || !read_version(st, &version, err))
            return false;
        if (version == 0 && !exec(st, schema, err))
            return false;
        if (!exec(st, "COMMIT", err) || !read_version(st, &version, err))
            return false;
    }
    if (version != VERSION)
        return error_set(err, ERR_STOP, E_STATE_VERSION,
                         "cannot use %s: its format version is %lld, this program knows %d",
                         st->path, (long long)version, VERSION);
    return true;
}

static bool open_file(char *path, const char *name, bool create, struct state **ret_state,
                      struct error *err)
{
    struct state *st = mem_zalloc(1, sizeof *st);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    int rc;

    st->path = path;
    rc = sqlite3_open_v2(name, &st->db, flags, NULL);
    if (rc != SQLITE_OK) {
        (void)fail(st, rc, err);
        state_close(st);
        return false;
    }
    (void)sqlite3_busy_timeout(st->db, BUSY_TIMEOUT_MS);
    if (!prepare_schema(st, create, err)) {
        state_close(st);
        return false;
    }
    *ret_state = st;
    return true;
}

bool state_open(const char *dir, bool create, struct state **ret_state, struct error *err)
{
    char *path = mem_printf("%s/state.db", dir);

    return open_file(path, path, create, ret_state, err);
}

bool state_open_private(struct state **ret_state, struct error *err)
{
    return open_file(mem_strdup("a private database"), "", true, ret_state, err);
}

void state_close(struct state *st)
{
    if (st == NULL)
        return;
    for (int i = 0; i < st->count; i++)
        (void)sqlite3_finalize(st->statements[i].stmt);
    (void)sqlite3_close(st->db);
    free(st->path);
    free(st);
}

static bool prepare(struct state *st, const char *sql, sqlite3_stmt **ret_stmt, struct error *err)
{
    int rc;

    for (int i = 0; i < st->count; i++) {
        if (st->statements[i].sql == sql) {
            *ret_stmt = st->statements[i].stmt;
            return true;
        }
    }
    if (st->count == STATEMENTS_MAX)
        return error_set(err, ERR_STOP, E_SYS_INTERNAL, "more than %d statements", STATEMENTS_MAX);
    rc = sqlite3_prepare_v3(st->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);
    if (rc != SQLITE_OK)
        return fail(st, rc, err);
    st->statements[st->count++] = (struct statement){ sql, *ret_stmt };
    return true;
}

bool state_query(struct state *st, struct state_query *ret_query, const char *sql,
                 struct error *err)
{
    sqlite3_stmt *stmt;

    if (!prepare(st, sql, &stmt, err))
        return false;
    *ret_query = (struct state_query){ st, stmt };
    return true;
}

void state_bind_text(struct state_query *q, int at, struct str text)
{
    (void)sqlite3_bind_text(q->stmt, at, text.n > 0 ? text.p : "", (int)text.n, SQLITE_STATIC);
}

void state_bind_blob(struct state_query *q, int at, struct str bytes)
{
    (void)sqlite3_bind_blob64(q->stmt, at, bytes.n > 0 ? bytes.p : "", bytes.n, SQLITE_STATIC);
}

void state_bind_int(struct state_query *q, int at, int64_t v)
{
    (void)sqlite3_bind_int64(q->stmt, at, v);
}

bool state_step(struct state_query *q, bool *ret_row, struct error *err)
{
    int rc = sqlite3_step(q->stmt);

    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        (void)fail(q->st, rc, err);
        state_end(q);
        return false;
    }
    *ret_row = rc == SQLITE_ROW;
    return true;
}

struct str state_text(struct state_query *q, int column)
{
    const void *p = sqlite3_column_blob(q->stmt, column);

    return str_make(p, (size_t)sqlite3_column_bytes(q->stmt, column));
}

int64_t state_int(struct state_query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

void state_end(struct state_query *q)
{
    (void)sqlite3_reset(q->stmt);
    (void)sqlite3_clear_bindings(q->stmt);
}

bool state_finish(struct state_query *q, struct error *err)
{
    bool row;

    if (!state_step(q, &row, err))
        return false;
    state_end(q);
    return true;
}

bool state_run(struct state *st, const char *sql, struct error *err)
{
    struct state_query q;

    return state_query(st, &q, sql, err) && state_finish(&q, err);
}

int64_t state_changed(struct state *st)
{
    return sqlite3_changes(st->db);
}

bool state_durable(struct state *st, bool on, struct error *err)
{
    if (st->durable == on)
        return true;
    if (!exec(st, on ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err))
        return false;
    st->durable = on;
    return true;
}
