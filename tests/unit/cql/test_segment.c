/* SPDX-License-Identifier: Apache-2.0 */
/* Golden bytes from an independent encoder: the Python driver 3.29 (cassandra.segment). */
#include "cql/segment.h"

#include "base/limits.h"
#include "cql/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hex.h"

enum { BIG = 200000 };

static const char OPTIONS[] = "050000000500000000";

static struct buf in;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&in, 4 * MIB);
    buf_init(&out, 4 * MIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&in);
    buf_done(&out);
    return 0;
}

static void big_envelope(struct buf *b)
{
    hex_put(b, "0500000007");
    buf_be32(b, BIG);
    for (int i = 0; i < BIG; i++)
        buf_u8(b, 'x');
}

static void whole_envelopes_share_a_segment(void **state)
{
    (void)state;
    hex_put(&in, OPTIONS);
    cql_segment_put(&out, buf_view(&in));
    hex_expect(&out, "090002a4c8c10500000005000000001086284d");
    buf_clear(&out);
    hex_put(&in, OPTIONS);
    cql_segment_put(&out, buf_view(&in));
    hex_expect(&out, "120002f6cbcf050000000500000000050000000500000000f47e7e12");
}

static void large_envelope_is_sliced(void **state)
{
    struct buf part;

    (void)state;
    big_envelope(&in);
    cql_segment_put(&out, buf_view(&in));
    assert_int_equal(out.n, 200029);
    buf_init(&part, 64);
    buf_put(&part, out.p, 6);
    buf_put(&part, out.p + 6 + CQL_SEGMENT_PAYLOAD, 10);
    buf_put(&part, out.p + out.n - 4, 4);
    hex_expect(&part, "ffff013891fe"
                      "433a18a14a0d01c0e0e2"
                      "a95fafab");
    buf_done(&part);
}

/* Feeds `out` in pieces of n bytes; true when all came back as `in`. */
static bool comes_back(size_t n)
{
    struct cql_unsegment u = { 0 };
    struct error err;
    struct buf raw;
    struct buf back;
    bool same;

    buf_init(&raw, 4 * MIB);
    buf_init(&back, 4 * MIB);
    for (size_t at = 0; at < out.n; at += n) {
        size_t taken;

        buf_put(&raw, out.p + at, n < out.n - at ? n : out.n - at);
        assert_true(cql_segment_take(&u, buf_view(&raw), &back, &taken, &err));
        buf_consume(&raw, taken);
    }
    same = raw.n == 0 && u.missing == 0 && str_eq(buf_view(&back), buf_view(&in));
    buf_done(&raw);
    buf_done(&back);
    return same;
}

static void what_is_put_is_taken_whatever_the_pieces(void **state)
{
    (void)state;
    hex_put(&in, OPTIONS);
    big_envelope(&in);
    hex_put(&in, OPTIONS);
    hex_put(&in, OPTIONS);
    cql_segment_put(&out, buf_view(&in));
    assert_true(comes_back(out.n));
    assert_true(comes_back(65536));
    assert_true(comes_back(997));
}

static bool refused(void)
{
    struct cql_unsegment u = { 0 };
    struct error err = { 0 };
    struct buf back;
    size_t taken;
    bool ok;

    buf_init(&back, 4 * MIB);
    ok = cql_segment_take(&u, buf_view(&out), &back, &taken, &err);
    buf_done(&back);
    return !ok && err.kind == ERR_RETRY;
}

static void any_flipped_bit_is_found(void **state)
{
    (void)state;
    hex_put(&in, OPTIONS);
    cql_segment_put(&out, buf_view(&in));
    for (size_t i = 0; i < out.n * 8; i++) {
        out.p[i / 8] ^= (char)(1 << (i % 8));
        assert_true(refused());
        out.p[i / 8] ^= (char)(1 << (i % 8));
    }
    assert_false(refused());
}

/* A segment with right CRCs around any payload. */
static void put_segment(const char *payload_hex, bool whole)
{
    struct buf payload;
    uint32_t header;
    uint32_t crc;

    buf_init(&payload, KIB);
    hex_put(&payload, payload_hex);
    header = (uint32_t)payload.n | (whole ? 1u << 17 : 0);
    crc = cql_segment_crc24(header, 3);
    for (int i = 0; i < 3; i++)
        buf_u8(&out, (uint8_t)(header >> (8 * i)));
    for (int i = 0; i < 3; i++)
        buf_u8(&out, (uint8_t)(crc >> (8 * i)));
    buf_str(&out, buf_view(&payload));
    buf_le32(&out, cql_segment_crc32(payload.p, payload.n));
    buf_done(&payload);
}

static void cut_envelope_in_a_whole_segment_is_refused(void **state)
{
    (void)state;
    put_segment("0500000005000000", true);
    assert_true(refused());
    buf_clear(&out);
    put_segment("05000000050000000100", true);
    assert_false(refused());
    buf_clear(&out);
    put_segment("050000000500000002ff", true);
    assert_true(refused());
}

static void slices_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    put_segment("050000000500000002ff", false);
    assert_false(refused()); /* one byte is to come */
    put_segment("ffff", false);
    assert_true(refused()); /* two came */
    buf_clear(&out);
    put_segment("050000000500000002ff", false);
    put_segment(OPTIONS, true);
    assert_true(refused());
    buf_clear(&out);
    put_segment("05000000057fffffffff", false);
    assert_true(refused()); /* above the limit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_envelopes_share_a_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(large_envelope_is_sliced, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_put_is_taken_whatever_the_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(any_flipped_bit_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_envelope_in_a_whole_segment_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slices_that_do_not_fit_together_are_refused, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
