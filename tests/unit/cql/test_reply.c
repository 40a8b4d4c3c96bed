/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/reply.h"

#include "base/arena.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hex.h"

static struct buf body;
static struct arena arena;
static struct error err;

static int setup(void **state)
{
    (void)state;
    buf_init(&body, MIB);
    arena_init(&arena, LIMIT_ARENA);
    err = (struct error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&body);
    arena_done(&arena);
    return 0;
}

static struct cql_envelope envelope(uint8_t version, uint8_t opcode, uint8_t flags)
{
    return (struct cql_envelope){
        .version = version, .flags = flags, .opcode = opcode, .body = buf_view(&body)
    };
}

/* One row: k text = "ab", v int = null. */
static const char ROWS[] = "00000002"
                           "0000000100000002"
                           "00026b7300017400016b000d0001760009"
                           "00000001"
                           "000000026162ffffffff";

static void rows_are_read(void **state)
{
    struct cql_rows rows = { 0 };
    struct cql_envelope e;

    (void)state;
    hex_put(&body, ROWS);
    e = envelope(4, CQL_OP_RESULT, 0);
    assert_true(cql_reply_rows(&e, &arena, &rows, &err));
    assert_int_equal(rows.row_count, 1);
    assert_int_equal(rows.column_count, 2);
    assert_true(str_is(cql_rows_get(&rows, 0, "k"), "ab"));
    assert_null(cql_rows_get(&rows, 0, "v").p);
    assert_null(cql_rows_get(&rows, 0, "nope").p);
    assert_int_equal(rows.types[1]->id, CQL_INT);
}

static void tracing_warnings_and_payload_are_stepped_over(void **state)
{
    struct cql_rows rows = { 0 };
    struct cql_envelope e;

    (void)state;
    hex_put(&body, "000102030405060708090a0b0c0d0e0f"
                   "0001000177"
                   "000100017000000001ff");
    hex_put(&body, ROWS);
    e = envelope(4, CQL_OP_RESULT, CQL_FLAG_TRACING | CQL_FLAG_WARNING | CQL_FLAG_PAYLOAD);
    assert_true(cql_reply_rows(&e, &arena, &rows, &err));
    assert_int_equal(rows.row_count, 1);
}

static void rows_cut_anywhere_are_refused(void **state)
{
    struct cql_envelope e;

    (void)state;
    hex_put(&body, ROWS);
    for (size_t n = 0; n < body.n; n++) {
        struct cql_rows rows = { 0 };

        e = envelope(4, CQL_OP_RESULT, 0);
        e.body.n = n;
        assert_false(cql_reply_rows(&e, &arena, &rows, &err));
        assert_int_equal(err.kind, ERR_RETRY);
    }
}

static void counts_that_lie_are_refused(void **state)
{
    struct cql_rows rows = { 0 };
    struct cql_envelope e;

    (void)state;
    hex_put(&body, "00000002000000017fffffff00026b73000174");
    e = envelope(4, CQL_OP_RESULT, 0);
    assert_false(cql_reply_rows(&e, &arena, &rows, &err));
    buf_clear(&body);
    hex_put(&body, "00000002000000010000000100026b7300017400016b000d7fffffff");
    e = envelope(4, CQL_OP_RESULT, 0);
    assert_false(cql_reply_rows(&e, &arena, &rows, &err));
    assert_true(arena.used < MIB);
}

static void prepared_names_binds_and_key(void **state)
{
    struct cql_prepared p;
    struct cql_envelope e;

    (void)state;
    hex_put(&body, "00000004"
                   "00020102"
                   "0001aa"
                   "00000001000000020000000100010002"
                   "6b7300017400016b000d0001760009"
                   "0000000400000000");
    e = envelope(5, CQL_OP_RESULT, 0);
    assert_true(cql_reply_prepared(&e, &arena, &p, &err));
    assert_int_equal(p.id.n, 2);
    assert_int_equal(p.result_id.n, 1);
    assert_int_equal(p.bind_count, 2);
    assert_string_equal(p.binds[1].name, "v");
    assert_string_equal(p.binds[1].type_text, "int");
    assert_int_equal(p.key_count, 1);
    assert_int_equal(p.key[0], 1);
}

static void write_timeout_says_how_many_answered(void **state)
{
    struct cql_failure f;
    struct cql_envelope e;

    (void)state;
    hex_put(&body, "00001100"
                   "00026e6f"
                   "00060000000100000002"
                   "000653494d504c45");
    e = envelope(4, CQL_OP_ERROR, 0);
    assert_true(cql_reply_failure(&e, &f, &err));
    assert_int_equal(f.code, CQL_ERR_WRITE_TIMEOUT);
    assert_int_equal(f.received, 1);
    assert_int_equal(f.required, 2);
    assert_true(str_is(f.write_type, "SIMPLE"));
}

static void beta_versions_are_not_chosen(void **state)
{
    struct cql_envelope e;
    unsigned version;

    (void)state;
    hex_put(&body, "0001001150524f544f434f4c5f56455253494f4e530002"
                   "0004342f7634"
                   "0009352f76352d62657461");
    e = envelope(4, CQL_OP_SUPPORTED, 0);
    assert_true(cql_reply_supported(&e, 5, &version, &err));
    assert_int_equal(version, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(tracing_warnings_and_payload_are_stepped_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_cut_anywhere_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_that_lie_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(prepared_names_binds_and_key, setup, teardown),
        cmocka_unit_test_setup_teardown(write_timeout_says_how_many_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(beta_versions_are_not_chosen, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
