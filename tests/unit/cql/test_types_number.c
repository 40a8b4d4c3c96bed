/* SPDX-License-Identifier: Apache-2.0 */
/* Expected bytes: cassandra.cqltypes DecimalType and IntegerType. */
#include "convert.h"

static void decimals_keep_digits_and_scale(void **state)
{
    static const struct convert_case cases[] = {
        { "0", "0000000000" },
        { "1.23", "000000027b" },
        { "-1.5", "00000001f1" },
        { "12345678901234567890.123", "00000003029d42b64e76714244cb" },
        { "0.00", "0000000200" },
        { "0.000001", "0000000601" },
        { "1000", "0000000003e8" },
        { "999999999999999999", "000000000de0b6b3a763ffff" },
        { "1000000000000000000", "000000000de0b6b3a7640000" },
        { "-999999999999999999.999999999999999999", "00000012ff3f68318436f8ea4cb460f000000001" },
        { "-1000000000000000000000000000", "00000000fcc4d1c3602f7fc318000000" },
        { "340282366920938463463374607431768211456", "000000000100000000000000000000000000000000" },
        { "-170141183460469231731687303715884105728", "0000000080000000000000000000000000000000" },
        { "170141183460469231731687303715884105727", "000000007fffffffffffffffffffffffffffffff" },
        { "-128", "0000000080" },
        { "128", "000000000080" },
        { "-129", "00000000ff7f" },
        { "127", "000000007f" },
        { "255", "0000000000ff" },
        { "-32768", "000000008000" },
        { "32768", "00000000008000" },
        { "18446744073709551616", "00000000010000000000000000" },
        { "-18446744073709551616", "00000000ff0000000000000000" },
        { "123456789012345678901234567890123456789012345678901234567890.1234567890",
          "0000000a2dcaec4c2df4268937664439ba2f162fc2d76998cbaccff196ce3f0ad2" },
    };

    (void)state;
    EXPECT_ALL(PG_NUMERIC, "decimal", cases);
}

static void varints_are_as_short_as_they_can_be(void **state)
{
    static const struct convert_case cases[] = {
        { "0", "00" },
        { "128", "0080" },
        { "-129", "ff7f" },
        { "-1", "ff" },
        { "-128", "80" },
        { "-256", "ff00" },
        { "-257", "feff" },
        { "18446744073709551616", "010000000000000000" },
        { "-18446744073709551616", "ff0000000000000000" },
        { "9223372036854775807", "7fffffffffffffff" },
        { "-9223372036854775808", "8000000000000000" },
        { "99999999999999999999999999999999999999", "4b3b4ca85a86c47a098a223fffffffff" },
        { "12.00", "0c" },
    };

    (void)state;
    EXPECT_ALL(PG_NUMERIC, "varint", cases);
    expect_bytes(PG_INT8, "varint", "-9223372036854775808", "8000000000000000");
}

/* 131072 nines; length, first bytes and both sums of the bytes as Python computes them. */
static void the_longest_numeric_is_exact(void **state)
{
    struct column col = convert_column(PG_NUMERIC);
    char *text = malloc(131073);
    struct error err;
    struct buf out;
    uint64_t sum = 0;
    uint64_t weighted = 0;

    (void)state;
    assert_non_null(text);
    memset(text, '9', 131072);
    text[131072] = '\0';
    buf_init(&out, MIB);
    assert_true(convert(&col, "varint", str_make(text, 131072), &out, &err));
    assert_int_equal(out.n, 54427);
    assert_memory_equal(out.p, "\x0d\x8a\x79\x40\xbf\xe7\x76\x9b", 8);
    for (size_t i = 0; i < out.n; i++) {
        sum += (unsigned char)out.p[i];
        weighted += (i + 1) * (unsigned char)out.p[i];
    }
    assert_int_equal(sum, 9048879);
    assert_int_equal(weighted, UINT64_C(285847015194));
    buf_done(&out);
    free(text);
}

static void what_is_no_finite_number_is_refused(void **state)
{
    (void)state;
    expect_refused(PG_NUMERIC, "decimal", "NaN", "NaN and infinity have no form there");
    expect_refused(PG_NUMERIC, "decimal", "Infinity", "NaN and infinity have no form there");
    expect_refused(PG_NUMERIC, "varint", "-Infinity", "NaN and infinity have no form there");
    expect_refused(PG_NUMERIC, "decimal", "", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", "-", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", ".", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", "1.", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", "1.2.3", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", "1e5", "it is not a number");
    expect_refused(PG_NUMERIC, "decimal", "--1", "it is not a number");
}

static void a_fraction_is_not_cut_for_varint(void **state)
{
    (void)state;
    expect_refused(PG_NUMERIC, "varint", "12.01", "it has digits behind the point");
}

static void more_digits_than_postgresql_has_are_refused(void **state)
{
    struct column col = convert_column(PG_NUMERIC);
    size_t n = LIMIT_PG_NUMERIC_DIGITS + 1;
    char *text = malloc(n);
    struct error err;
    struct buf out;

    (void)state;
    assert_non_null(text);
    memset(text, '1', n);
    buf_init(&out, MIB);
    assert_false(convert(&col, "varint", str_make(text, n), &out, &err));
    assert_non_null(strstr(err.msg, "too many digits"));
    buf_done(&out);
    free(text);
}

static void integers_have_their_width(void **state)
{
    (void)state;
    expect_bytes(PG_INT8, "bigint", "9223372036854775807", "7fffffffffffffff");
    expect_bytes(PG_INT8, "bigint", "-9223372036854775808", "8000000000000000");
    expect_bytes(PG_INT4, "bigint", "-1", "ffffffffffffffff");
    expect_bytes(PG_INT4, "int", "-2147483648", "80000000");
    expect_bytes(PG_INT4, "int", "2147483647", "7fffffff");
    expect_bytes(PG_INT2, "int", "-32768", "ffff8000");
    expect_bytes(PG_INT2, "smallint", "-32768", "8000");
    expect_bytes(PG_INT2, "smallint", "32767", "7fff");
    expect_bytes(PG_OID, "bigint", "4294967295", "00000000ffffffff");
}

static void domains_are_range_checked_by_value(void **state)
{
    struct column col = { .name = STR("tiny"),
                          .type_oid = 70000,
                          .typmod = -1,
                          .type_kind = 'd',
                          .type_name = STR("public.tiny") };
    struct error err;
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    assert_true(convert(&col, "tinyint", STR("-128"), &out, &err));
    assert_true(str_eq(buf_view(&out), STR("\x80")));
    assert_false(convert(&col, "tinyint", STR("128"), &out, &err));
    assert_string_equal(err.msg, "cannot write column \"tiny\" (value '128', public.tiny) as CQL "
                                 "tinyint: it is not an integer in the type's range");
    assert_false(convert(&col, "smallint", STR("32768"), &out, &err));
    assert_false(convert(&col, "int", STR("2147483648"), &out, &err));
    assert_false(convert(&col, "int", STR("x"), &out, &err));
    assert_false(convert(&col, "bigint", STR("9223372036854775808"), &out, &err));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_keep_digits_and_scale),
        cmocka_unit_test(varints_are_as_short_as_they_can_be),
        cmocka_unit_test(the_longest_numeric_is_exact),
        cmocka_unit_test(what_is_no_finite_number_is_refused),
        cmocka_unit_test(a_fraction_is_not_cut_for_varint),
        cmocka_unit_test(more_digits_than_postgresql_has_are_refused),
        cmocka_unit_test(integers_have_their_width),
        cmocka_unit_test(domains_are_range_checked_by_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
