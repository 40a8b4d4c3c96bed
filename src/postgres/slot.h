/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_SLOT_H
#define POSTGRES_SLOT_H

/*
 * The replication slot: looking at it, making and dropping it, and the judgement whether it still
 * continues our history. The judgement is pure; everything else runs on the connection given. One
 * thread per connection.
 */

#include "model/lsn.h"
#include "postgres/conn.h"
#include "postgres/server.h"

struct postgres_slot {
    bool exists;
    char name[POSTGRES_NAME];
    char plugin[POSTGRES_NAME];   /* "" for a physical slot */
    char database[POSTGRES_NAME]; /* "" for a physical slot */
    bool temporary;
    bool active;
    int active_pid;
    char
        active_who[2 *
                   POSTGRES_NAME]; /* "application_name at client_addr" of active_pid; "" unknown */
    char wal_status[16];           /* reserved, extended, unreserved, lost; "" none */
    char invalidation[64];         /* reason, 16 and up ("wal_removed", ...); "" none */
    struct lsn restart;
    struct lsn confirmed_flush;
    uint64_t retained_bytes; /* WAL that PostgreSQL keeps for it */
    int64_t safe_wal_size;   /* bytes until it may be lost; -1: no limit */
    bool has_total_txns;     /* statistics may be switched off or reset */
    uint64_t total_txns;     /* transactions decoded for it since it was made; restarts at 0 after a
                                crash of the server */
};

bool postgres_slot_look(struct postgres_conn *c, const char *name, struct postgres_slot *ret_slot,
                        struct error *err) MUST_CHECK;

/* What we know of our own history. */
struct postgres_slot_expect {
    const char *database;
    bool had_slot;       /* our state says that we streamed from this slot before */
    struct lsn durable;  /* commit_end of the last durable position; 0: none */
    uint64_t total_txns; /* as recorded at some earlier time; 0: not known */
    uint64_t system_id;  /* recorded; 0: not known */
    uint32_t timeline;   /* recorded; 0: not known */
};

/* May we stream from the slot? Pure. True: yes, or it is missing and never was ours (make it). Each
 * reason against has a code of its own and says what to do:
 *   E_SERVER_OTHER E_SERVER_TIMELINE E_SERVER_BEHIND       the server is not the one we followed
 *   E_SLOT_MISSING E_SLOT_PHYSICAL E_SLOT_PLUGIN E_SLOT_DATABASE E_SLOT_TEMPORARY E_SLOT_LOST
 *   E_SLOT_AHEAD E_SLOT_RECREATED                          there is a gap
 *   E_SLOT_ACTIVE                                          in use: ERR_RETRY; all others ERR_STOP */
bool postgres_slot_judge(const struct postgres_slot *slot,
                         const struct postgres_slot_expect *expect,
                         const struct postgres_server *server, struct error *err) MUST_CHECK;

struct postgres_slot_made {
    char snapshot[POSTGRES_NAME]; /* for SET TRANSACTION SNAPSHOT; valid while the replication
                                     connection stays open and runs no other command */
    struct lsn consistent;        /* stream from here: no gap to the snapshot, and no overlap */
};

struct postgres_slot_create_opts {
    const char *name;
    /* Making a slot waits for every transaction that is open and has written. Called every few
     * seconds meanwhile with what it waits for ("waits for 2 transactions: PID 812 (psql at
     * 10.0.0.7), open for 93 s; ..."); may be NULL. */
    void (*waiting)(void *ctx, const char *text);
    void *ctx;
};

/* `replication` makes the slot, `sql` (ordinary) looks at whom it waits for. The publication must exist
 * before. Cancelled by either's stop fd: no slot is left behind. */
bool postgres_slot_create(struct postgres_conn *replication, struct postgres_conn *sql,
                          const struct postgres_slot_create_opts *opts,
                          struct postgres_slot_made *ret_made, struct error *err) MUST_CHECK;
/* On an ordinary connection. A slot that is not there is fine. */
bool postgres_slot_drop(struct postgres_conn *sql, const char *name, struct error *err) MUST_CHECK;

#endif
