/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types and values of CQL from hostile bytes. Input: one byte that picks the PostgreSQL type, the CQL type's text
 * up to the first newline, and the value behind it. The same bytes are also read as a protocol option.
 *
 * Checked besides memory: a type that was read is written as text that reads back equal, a value that is
 * refused leaves the buffer as it was, and one that is taken leaves it usable.
 */
#include "base/limits.h"
#include "cql/types.h"
#include "model/pgtype.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t oids[] = {
    PG_BOOL,         PG_INT2,
    PG_INT4,         PG_INT8,
    PG_OID,          PG_NUMERIC,
    PG_FLOAT4,       PG_FLOAT8,
    PG_BYTEA,        PG_UUID,
    PG_TIMESTAMPTZ,  PG_DATE,
    PG_TIME,         PG_INET,
    PG_TEXT,         PG_JSONB,
    PG_CIDR,         PG_INTERVAL,
    PG_TIMESTAMP,    1007 /*int4[]*/,
    1009 /*text[]*/, 1231 /*numeric[]*/,
};

enum { OID_COUNT = sizeof oids / sizeof oids[0] };

/* As text and back; names with bytes that are no identifier are quoted, so every tree can be written. */
static void round_trip(const struct cql_type *type, struct arena *a)
{
    const struct cql_type *again;
    struct buf b;

    buf_init(&b, MIB);
    cql_types_text(type, &b);
    if (buf_ok(&b) && cql_types_parse(buf_view(&b), a, &again))
        assert(cql_types_equal(type, again));
    buf_done(&b);
}

static void read_protocol(struct str bytes, struct arena *a)
{
    struct rd r = rd_make(bytes);
    const struct cql_type *type = NULL;

    if (cql_types_read(&r, a, &type))
        round_trip(type, a);
}

static void convert(unsigned pick, const struct cql_type *type, struct str value)
{
    struct column col = { .name = STR("c"), .typmod = -1, .type_kind = 'b' };
    const char *why = NULL;
    struct error err;
    struct buf out;

    if (pick < OID_COUNT)
        col.type_oid = oids[pick];
    else
        col.type_kind = pick == OID_COUNT ? 'd' : 'p';
    if (pick == OID_COUNT + 1)
        col.type_oid = PG_INT8;
    else if (pick > OID_COUNT + 1)
        col.type_oid = PG_UNKNOWN;
    if (!cql_types_fit(&col, type, &why)) {
        assert(why != NULL);
        return;
    }
    buf_init(&out, MIB);
    buf_text(&out, "before");
    if (!cql_types_encode(&col, type, value, &out, &err)) {
        assert(err.kind == ERR_REJECT);
        assert(str_is(buf_view(&out), "before"));
    }
    assert(buf_ok(&out));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make(data, size);
    const struct cql_type *type = NULL;
    struct arena a;
    size_t line;

    if (size < 1)
        return 0;
    arena_init(&a, 256 * MIB);
    read_protocol(text, &a);
    text = str_make(text.p + 1, text.n - 1);
    line = str_find(text, '\n');
    if (cql_types_parse(str_make(text.p, line), &a, &type)) {
        round_trip(type, &a);
        if (line < text.n)
            convert(data[0] % (OID_COUNT + 3), type,
                    str_make(text.p + line + 1, text.n - line - 1));
    }
    arena_done(&a);
    return 0;
}
