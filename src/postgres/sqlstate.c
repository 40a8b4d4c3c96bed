/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes are PostgreSQL's, appendix A of its manual. The first entry whose text is a prefix of the
 * SQLSTATE decides, so single codes stand before their class.
 */
#include "postgres/sqlstate.h"

#include <string.h>

static const struct {
    const char *prefix;
    enum error_kind kind;
    enum error_code code;
} table[] = {
    { "08", ERR_RETRY, E_PG_LOST },         /* connection exception */
    { "25P03", ERR_RETRY, E_PG_LOST },      /* idle_in_transaction_session_timeout */
    { "28", ERR_STOP, E_PG_AUTH },          /* invalid authorization */
    { "3D000", ERR_STOP, E_PG_DATABASE },   /* invalid_catalog_name */
    { "40", ERR_RETRY, E_PG_BUSY },         /* serialization failure, deadlock */
    { "42501", ERR_STOP, E_PG_PERMISSION }, /* insufficient_privilege */
    { "53400", ERR_STOP, E_SLOT_LIMIT },    /* configuration_limit_exceeded: replication slots */
    { "53", ERR_RETRY, E_PG_BUSY },         /* connections, memory, disk */
    { "55006", ERR_RETRY, E_SLOT_ACTIVE },  /* object_in_use */
    { "55P03", ERR_RETRY, E_PG_BUSY },      /* lock_not_available */
    { "57014", ERR_RETRY, E_PG_TIMEOUT },   /* query_canceled */
    { "57P01", ERR_RETRY, E_PG_SHUTDOWN },  /* admin_shutdown */
    { "57P02", ERR_RETRY, E_PG_SHUTDOWN },  /* crash_shutdown */
    { "57P03", ERR_RETRY, E_PG_CONNECT },   /* cannot_connect_now */
    { "57P04", ERR_STOP, E_PG_DATABASE },   /* database_dropped */
    { "57P05", ERR_RETRY, E_PG_LOST },      /* idle_session_timeout */
    { "58P01", ERR_STOP, E_SLOT_LOST },     /* undefined_file: a WAL segment was removed */
    { "58", ERR_RETRY, E_PG_BUSY },         /* system error: I/O on the server */
};

struct postgres_verdict postgres_sqlstate(const char *sqlstate)
{
    if (sqlstate == NULL || strlen(sqlstate) != 5)
        return (struct postgres_verdict){ ERR_RETRY, E_PG_LOST };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0)
            return (struct postgres_verdict){ table[i].kind, table[i].code };
    }
    return (struct postgres_verdict){ ERR_STOP, E_PG_QUERY };
}
