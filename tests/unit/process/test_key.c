/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "process/key.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct column columns[3];
static struct relation rel;
static struct value row[3];
static struct value old[3];

static struct value text(const char *s)
{
    return (struct value){ VALUE_TEXT, str_from(s) };
}

static int setup(void **state)
{
    (void)state;
    columns[0] = (struct column){ .name = STR("a"), .primary_key = true, .identity = true };
    columns[1] = (struct column){ .name = STR("b"), .primary_key = true, .identity = true };
    columns[2] = (struct column){ .name = STR("c") };
    rel = (struct relation){ .schema = STR("s"),
                             .table = STR("t"),
                             .identity = RELATION_IDENTITY_DEFAULT,
                             .column_count = 3,
                             .columns = columns };
    row[0] = text("x");
    row[1] = text("y");
    row[2] = text("z");
    old[0] = text("x");
    old[1] = text("y");
    old[2] = (struct value){ VALUE_NULL, STR_NONE };
    return 0;
}

static bool same(const struct change *x, const struct change *y)
{
    struct buf p;
    struct buf q;
    bool equal;

    buf_init(&p, KIB);
    buf_init(&q, KIB);
    key_bytes(x, &p);
    key_bytes(y, &q);
    equal = str_eq(buf_view(&p), buf_view(&q));
    buf_done(&p);
    buf_done(&q);
    return equal;
}

static void columns_outside_the_key_do_not_count(void **state)
{
    struct value other[3] = { text("x"), text("y"), text("different") };
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change y = { .op = CHANGE_UPDATE, .rel = &rel, .after = other };

    (void)state;
    assert_true(same(&x, &y));
}

static void values_that_run_together_make_other_keys(void **state)
{
    struct value one[3] = { text("ab"), text("c"), text("") };
    struct value two[3] = { text("a"), text("bc"), text("") };
    struct value none[3] = { text("a"), { VALUE_NULL, { NULL, 0 } }, text("") };
    struct value empty[3] = { text("a"), text(""), text("") };
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = one };
    struct change y = { .op = CHANGE_INSERT, .rel = &rel, .after = two };
    struct change n = { .op = CHANGE_INSERT, .rel = &rel, .after = none };
    struct change e = { .op = CHANGE_INSERT, .rel = &rel, .after = empty };

    (void)state;
    assert_false(same(&x, &y));
    assert_false(same(&n, &e));
}

static void a_delete_has_the_key_of_its_insert(void **state)
{
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change y = {
        .op = CHANGE_DELETE, .rel = &rel, .before = old, .before_kind = CHANGE_BEFORE_KEY
    };

    (void)state;
    assert_true(same(&x, &y));
}

static void an_identity_of_its_own_goes_before_the_primary_key(void **state)
{
    struct value other[3] = { text("1"), text("y"), text("2") };
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change y = {
        .op = CHANGE_DELETE, .rel = &rel, .before = other, .before_kind = CHANGE_BEFORE_KEY
    };

    (void)state;
    columns[0].identity = false;
    rel.identity = RELATION_IDENTITY_INDEX;
    assert_true(same(&x, &y));
}

static void an_unchanged_key_column_is_taken_from_the_old_row(void **state)
{
    struct value partly[3] = { { VALUE_UNCHANGED, { NULL, 0 } }, text("y"), text("n") };
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change y = { .op = CHANGE_UPDATE,
                        .rel = &rel,
                        .after = partly,
                        .before = old,
                        .before_kind = CHANGE_BEFORE_KEY };

    (void)state;
    assert_true(same(&x, &y));
}

static void without_a_key_the_whole_row_is_it(void **state)
{
    struct value other[3] = { text("x"), text("y"), text("different") };
    struct change x = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change y = { .op = CHANGE_INSERT, .rel = &rel, .after = other };

    (void)state;
    for (int i = 0; i < 2; i++)
        columns[i].primary_key = columns[i].identity = false;
    assert_false(same(&x, &y));
}

static void a_truncate_is_its_table_alone(void **state)
{
    struct change c = { .op = CHANGE_TRUNCATE, .rel = &rel };
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    key_bytes(&c, &b);
    assert_true(str_eq(buf_view(&b), STR("\1s\1t")));
    buf_done(&b);
}

static void people_see_names_and_cut_values(void **state)
{
    char many[100];
    struct value long_row[3] = { text("x"), { VALUE_TEXT, { many, sizeof many } }, text("") };
    struct change c = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct change l = { .op = CHANGE_INSERT, .rel = &rel, .after = long_row };
    struct buf b;

    (void)state;
    memset(many, 'm', sizeof many);
    buf_init(&b, KIB);
    key_text(&c, &b);
    assert_string_equal(buf_cstr(&b), "a=x, b=y");
    buf_clear(&b);
    key_text(&l, &b);
    assert_int_equal(b.n, strlen("a=x, b=") + 60 + 3);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(columns_outside_the_key_do_not_count, setup),
        cmocka_unit_test_setup(values_that_run_together_make_other_keys, setup),
        cmocka_unit_test_setup(a_delete_has_the_key_of_its_insert, setup),
        cmocka_unit_test_setup(an_identity_of_its_own_goes_before_the_primary_key, setup),
        cmocka_unit_test_setup(an_unchanged_key_column_is_taken_from_the_old_row, setup),
        cmocka_unit_test_setup(without_a_key_the_whole_row_is_it, setup),
        cmocka_unit_test_setup(a_truncate_is_its_table_alone, setup),
        cmocka_unit_test_setup(people_see_names_and_cut_values, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
