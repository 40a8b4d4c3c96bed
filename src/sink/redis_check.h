/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_CHECK_H
#define SINK_REDIS_CHECK_H

/* What must be true of a server, and of a table, before anything is written. Changes nothing. */

#include "sink/redis_conn.h"

struct redis_server {
    char version[24];
    char run_id[48]; /* of this run of the server; a restart gives another */
    bool append_only;
    bool rewriting;        /* its append-only file is being rewritten, or will be soon */
    bool rewrite_bad;      /* the last time that failed */
    bool rewritten;        /* in this run of the server, and the last time it did not fail */
    bool commands_unknown; /* the user may not run MULTI, so they could not be asked for */
    uint64_t maxmemory;
};

/* Version, mode, loading, memory policy; then whether the server takes each configured command: it is
 * queued in a transaction that is discarded, which asks for its name, its number of arguments and the
 * user's permission. ERR_STOP (05xx) for what a person must mend, ERR_RETRY for what passes. */
bool redis_check_server(struct redis_conn *conn, const struct redis_conf *conf,
                        struct redis_server *ret_server, struct error *err) MUST_CHECK;

/* The first part of it: INFO, with version, mode, loading and memory policy. */
bool redis_check_info(struct redis_conn *conn, struct redis_server *server,
                      struct error *err) MUST_CHECK;

/* Do the commands fit the table: columns that exist, old values that will be known? All faults in one
 * message. ERR_STOP, E_REDIS_COLUMN. */
bool redis_check_relation(const struct redis_commands *commands, const struct relation *rel,
                          struct error *err) MUST_CHECK;

#endif
