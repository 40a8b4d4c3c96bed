/* SPDX-License-Identifier: Apache-2.0 */
/* Each of Debezium's types, and what PostgreSQL writes for the value. */
#include "unit/debezium/reading.h"

#include "model/pgtype.h"

static struct buf record;

/* An unwrapped row of one column "c" with that schema. */
static const char *row_of(const char *schema, const char *value)
{
    buf_clear(&record);
    buf_putf(&record,
             "{\"schema\":{\"type\":\"struct\",\"fields\":[{%s,\"optional\":true,\"field\":\"c\"}],"
             "\"optional\":false,\"name\":\"p.public.t.Value\"},\"payload\":{\"c\":%s}}",
             schema, value);
    assert_true(buf_ok(&record));
    return buf_cstr(&record);
}

static void expect(struct reading *t, const char *schema, const char *json, const char *text)
{
    reading_change(t, NULL, row_of(schema, json));
    reading_expect(t, t->c.after, "c", text);
    arena_reset(&t->a);
}

static void refuse(struct reading *t, const char *schema, const char *json, const char *words)
{
    reading_rejects(t, NULL, row_of(schema, json), words);
    assert_non_null(strstr(t->err.msg, "field \"c\""));
}

static int set_up(void **state)
{
    buf_init(&record, 16 * MIB);
    return reading_set_up(state);
}

static int tear_down(void **state)
{
    buf_done(&record);
    return reading_tear_down(state);
}

#define LITERAL(type)        "\"type\":\"" type "\""
#define NAMED(type, name)    "\"type\":\"" type "\",\"name\":\"" name "\",\"version\":1"
#define DEBEZIUM(type, name) NAMED(type, "io.debezium." name)
#define CONNECT(type, name)  NAMED(type, "org.apache.kafka.connect.data." name)
#define DECIMAL(scale)                                                                             \
    CONNECT("bytes", "Decimal")                                                                    \
    ",\"parameters\":{\"scale\":\"" scale "\",\"connect.decimal.precision\":\"20\"}"
#define BITS(length) DEBEZIUM("bytes", "data.Bits") ",\"parameters\":{\"length\":\"" length "\"}"
#define ARRAY(items) "\"type\":\"array\",\"items\":{" items ",\"optional\":true}"

static void literal_types_are_what_they_say(void **state)
{
    struct reading *t = *state;

    expect(t, LITERAL("boolean"), "true", "t");
    expect(t, LITERAL("boolean"), "false", "f");
    expect(t, LITERAL("int16"), "-32768", "-32768");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_INT2);
    expect(t, LITERAL("int32"), "2147483647", "2147483647");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_INT4);
    expect(t, LITERAL("int64"), "-9223372036854775808", "-9223372036854775808");
    expect(t, LITERAL("string"), "\"a\\u00e9\\n\\\"\\ud83d\\ude00\"",
           "a\xC3\xA9\n\"\xF0\x9F\x98\x80");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_UNKNOWN);
    expect(t, LITERAL("string"), "null", NULL);
    expect(t, LITERAL("bytes"), "\"\"", "\\x");
    expect(t, LITERAL("bytes"), "\"aGk=\"", "\\x6869");
    expect(t, LITERAL("bytes"), "\"aGkA\"", "\\x686900");
    expect(t, LITERAL("bytes"), "\"/+8\\u003d\"", "\\xffef");
    expect(t, LITERAL("struct") ",\"fields\":[]", "{\"a\":1}", "{\"a\":1}");
}

static void floats_have_the_fewest_digits_and_postgres_exponents(void **state)
{
    struct reading *t = *state;

    expect(t, LITERAL("double"), "0.1", "0.1");
    expect(t, LITERAL("double"), "1.0", "1");
    expect(t, LITERAL("double"), "-0.0", "-0");
    expect(t, LITERAL("double"), "1.0E14", "100000000000000");
    expect(t, LITERAL("double"), "1.0E15", "1e+15");
    expect(t, LITERAL("double"), "1.234E-4", "0.0001234");
    expect(t, LITERAL("double"), "1.234E-5", "1.234e-05");
    expect(t, LITERAL("double"), "1.7976931348623157E308", "1.7976931348623157e+308");
    expect(t, LITERAL("double"), "4.9E-324", "5e-324");
    expect(t, LITERAL("double"), "2.0000000000000001E-3", "0.002");
    expect(t, LITERAL("double"), "0.30000000000000004", "0.30000000000000004");
    expect(t, LITERAL("double"), "\"NaN\"", "NaN");
    expect(t, LITERAL("double"), "\"-Infinity\"", "-Infinity");
    expect(t, LITERAL("float"), "3.4028235E38", "3.4028235e+38");
    expect(t, LITERAL("float"), "1.0E-45", "1e-45");
    expect(t, LITERAL("float"), "1000000.0", "1e+06");
    expect(t, LITERAL("float"), "123456.0", "123456");
    expect(t, LITERAL("float"), "0.1", "0.1");
    expect(t, LITERAL("float"), "16777216", "1.6777216e+07");
}

static void decimals_keep_every_digit(void **state)
{
    struct reading *t = *state;

    expect(t, DECIMAL("2"), "\"MDk=\"", "123.45");
    assert_true(str_is(reading_column(t, "c")->type_name, "numeric(20,2)"));
    assert_int_equal(reading_column(t, "c")->typmod, (20 << 16 | 2) + 4);
    expect(t, DECIMAL("2"), "\"AA==\"", "0.00");
    expect(t, DECIMAL("2"), "\"/w==\"", "-0.01");
    expect(t, DECIMAL("0"), "\"gA==\"", "-128");
    expect(t, DECIMAL("0"), "\"AIA=\"", "128");
    expect(t, DECIMAL("-2"), "\"ew==\"", "12300");
    expect(t, DECIMAL("0"), "\"gAAAAA==\"", "-2147483648");
    expect(t, DECIMAL("3"), "\"gAAAAAAAAAA=\"", "-9223372036854775.808");
    expect(t, DECIMAL("0"), "\"DJ8snNBGdO3qQAAAAA==\"", "1000000000000000000000000000000");
    expect(t, DECIMAL("5"), "123.45", "123.45"); /* decimal.format=NUMERIC */
    expect(t, DEBEZIUM("struct", "data.VariableScaleDecimal"), "{\"scale\":1,\"value\":\"Cw==\"}",
           "1.1");
    expect(t, DEBEZIUM("struct", "data.VariableScaleDecimal"),
           "{\"scale\":0,\"value\":\"DJ8snNBGdO3qQAAAAA==\"}", "1000000000000000000000000000000");
    refuse(t, DECIMAL("2"), "\"\"", "no bytes");
    refuse(t, DECIMAL("2"), "\"M!k=\"", "not base64");
    refuse(t, DECIMAL("2"), "\"MDk\"", "not base64");
    refuse(t, DECIMAL("2"), "true", "no string");
}

static void days_and_times_are_in_postgres_form(void **state)
{
    struct reading *t = *state;

    expect(t, DEBEZIUM("int32", "time.Date"), "19782", "2024-02-29");
    expect(t, CONNECT("int32", "Date"), "0", "1970-01-01");
    expect(t, DEBEZIUM("int32", "time.Date"), "-735160", "0044-03-15 BC");
    expect(t, DEBEZIUM("int32", "time.Date"), "-141427", "1582-10-15");
    expect(t, DEBEZIUM("int32", "time.Date"), "2145042905", "5874897-12-31");
    expect(t, DEBEZIUM("int32", "time.Time"), "38096123", "10:34:56.123");
    expect(t, CONNECT("int32", "Time"), "0", "00:00:00");
    expect(t, DEBEZIUM("int64", "time.MicroTime"), "86400000000", "24:00:00");
    expect(t, DEBEZIUM("int64", "time.MicroTime"), "38096123450", "10:34:56.12345");
    expect(t, DEBEZIUM("int64", "time.NanoTime"), "38096123450000", "10:34:56.12345");
    expect(t, DEBEZIUM("string", "time.ZonedTime"), "\"07:04:56.789012Z\"", "07:04:56.789012+00");
    expect(t, DEBEZIUM("string", "time.ZonedTime"), "\"07:04:56.500000+05:30\"",
           "07:04:56.5+05:30");
    expect(t, DEBEZIUM("int64", "time.Timestamp"), "1709202896123", "2024-02-29 10:34:56.123");
    expect(t, CONNECT("int64", "Timestamp"), "-1", "1969-12-31 23:59:59.999");
    expect(t, DEBEZIUM("int64", "time.MicroTimestamp"), "1709202896123456",
           "2024-02-29 10:34:56.123456");
    expect(t, DEBEZIUM("int64", "time.MicroTimestamp"), "9223372036825200000", "infinity");
    expect(t, DEBEZIUM("int64", "time.MicroTimestamp"), "-9223372036832400000", "-infinity");
    expect(t, DEBEZIUM("int64", "time.NanoTimestamp"), "1709202896123456000",
           "2024-02-29 10:34:56.123456");
    expect(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"2024-02-29T10:34:56.123456Z\"",
           "2024-02-29 10:34:56.123456+00");
    expect(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"2024-02-29T00:34:56.000000+02:00\"",
           "2024-02-28 22:34:56+00");
    expect(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"-0043-03-15T00:00:00Z\"",
           "0044-03-15 00:00:00+00 BC");
    expect(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"+21016-11-04T06:51:30.123456Z\"",
           "21016-11-04 06:51:30.123456+00");
    expect(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"infinity\"", "infinity");
    expect(t, DEBEZIUM("string", "time.IsoDate"), "\"2024-02-29Z\"", "2024-02-29");
    expect(t, DEBEZIUM("string", "time.IsoTime"), "\"10:34:56.123456Z\"", "10:34:56.123456");
    expect(t, DEBEZIUM("string", "time.IsoTimestamp"), "\"2024-02-29T10:34:56.1Z\"",
           "2024-02-29 10:34:56.1");
    refuse(t, DEBEZIUM("int64", "time.NanoTime"), "1", "below the microsecond");
    refuse(t, DEBEZIUM("int64", "time.MicroTime"), "86400000001", "no time of a day");
    refuse(t, DEBEZIUM("int64", "time.MicroTimestamp"), "-9223372036854775807", "range");
    refuse(t, DEBEZIUM("int64", "time.Timestamp"), "9223372036854775807", "range");
    refuse(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"2023-02-29T10:00:00Z\"", "ISO 8601");
    refuse(t, DEBEZIUM("string", "time.ZonedTimestamp"), "\"\"", "ISO 8601");
    refuse(t, DEBEZIUM("string", "time.ZonedTimestamp"), "5", "no string");
    refuse(t, DEBEZIUM("int32", "time.Date"), "1.5", "no whole number");
}

static void intervals_are_in_postgres_style(void **state)
{
    struct reading *t = *state;

    expect(t, DEBEZIUM("int64", "time.MicroDuration"), "-2543401000000", "-706:30:01");
    expect(t, DEBEZIUM("int64", "time.MicroDuration"), "500000", "00:00:00.5");
    expect(t, DEBEZIUM("int64", "time.MicroDuration"), "0", "00:00:00");
    expect(t, DEBEZIUM("string", "time.Interval"), "\"P1Y2M3DT4H5M6.78S\"",
           "1 year 2 mons 3 days 04:05:06.78");
    expect(t, DEBEZIUM("string", "time.Interval"), "\"P0Y-1M1DT0H0M-1S\"",
           "-1 mons +1 day -00:00:01");
    expect(t, DEBEZIUM("string", "time.Interval"), "\"P0Y0M0DT0H0M0S\"", "00:00:00");
    expect(t, DEBEZIUM("string", "time.Interval"), "\"P0Y0M-1DT0H0M0.5S\"", "-1 days +00:00:00.5");
    refuse(t, DEBEZIUM("string", "time.Interval"), "\"P1\"", "ISO 8601");
    refuse(t, DEBEZIUM("string", "time.Interval"), "\"PT1M2Y\"", "ISO 8601");
    refuse(t, DEBEZIUM("string", "time.Interval"), "\"P999999999999Y\"", "range");
}

static void bits_have_their_length(void **state)
{
    struct reading *t = *state;

    expect(t, BITS("2"), "\"Aw==\"", "11");
    expect(t, BITS("8"), "\"\"", "00000000");
    expect(t, BITS("12"), "\"AQg=\"", "100000000001");
    expect(t, BITS("2147483647"), "\"AQg=\"", "100000000001");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_VARBIT);
    refuse(t, BITS("2"), "\"BA==\"", "more bits");
    reading_rejects(t, NULL, row_of(BITS("83886081"), "\"AQ==\""),
                    "none that a bit string can have");
    expect(t, BITS("17"), "\"AQAB\"", "10000000000000001");
}

static void texts_with_a_meaning_keep_it(void **state)
{
    struct reading *t = *state;

    expect(t, DEBEZIUM("string", "data.Json"), "\"{\\\"a\\\": 1.50}\"", "{\"a\": 1.50}");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_JSON);
    expect(t, DEBEZIUM("string", "data.Uuid"), "\"6f8d\"", "6f8d");
    assert_int_equal(reading_column(t, "c")->type_oid, PG_UUID);
    expect(t, DEBEZIUM("string", "data.Enum") ",\"parameters\":{\"allowed\":\"sad,ok\"}", "\"ok\"",
           "ok");
    assert_int_equal(reading_column(t, "c")->type_kind, 'e');
    assert_true(str_is(reading_column(t, "c")->labels, "sad,ok"));
    expect(t, DEBEZIUM("struct", "data.geometry.Point"),
           "{\"x\":1.5,\"y\":-2.0,\"wkb\":\"AA==\",\"srid\":null}", "(1.5,-2)");
    expect(t, DEBEZIUM("struct", "data.geometry.Geometry"), "{\"wkb\":\"Af8=\",\"srid\":1}",
           "01FF");
    expect(t, "\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"string\"}",
           "{\"a\":\"1\\\"2\",\"b\":null}", "\"a\"=>\"1\\\"2\", \"b\"=>NULL");
    refuse(t, "\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"string\"}",
           "{\"a\":1}", "no map of strings");
}

static void arrays_are_quoted_as_postgres_does(void **state)
{
    struct reading *t = *state;

    expect(t, ARRAY(LITERAL("int32")), "[1,null,-3]", "{1,NULL,-3}");
    assert_int_equal(reading_column(t, "c")->element_oid, PG_INT4);
    assert_int_equal(reading_column(t, "c")->type_oid, 1007);
    assert_true(str_is(reading_column(t, "c")->type_name, "integer[]"));
    expect(t, ARRAY(LITERAL("int32")), "[]", "{}");
    expect(t, ARRAY(LITERAL("int32")), "[[1,2],[3,null]]", "{{1,2},{3,NULL}}");
    expect(t, ARRAY(LITERAL("string")),
           "[\"\",\"NuLL\",\"a b\",\"q\\\"\\\\\",\"{},\",\"plain\",\"nul\"]",
           "{\"\",\"NuLL\",\"a b\",\"q\\\"\\\\\",\"{},\",plain,nul}");
    expect(t, ARRAY(LITERAL("bytes")), "[\"aGk=\"]", "{\"\\\\x6869\"}");
    expect(t, ARRAY(DEBEZIUM("int64", "time.MicroTimestamp")), "[0]", "{\"1970-01-01 00:00:00\"}");
    expect(t, ARRAY(DECIMAL("1")), "[\"Cw==\"]", "{1.1}");
    expect(t, ARRAY("\"type\":\"array\",\"items\":{\"type\":\"int32\"}"), "[[1],[2]]", "{{1},{2}}");
    assert_true(str_is(reading_column(t, "c")->type_name, "integer[]"));
    refuse(t, ARRAY(LITERAL("int32")), "[1,\"2\"]", "no whole number");
    refuse(t, ARRAY(LITERAL("int32")), "{}", "no array");
    refuse(t, ARRAY(LITERAL("int32")), "[[[[[[[1]]]]]]]", "too deep");
}

static void what_does_not_fit_its_schema_is_refused(void **state)
{
    struct reading *t = *state;

    refuse(t, LITERAL("boolean"), "1", "neither true nor false");
    refuse(t, LITERAL("int16"), "32768", "range");
    refuse(t, LITERAL("int64"), "9223372036854775808", "range");
    refuse(t, LITERAL("int32"), "1.0", "no whole number");
    refuse(t, LITERAL("int32"), "\"1\"", "no whole number");
    refuse(t, LITERAL("string"), "{}", "no string");
    refuse(t, LITERAL("double"), "1e400", "range");
    refuse(t, LITERAL("double"), "1e-400", "range");
    refuse(t, LITERAL("double"), "1e99999999999999999999", "range");
    refuse(t, LITERAL("float"), "1e39", "range");
    refuse(t, LITERAL("double"), "\"1.5\"", "no number");
    refuse(t, LITERAL("double"), "\"1e\"", "no number");
    refuse(t, LITERAL("bytes"), "\"****\"", "not base64");
    refuse(t, LITERAL("bytes"), "\"aGl=\"", "not base64");
}

static void schemas_that_make_no_sense_are_refused(void **state)
{
    struct reading *t = *state;

    reading_rejects(t, NULL, row_of("\"type\":\"int128\"", "1"), "none of Connect's");
    reading_rejects(t, NULL, row_of("\"type\":5", "1"), "no type");
    reading_rejects(t, NULL, row_of("\"type\":\"array\"", "[]"), "items");
    reading_rejects(t, NULL, row_of(CONNECT("bytes", "Decimal"), "\"AA==\""), "scale");
    reading_rejects(t, NULL, row_of(DEBEZIUM("bytes", "data.Bits"), "\"AA==\""), "length");
    reading_rejects(
        t, NULL,
        "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"a\"},"
        "{\"type\":\"int32\",\"field\":\"a\"}]},\"payload\":{\"a\":1}}",
        "one name");
    reading_rejects(t, NULL, "{\"schema\":{\"type\":\"int32\"},\"payload\":5}", "no struct");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(literal_types_are_what_they_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(floats_have_the_fewest_digits_and_postgres_exponents,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(decimals_keep_every_digit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(days_and_times_are_in_postgres_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(intervals_are_in_postgres_style, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bits_have_their_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_with_a_meaning_keep_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrays_are_quoted_as_postgres_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_its_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schemas_that_make_no_sense_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
