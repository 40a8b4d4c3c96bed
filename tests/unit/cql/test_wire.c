/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/wire.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hex.h"

static struct buf bytes;
static struct error err;

static int setup(void **state)
{
    (void)state;
    buf_init(&bytes, MIB);
    err = (struct error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&bytes);
    return 0;
}

static bool take(const char *hex, struct cql_envelope *ret_envelope, size_t *ret_size)
{
    buf_clear(&bytes);
    hex_put(&bytes, hex);
    return cql_wire_take(buf_view(&bytes), ret_envelope, ret_size, &err);
}

/* ---- envelopes ---- */

static void an_answer_is_taken_and_what_follows_is_left(void **state)
{
    struct cql_envelope e;
    size_t size;

    (void)state;
    assert_true(take("8502abcd08"
                     "00000003"
                     "616263"
                     "84",
                     &e, &size));
    assert_int_equal(size, CQL_WIRE_HEADER + 3);
    assert_int_equal(e.version, 5);
    assert_int_equal(e.flags, CQL_FLAG_TRACING);
    assert_int_equal((uint16_t)e.stream, 0xabcd);
    assert_int_equal(e.opcode, CQL_OP_RESULT);
    assert_true(str_is(e.body, "abc"));
}

static void an_event_has_stream_minus_one(void **state)
{
    struct cql_envelope e;
    size_t size;

    (void)state;
    assert_true(take("8400ffff0c00000000", &e, &size));
    assert_int_equal(e.stream, -1);
    assert_int_equal(size, CQL_WIRE_HEADER);
}

static void an_answer_cut_anywhere_waits_for_more(void **state)
{
    struct cql_envelope e = { .opcode = 0x77 };
    size_t size = 1;

    (void)state;
    hex_put(&bytes, "840000010800000002aabb");
    for (size_t n = 0; n < bytes.n; n++) {
        assert_true(cql_wire_take(str_make(bytes.p, n), &e, &size, &err));
        assert_int_equal(size, 0);
        assert_int_equal(e.opcode, 0x77);
    }
}

static void a_request_or_a_strange_version_is_refused(void **state)
{
    static const char *const bad[] = { "040000010800000000", "820000010800000000",
                                       "870000010800000000", "485454502f312e3120" };
    struct cql_envelope e = { .opcode = 0x77 };
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(take(bad[i], &e, &size));
        assert_int_equal(err.kind, ERR_RETRY);
        assert_true(error_is(&err, E_CQL_PROTOCOL));
        assert_int_equal(e.opcode, 0x77);
    }
    /* A node that refuses our version answers in its own. */
    assert_true(take("830000010000000000", &e, &size));
    assert_true(take("860000010000000000", &e, &size));
}

static void a_body_above_the_limit_is_refused_by_its_header(void **state)
{
    struct cql_envelope e;
    size_t size;

    (void)state;
    hex_put(&bytes, "8400000108");
    buf_be32(&bytes, (uint32_t)LIMIT_CQL_REPLY + 1);
    assert_false(cql_wire_take(buf_view(&bytes), &e, &size, &err));
    assert_true(error_is(&err, E_CQL_PROTOCOL));
    assert_true(cql_wire_size(bytes.p) == (uint64_t)CQL_WIRE_HEADER + LIMIT_CQL_REPLY + 1);
    buf_patch_be32(&bytes, 5, (uint32_t)LIMIT_CQL_REPLY);
    assert_true(cql_wire_take(buf_view(&bytes), &e, &size, &err));
    assert_int_equal(size, 0);
}

static void the_size_of_the_longest_envelope_does_not_wrap(void **state)
{
    (void)state;
    hex_put(&bytes, "8400000108ffffffff");
    assert_true(cql_wire_size(bytes.p) == UINT64_C(0xffffffff) + CQL_WIRE_HEADER);
}

static void requests_stand_one_behind_the_other_with_their_lengths(void **state)
{
    size_t at;

    (void)state;
    at = cql_wire_begin(&bytes, 4, 0x0102, CQL_OP_QUERY);
    assert_int_equal(at, 0);
    cql_wire_put_long_string(&bytes, STR("ab"));
    cql_wire_end(&bytes, at);
    at = cql_wire_begin(&bytes, 5, 0x7fff, CQL_OP_OPTIONS);
    cql_wire_end(&bytes, at);
    hex_expect(&bytes, "0400010207"
                       "00000006"
                       "000000026162"
                       "05007fff05"
                       "00000000");
}

static void a_request_that_does_not_fit_fails_its_buffer(void **state)
{
    struct buf small;
    size_t at;

    (void)state;
    buf_init(&small, CQL_WIRE_HEADER + 2);
    at = cql_wire_begin(&small, 4, 1, CQL_OP_QUERY);
    cql_wire_put_string(&small, STR("abc"));
    cql_wire_end(&small, at);
    assert_false(buf_ok(&small));
    buf_clear(&small);
    small.limit = CQL_WIRE_HEADER - 1;
    cql_wire_end(&small, cql_wire_begin(&small, 4, 1, CQL_OP_QUERY));
    assert_false(buf_ok(&small));
    buf_done(&small);
}

/* ---- notations ---- */

static void null_bytes_are_told_from_empty_ones(void **state)
{
    struct rd r;
    struct str v;

    (void)state;
    hex_put(&bytes, "ffffffff"
                    "00000000"
                    "000161");
    r = rd_make(buf_view(&bytes));
    assert_null(cql_wire_bytes(&r).p);
    v = cql_wire_bytes(&r);
    assert_non_null(v.p);
    assert_int_equal(v.n, 0);
    assert_true(str_is(cql_wire_string(&r), "a"));
    assert_true(rd_done(&r));
}

static void lengths_behind_the_end_are_bad(void **state)
{
    struct rd r;

    (void)state;
    hex_put(&bytes, "7fffffff61");
    r = rd_make(buf_view(&bytes));
    (void)cql_wire_bytes(&r);
    assert_false(rd_ok(&r));
    r = rd_make(buf_view(&bytes));
    (void)cql_wire_string(&r);
    assert_false(rd_ok(&r));
}

static void a_count_above_its_limit_is_bad_and_zero(void **state)
{
    struct rd r;

    (void)state;
    hex_put(&bytes, "00000003"
                    "00000004"
                    "ffffffff");
    r = rd_make(buf_view(&bytes));
    assert_int_equal(cql_wire_count(&r, 3), 3);
    assert_true(rd_ok(&r));
    assert_int_equal(cql_wire_count(&r, 3), 0);
    assert_false(rd_ok(&r));
    r = rd_make(str_make(bytes.p + 8, 4)); /* -1 */
    assert_int_equal(cql_wire_count(&r, 1000), 0);
    assert_false(rd_ok(&r));
}

static struct cql_envelope envelope(uint8_t version, uint8_t flags)
{
    return (struct cql_envelope){
        .version = version, .flags = flags, .opcode = CQL_OP_RESULT, .body = buf_view(&bytes)
    };
}

static void the_message_stands_behind_what_the_flags_announce(void **state)
{
    struct cql_envelope e;
    struct rd r;

    (void)state;
    hex_put(&bytes, "000102030405060708090a0b0c0d0e0f"
                    "0002000177000178"
                    "0001000170ffffffff"
                    "2a");
    e = envelope(4, CQL_FLAG_TRACING | CQL_FLAG_WARNING | CQL_FLAG_PAYLOAD);
    r = cql_wire_message(&e);
    assert_int_equal(rd_u8(&r), 0x2a);
    assert_true(rd_done(&r));
}

static void announced_parts_that_are_missing_are_bad(void **state)
{
    static const uint8_t flags[] = { CQL_FLAG_TRACING, CQL_FLAG_WARNING, CQL_FLAG_PAYLOAD };

    (void)state;
    hex_put(&bytes, "ffff00");
    for (size_t i = 0; i < sizeof flags; i++) {
        struct cql_envelope e = envelope(5, flags[i]);
        struct rd r = cql_wire_message(&e);

        assert_false(rd_ok(&r));
    }
}

static void compression_that_nobody_asked_for_is_bad_but_in_v5(void **state)
{
    struct cql_envelope e;
    struct rd r;

    (void)state;
    hex_put(&bytes, "2a");
    e = envelope(4, CQL_FLAG_COMPRESSED);
    r = cql_wire_message(&e);
    assert_false(rd_ok(&r));
    e = envelope(5, CQL_FLAG_COMPRESSED);
    r = cql_wire_message(&e);
    assert_true(rd_ok(&r));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_answer_is_taken_and_what_follows_is_left),
        CASE(an_event_has_stream_minus_one),
        CASE(an_answer_cut_anywhere_waits_for_more),
        CASE(a_request_or_a_strange_version_is_refused),
        CASE(a_body_above_the_limit_is_refused_by_its_header),
        CASE(the_size_of_the_longest_envelope_does_not_wrap),
        CASE(requests_stand_one_behind_the_other_with_their_lengths),
        CASE(a_request_that_does_not_fit_fails_its_buffer),
        CASE(null_bytes_are_told_from_empty_ones),
        CASE(lengths_behind_the_end_are_bad),
        CASE(a_count_above_its_limit_is_bad_and_zero),
        CASE(the_message_stands_behind_what_the_flags_announce),
        CASE(announced_parts_that_are_missing_are_bad),
        CASE(compression_that_nobody_asked_for_is_bad_but_in_v5),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
