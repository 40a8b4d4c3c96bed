/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_FAILURE_H
#define CQL_FAILURE_H

/*
 * What a node's ERROR means for the one who asked. Pure; any thread.
 *
 * All writes here are idempotent (they carry their own time stamp), so a write whose outcome is not known
 * is simply sent again.
 */

#include "cql/reply.h"

enum cql_action {
    CQL_ACTION_RETRY,      /* another node, or later */
    CQL_ACTION_BACK_OFF,   /* the same, and send this node less at once */
    CQL_ACTION_CLOSE,      /* the same, and the connection is of no more use */
    CQL_ACTION_UNPREPARED, /* prepare on this node, send again */
    CQL_ACTION_REJECT,     /* this record, never */
    CQL_ACTION_FAILING,    /* retry; reject when it goes on while others pass */
    CQL_ACTION_STOP        /* a person must act */
};

/* For a write. */
enum cql_action cql_failure_action(const struct cql_failure *f);
/* The code of the catalogue for it. */
enum error_code cql_failure_code(const struct cql_failure *f);
/* Words it: kind, code, "cannot WHAT (peer): the node's text (numbers)". Always false. */
bool cql_failure_error(const struct cql_failure *f, const char *what, const char *peer,
                       struct error *err);

#endif
