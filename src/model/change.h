/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODEL_CHANGE_H
#define MODEL_CHANGE_H

/*
 * One row change, and the micro-batch of them that a sink is given. Pure values: every pointer is
 * borrowed from the arena that the batch names and lives until that arena is reset.
 */

#include "base/arena.h"
#include "model/position.h"
#include "model/relation.h"

/* A column is one of three: a value, NULL, or unchanged (TOAST), which never becomes NULL or a
 * placeholder in a sink. The text is PostgreSQL's own, under the session settings DateStyle ISO,
 * IntervalStyle postgres, TimeZone UTC, extra_float_digits 3, bytea_output hex. */
enum value_kind { VALUE_NULL = 0, VALUE_UNCHANGED = 1, VALUE_TEXT = 2 };

struct value {
    enum value_kind kind;
    struct str text; /* VALUE_TEXT only */
};

enum change_op {
    CHANGE_INSERT = 'I',
    CHANGE_UPDATE = 'U',
    CHANGE_DELETE = 'D',
    CHANGE_TRUNCATE = 'T',
    CHANGE_SNAPSHOT = 'R', /* a row as a snapshot found it */
    /* pg_logical_emit_message: `rel` is a nameless relation (oid 0, empty schema and table) with the
     * columns prefix and content (bytea), `after` holds both. No sink of rows is given one. */
    CHANGE_MESSAGE = 'M'
};

/* How much of the old row is known. KEY: the replica identity's columns, the others are VALUE_NULL
 * and mean nothing. */
enum change_before { CHANGE_BEFORE_NONE = 0, CHANGE_BEFORE_KEY = 1, CHANGE_BEFORE_FULL = 2 };

enum change_flags {
    /* An update that changed the key arrives as a delete of the old key and an insert of the new
     * row, next to each other; both carry this flag. */
    CHANGE_KEY_MOVED = 1,
    /* TRUNCATE ... CASCADE / RESTART IDENTITY */
    CHANGE_TRUNCATE_CASCADE = 2,
    CHANGE_TRUNCATE_RESTART = 4,
    /* Set by the deliver loop, never stored: an earlier record of this key is parked. A sink with
     * sink_ops.replay must not apply it but reject it as waiting. */
    CHANGE_HELD = 8,
    /* A snapshot row that was read while changes went on (signal execute-snapshot). */
    CHANGE_INCREMENTAL = 16,
    /* No change, but a record of a stream that others write too, which makes no sense: `rel` has the
     * columns topic, key, value and reason, and it can only be parked. Never stored in the log. */
    CHANGE_UNREADABLE = 32
};

struct change {
    struct position pos; /* names it, everywhere and for ever */
    /* Where it stands in the stream that it was read from, which is what a sink's position, batch.before
     * and batch.after are held against. In the log the same as `pos`; in Kafka made from the offset. */
    struct position at;
    int64_t wts; /* write stamp, µs since 1970 UTC; strictly rising, the same on every replay */
    int64_t commit_time_us; /* µs since 1970 UTC */
    struct lsn commit_lsn;  /* start of the commit record */
    struct lsn lsn; /* of the row's own WAL record; 0: not known. Shown, never used to order */
    uint32_t xid;   /* 0 for snapshot rows */
    enum change_op op;
    unsigned flags;
    const struct relation *rel;
    enum change_before before_kind;
    const struct value *before; /* rel->column_count values, or NULL with CHANGE_BEFORE_NONE */
    const struct value *after;  /* rel->column_count values, or NULL for delete and truncate */
};

struct batch {
    struct arena *arena; /* where it lives; a sink may take scratch memory from it */
    const struct change *changes;
    size_t count;
    /* Shape of the change behind the last one in the same transaction; NULL: the last one ends its transaction.
     * Known to the log only. */
    const struct relation *next;
    struct position before; /* the sink's position without this batch */
    struct position after;  /* its position once the batch is done: at or behind the last change */
    bool replay;            /* parked records sent again: `before` and `after` mean nothing */
};

const char *change_op_name(
    enum change_op op); /* "insert", "update", "delete", "truncate", "snapshot", "message" */
/* The row that names the record: after, or before for a delete; NULL for truncate. */
const struct value *change_row(const struct change *c);

#endif
