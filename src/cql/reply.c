/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies (native_protocol_v5.spec sections 4.2 and 8):
 *
 *     ERROR      code int, text [string], then by code:
 *                  unavailable      consistency short, required int, alive int
 *                  write timeout    consistency short, received int, required int, type [string]
 *                  read timeout     consistency short, received int, required int, ...
 *                  write failure    consistency short, received int, required int,
 *                                   v4: failures int; v5: n int, n x (address, short); type [string]
 *                  unprepared       id [short bytes]
 *     SUPPORTED  [string multimap]
 *     EVENT      type [string], change [string], then an address, or target and keyspace [string]
 *     RESULT     kind int, then
 *       Rows       <metadata>, rows int, rows x columns x [bytes]
 *       Prepared   id [short bytes], (v5: result id [short bytes]), <bind metadata>, <metadata>
 *     <metadata>       flags int, columns int, (paging state [bytes]), (new id [short bytes]),
 *                      (global keyspace and table), columns x (keyspace, table, name, type)
 *     <bind metadata>  flags int, columns int, n int, n x short, then as above
 */
#include "cql/reply.h"

#include "base/limits.h"

enum metadata_flag { GLOBAL = 0x01, MORE_PAGES = 0x02, NO_METADATA = 0x04, CHANGED = 0x08 };

/* The least a column takes on the wire: name (2) and type (2); and a cell: its length. */
enum { COLUMN_MIN = 4, CELL_MIN = 4, KEY_MIN = 2 };

static bool malformed(struct error *err, const char *what)
{
    return error_set(err, ERR_RETRY, E_CQL_PROTOCOL, "cannot read %s: it is malformed", what);
}

/* ---- ERROR ---- */

static void skip_reasons(struct rd *r)
{
    for (uint32_t n = cql_wire_count(r, LIMIT_CQL_HOSTS); n > 0 && rd_ok(r); n--) {
        (void)rd_bytes(r, rd_u8(r));
        (void)rd_be16(r);
    }
}

static void failure_details(struct rd *r, unsigned version, struct cql_failure *f)
{
    switch (f->code) {
    case CQL_ERR_UNAVAILABLE:
        f->consistency = rd_be16(r);
        f->required = (int32_t)rd_be32(r);
        f->received = (int32_t)rd_be32(r);
        break;
    case CQL_ERR_WRITE_TIMEOUT:
    case CQL_ERR_READ_TIMEOUT:
    case CQL_ERR_WRITE_FAILURE:
    case CQL_ERR_READ_FAILURE:
        f->consistency = rd_be16(r);
        f->received = (int32_t)rd_be32(r);
        f->required = (int32_t)rd_be32(r);
        if (f->code == CQL_ERR_WRITE_FAILURE && version >= 5)
            skip_reasons(r);
        else if (f->code == CQL_ERR_WRITE_FAILURE)
            (void)rd_be32(r);
        if (f->code == CQL_ERR_WRITE_TIMEOUT || f->code == CQL_ERR_WRITE_FAILURE)
            f->write_type = cql_wire_string(r);
        break;
    case CQL_ERR_UNPREPARED:
        f->id = cql_wire_string(r);
        break;
    default:
        break; /* code and text say it all */
    }
}

bool cql_reply_failure(const struct cql_envelope *e, struct cql_failure *ret_failure,
                       struct error *err)
{
    struct rd r = cql_wire_message(e);
    struct cql_failure f = { 0 };

    f.code = rd_be32(&r);
    f.text = cql_wire_string(&r);
    if (rd_ok(&r))
        failure_details(&r, e->version, &f);
    if (!rd_ok(&r))
        return malformed(err, "an error's answer");
    *ret_failure = f;
    return true;
}

/* ---- SUPPORTED, EVENT ---- */

/* "5/v5"; a "5/v5-beta" is not offered to us. */
static unsigned version_of(struct str text)
{
    for (unsigned v = 4; v <= 5; v++) {
        char wanted[] = { (char)('0' + v), '/', 'v', (char)('0' + v), '\0' };

        if (str_is(text, wanted))
            return v;
    }
    return 0;
}

bool cql_reply_supported(const struct cql_envelope *e, unsigned otherwise, unsigned *ret_version,
                         struct error *err)
{
    struct rd r = cql_wire_message(e);
    unsigned best = otherwise;

    for (uint16_t keys = rd_be16(&r); keys > 0 && rd_ok(&r); keys--) {
        bool versions = str_is(cql_wire_string(&r), "PROTOCOL_VERSIONS");

        if (versions)
            best = 0;
        for (uint16_t n = rd_be16(&r); n > 0 && rd_ok(&r); n--) {
            unsigned v = version_of(cql_wire_string(&r));

            if (versions && v > best)
                best = v;
        }
    }
    if (!rd_ok(&r))
        return malformed(err, "the options a node supports");
    *ret_version = best;
    return true;
}

bool cql_reply_event(const struct cql_envelope *e, struct cql_event *ret_event, struct error *err)
{
    struct rd r = cql_wire_message(e);
    struct str type = cql_wire_string(&r);
    struct cql_event event = { .kind = CQL_EVENT_OTHER };

    event.change = cql_wire_string(&r);
    if (str_is(type, "TOPOLOGY_CHANGE") || str_is(type, "STATUS_CHANGE")) {
        event.kind = CQL_EVENT_TOPOLOGY;
    } else if (str_is(type, "SCHEMA_CHANGE")) {
        event.kind = CQL_EVENT_SCHEMA;
        (void)cql_wire_string(&r); /* target */
        event.keyspace = cql_wire_string(&r);
    }
    if (!rd_ok(&r))
        return malformed(err, "an event");
    *ret_event = event;
    return true;
}

/* ---- RESULT ---- */

uint32_t cql_reply_result_kind(const struct cql_envelope *e)
{
    struct rd r;
    uint32_t kind;

    if (e->opcode != CQL_OP_RESULT)
        return 0;
    r = cql_wire_message(e);
    kind = rd_be32(&r);
    return rd_ok(&r) ? kind : 0;
}

/* A copy of the message, so that names and types may point into it for as long as the arena lives. */
static struct rd message_copy(const struct cql_envelope *e, struct arena *a)
{
    struct rd r = cql_wire_message(e);

    if (!rd_ok(&r))
        return r;
    return rd_make(arena_str(a, str_make(r.p, rd_left(&r))));
}

static const char *type_text(const struct cql_type *type, struct arena *a)
{
    struct buf b;
    const char *text;

    buf_init(&b, LIMIT_CQL_TYPE_TEXT);
    cql_types_text(type, &b);
    text = buf_ok(&b) ? arena_str(a, buf_view(&b)).p : "(a type too long to show)";
    buf_done(&b);
    return text;
}

/* The columns of a metadata, as binds. `r` stands behind the counts. */
static bool read_columns(struct rd *r, uint32_t flags, uint32_t count, struct arena *a,
                         struct cql_bind *binds)
{
    if ((flags & GLOBAL) != 0) {
        (void)cql_wire_string(r);
        (void)cql_wire_string(r);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct str name;

        if ((flags & GLOBAL) == 0) {
            (void)cql_wire_string(r);
            (void)cql_wire_string(r);
        }
        name = cql_wire_string(r);
        if (!cql_types_read(r, a, &binds[i].type) || !rd_ok(r))
            return false;
        binds[i].name = arena_str(a, name).p;
        binds[i].type_text = type_text(binds[i].type, a);
    }
    return rd_ok(r);
}

static bool read_rows(struct rd *r, struct arena *a, struct cql_rows *rows)
{
    uint32_t flags = rd_be32(r);
    uint32_t columns = cql_wire_count(r, (uint32_t)(rd_left(r) / COLUMN_MIN));
    struct cql_bind *binds;
    const char **names;
    const struct cql_type **types;
    struct str *values;
    uint32_t count;
    size_t cells;

    if ((flags & MORE_PAGES) != 0)
        (void)cql_wire_bytes(r);
    if ((flags & CHANGED) != 0)
        (void)cql_wire_string(r);
    if (!rd_ok(r) || (flags & NO_METADATA) != 0) /* never asked for */
        return false;
    binds = arena_zalloc(a, columns, sizeof *binds);
    names = arena_zalloc(a, columns, sizeof *names);
    types = arena_zalloc(a, columns, sizeof(const struct cql_type *));
    if (!read_columns(r, flags, columns, a, binds))
        return false;
    for (uint32_t i = 0; i < columns; i++) {
        names[i] = binds[i].name;
        types[i] = binds[i].type;
    }
    count = rd_be32(r);
    if (columns == 0 || count > rd_left(r) / CELL_MIN / columns)
        return count == 0;
    cells = (size_t)count * columns;
    values = arena_zalloc(a, cells, sizeof *values);
    for (size_t i = 0; i < cells; i++)
        values[i] = cql_wire_bytes(r);
    rows->names = names;
    rows->types = types;
    rows->column_count = columns;
    rows->row_count = count;
    rows->values = values;
    return rd_ok(r);
}

bool cql_reply_rows(const struct cql_envelope *e, struct arena *a, struct cql_rows *ret_rows,
                    struct error *err)
{
    struct cql_rows rows = *ret_rows;
    struct rd r = message_copy(e, a);

    if (rd_be32(&r) != CQL_RESULT_ROWS || !read_rows(&r, a, &rows))
        return malformed(err, "a result's rows");
    *ret_rows = rows;
    return true;
}

static bool read_prepared(struct rd *r, unsigned version, struct arena *a, struct cql_prepared *p)
{
    struct cql_bind *binds;
    uint16_t *key;
    uint32_t flags;
    uint32_t columns;
    uint32_t keys;

    p->id = cql_wire_string(r);
    if (version >= 5)
        p->result_id = cql_wire_string(r);
    flags = rd_be32(r);
    columns = cql_wire_count(r, (uint32_t)(rd_left(r) / COLUMN_MIN));
    keys = cql_wire_count(r, (uint32_t)(rd_left(r) / KEY_MIN));
    key = arena_zalloc(a, keys, sizeof *key);
    for (uint32_t i = 0; i < keys; i++) {
        key[i] = rd_be16(r);
        if (key[i] >= columns)
            return false;
    }
    if (columns > UINT16_MAX || p->id.n == 0 || p->id.n > LIMIT_CQL_STATEMENT_ID ||
        p->result_id.n > LIMIT_CQL_STATEMENT_ID)
        return false;
    binds = arena_zalloc(a, columns, sizeof *binds);
    p->binds = binds;
    p->bind_count = columns;
    p->key = key;
    p->key_count = keys;
    return read_columns(r, flags, columns, a, binds);
}

bool cql_reply_prepared(const struct cql_envelope *e, struct arena *a,
                        struct cql_prepared *ret_prepared, struct error *err)
{
    struct cql_prepared p = { 0 };
    struct rd r = message_copy(e, a);

    if (rd_be32(&r) != CQL_RESULT_PREPARED || !read_prepared(&r, e->version, a, &p) || !rd_ok(&r))
        return malformed(err, "a prepared statement's description");
    *ret_prepared = p;
    return true;
}
