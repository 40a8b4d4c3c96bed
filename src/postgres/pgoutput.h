/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_PGOUTPUT_H
#define POSTGRES_PGOUTPUT_H

/*
 * Decoder of the pgoutput plugin's messages (PostgreSQL manual, "Logical Replication Message
 * Formats"), protocol version 1. Pure: no I/O, no allocation. Everything handed out points into the
 * message or into the scratch given, and lives as long as these do.
 *
 *     pgoutput_decode(payload, scratch, &msg, err)
 *     switch (msg.kind) {
 *     case PGOUTPUT_INSERT: rel = ...(msg.row.relation_oid);
 *                           pgoutput_fits(&msg, rel, err);   then msg.row.after has rel's columns
 *
 * Any length, kind or count that is not right is ERR_STOP, E_PGOUTPUT, with the offset; messages of
 * the streaming and two-phase protocols, which were not asked for, too. Any thread, scratch per thread.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "model/change.h"
#include "model/lsn.h"

enum pgoutput_kind {
    PGOUTPUT_BEGIN = 'B',
    PGOUTPUT_COMMIT = 'C',
    PGOUTPUT_ORIGIN = 'O',
    PGOUTPUT_RELATION = 'R',
    PGOUTPUT_TYPE = 'Y',
    PGOUTPUT_INSERT = 'I',
    PGOUTPUT_UPDATE = 'U',
    PGOUTPUT_DELETE = 'D',
    PGOUTPUT_TRUNCATE = 'T',
    PGOUTPUT_MESSAGE = 'M'
};

struct pgoutput_begin {
    struct lsn commit_lsn;  /* start of the commit record: not yet the position */
    int64_t commit_time_us; /* µs since 1970 UTC */
    uint32_t xid;
};

struct pgoutput_commit {
    struct lsn commit_lsn;
    struct lsn commit_end; /* end of the commit record: the transaction's position */
    int64_t commit_time_us;
};

struct pgoutput_origin {
    struct lsn commit_lsn;
    struct str name;
};

struct pgoutput_column {
    struct str name;
    uint32_t type_oid;
    int32_t typmod;
    bool identity; /* part of the replica identity */
};

struct pgoutput_relation {
    uint32_t oid;
    struct str schema; /* pg_catalog is sent as "" and given as "pg_catalog" */
    struct str table;
    enum relation_identity identity;
    uint32_t column_count;
    const struct pgoutput_column *columns; /* in the scratch */
};

struct pgoutput_type {
    uint32_t oid;
    struct str schema;
    struct str name;
};

/* insert, update and delete */
struct pgoutput_row {
    uint32_t relation_oid;
    enum change_before before_kind;
    uint32_t before_count;
    uint32_t after_count;       /* 0 for a delete */
    const struct value *before; /* in the scratch; NULL with CHANGE_BEFORE_NONE */
    const struct value *after;  /* NULL for a delete */
};

struct pgoutput_truncate {
    unsigned flags; /* CHANGE_TRUNCATE_CASCADE, CHANGE_TRUNCATE_RESTART */
    uint32_t relation_count;
    struct str oids; /* read with pgoutput_truncate_oid */
};

/* pg_logical_emit_message; a non-transactional one stands outside Begin and Commit */
struct pgoutput_message {
    bool transactional;
    struct lsn lsn; /* end of its WAL record */
    struct str prefix;
    struct str content;
};

struct pgoutput_msg {
    enum pgoutput_kind kind;
    union {
        struct pgoutput_begin begin;
        struct pgoutput_commit commit;
        struct pgoutput_origin origin;
        struct pgoutput_relation relation;
        struct pgoutput_type type;
        struct pgoutput_row row;
        struct pgoutput_truncate truncate;
        struct pgoutput_message message;
    };
};

/* Where the parts of one message go; about 130 KiB, so never on the stack. */
struct pgoutput_scratch {
    struct value before[LIMIT_PG_COLUMNS];
    struct value after[LIMIT_PG_COLUMNS];
    struct pgoutput_column columns[LIMIT_PG_COLUMNS];
};

bool pgoutput_decode(struct str payload, struct pgoutput_scratch *scratch,
                     struct pgoutput_msg *ret_msg, struct error *err) MUST_CHECK;
/* Do the message's rows have as many columns as the relation? ERR_STOP, E_PGOUTPUT. */
bool pgoutput_fits(const struct pgoutput_msg *msg, const struct relation *rel,
                   struct error *err) MUST_CHECK;
/* index < relation_count */
uint32_t pgoutput_truncate_oid(const struct pgoutput_truncate *t, uint32_t index);

/* The options of START_REPLICATION for a server version, in parentheses:
 * (proto_version '1', publication_names '"engagement_pub"', messages 'false').
 * Logical messages that are not asked for are not sent: keepalives move the position past them. */
void pgoutput_options(struct buf *b, int server_version, const char *publication, bool messages);

#endif
