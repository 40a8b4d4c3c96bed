/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_SQLSTATE_H
#define POSTGRES_SQLSTATE_H

/* What an error of the server means for us, by its SQLSTATE, from one table. Pure; any thread. */

#include "base/error.h"

struct postgres_verdict {
    enum error_kind kind; /* ERR_RETRY or ERR_STOP */
    enum error_code code;
};

/* `sqlstate` may be NULL or short (the connection broke before one came): ERR_RETRY, E_PG_LOST. */
struct postgres_verdict postgres_sqlstate(const char *sqlstate);

#endif
