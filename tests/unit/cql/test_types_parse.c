/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cql/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Parsed and written again. */
static void expect(const char *text, const char *again)
{
    const struct cql_type *type = NULL;
    struct arena a;
    struct buf b;

    arena_init(&a, MIB);
    buf_init(&b, MIB);
    if (!cql_types_parse(str_from(text), &a, &type))
        fail_msg("%s is not a type", text);
    cql_types_text(type, &b);
    assert_string_equal(buf_cstr(&b), again);
    buf_done(&b);
    arena_done(&a);
}

static bool is_type(struct str text)
{
    const struct cql_type *type;
    struct arena a;
    bool ok;

    arena_init(&a, 16 * MIB);
    ok = cql_types_parse(text, &a, &type);
    arena_done(&a);
    return ok;
}

static void types_of_the_schema_are_read(void **state)
{
    static const char *const texts[] = {
        "bigint",
        "frozen<list<text>>",
        "set<uuid>",
        "map<text, int>",
        "decimal",
        "vector<float, 3>",
        "map<text, frozen<list<frozen<set<int>>>>>",
        "tuple<int, text, boolean>",
        "address",
        "frozen<address>",
        "duration",
        "\"My Type\"",
        "\"a\"\"b\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect(texts[i], texts[i]);
}

static void spaces_and_aliases_do_not_matter(void **state)
{
    (void)state;
    expect("varchar", "text");
    expect(" map<text,int> ", "map<text, int>");
    expect("vector<float,3>", "vector<float, 3>");
    expect("list< frozen < set<int> > >", "list<frozen<set<int>>>");
}

static void classes_are_types(void **state)
{
    (void)state;
    expect("'org.apache.cassandra.db.marshal.Int32Type'", "int");
    expect("'org.apache.cassandra.db.marshal.DynamicCompositeType(a=>b)'",
           "'org.apache.cassandra.db.marshal.DynamicCompositeType(a=>b)'");
}

static void frozen_is_kept(void **state)
{
    const struct cql_type *type = NULL;
    struct arena a;

    (void)state;
    arena_init(&a, MIB);
    assert_true(cql_types_parse(STR("frozen<list<int>>"), &a, &type));
    assert_int_equal(type->id, CQL_LIST);
    assert_true(type->frozen);
    assert_true(cql_types_parse(STR("list<frozen<list<int>>>"), &a, &type));
    assert_false(type->frozen);
    assert_true(type->of[0]->frozen);
    arena_done(&a);
}

static void what_is_no_type_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "list",
        "list<",
        "list<>",
        "list<int",
        "list<int>>",
        "list<int,int>",
        "map<int>",
        "map<int,int,int>",
        "vector<float>",
        "vector<float,0>",
        "vector<float,x>",
        "vector<float,-1>",
        "vector<float,99999999>",
        "frozen<>",
        "frozen<int",
        "int bigint",
        "<int>",
        "\"",
        "\"\"",
        "\"a",
        "'",
        "tuple<>",
        ",",
        "int,",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (is_type(str_from(texts[i])))
            fail_msg("'%s' was taken", texts[i]);
    }
}

static void depth_width_and_length_have_ceilings(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    for (size_t i = 0; i < 5000; i++)
        buf_text(&b, "frozen<");
    assert_false(is_type(buf_view(&b)));
    buf_clear(&b);
    buf_text(&b, "tuple<int");
    for (size_t i = 0; i < LIMIT_CQL_TYPE_PARTS; i++)
        buf_text(&b, ",int");
    buf_text(&b, ">");
    assert_false(is_type(buf_view(&b)));
    buf_clear(&b);
    for (size_t i = 0; i <= LIMIT_CQL_TYPE_TEXT; i++)
        buf_text(&b, "a");
    assert_false(is_type(buf_view(&b)));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_the_schema_are_read),
        cmocka_unit_test(spaces_and_aliases_do_not_matter),
        cmocka_unit_test(classes_are_types),
        cmocka_unit_test(frozen_is_kept),
        cmocka_unit_test(what_is_no_type_is_refused),
        cmocka_unit_test(depth_width_and_length_have_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
