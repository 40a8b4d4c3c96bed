/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void splits(const char *name, const char *schema, const char *table)
{
    struct arena a;
    struct str s;
    struct str t;

    arena_init(&a, 4096);
    assert_true(postgres_name_split(name, &a, &s, &t));
    assert_string_equal(s.p, schema);
    assert_string_equal(t.p, table);
    arena_done(&a);
}

static void refuses(const char *name)
{
    struct arena a;
    struct str s;
    struct str t;

    arena_init(&a, 4096);
    assert_false(postgres_name_split(name, &a, &s, &t));
    arena_done(&a);
}

static void names_are_taken_exactly(void **state)
{
    (void)state;
    splits("public.events", "public", "events");
    splits("Sales.Events_%", "Sales", "Events_%");
}

static void a_name_without_schema_is_public(void **state)
{
    (void)state;
    splits("events", "public", "events");
}

static void quoted_parts_may_hold_dots_and_quotes(void **state)
{
    (void)state;
    splits("public.\"We\"\"ird.T\"", "public", "We\"ird.T");
    splits("\"a.b\".\"c d\"", "a.b", "c d");
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    refuses("");
    refuses("a.");
    refuses(".a");
    refuses("a.b.c");
    refuses("\"open");
    refuses("\"a\"b");
    refuses("\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_exactly),
        cmocka_unit_test(a_name_without_schema_is_public),
        cmocka_unit_test(quoted_parts_may_hold_dots_and_quotes),
        cmocka_unit_test(other_forms_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
