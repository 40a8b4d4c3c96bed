/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_PREPARED_H
#define CQL_PREPARED_H

/*
 * Prepared statements: what a statement is to the session, and what each node calls it. A node forgets
 * statements (restart, eviction, changed table) and says UNPREPARED; then it is prepared there again,
 * and what the node describes must be what the caller's values were encoded for. Pure; one thread.
 */

#include "base/arena.h"
#include "base/limits.h"
#include "cql/reply.h"

/* Owned by the session; a number below the count of its statements. */
struct cql_stmt {
    uint32_t number;
    struct str text;
    const struct cql_bind *binds;
    size_t bind_count;
    const uint16_t *key;
    size_t key_count;
    struct arena arena; /* holds all of it but the struct */
};

struct cql_stmt *cql_prepared_new(uint32_t number, struct str text);
void cql_prepared_free(struct cql_stmt *stmt);

enum cql_prepared_state { CQL_PREPARED_NONE, CQL_PREPARED_ASKED, CQL_PREPARED_READY };

/* What one node calls one statement. All zero to begin with. */
struct cql_prepared_id {
    enum cql_prepared_state state;
    uint8_t id_n; /* 0: never prepared there */
    uint8_t result_id_n;
    char id[LIMIT_CQL_STATEMENT_ID];
    char result_id[LIMIT_CQL_STATEMENT_ID];
    int64_t ready_us;
};

/* Takes a node's description: sets `id`, and the first one of all also describes the statement. ERR_STOP,
 * E_CQL_SCHEMA_CHANGED when the node names another id than before, or other binds or keys than the first. */
bool cql_prepared_accept(struct cql_stmt *stmt, struct cql_prepared_id *id,
                         const struct cql_envelope *e, int64_t now_us,
                         struct error *err) MUST_CHECK;

/* Words the refusal of a PREPARE: always false. What is wrong with the statement itself is ERR_STOP. */
bool cql_prepared_refused(const struct cql_stmt *stmt, const struct cql_failure *f,
                          const char *peer, struct error *err);

#endif
