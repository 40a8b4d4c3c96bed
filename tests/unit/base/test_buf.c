/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void numbers_are_written_in_their_byte_order(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100);
    buf_u8(&b, 1);
    buf_be16(&b, 0x0203);
    buf_be32(&b, 0x04050607);
    buf_be64(&b, 0x08090a0b0c0d0e0f);
    buf_le16(&b, 0x0203);
    buf_le32(&b, 0x04050607);
    buf_le64(&b, 0x08090a0b0c0d0e0f);
    assert_int_equal(b.n, 29);
    assert_memory_equal(b.p,
                        "\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                        "\3\2\7\6\5\4\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08",
                        29);
    buf_done(&b);
}

static void decimals_are_as_printf_has_them(void **state)
{
    (void)state;
    uint64_t power = 1;

    for (int digits = 1; digits <= 20; digits++) {
        for (uint64_t v = power - 1; v <= power + 110; v++) {
            char want[24];
            struct buf b;

            (void)snprintf(want, sizeof want, "%llu", (unsigned long long)v);
            buf_init(&b, 20);
            buf_udec(&b, v);
            assert_string_equal(buf_cstr(&b), want);
            buf_done(&b);
        }
        power *= 10;
    }
}

static void a_write_past_the_ceiling_sticks_until_clear(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 5);
    buf_text(&b, "12345");
    assert_true(buf_ok(&b));
    buf_u8(&b, 'x');
    assert_false(buf_ok(&b));
    assert_int_equal(b.n, 5);
    buf_put(&b, "", 0);
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_text(&b, "123");
    assert_string_equal(buf_cstr(&b), "123");
    buf_done(&b);
}

static void printf_and_decimals_append(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 1000);
    buf_putf(&b, "%s=%d ", "a", 5);
    buf_dec(&b, INT64_MIN);
    buf_u8(&b, ' ');
    buf_udec(&b, UINT64_MAX);
    buf_u8(&b, ' ');
    buf_dec(&b, 0);
    assert_string_equal(buf_cstr(&b), "a=5 -9223372036854775808 18446744073709551615 0");
    buf_done(&b);
}

static void consume_moves_the_rest_down(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100);
    buf_text(&b, "hello world");
    buf_consume(&b, 6);
    assert_string_equal(buf_cstr(&b), "world");
    buf_consume(&b, 5);
    assert_int_equal(b.n, 0);
    buf_done(&b);
}

static void patch_overwrites_in_place(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100);
    buf_text(&b, "....tail");
    buf_patch_be32(&b, 0, 0x41424344);
    assert_string_equal(buf_cstr(&b), "ABCDtail");
    buf_patch_le32(&b, 4, 0x41424344);
    assert_string_equal(buf_cstr(&b), "ABCDDCBA");
    buf_done(&b);
}

static void shrink_frees_only_what_is_large(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100000);
    (void)buf_reserve(&b, 50000);
    buf_shrink(&b, 100000);
    assert_true(b.cap >= 50000);
    buf_shrink(&b, 1000);
    assert_int_equal(b.cap, 0);
    buf_text(&b, "again");
    assert_string_equal(buf_cstr(&b), "again");
    buf_done(&b);
}

static void quotes_inside_of_quotes_are_doubled(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 100);
    buf_quoted(&b, STR("it's"), '\'');
    buf_quoted(&b, STR("a\"b'"), '"');
    buf_quoted(&b, STR(""), '"');
    assert_string_equal(buf_cstr(&b), "'it''s'\"a\"\"b'\"\"\"");
    buf_done(&b);
}

static void an_empty_buf_is_an_empty_text(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 10);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_view(&b).n, 0);
    buf_done(&b);
    buf_done(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_their_byte_order),
        cmocka_unit_test(decimals_are_as_printf_has_them),
        cmocka_unit_test(a_write_past_the_ceiling_sticks_until_clear),
        cmocka_unit_test(printf_and_decimals_append),
        cmocka_unit_test(consume_moves_the_rest_down),
        cmocka_unit_test(patch_overwrites_in_place),
        cmocka_unit_test(shrink_frees_only_what_is_large),
        cmocka_unit_test(quotes_inside_of_quotes_are_doubled),
        cmocka_unit_test(an_empty_buf_is_an_empty_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
