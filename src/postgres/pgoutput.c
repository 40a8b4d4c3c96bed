/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of protocol version 1, integers big-endian, text ends with NUL:
 *
 *   B  u64 commit_lsn | i64 time | u32 xid
 *   C  u8 flags = 0 | u64 commit_lsn | u64 commit_end | i64 time
 *   O  u64 commit_lsn | text name
 *   R  u32 oid | text schema | text table | u8 identity (d n f i) | u16 count
 *        count x: u8 flags (1: identity) | text name | u32 type | i32 typmod
 *   Y  u32 oid | text schema | text name
 *   I  u32 oid | 'N' row
 *   U  u32 oid | ['K' row or 'O' row] | 'N' row
 *   D  u32 oid | 'K' row or 'O' row
 *   T  u32 count | u8 flags (1: cascade, 2: restart identity) | count x u32 oid
 *   M  u8 flags (1: transactional) | u64 lsn | text prefix | u32 n | n bytes
 *   row  u16 count, count x: 'n' (NULL) | 'u' (unchanged TOAST) | 't' u32 n, n bytes of text
 *
 * time is in microseconds since 2000-01-01. Not asked for, hence refused: binary values 'b', the
 * streaming messages S E c A, and the two-phase ones b P K r p.
 *
 * Each part is read without checks; `step` remembers what is being read and where it began, for the
 * error that the one check at the end makes.
 */
#include "postgres/pgoutput.h"

#include "base/rd.h"

static const int64_t EPOCH_2000_US = 946684800000000;

struct decoder {
    struct rd r;
    const char *what; /* the part being read */
    size_t at;        /* where it begins */
};

static void step(struct decoder *d, const char *what)
{
    if (rd_ok(&d->r)) {
        d->what = what;
        d->at = rd_offset(&d->r);
    }
}

static void demand(struct decoder *d, bool holds)
{
    if (!holds)
        (void)rd_fail(&d->r);
}

static int64_t read_time(struct decoder *d)
{
    int64_t us = 0;

    step(d, "time");
    demand(d, !__builtin_add_overflow((int64_t)rd_be64(&d->r), EPOCH_2000_US, &us));
    return us;
}

static struct lsn read_lsn(struct decoder *d)
{
    step(d, "lsn");
    return (struct lsn){ rd_be64(&d->r) };
}

static struct str read_name(struct decoder *d, const char *what)
{
    step(d, what);
    return rd_cstr(&d->r, LIMIT_PG_NAME);
}

static void read_begin(struct decoder *d, struct pgoutput_begin *m)
{
    m->commit_lsn = read_lsn(d);
    m->commit_time_us = read_time(d);
    step(d, "xid");
    m->xid = rd_be32(&d->r);
}

static void read_commit(struct decoder *d, struct pgoutput_commit *m)
{
    step(d, "flags");
    demand(d, rd_u8(&d->r) == 0);
    m->commit_lsn = read_lsn(d);
    m->commit_end = read_lsn(d);
    demand(d, m->commit_end.v >= m->commit_lsn.v);
    m->commit_time_us = read_time(d);
}

static enum relation_identity read_identity(struct decoder *d)
{
    uint8_t c;

    step(d, "replica identity");
    c = rd_u8(&d->r);
    demand(d, c == RELATION_IDENTITY_DEFAULT || c == RELATION_IDENTITY_NOTHING ||
                  c == RELATION_IDENTITY_FULL || c == RELATION_IDENTITY_INDEX);
    return (enum relation_identity)c;
}

static void read_relation(struct decoder *d, struct pgoutput_column *columns,
                          struct pgoutput_relation *m)
{
    step(d, "relation");
    m->oid = rd_be32(&d->r);
    m->schema = read_name(d, "schema name");
    if (m->schema.n == 0)
        m->schema = STR("pg_catalog");
    m->table = read_name(d, "table name");
    m->identity = read_identity(d);
    step(d, "column count");
    m->column_count = rd_be16(&d->r);
    demand(d, m->column_count <= LIMIT_PG_COLUMNS);
    m->columns = columns;
    for (uint32_t i = 0; i < m->column_count && rd_ok(&d->r); i++) {
        step(d, "column flags");
        columns[i].identity = (rd_u8(&d->r) & 1) != 0;
        columns[i].name = read_name(d, "column name");
        step(d, "column type");
        columns[i].type_oid = rd_be32(&d->r);
        columns[i].typmod = (int32_t)rd_be32(&d->r);
    }
}

static void read_value(struct decoder *d, struct value *v)
{
    *v = (struct value){ VALUE_NULL, STR_NONE };
    switch (rd_u8(&d->r)) {
    case 'n':
        break;
    case 'u':
        v->kind = VALUE_UNCHANGED;
        break;
    case 't':
        v->kind = VALUE_TEXT;
        v->text = rd_bytes(&d->r, rd_be32(&d->r));
        break;
    default:
        (void)rd_fail(&d->r);
    }
}

/* Gives the number of columns. */
static uint32_t read_row(struct decoder *d, struct value *values)
{
    uint32_t count;

    step(d, "column count of a row");
    count = rd_be16(&d->r);
    demand(d, count <= LIMIT_PG_COLUMNS);
    for (uint32_t i = 0; i < count && rd_ok(&d->r); i++) {
        step(d, "value of a row");
        read_value(d, &values[i]);
    }
    return count;
}

/* 'K' row or 'O' row */
static void read_before(struct decoder *d, uint8_t mark, struct value *values,
                        struct pgoutput_row *m)
{
    demand(d, mark == 'K' || mark == 'O');
    m->before_kind = mark == 'O' ? CHANGE_BEFORE_FULL : CHANGE_BEFORE_KEY;
    m->before = values;
    m->before_count = read_row(d, values);
}

static void read_change(struct decoder *d, enum pgoutput_kind kind,
                        struct pgoutput_scratch *scratch, struct pgoutput_row *m)
{
    uint8_t mark;

    *m = (struct pgoutput_row){ .before_kind = CHANGE_BEFORE_NONE };
    step(d, "relation");
    m->relation_oid = rd_be32(&d->r);
    step(d, "mark of a row");
    mark = rd_u8(&d->r);
    if (kind == PGOUTPUT_DELETE) {
        read_before(d, mark, scratch->before, m);
        return;
    }
    if (kind == PGOUTPUT_UPDATE && mark != 'N') {
        read_before(d, mark, scratch->before, m);
        step(d, "mark of a row");
        mark = rd_u8(&d->r);
    }
    demand(d, mark == 'N');
    m->after = scratch->after;
    m->after_count = read_row(d, scratch->after);
}

static void read_truncate(struct decoder *d, struct pgoutput_truncate *m)
{
    uint8_t flags;

    step(d, "relation count");
    m->relation_count = rd_be32(&d->r);
    demand(d, m->relation_count <= rd_left(&d->r) / sizeof(uint32_t));
    step(d, "flags");
    flags = rd_u8(&d->r);
    m->flags = ((flags & 1) != 0 ? CHANGE_TRUNCATE_CASCADE : 0U) |
               ((flags & 2) != 0 ? CHANGE_TRUNCATE_RESTART : 0U);
    step(d, "relations");
    m->oids = rd_bytes(&d->r, m->relation_count * sizeof(uint32_t));
}

static void read_message(struct decoder *d, struct pgoutput_message *m)
{
    step(d, "flags");
    m->transactional = (rd_u8(&d->r) & 1) != 0;
    m->lsn = read_lsn(d);
    step(d, "prefix");
    /* The prefix is the application's text, bounded only by the message. */
    m->prefix = rd_cstr(&d->r, LIMIT_PG_MESSAGE);
    step(d, "content");
    m->content = rd_bytes(&d->r, rd_be32(&d->r));
}

static void read_body(struct decoder *d, struct pgoutput_scratch *scratch, struct pgoutput_msg *m)
{
    switch (m->kind) {
    case PGOUTPUT_BEGIN:
        read_begin(d, &m->begin);
        break;
    case PGOUTPUT_COMMIT:
        read_commit(d, &m->commit);
        break;
    case PGOUTPUT_ORIGIN:
        m->origin.commit_lsn = read_lsn(d);
        m->origin.name = read_name(d, "origin name");
        break;
    case PGOUTPUT_RELATION:
        read_relation(d, scratch->columns, &m->relation);
        break;
    case PGOUTPUT_TYPE:
        step(d, "type");
        m->type.oid = rd_be32(&d->r);
        m->type.schema = read_name(d, "schema name");
        m->type.name = read_name(d, "type name");
        break;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        read_change(d, m->kind, scratch, &m->row);
        break;
    case PGOUTPUT_TRUNCATE:
        read_truncate(d, &m->truncate);
        break;
    case PGOUTPUT_MESSAGE:
        read_message(d, &m->message);
        break;
    default: /* any other byte that the peer sent */
        (void)rd_fail(&d->r);
    }
}

static bool refuse(const struct decoder *d, struct str payload, struct error *err)
{
    unsigned kind = payload.n > 0 ? (unsigned char)payload.p[0] : 0;

    if (kind != 0 && strchr("SEcAbPKrp", (int)kind) != NULL) {
        return error_set(
            err, ERR_STOP, E_PGOUTPUT,
            "cannot decode a replication message: kind '%c' (streaming or two-phase) was "
            "not asked for",
            (char)kind);
    }
    return error_set(
        err, ERR_STOP, E_PGOUTPUT,
        "cannot decode a replication message (kind 0x%02x, %zu bytes): bad %s at byte %zu", kind,
        payload.n, d->what, d->at);
}

bool pgoutput_decode(struct str payload, struct pgoutput_scratch *scratch,
                     struct pgoutput_msg *ret_msg, struct error *err)
{
    struct decoder d = { .r = rd_make(payload), .what = "kind" };
    struct pgoutput_msg m = { 0 };

    m.kind = (enum pgoutput_kind)rd_u8(&d.r);
    read_body(&d, scratch, &m);
    if (rd_ok(&d.r))
        step(&d, "end");
    if (!rd_done(&d.r))
        return refuse(&d, payload, err);
    *ret_msg = m;
    return true;
}

bool pgoutput_fits(const struct pgoutput_msg *msg, const struct relation *rel, struct error *err)
{
    const struct pgoutput_row *m = &msg->row;
    uint32_t want = rel->column_count;
    uint32_t have = m->after != NULL ? m->after_count : m->before_count;

    if ((m->after == NULL || m->after_count == want) &&
        (m->before == NULL || m->before_count == want))
        return true;
    return error_set(err, ERR_STOP, E_PGOUTPUT,
                     "cannot decode a row of %.*s.%.*s: it has %u columns, its table %u",
                     STR_ARG(rel->schema), STR_ARG(rel->table),
                     have != want ? have : m->before_count, want);
}

uint32_t pgoutput_truncate_oid(const struct pgoutput_truncate *t, uint32_t index)
{
    struct rd r = rd_make(str_make(t->oids.p + sizeof(uint32_t) * index, sizeof(uint32_t)));

    return rd_be32(&r);
}
