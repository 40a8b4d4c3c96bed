/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CQL_CONVERT_H
#define TESTS_CQL_CONVERT_H

/* Shared by the tests of the value conversion: a PostgreSQL type, a CQL type as text, a value, and the
 * bytes in hexadecimal that Cassandra's Python driver gives for it. */

#include "cql/types.h"
#include "model/pgtype.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* Before cmocka.h, as it wants. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct convert_case {
    const char *text;
    const char *hex;
};

static inline const struct cql_type *convert_type(struct arena *a, const char *text)
{
    const struct cql_type *type = NULL;

    if (!cql_types_parse(str_from(text), a, &type))
        fail_msg("%s is not a type", text);
    return type;
}

static inline struct column convert_column(uint32_t oid)
{
    return (struct column){ .name = STR("c"),
                            .type_oid = oid,
                            .typmod = -1,
                            .element_oid = pgtype_element(oid),
                            .type_kind = 'b' };
}

/* Converts into `out`, which is cleared first; what fits by type must hold as well. */
static inline bool convert(const struct column *col, const char *cql, struct str text,
                           struct buf *out, struct error *err)
{
    struct arena a;
    const struct cql_type *type;
    const char *why = "";
    bool ok;

    arena_init(&a, LIMIT_ARENA);
    type = convert_type(&a, cql);
    if (!cql_types_fit(col, type, &why))
        fail_msg("%u does not fit %s: %s", col->type_oid, cql, why);
    buf_clear(out);
    ok = cql_types_encode(col, type, text, out, err);
    arena_done(&a);
    return ok;
}

static inline void expect_bytes(uint32_t oid, const char *cql, const char *text, const char *hex)
{
    struct column col = convert_column(oid);
    struct error err = { .kind = ERR_NONE };
    struct buf out;
    struct buf got;

    buf_init(&out, LIMIT_CQL_REQUEST);
    buf_init(&got, LIMIT_CQL_REQUEST);
    if (!convert(&col, cql, str_from(text), &out, &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < out.n; i++)
        buf_putf(&got, "%02x", (unsigned char)out.p[i]);
    if (strcmp(buf_cstr(&got), hex) != 0)
        fail_msg("'%s' as %s is %s, not %s", text, cql, buf_cstr(&got), hex);
    buf_done(&got);
    buf_done(&out);
}

static inline void expect_all(uint32_t oid, const char *cql, const struct convert_case *cases,
                              size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_bytes(oid, cql, cases[i].text, cases[i].hex);
}

/* The value is refused with ERR_REJECT, the message names `why`, and nothing is left behind. */
static inline void expect_refused(uint32_t oid, const char *cql, const char *text, const char *why)
{
    struct column col = convert_column(oid);
    struct error err = { .kind = ERR_NONE };
    struct buf out;

    buf_init(&out, LIMIT_CQL_REQUEST);
    if (convert(&col, cql, str_from(text), &out, &err))
        fail_msg("'%s' was taken as %s", text, cql);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.code, "E0650");
    if (strstr(err.msg, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
    assert_int_equal(out.n, 0);
    assert_true(buf_ok(&out));
    buf_done(&out);
}

#define EXPECT_ALL(oid, cql, cases) expect_all(oid, cql, cases, sizeof(cases) / sizeof((cases)[0]))

#endif
