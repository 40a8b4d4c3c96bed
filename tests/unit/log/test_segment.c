/* SPDX-License-Identifier: Apache-2.0 */
#include "log/segment.h"

#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The example of docs/log-format.md, byte for byte. */
static void the_example_of_the_manual_is_what_is_written(void **state)
{
    static const char expected[] =
        "4d53494e4b4c4f47010000004000000000000000000000000040624159440600"
        "00000000000000000000000000000000000000000000000000000000ae7e06e1"
        "5da5c3b7a3dc2e1d40000000000000004000000000000000"
        "09000000020000000100000000000000d983f3ab00000000"
        "0368657904776f6c66";
    struct segment_header h = { SEGMENT_VERSION, 0, 1764000000000000, 0 };
    unsigned char header[SEGMENT_HEADER];
    unsigned char batch[SEGMENT_BATCH_HEADER];
    struct segment_batch b = { .pos = 64, .synced_upto = 64, .record_count = 2, .flags = 1 };
    struct buf payload;
    struct buf hex;

    (void)state;
    buf_init(&payload, 100);
    buf_init(&hex, 1000);
    segment_record_put(&payload, STR("hey"));
    segment_record_put(&payload, STR("wolf"));
    b.payload_n = (uint32_t)payload.n;
    b.payload_crc = crc32c(0, payload.p, payload.n);
    segment_header_encode(&h, header);
    segment_batch_encode(&b, batch);
    for (size_t i = 0; i < sizeof header; i++)
        buf_putf(&hex, "%02x", header[i]);
    for (size_t i = 0; i < sizeof batch; i++)
        buf_putf(&hex, "%02x", batch[i]);
    for (size_t i = 0; i < payload.n; i++)
        buf_putf(&hex, "%02x", (unsigned char)payload.p[i]);
    assert_string_equal(buf_cstr(&hex), expected);
    buf_done(&payload);
    buf_done(&hex);
}

static void a_segment_header_comes_back(void **state)
{
    struct segment_header h = { SEGMENT_VERSION, 123456789, -5, 77 };
    struct segment_header again;
    unsigned char bytes[SEGMENT_HEADER];

    (void)state;
    segment_header_encode(&h, bytes);
    assert_int_equal(segment_header_decode(bytes, &again), SEGMENT_HEADER_OK);
    assert_int_equal(again.base, 123456789);
    assert_int_equal(again.created_us, -5);
    assert_int_equal(again.link, 77);
}

static void a_newer_version_is_told_from_damage(void **state)
{
    struct segment_header h = { SEGMENT_VERSION + 1, 0, 0, 0 };
    struct segment_header again;
    unsigned char bytes[SEGMENT_HEADER];

    (void)state;
    segment_header_encode(&h, bytes);
    assert_int_equal(segment_header_decode(bytes, &again), SEGMENT_HEADER_NEWER);
    bytes[20] ^= 1;
    assert_int_equal(segment_header_decode(bytes, &again), SEGMENT_HEADER_BAD);
}

static void every_flipped_bit_of_a_header_is_seen(void **state)
{
    struct segment_header h = { SEGMENT_VERSION, 4096, 9, 1 };
    struct segment_batch b = { .pos = 64, .payload_n = 10, .record_count = 1 };
    struct segment_header again;
    struct segment_batch batch_again;
    unsigned char bytes[SEGMENT_HEADER];
    unsigned char batch[SEGMENT_BATCH_HEADER];

    (void)state;
    segment_header_encode(&h, bytes);
    segment_batch_encode(&b, batch);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(segment_header_decode(bytes, &again), SEGMENT_HEADER_BAD);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < sizeof batch * 8; bit++) {
        batch[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(segment_batch_decode(batch, &batch_again));
        batch[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(segment_batch_decode(batch, &batch_again));
    assert_int_equal(batch_again.crc, b.crc);
}

static void a_payload_above_the_limit_is_refused(void **state)
{
    struct segment_batch b = { .payload_n = (uint32_t)SEGMENT_PAYLOAD_MAX + 1 };
    struct segment_batch again;
    unsigned char bytes[SEGMENT_BATCH_HEADER];

    (void)state;
    segment_batch_encode(&b, bytes);
    assert_false(segment_batch_decode(bytes, &again));
}

static void the_size_of_a_record_is_known_before(void **state)
{
    static const size_t sizes[] = { 0, 1, 127, 128, 16383, 16384, 300000 };
    static const char zeros[300000];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf b;

        buf_init(&b, 400000);
        segment_record_put(&b, str_make(zeros, sizes[i]));
        assert_int_equal(b.n, segment_record_size(sizes[i]));
        buf_done(&b);
    }
}

static void a_payload_holds_exactly_its_records(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    segment_record_put(&b, STR("one"));
    segment_record_put(&b, STR(""));
    assert_true(segment_payload_ok(buf_view(&b), 2));
    assert_false(segment_payload_ok(buf_view(&b), 1));
    assert_false(segment_payload_ok(buf_view(&b), 3));
    buf_u8(&b, 9); /* a length without its bytes */
    assert_false(segment_payload_ok(buf_view(&b), 3));
    buf_done(&b);
}

static void only_names_as_we_write_them_are_segments(void **state)
{
    static const char *const wrong[] = { "",
                                         "0000000000000040",
                                         "0000000000000040.torn",
                                         "0000000000000040.seg.torn",
                                         "000000000000004.seg",
                                         "000000000000004A.seg",
                                         "000000000000004g.seg",
                                         "0x00000000000040.seg" };
    char name[SEGMENT_NAME];
    uint64_t base;

    (void)state;
    segment_name(0xabcdef0123456789u, name);
    assert_string_equal(name, "abcdef0123456789.seg");
    assert_true(segment_name_parse(name, &base));
    assert_true(base == 0xabcdef0123456789u);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(segment_name_parse(wrong[i], &base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_manual_is_what_is_written),
        cmocka_unit_test(a_segment_header_comes_back),
        cmocka_unit_test(a_newer_version_is_told_from_damage),
        cmocka_unit_test(every_flipped_bit_of_a_header_is_seen),
        cmocka_unit_test(a_payload_above_the_limit_is_refused),
        cmocka_unit_test(the_size_of_a_record_is_known_before),
        cmocka_unit_test(a_payload_holds_exactly_its_records),
        cmocka_unit_test(only_names_as_we_write_them_are_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
