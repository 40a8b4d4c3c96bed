/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "process/template.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct column columns[] = {
    { .name = { "id", 2 }, .identity = true, .primary_key = true },
    { .name = { "name", 4 } },
    { .name = { "body", 4 } },
};
static struct relation rel = { .schema = { "public", 6 },
                               .table = { "items", 5 },
                               .identity = RELATION_IDENTITY_DEFAULT,
                               .column_count = 3,
                               .columns = columns };

static const struct value after[] = { { VALUE_TEXT, { "7", 1 } },
                                      { VALUE_TEXT, { "a b\r\n{{id}}", 11 } },
                                      { VALUE_UNCHANGED, { NULL, 0 } } };
static const struct value before[] = { { VALUE_TEXT, { "6", 1 } },
                                       { VALUE_TEXT, { "old", 3 } },
                                       { VALUE_NULL, { NULL, 0 } } };

static struct change make(enum change_op op, enum change_before kind)
{
    return (struct change){ .pos = { 1, 3, { 0x16B3748 } },
                            .op = op,
                            .rel = &rel,
                            .commit_time_us = 1000000,
                            .before_kind = kind,
                            .before = kind != CHANGE_BEFORE_NONE ? before : NULL,
                            .after = op == CHANGE_DELETE || op == CHANGE_TRUNCATE ? NULL : after };
}

/* Renders into `text`; an error code instead of it when that fails. */
static const char *render(const char *source, const struct change *c, char text[200])
{
    const struct template *t = NULL;
    struct error err = { 0 };
    struct arena a;
    struct buf b;
    size_t at = 0;

    arena_init(&a, MIB);
    buf_init(&b, 150);
    assert_true(template_compile(str_from(source), &a, &t, &at, &err));
    if (template_render(t, c, &b, &err))
        (void)str_copy(buf_view(&b), text, 200);
    else
        (void)str_copy(str_from(err.code), text, 200);
    if (err.kind != ERR_NONE) {
        assert_int_equal(err.kind, ERR_REJECT);
        assert_int_equal(b.n, 0);
    }
    buf_done(&b);
    arena_done(&a);
    return text;
}

static void refuse(const char *source, size_t expected_at)
{
    const struct template *t = NULL;
    struct error err = { 0 };
    struct arena a;
    size_t at = 999;

    arena_init(&a, MIB);
    assert_false(template_compile(str_from(source), &a, &t, &at, &err));
    assert_string_equal(err.code, "E0580");
    assert_int_equal(at, expected_at);
    assert_null(t);
    arena_done(&a);
}

static void holes_are_filled_with_the_values_as_they_are(void **state)
{
    struct change c = make(CHANGE_INSERT, CHANGE_BEFORE_NONE);
    char text[200];

    (void)state;
    assert_string_equal(render("x:{{id}}:{{ name }}", &c, text), "x:7:a b\r\n{{id}}");
    assert_string_equal(
        render("{{@schema}}.{{@table}} {{@op}} {{@position}} {{@commit_time}}", &c, text),
        "public.items insert 1/0/16B3748/3 1970-01-01T00:00:01.000000Z");
}

static void four_braces_are_two(void **state)
{
    struct change c = make(CHANGE_INSERT, CHANGE_BEFORE_NONE);
    char text[200];

    (void)state;
    assert_string_equal(render("{{{{id}}", &c, text), "{{id}}");
    assert_string_equal(render("{}} {", &c, text), "{}} {");
}

static void faults_name_their_place(void **state)
{
    (void)state;
    refuse("ab{{id", 2);
    refuse("{{}}", 0);
    refuse("a{{ }}", 1);
    refuse("{{id}}{{@nothing}}", 6);
    refuse("{{before.}}", 0);
    refuse("{{id {{name}}", 0);
}

static void a_hole_without_a_value_is_a_reject(void **state)
{
    struct change update = make(CHANGE_UPDATE, CHANGE_BEFORE_FULL);
    struct change insert = make(CHANGE_INSERT, CHANGE_BEFORE_NONE);
    struct change truncate = make(CHANGE_TRUNCATE, CHANGE_BEFORE_NONE);
    char text[200];

    (void)state;
    assert_string_equal(render("x{{body}}", &update, text), "E0581");
    assert_string_equal(render("x{{before.body}}", &update, text), "E0581");
    assert_string_equal(render("{{before.id}}", &insert, text), "E0581");
    assert_string_equal(render("{{id}}", &truncate, text), "E0581");
    assert_string_equal(render("{{gone}}", &insert, text), "E0581");
}

static void a_delete_is_filled_from_the_old_row_as_far_as_it_is_known(void **state)
{
    struct change full = make(CHANGE_DELETE, CHANGE_BEFORE_FULL);
    struct change key = make(CHANGE_DELETE, CHANGE_BEFORE_KEY);
    char text[200];

    (void)state;
    assert_string_equal(render("{{id}}{{name}}", &full, text), "6old");
    assert_string_equal(render("{{id}}", &key, text), "6");
    assert_string_equal(render("{{name}}", &key, text), "E0581");
}

static void the_old_key_of_an_update_that_kept_it_is_the_new_one(void **state)
{
    struct change c = make(CHANGE_UPDATE, CHANGE_BEFORE_NONE);
    char text[200];

    (void)state;
    assert_string_equal(render("{{before.id}}", &c, text), "7");
    assert_string_equal(render("{{before.name}}", &c, text), "E0581");
}

static void missing_and_unknown_columns_are_named(void **state)
{
    const struct template *t = NULL;
    struct error err = { 0 };
    struct arena a;
    size_t at;

    (void)state;
    arena_init(&a, MIB);
    assert_true(template_compile(STR("{{id}}{{before.gone}}"), &a, &t, &at, &err));
    assert_true(str_is(template_missing(t, &rel), "gone"));
    assert_true(template_uses_before(t));
    assert_true(template_compile(STR("{{id}}{{before.name}}"), &a, &t, &at, &err));
    assert_int_equal(template_missing(t, &rel).n, 0);
    assert_true(str_is(template_old_unknown(t, &rel, false), "name"));
    assert_true(template_compile(STR("{{id}}{{name}}"), &a, &t, &at, &err));
    assert_false(template_uses_before(t));
    assert_int_equal(template_old_unknown(t, &rel, false).n, 0);
    assert_true(str_is(template_old_unknown(t, &rel, true), "name"));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_filled_with_the_values_as_they_are),
        cmocka_unit_test(four_braces_are_two),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(a_hole_without_a_value_is_a_reject),
        cmocka_unit_test(a_delete_is_filled_from_the_old_row_as_far_as_it_is_known),
        cmocka_unit_test(the_old_key_of_an_update_that_kept_it_is_the_new_one),
        cmocka_unit_test(missing_and_unknown_columns_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
