/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_SIGNAL_H
#define PIPELINE_SIGNAL_H

/*
 * What a row of the signal table asks for, in the form that Debezium gave it: `type` names the action,
 * `data` is a JSON object. Pure; everything lives in the arena given. Any thread.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum signal_kind {
    SIGNAL_NOTHING, /* somebody else's mark (snapshot-window-open, -close) */
    SIGNAL_EXECUTE, /* copy the tables while they are written */
    SIGNAL_STOP,    /* end that; no tables: of all of them */
    SIGNAL_PAUSE,
    SIGNAL_RESUME,
    SIGNAL_LOG /* write `message` to our own log */
};

struct signal_condition {
    const char *table;  /* NULL: of every table */
    const char *filter; /* SQL */
};

struct signal {
    enum signal_kind kind;
    const char *const *tables; /* names or regular expressions of "schema.table" */
    size_t table_count;
    const struct signal_condition *conditions;
    size_t condition_count;
    const char *surrogate; /* NULL: none */
    const char *message;
};

/* ERR_REJECT, E_SIGNAL: what is wrong with it. */
bool signal_parse(struct str type, struct str data, struct arena *a, struct signal *ret_signal,
                  struct error *err) MUST_CHECK;
/* Is "schema.table" meant by one of the names: the same text, or matched as a whole? */
bool signal_names(const char *const *tables, size_t count, const char *name);
/* The filter for that table, or NULL. */
const char *signal_filter(const struct signal *s, const char *name);

#endif
