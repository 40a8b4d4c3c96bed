/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_are_read_in_their_byte_order(void **state)
{
    (void)state;
    struct rd r = rd_make(str_make("\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\2\3", 17));

    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_be16(&r), 0x0203);
    assert_int_equal(rd_be32(&r), 0x04050607);
    assert_true(rd_be64(&r) == 0x08090a0b0c0d0e0fu);
    assert_int_equal(rd_offset(&r), 15);
    assert_int_equal(rd_le16(&r), 0x0302);
    assert_true(rd_done(&r));
}

static void reading_past_the_end_sticks(void **state)
{
    (void)state;
    struct rd r = rd_make(str_make("\1\2\3", 3));

    assert_int_equal(rd_le32(&r), 0);
    assert_false(rd_ok(&r));
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_bytes(&r, 0).n, 0);
    assert_false(rd_done(&r));
}

static void varints_of_every_size_come_back(void **state)
{
    (void)state;
    static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct buf b;
        struct rd r;

        buf_init(&b, 20);
        buf_varint(&b, values[i]);
        r = rd_make(buf_view(&b));
        assert_true(rd_varint(&r) == values[i]);
        assert_true(rd_done(&r));
        for (size_t n = 0; n < b.n; n++) {
            r = rd_make(str_make(b.p, n));
            (void)rd_varint(&r);
            assert_false(rd_ok(&r));
        }
        buf_done(&b);
    }
}

static void a_varint_of_more_than_64_bits_is_bad(void **state)
{
    (void)state;
    struct rd r = rd_make(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));

    (void)rd_varint(&r);
    assert_false(rd_ok(&r));
    r = rd_make(STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"));
    (void)rd_varint(&r);
    assert_false(rd_ok(&r));
}

static void a_text_above_its_ceiling_is_bad(void **state)
{
    (void)state;
    struct rd r = rd_make(STR("\3abc"));

    assert_true(str_is(rd_varstr(&r, 3), "abc"));
    assert_true(rd_done(&r));
    r = rd_make(STR("\3abc"));
    (void)rd_varstr(&r, 2);
    assert_false(rd_ok(&r));
    r = rd_make(STR("\4abc"));
    (void)rd_varstr(&r, 10);
    assert_false(rd_ok(&r));
}

static void a_text_ends_at_its_nul(void **state)
{
    (void)state;
    struct rd r = rd_make(str_make("ab\0c", 4));

    assert_true(str_is(rd_cstr(&r, 10), "ab"));
    assert_int_equal(rd_peek(&r), 'c');
    (void)rd_cstr(&r, 10);
    assert_false(rd_ok(&r));
    r = rd_make(str_make("abc\0", 4));
    (void)rd_cstr(&r, 2);
    assert_false(rd_ok(&r));
    r = rd_make(STR_NONE);
    (void)rd_cstr(&r, 2);
    assert_false(rd_ok(&r));
}

static void digits_and_characters_are_taken_or_fail(void **state)
{
    struct rd r = rd_make(STR("0042-7x"));

    (void)state;
    assert_int_equal(rd_digits(&r, 2, 4), 42);
    assert_false(rd_take(&r, '+'));
    assert_true(rd_take(&r, '-'));
    assert_int_equal(rd_digits(&r, 1, 18), 7);
    assert_true(rd_ok(&r));
    rd_expect(&r, 'x');
    assert_true(rd_done(&r));
    rd_expect(&r, 'x');
    assert_false(rd_ok(&r));
    r = rd_make(STR("7"));
    assert_int_equal(rd_digits(&r, 2, 2), 0);
    assert_false(rd_ok(&r));
    assert_false(rd_take(&r, '7'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_their_byte_order),
        cmocka_unit_test(reading_past_the_end_sticks),
        cmocka_unit_test(varints_of_every_size_come_back),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_bad),
        cmocka_unit_test(a_text_above_its_ceiling_is_bad),
        cmocka_unit_test(a_text_ends_at_its_nul),
        cmocka_unit_test(digits_and_characters_are_taken_or_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
