/* SPDX-License-Identifier: Apache-2.0 */
/* The whole table of what may be stored in what. */
#include "convert.h"

static struct column of_type(uint32_t oid, int32_t typmod, char kind)
{
    struct column col = convert_column(oid);

    col.typmod = typmod;
    col.type_kind = kind;
    return col;
}

static const char *fault(const struct column *col, const char *cql)
{
    const char *why = NULL;
    struct arena a;

    arena_init(&a, MIB);
    if (cql_types_fit(col, convert_type(&a, cql), &why))
        why = NULL;
    arena_done(&a);
    return why;
}

static const char *const scalars[] = { "ascii",   "bigint", "blob",     "boolean",  "counter",
                                       "decimal", "double", "float",    "int",      "timestamp",
                                       "uuid",    "text",   "varint",   "timeuuid", "inet",
                                       "date",    "time",   "smallint", "tinyint",  "duration" };

/* Exactly the CQL scalars in `allowed` (each in spaces), besides text and ascii. */
static void expect_scalars(const struct column *col, const char *allowed)
{
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        const char *cql = scalars[i];
        char word[32];
        bool text = strcmp(cql, "text") == 0 || strcmp(cql, "ascii") == 0;
        bool wanted;

        (void)snprintf(word, sizeof word, " %s ", cql);
        wanted = text || strstr(allowed, word) != NULL;
        if ((fault(col, cql) == NULL) != wanted)
            fail_msg("type %u (modifier %d) into %s: %s", col->type_oid, col->typmod, cql,
                     wanted ? "refused" : "allowed");
    }
}

static int32_t numeric(int precision, int scale)
{
    return ((precision << 16) | (scale & 0x7ff)) + 4;
}

static void each_type_goes_where_all_its_values_fit(void **state)
{
    static const struct {
        uint32_t oid;
        const char *allowed;
    } table[] = {
        { PG_BOOL, " boolean " },
        { PG_INT2, " smallint int bigint varint decimal float double " },
        { PG_INT4, " int bigint varint decimal double " },
        { PG_INT8, " bigint varint decimal " },
        { PG_OID, " bigint varint decimal double " },
        { PG_NUMERIC, " decimal varint " },
        { PG_FLOAT4, " float double " },
        { PG_FLOAT8, " double " },
        { PG_BYTEA, " blob " },
        { PG_UUID, " uuid timeuuid " },
        { PG_TIMESTAMP, " timestamp " },
        { PG_TIMESTAMPTZ, " timestamp " },
        { PG_DATE, " date " },
        { PG_TIME, " time " },
        { PG_TIMETZ, " " },
        { PG_INTERVAL, " duration " },
        { PG_INET, " inet " },
        { PG_CIDR, " inet " },
        { PG_TEXT, " " },
        { PG_VARCHAR, " " },
        { PG_BPCHAR, " " },
        { PG_JSON, " " },
        { PG_JSONB, " " },
        { PG_XML, " " },
        { PG_MONEY, " " },
        { PG_MACADDR, " " },
        { PG_BIT, " " },
        { 70000, " " },
        { 1007, " " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct column col = of_type(table[i].oid, -1, 'b');

        expect_scalars(&col, table[i].allowed);
    }
}

static void a_numeric_without_fraction_goes_where_its_digits_fit(void **state)
{
    static const struct {
        int precision;
        int scale;
        const char *allowed;
    } table[] = {
        { 2, 0, " tinyint smallint int bigint decimal varint " },
        { 4, 0, " smallint int bigint decimal varint " },
        { 9, 0, " int bigint decimal varint " },
        { 18, 0, " bigint decimal varint " },
        { 19, 0, " decimal varint " },
        { 10, 2, " decimal " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct column col = of_type(PG_NUMERIC, numeric(table[i].precision, table[i].scale), 'b');

        expect_scalars(&col, table[i].allowed);
    }
}

/* numeric(5,-3) holds eight digits before the point. */
static void a_negative_scale_counts_as_digits(void **state)
{
    struct column col = of_type(PG_NUMERIC, numeric(5, -3), 'b');

    (void)state;
    expect_scalars(&col, " int bigint decimal varint ");
}

static void a_domain_goes_anywhere_but_where_precision_is_unknown(void **state)
{
    struct column col = of_type(70000, -1, 'd');

    (void)state;
    expect_scalars(
        &col, " bigint blob boolean decimal double int timestamp uuid varint timeuuid inet date "
              "time smallint tinyint duration ");
}

static void counters_are_refused_with_their_reason(void **state)
{
    struct column col = of_type(PG_INT8, -1, 'b');

    (void)state;
    assert_non_null(strstr(fault(&col, "counter"), "count twice"));
}

static void narrowing_is_refused_with_its_reason(void **state)
{
    struct column col = of_type(PG_INT8, -1, 'b');

    (void)state;
    assert_string_equal(fault(&col, "int"), "it cannot hold every value of the source's type");
    assert_string_equal(fault(&col, "double"), "it would round large values");
    assert_string_equal(fault(&col, "uuid"), "there is no exact conversion between the two");
}

static void arrays_go_into_collections_of_what_their_elements_fit(void **state)
{
    struct column col = of_type(1007, -1, 'b'); /* integer[] */

    (void)state;
    assert_null(fault(&col, "frozen<list<int>>"));
    assert_null(fault(&col, "set<bigint>"));
    assert_null(fault(&col, "frozen<set<text>>"));
    assert_null(fault(&col, "frozen<list<frozen<list<int>>>>"));
    assert_null(fault(&col, "vector<int, 3>"));
    assert_null(fault(&col, "text"));
    assert_non_null(fault(&col, "set<smallint>"));
    assert_non_null(fault(&col, "vector<text, 3>"));
    assert_non_null(fault(&col, "vector<decimal, 3>"));
    assert_non_null(fault(&col, "int"));
}

/* Cassandra adds the elements again when the same INSERT comes twice with the same time stamp. */
static void a_list_that_is_not_frozen_is_refused(void **state)
{
    struct column col = of_type(1007, -1, 'b');

    (void)state;
    assert_non_null(strstr(fault(&col, "list<int>"), "frozen<list<...>>"));
    assert_null(fault(&col, "frozen<list<list<int>>>"));
}

static void only_arrays_go_into_collections(void **state)
{
    struct column col = of_type(PG_JSONB, -1, 'b');

    (void)state;
    assert_non_null(fault(&col, "set<text>"));
    assert_non_null(fault(&col, "frozen<map<text, text>>"));
    assert_non_null(fault(&col, "frozen<address>"));
    assert_non_null(fault(&col, "tuple<int>"));
    assert_non_null(fault(&col, "'a.B'"));
}

static void a_suggested_type_fits(void **state)
{
    static const uint32_t oids[] = { PG_BOOL,      PG_INT2,        PG_INT4,   PG_INT8,  PG_OID,
                                     PG_NUMERIC,   PG_FLOAT4,      PG_FLOAT8, PG_BYTEA, PG_UUID,
                                     PG_TIMESTAMP, PG_TIMESTAMPTZ, PG_DATE,   PG_TIME,  PG_TIMETZ,
                                     PG_INTERVAL,  PG_INET,        PG_CIDR,   PG_TEXT,  PG_JSONB,
                                     PG_MONEY,     70000,          1007,      1009,     1231,
                                     1187 };
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
        struct column col = of_type(oids[i], -1, 'b');

        buf_clear(&b);
        cql_types_suggest(&col, &b);
        if (fault(&col, buf_cstr(&b)) != NULL)
            fail_msg("%s is suggested for %u", buf_cstr(&b), oids[i]);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_goes_where_all_its_values_fit),
        cmocka_unit_test(a_numeric_without_fraction_goes_where_its_digits_fit),
        cmocka_unit_test(a_negative_scale_counts_as_digits),
        cmocka_unit_test(a_domain_goes_anywhere_but_where_precision_is_unknown),
        cmocka_unit_test(counters_are_refused_with_their_reason),
        cmocka_unit_test(narrowing_is_refused_with_its_reason),
        cmocka_unit_test(arrays_go_into_collections_of_what_their_elements_fit),
        cmocka_unit_test(a_list_that_is_not_frozen_is_refused),
        cmocka_unit_test(only_arrays_go_into_collections),
        cmocka_unit_test(a_suggested_type_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
