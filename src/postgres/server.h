/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_SERVER_H
#define POSTGRES_SERVER_H

/* What server this is and how it is set up, in one look. A value; the look runs on an ordinary
 * connection and changes nothing. */

#include "model/lsn.h"
#include "postgres/conn.h"

enum { POSTGRES_NAME = 128 }; /* text of a name; longer ones are cut, for messages only */

struct postgres_server {
    int version_num;  /* 150018 */
    char version[64]; /* "15.18 (Debian 15.18-1)" */
    uint64_t system_id;
    uint32_t timeline;
    struct lsn flush; /* WAL flushed here, or on a standby received */
    bool standby;
    char database[POSTGRES_NAME];
    char user[POSTGRES_NAME];
    bool may_replicate; /* the user has REPLICATION or is superuser */
    bool superuser;
    char wal_level[16];
    int64_t wal_sender_timeout_ms;  /* 0: none */
    int64_t max_slot_wal_keep_size; /* bytes; -1: no limit */
    int max_replication_slots, used_replication_slots;
    int max_wal_senders, used_wal_senders;
};

bool postgres_server_look(struct postgres_conn *c, struct postgres_server *ret_server,
                          struct error *err) MUST_CHECK;
/* Can it be a source at all: wal_level logical, user may replicate, a standby only from 16 on.
 * Pure. ERR_STOP: E_PG_WAL_LEVEL, E_PG_PERMISSION, E_PG_STANDBY. */
bool postgres_server_judge(const struct postgres_server *s, struct error *err) MUST_CHECK;

#endif
