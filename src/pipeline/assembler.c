/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/assembler.h"

#include "base/limits.h"
#include "base/mem.h"
#include "model/pgtype.h"
#include "postgres/reread.h"

#include <stdlib.h>

/* How far a commit time of the server's clock may lie ahead of ours before ours is used. */
enum { CLOCK_AHEAD_US = 60 * 1000000 };

void assembler_init(struct assembler *as, struct stream *stream, const char *spool_dir,
                    struct postgres_relations *relations, struct tables *tables,
                    const struct clock *clock)
{
    *as = (struct assembler){
        .stream = stream, .clock = clock, .relations = relations, .tables = tables
    };
    as->scratch = mem_zalloc(1, sizeof *as->scratch);
    arena_init(&as->arena, LIMIT_ARENA);
    spool_init(&as->spool, spool_dir, LIMIT_TX_MEMORY);
    map_init(&as->by_version);
}

void assembler_done(struct assembler *as)
{
    free(as->scratch);
    arena_done(&as->arena);
    spool_done(&as->spool);
    map_done(&as->by_version);
}

static void forget_transaction(struct assembler *as)
{
    as->open = false;
    as->skipping = false;
    if (as->incremental != NULL)
        incremental_forget(as->incremental);
    spool_clear(&as->spool);
    if (as->by_version.n > 0)
        map_clear(&as->by_version);
}

void assembler_begin(struct assembler *as, uint32_t epoch, const struct stream_tail *tail)
{
    forget_transaction(as);
    as->epoch = epoch;
    as->taken = lsn_max(tail->position.commit_end, as->handover.commit_end);
    as->last_wts = tail->last_wts;
    postgres_relations_begin(as->relations);
}

int64_t assembler_stamp(struct assembler *as, int64_t commit_time_us)
{
    int64_t latest = clock_real_us(as->clock) + CLOCK_AHEAD_US;
    int64_t wts = commit_time_us < latest ? commit_time_us : latest;

    return wts > as->last_wts ? wts : as->last_wts + 1;
}

/* Behind what another has written, whatever it was stamped from. */
static void pass_seen(struct assembler *as, struct lsn commit_end)
{
    if (lsn_cmp(commit_end, as->seen.commit_end) > 0 && as->last_wts < as->seen.wts)
        as->last_wts = as->seen.wts;
}

static bool unexpected(const char *what, struct error *err)
{
    return error_set(err, ERR_STOP, E_PGOUTPUT, "cannot follow the replication stream: %s", what);
}

static bool take_begin(struct assembler *as, const struct pgoutput_begin *begin, struct error *err)
{
    if (as->open)
        return unexpected("a transaction begins within another", err);
    as->open = true;
    as->begin = *begin;
    /* Commit records do not overlap, so the start of this one tells what its end will: commit_lsn <
     * taken if and only if commit_end <= taken. take_commit looks at the end itself. */
    as->skipping = lsn_cmp(begin->commit_lsn, as->taken) < 0;
    return true;
}

/* Appends what the spool holds as one transaction. */
static bool append(struct assembler *as, const struct frame_tx *tx, struct error *err)
{
    const struct stream_ops *ops = as->stream->ops;

    if (!ops->begin(as->stream, tx, err))
        return false;
    spool_rewind(&as->spool);
    for (;;) {
        bool more;
        uint32_t version;
        struct str frame;

        if (!spool_next(&as->spool, &more, &version, &frame, err))
            return false;
        if (!more)
            break;
        if (!ops->frame(as->stream, map_get(&as->by_version, MAP_KEY(version)), frame, err))
            return false;
    }
    return ops->commit(as->stream, err);
}

/* All of it, or nothing. */
static bool append_whole(struct assembler *as, const struct frame_tx *tx, struct error *err)
{
    if (append(as, tx, err))
        return true;
    as->stream->ops->abort(as->stream);
    return false;
}

static bool append_transaction(struct assembler *as, const struct pgoutput_commit *commit,
                               struct error *err)
{
    struct frame_tx tx = { .epoch = as->epoch,
                           .xid = as->begin.xid,
                           .commit_end = commit->commit_end,
                           .commit_lsn = commit->commit_lsn,
                           .commit_time_us = commit->commit_time_us,
                           .first_ordinal = 1 };

    if (as->spool.entries > UINT32_MAX)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot take transaction %u: more than %u changes", as->begin.xid,
                         UINT32_MAX);
    pass_seen(as, commit->commit_end);
    tx.wts_base = assembler_stamp(as, commit->commit_time_us) - 1;
    if (!append_whole(as, &tx, err))
        return false;
    as->last_wts = tx.wts_base + (int64_t)as->spool.entries;
    as->rows += as->spool.entries;
    as->transactions++;
    as->last_commit_us = commit->commit_time_us;
    return true;
}

static bool take_commit(struct assembler *as, const struct pgoutput_commit *commit,
                        struct error *err)
{
    bool known = lsn_cmp(commit->commit_end, as->taken) <= 0;

    if (!as->open)
        return unexpected("a commit without its begin", err);
    if (as->skipping && !known)
        return unexpected("a transaction ends behind where its begin said", err);
    if (!known && as->incremental != NULL &&
        !incremental_commit(as->incremental, commit->commit_end, err))
        return false;
    if (!known && as->spool.entries > 0 && !append_transaction(as, commit, err))
        return false;
    if (!known)
        as->taken = commit->commit_end;
    if (as->incremental != NULL)
        incremental_taken(as->incremental, as->begin.xid, commit->commit_end,
                          as->spool.entries > 0);
    forget_transaction(as);
    return true;
}

static bool put_change(struct assembler *as, struct change *c, struct error *err)
{
    if (handover_has_change(&as->handover, as->begin.xid, as->lsn))
        return true;
    c->lsn = c->op == CHANGE_SNAPSHOT ? (struct lsn){ 0 } : as->lsn;
    frame_put_change(spool_begin(&as->spool, c->rel->version), c);
    if (!map_has(&as->by_version, MAP_KEY(c->rel->version)))
        (void)map_put(&as->by_version, MAP_KEY(c->rel->version), (void *)c->rel);
    return spool_end(&as->spool, err);
}

/* The old image under REPLICA IDENTITY FULL holds what the new one leaves out. */
static bool merge_unchanged(const struct relation *rel, const struct value *before,
                            enum change_before before_kind, struct value *after)
{
    bool left = false;

    for (uint32_t i = 0; i < rel->column_count; i++) {
        if (after[i].kind != VALUE_UNCHANGED)
            continue;
        if (before_kind == CHANGE_BEFORE_FULL && before[i].kind == VALUE_TEXT)
            after[i] = before[i];
        else
            left = true;
    }
    return left;
}

static bool value_same(struct value a, struct value b)
{
    return a.kind == b.kind && (a.kind != VALUE_TEXT || str_eq(a.text, b.text));
}

/* Did the update give the row another key? With an old key tuple PostgreSQL says so itself; a full old
 * row is compared in the primary key's columns. */
static bool key_moved(const struct relation *rel, const struct pgoutput_row *row)
{
    bool has_primary_key = relation_has_primary_key(rel);

    if (row->before_kind == CHANGE_BEFORE_NONE || row->after == NULL)
        return false;
    for (uint32_t i = 0; i < rel->column_count; i++) {
        bool in_key = has_primary_key
                          ? rel->columns[i].primary_key
                          : rel->identity != RELATION_IDENTITY_FULL && rel->columns[i].identity;

        /* A primary key column that the old tuple does not hold cannot have been looked at. */
        if (row->before_kind == CHANGE_BEFORE_KEY && !rel->columns[i].identity)
            continue;
        if (in_key && !value_same(row->before[i], row->after[i]))
            return true;
    }
    return false;
}

static bool take_moved(struct assembler *as, struct postgres_conn *sql, const struct relation *rel,
                       const struct pgoutput_row *row, bool unchanged_left, struct error *err)
{
    struct change gone = { .op = CHANGE_DELETE,
                           .flags = CHANGE_KEY_MOVED,
                           .rel = rel,
                           .before_kind = row->before_kind,
                           .before = row->before };
    struct change come = { .op = CHANGE_INSERT, .flags = CHANGE_KEY_MOVED, .rel = rel };
    bool found;

    /* The old row is under the old key at the targets, so the new one must be written whole: what the
     * message leaves out is read from the source. A row that is gone by now is gone for the targets
     * too, by a later change. */
    arena_reset(&as->arena);
    if (unchanged_left &&
        !postgres_reread(sql, rel, as->begin.xid, as->scratch->after, &as->arena, &found, err))
        return false;
    come.after = as->scratch->after;
    return put_change(as, &gone, err) && put_change(as, &come, err);
}

static bool take_row(struct assembler *as, struct postgres_conn *sql,
                     const struct pgoutput_msg *msg, struct error *err)
{
    const struct relation *named = postgres_relations_current(as->relations, msg->row.relation_oid);
    const struct relation *rel;
    struct change c = { .before_kind = msg->row.before_kind,
                        .before = msg->row.before,
                        .after = msg->row.after };
    bool left = false;

    if (!as->open)
        return unexpected("a row outside a transaction", err);
    if (named == NULL)
        return unexpected("a row of a table that was not described", err);
    if (as->skipping)
        return true;
    if (!pgoutput_fits(msg, named, err))
        return false;
    if (as->incremental != NULL && incremental_is_signal(as->incremental, named))
        incremental_signal(as->incremental, &msg->row);
    if (!tables_resolve(as->tables, sql, named, &rel, err))
        return false;
    if (rel == NULL)
        return true;
    c.rel = rel;
    c.op = msg->kind == PGOUTPUT_INSERT   ? CHANGE_INSERT
           : msg->kind == PGOUTPUT_UPDATE ? CHANGE_UPDATE
                                          : CHANGE_DELETE;
    if (as->incremental != NULL)
        incremental_row(as->incremental, rel, &msg->row, c.op == CHANGE_INSERT);
    if (c.after != NULL)
        left = merge_unchanged(rel, c.before, c.before_kind, as->scratch->after);
    if (c.op == CHANGE_UPDATE && key_moved(rel, &msg->row))
        return take_moved(as, sql, rel, &msg->row, left, err);
    return put_change(as, &c, err);
}

static bool take_truncate(struct assembler *as, struct postgres_conn *sql,
                          const struct pgoutput_truncate *t, struct error *err)
{
    if (!as->open)
        return unexpected("a truncate outside a transaction", err);
    for (uint32_t i = 0; i < t->relation_count && !as->skipping; i++) {
        const struct relation *named =
            postgres_relations_current(as->relations, pgoutput_truncate_oid(t, i));
        struct change c = { .op = CHANGE_TRUNCATE, .flags = t->flags };

        if (named == NULL)
            return unexpected("a truncate of a table that was not described", err);
        if (!tables_resolve(as->tables, sql, named, &c.rel, err))
            return false;
        if (c.rel == NULL)
            continue;
        if (as->incremental != NULL)
            incremental_truncate(as->incremental, c.rel);
        if (!put_change(as, &c, err))
            return false;
    }
    return true;
}

/* ---- logical messages ------------------------------------------------------------------------- */

static bool message_relation(struct assembler *as, struct error *err)
{
    static const struct column columns[] = { { .name = { "prefix", 6 },
                                               .type_oid = PG_TEXT,
                                               .typmod = -1,
                                               .type_name = { "text", 4 },
                                               .type_kind = 'b',
                                               .not_null = true },
                                             { .name = { "content", 7 },
                                               .type_oid = PG_BYTEA,
                                               .typmod = -1,
                                               .type_name = { "bytea", 5 },
                                               .type_kind = 'b',
                                               .not_null = true } };
    static const struct relation rel = { .identity = RELATION_IDENTITY_NOTHING,
                                         .column_count = 2,
                                         .columns = columns };

    return as->message_rel != NULL ||
           postgres_relations_adopt(as->relations, &rel, &as->message_rel, err);
}

/* As PostgreSQL writes a bytea: \x and two digits for each byte. */
static struct str hex_text(struct arena *a, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(a, 2 * bytes.n + 2);
    char *p = text;

    *p++ = '\\';
    *p++ = 'x';
    for (size_t i = 0; i < bytes.n; i++) {
        unsigned char c = (unsigned char)bytes.p[i];

        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    return str_make(text, 2 * bytes.n + 2);
}

static bool put_message(struct assembler *as, const struct pgoutput_message *m, struct error *err)
{
    struct value row[2] = { { VALUE_TEXT, m->prefix }, { VALUE_TEXT, STR_NONE } };
    struct change c = { .op = CHANGE_MESSAGE, .after = row };

    if (m->content.n > LIMIT_PG_MESSAGE / 2 - 1)
        return error_set(err, ERR_STOP, E_SYS_LIMIT,
                         "cannot keep a logical message of %zu bytes: more than %zu", m->content.n,
                         LIMIT_PG_MESSAGE / 2 - 1);
    if (!message_relation(as, err))
        return false;
    arena_reset(&as->arena);
    row[1].text = hex_text(&as->arena, m->content);
    c.rel = as->message_rel;
    return put_change(as, &c, err);
}

/* A message that is no transaction's: a unit of its own, with nothing else in the spool. */
static bool take_alone(struct assembler *as, const struct pgoutput_message *m, int64_t sent_us,
                       struct error *err)
{
    struct frame_tx tx = { .epoch = as->epoch,
                           .commit_end = m->lsn,
                           .commit_lsn = m->lsn,
                           .commit_time_us = sent_us,
                           .first_ordinal = 1 };
    bool ok;

    if (as->open)
        return unexpected("a message of its own within a transaction", err);
    if (lsn_cmp(m->lsn, as->taken) <= 0)
        return true;
    pass_seen(as, m->lsn);
    tx.wts_base = as->last_wts;
    ok = put_message(as, m, err) && append_whole(as, &tx, err);
    forget_transaction(as);
    if (!ok)
        return false;
    as->last_wts++;
    as->rows++;
    as->taken = m->lsn;
    return true;
}

/* Our own watermark has come: what is left of the chunk goes into its transaction. */
static bool put_chunk(struct assembler *as, struct error *err)
{
    const struct value *row;

    for (size_t at = 0; incremental_next_row(as->incremental, &at, &row);) {
        struct change c = { .op = CHANGE_SNAPSHOT,
                            .flags = CHANGE_INCREMENTAL,
                            .rel = as->incremental->rel,
                            .after = row };

        if (!put_change(as, &c, err))
            return false;
    }
    return true;
}

static bool take_message(struct assembler *as, const struct pgoutput_message *m, int64_t sent_us,
                         struct error *err)
{
    if (as->incremental != NULL && !as->skipping && incremental_message(as->incremental, m))
        return put_chunk(as, err);
    if (!as->messages || str_is(m->prefix, INCREMENTAL_PREFIX))
        return true;
    if (!m->transactional)
        return take_alone(as, m, sent_us, err);
    if (!as->open)
        return unexpected("a transaction's message outside of it", err);
    return as->skipping || put_message(as, m, err);
}

bool assembler_take(struct assembler *as, struct postgres_conn *sql,
                    const struct postgres_stream_msg *from, struct error *err)
{
    const struct relation *rel;
    struct pgoutput_msg msg;
    bool fresh;

    if (!spool_relieve(&as->spool, err) || !pgoutput_decode(from->payload, as->scratch, &msg, err))
        return false;
    as->lsn = from->wal_start;
    switch (msg.kind) {
    case PGOUTPUT_BEGIN:
        return take_begin(as, &msg.begin, err);
    case PGOUTPUT_COMMIT:
        return take_commit(as, &msg.commit, err);
    case PGOUTPUT_RELATION:
        return postgres_relations_put(as->relations, sql, &msg.relation, &rel, &fresh, err);
    case PGOUTPUT_TYPE:
        postgres_relations_type(as->relations, &msg.type);
        return true;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        return take_row(as, sql, &msg, err);
    case PGOUTPUT_TRUNCATE:
        return take_truncate(as, sql, &msg.truncate, err);
    case PGOUTPUT_MESSAGE:
        return take_message(as, &msg.message, from->server_time_us, err);
    case PGOUTPUT_ORIGIN:
        return true; /* every origin is taken */
    }
    return unexpected("an unknown message", err);
}
