/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void the_vectors_of_rfc_3720_hold(void **state)
{
    (void)state;
    unsigned char bytes[32];

    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x113FDB5C);
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
}

static void pieces_give_the_same_as_the_whole(void **state)
{
    (void)state;
    static const char text[] = "The quick brown fox jumps over the lazy dog, and again.";
    uint32_t whole = crc32c(0, text, sizeof text);

    for (size_t at = 0; at <= sizeof text; at++)
        assert_int_equal(crc32c(crc32c(0, text, at), text + at, sizeof text - at), whole);
}

static void both_forms_agree_at_every_length_and_alignment(void **state)
{
    (void)state;
    unsigned char bytes[300];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + 3);
    for (size_t from = 0; from < 9; from++) {
        for (size_t n = 0; from + n <= sizeof bytes; n++)
            assert_int_equal(crc32c(0, bytes + from, n), crc32c_portable(0, bytes + from, n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_3720_hold),
        cmocka_unit_test(pieces_give_the_same_as_the_whole),
        cmocka_unit_test(both_forms_agree_at_every_length_and_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
