/* SPDX-License-Identifier: Apache-2.0 */
/* Type options as the protocol carries them, comparison, and the text of a tree. */
#include "base/limits.h"
#include "cql/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct arena a;
    struct buf text;
};

static int setup(void **state)
{
    static struct fixture f;

    arena_init(&f.a, 4 * MIB);
    buf_init(&f.text, MIB);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_done(&f->a);
    buf_done(&f->text);
    return 0;
}

static const struct cql_type *read_option(struct fixture *f, struct str bytes)
{
    struct rd r = rd_make(bytes);
    const struct cql_type *type = NULL;

    if (!cql_types_read(&r, &f->a, &type) || !rd_done(&r))
        return NULL;
    return type;
}

static void expect_text(struct fixture *f, struct str bytes, const char *text)
{
    const struct cql_type *type = read_option(f, bytes);

    assert_non_null(type);
    buf_clear(&f->text);
    cql_types_text(type, &f->text);
    assert_string_equal(buf_cstr(&f->text), text);
}

static void scalars_are_read_by_their_number(void **state)
{
    static const char *const names[] = { "ascii",     "bigint", "blob",  "boolean",  "counter",
                                         "decimal",   "double", "float", "int",      NULL,
                                         "timestamp", "uuid",   "text",  "varint",   "timeuuid",
                                         "inet",      "date",   "time",  "smallint", "tinyint",
                                         "duration" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char bytes[2] = { 0, (char)(i + 1) };

        if (names[i] != NULL)
            expect_text(*state, str_make(bytes, 2), names[i]);
        else
            assert_null(read_option(*state, str_make(bytes, 2)));
    }
}

static void collections_nest(void **state)
{
    expect_text(*state, STR("\0\x20\0\x0d"), "list<text>");
    expect_text(*state, STR("\0\x21\0\x0d\0\x22\0\x09"), "map<text, set<int>>");
    expect_text(*state, STR("\0\x31\0\2\0\x09\0\x20\0\x0d"), "tuple<int, list<text>>");
}

static void user_types_name_their_fields(void **state)
{
    const struct cql_type *type =
        read_option(*state, STR("\0\x30\0\2ks\0\4addr\0\2\0\1a\0\x09\0\1b\0\x0d"));

    assert_non_null(type);
    assert_int_equal(type->id, CQL_UDT);
    assert_true(str_is(type->name, "addr"));
    assert_int_equal(type->of_count, 2);
    assert_true(str_is(type->fields[1], "b"));
    assert_int_equal(type->of[1]->id, CQL_TEXT);
}

static void classes_that_are_built_in_types_are_known(void **state)
{
#define CLASS "org.apache.cassandra.db.marshal."
    expect_text(*state, STR("\0\0\0\x2c" CLASS "DurationType"), "duration");
    expect_text(*state, STR("\0\0\0\x59" CLASS "VectorType(" CLASS "FloatType , 3)"),
                "vector<float, 3>");
    expect_text(*state, STR("\0\0\0\x0cx.y.OtherOne"), "'x.y.OtherOne'");
}

static void every_cut_of_an_option_is_refused(void **state)
{
    struct str whole = STR("\0\x21\0\x0d\0\x30\0\2ks\0\4addr\0\1\0\1a\0\x09");

    assert_non_null(read_option(*state, whole));
    for (size_t n = 0; n < whole.n; n++)
        assert_null(read_option(*state, str_make(whole.p, n)));
}

static void a_count_above_the_bytes_left_is_refused(void **state)
{
    assert_null(read_option(*state, STR("\0\x31\xff\xff\0\x09")));
}

static void nesting_has_a_ceiling(void **state)
{
    char bytes[200];

    for (size_t i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = 0;
        bytes[i + 1] = 0x20;
    }
    bytes[33] = 0x09; /* 16 lists and an int */
    assert_non_null(read_option(*state, str_make(bytes, 34)));
    bytes[33] = 0x20;
    bytes[35] = 0x09;
    assert_null(read_option(*state, str_make(bytes, 36)));
    assert_null(read_option(*state, str_make(bytes, sizeof bytes)));
}

static void unknown_types_are_refused(void **state)
{
    assert_null(read_option(*state, STR("\0\x40")));
    assert_null(read_option(*state, STR("\0\x20\0\x40")));
}

static const struct cql_type *parse(struct fixture *f, const char *text)
{
    const struct cql_type *type = NULL;

    assert_true(cql_types_parse(str_from(text), &f->a, &type));
    return type;
}

static void schema_and_protocol_give_the_same_type(void **state)
{
    struct fixture *f = *state;

    assert_true(cql_types_equal(parse(f, "frozen<map<text, frozen<set<int>>>>"),
                                read_option(f, STR("\0\x21\0\x0d\0\x22\0\x09"))));
    assert_true(cql_types_equal(
        parse(f, "vector<float, 3>"),
        read_option(f, STR("\0\0\0\x58" CLASS "VectorType(" CLASS "FloatType, 3)"))));
    assert_true(cql_types_equal(parse(f, "frozen<addr>"),
                                read_option(f, STR("\0\x30\0\2ks\0\4addr\0\1\0\1a\0\x09"))));
}

static void different_types_are_not_equal(void **state)
{
    struct fixture *f = *state;

    assert_false(cql_types_equal(parse(f, "int"), parse(f, "bigint")));
    assert_false(cql_types_equal(parse(f, "list<int>"), parse(f, "set<int>")));
    assert_false(cql_types_equal(parse(f, "list<int>"), parse(f, "list<bigint>")));
    assert_false(cql_types_equal(parse(f, "vector<float, 3>"), parse(f, "vector<float, 4>")));
    assert_false(cql_types_equal(parse(f, "tuple<int, int>"), parse(f, "tuple<int>")));
    assert_false(cql_types_equal(parse(f, "addr"), parse(f, "other")));
    assert_false(cql_types_equal(parse(f, "'a.B'"), parse(f, "'a.C'")));
}

static void a_user_type_named_like_a_built_in_one_is_quoted(void **state)
{
    static const char *const names[] = { "uuid", "text",  "varchar", "frozen", "list",
                                         "map",  "tuple", "vector",  "Mixed",  "with space" };

    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct cql_type udt = { .id = CQL_UDT, .name = str_from(names[i]) };
        const struct cql_type *again = NULL;

        buf_clear(&f->text);
        cql_types_text(&udt, &f->text);
        assert_int_equal(f->text.p[0], '"');
        assert_true(cql_types_parse(buf_view(&f->text), &f->a, &again));
        assert_true(cql_types_equal(&udt, again));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_read_by_their_number),
        cmocka_unit_test(collections_nest),
        cmocka_unit_test(user_types_name_their_fields),
        cmocka_unit_test(classes_that_are_built_in_types_are_known),
        cmocka_unit_test(every_cut_of_an_option_is_refused),
        cmocka_unit_test(a_count_above_the_bytes_left_is_refused),
        cmocka_unit_test(nesting_has_a_ceiling),
        cmocka_unit_test(a_user_type_named_like_a_built_in_one_is_quoted),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(schema_and_protocol_give_the_same_type),
        cmocka_unit_test(different_types_are_not_equal),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
