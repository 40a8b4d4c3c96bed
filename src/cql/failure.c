/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/failure.h"

enum { TEXT_SHOWN = 200 };

static const struct {
    uint32_t code;
    enum cql_action action;
    enum error_code page;
    const char *name;
} table[] = {
    { CQL_ERR_SERVER, CQL_ACTION_RETRY, E_CQL_SERVER, "server error" },
    { CQL_ERR_PROTOCOL, CQL_ACTION_CLOSE, E_CQL_PROTOCOL, "protocol error" },
    { CQL_ERR_CREDENTIALS, CQL_ACTION_STOP, E_CQL_AUTH, "bad credentials" },
    { CQL_ERR_UNAVAILABLE, CQL_ACTION_RETRY, E_CQL_UNAVAILABLE, "unavailable" },
    { CQL_ERR_OVERLOADED, CQL_ACTION_BACK_OFF, E_CQL_OVERLOADED, "overloaded" },
    { CQL_ERR_BOOTSTRAPPING, CQL_ACTION_RETRY, E_CQL_OVERLOADED, "bootstrapping" },
    { CQL_ERR_TRUNCATE, CQL_ACTION_REJECT, E_CQL_REJECTED, "truncate error" },
    { CQL_ERR_WRITE_TIMEOUT, CQL_ACTION_RETRY, E_CQL_WRITE_TIMEOUT, "write timeout" },
    { CQL_ERR_READ_TIMEOUT, CQL_ACTION_RETRY, E_CQL_SERVER, "read timeout" },
    { CQL_ERR_READ_FAILURE, CQL_ACTION_RETRY, E_CQL_SERVER, "read failure" },
    { CQL_ERR_FUNCTION, CQL_ACTION_REJECT, E_CQL_REJECTED, "function failure" },
    { CQL_ERR_WRITE_FAILURE, CQL_ACTION_FAILING, E_CQL_WRITE_FAILURE, "write failure" },
    { CQL_ERR_CDC_WRITE, CQL_ACTION_RETRY, E_CQL_CDC_FULL, "CDC write failure" },
    { CQL_ERR_CAS_UNKNOWN, CQL_ACTION_RETRY, E_CQL_WRITE_TIMEOUT, "write outcome unknown" },
    { CQL_ERR_SYNTAX, CQL_ACTION_STOP, E_CQL_STATEMENT, "syntax error" },
    { CQL_ERR_UNAUTHORIZED, CQL_ACTION_STOP, E_CQL_UNAUTHORIZED, "unauthorized" },
    { CQL_ERR_INVALID, CQL_ACTION_REJECT, E_CQL_REJECTED, "invalid" },
    { CQL_ERR_CONFIG, CQL_ACTION_REJECT, E_CQL_REJECTED, "configuration error" },
    { CQL_ERR_EXISTS, CQL_ACTION_STOP, E_CQL_STATEMENT, "already exists" },
    { CQL_ERR_UNPREPARED, CQL_ACTION_UNPREPARED, E_CQL_SERVER, "unprepared" },
    { CQL_ERR_CLIENT_WRITE, CQL_ACTION_RETRY, E_CQL_SERVER, "client write error" },
};

enum { TABLE_COUNT = sizeof table / sizeof table[0] };

static size_t row_of(uint32_t code)
{
    size_t i = 0;

    while (i < TABLE_COUNT && table[i].code != code)
        i++;
    return i;
}

static bool contains(struct str text, const char *part)
{
    return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* "Invalid" is said of a value as well as of a table that is gone. */
static bool table_is_gone(const struct cql_failure *f)
{
    return f->code == CQL_ERR_INVALID &&
           (contains(f->text, "unconfigured table") || contains(f->text, "does not exist"));
}

enum cql_action cql_failure_action(const struct cql_failure *f)
{
    size_t i = row_of(f->code);

    if (table_is_gone(f))
        return CQL_ACTION_STOP;
    return i < TABLE_COUNT ? table[i].action : CQL_ACTION_RETRY;
}

enum error_code cql_failure_code(const struct cql_failure *f)
{
    size_t i = row_of(f->code);

    if (table_is_gone(f))
        return E_CQL_NO_TABLE;
    return i < TABLE_COUNT ? table[i].page : E_CQL_SERVER;
}

static enum error_kind kind_of(enum cql_action action)
{
    switch (action) {
    case CQL_ACTION_REJECT:
        return ERR_REJECT;
    case CQL_ACTION_STOP:
        return ERR_STOP;
    case CQL_ACTION_RETRY:
    case CQL_ACTION_BACK_OFF:
    case CQL_ACTION_CLOSE:
    case CQL_ACTION_UNPREPARED:
    case CQL_ACTION_FAILING:
        break;
    }
    return ERR_RETRY;
}

bool cql_failure_error(const struct cql_failure *f, const char *what, const char *peer,
                       struct error *err)
{
    size_t i = row_of(f->code);
    struct str text = str_make(f->text.p, f->text.n < TEXT_SHOWN ? f->text.n : TEXT_SHOWN);
    const char *name = i < TABLE_COUNT ? table[i].name : "unknown error";
    enum error_kind kind = kind_of(cql_failure_action(f));

    if (f->required > 0)
        return error_set(err, kind, cql_failure_code(f),
                         "cannot %s (%s, error 0x%04x, %d of %d replicas): %s: %.*s", what, peer,
                         f->code, f->received, f->required, name, STR_ARG(text));
    return error_set(err, kind, cql_failure_code(f), "cannot %s (%s, error 0x%04x): %s: %.*s", what,
                     peer, f->code, name, STR_ARG(text));
}
