/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_was_put_is_found(void **state)
{
    (void)state;
    struct map m;
    int a = 1;
    int b = 2;

    map_init(&m);
    assert_null(map_get(&m, STR("x")));
    assert_null(map_put(&m, STR("x"), &a));
    assert_ptr_equal(map_put(&m, STR("x"), &b), &a);
    assert_ptr_equal(map_get(&m, STR("x")), &b);
    assert_int_equal(m.n, 1);
    assert_false(map_has(&m, STR("")));
    assert_null(map_put(&m, STR(""), NULL));
    assert_true(map_has(&m, STR("")));
    map_done(&m);
}

static void keys_are_copied(void **state)
{
    (void)state;
    struct map m;
    char key[4] = "abc";
    int value;

    map_init(&m);
    (void)map_put(&m, str_make(key, 3), &value);
    key[0] = 'z';
    assert_ptr_equal(map_get(&m, STR("abc")), &value);
    map_done(&m);
}

static void removal_keeps_every_other_key_reachable(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static int values[COUNT];
    struct map m;

    map_init(&m);
    for (int i = 0; i < COUNT; i++)
        (void)map_put(&m, MAP_KEY(i), &values[i]);
    for (int i = 0; i < COUNT; i += 3)
        assert_ptr_equal(map_remove(&m, MAP_KEY(i)), &values[i]);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(map_get(&m, MAP_KEY(i)), i % 3 == 0 ? NULL : &values[i]);
    for (int i = 0; i < COUNT; i += 3)
        assert_null(map_remove(&m, MAP_KEY(i)));
    map_done(&m);
}

static void every_slot_is_visited_once(void **state)
{
    (void)state;
    static int seen[500];
    struct map m;
    size_t n = 0;

    map_init(&m);
    for (int i = 0; i < 500; i++)
        (void)map_put(&m, MAP_KEY(i), &seen[i]);
    for (struct map_slot *s = map_next(&m, NULL); s != NULL; s = map_next(&m, s)) {
        assert_int_equal(++*(int *)s->value, 1);
        n++;
    }
    assert_int_equal(n, 500);
    map_clear(&m);
    assert_null(map_next(&m, NULL));
    assert_int_equal(m.n, 0);
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(keys_are_copied),
        cmocka_unit_test(removal_keeps_every_other_key_reachable),
        cmocka_unit_test(every_slot_is_visited_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
