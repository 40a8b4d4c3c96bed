/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void memory_is_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    char *before = NULL;

    arena_init(&a, 1 * MIB);
    for (size_t n = 0; n < 300; n++) {
        char *p = arena_alloc(&a, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0xAB, n);
        assert_true(p != before || n == 1);
        before = p;
    }
    arena_done(&a);
}

static void zalloc_is_cleared_also_after_reset(void **state)
{
    (void)state;
    struct arena a;
    const unsigned char *p;

    arena_init(&a, 1 * MIB);
    memset(arena_alloc(&a, 1000), 0xFF, 1000);
    arena_reset(&a);
    p = arena_zalloc(&a, 100, 10);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    arena_done(&a);
}

static void reset_keeps_a_chunk_so_that_the_next_batch_allocates_none(void **state)
{
    (void)state;
    struct arena a;
    const struct arena_chunk *kept;

    arena_init(&a, 64 * MIB);
    for (int i = 0; i < 100; i++)
        (void)arena_alloc(&a, 8000);
    arena_reset(&a);
    kept = a.head;
    assert_non_null(kept);
    assert_int_equal(a.used, 0);
    for (int i = 0; i < 20; i++)
        (void)arena_alloc(&a, 8000);
    assert_ptr_equal(a.head, kept);
    arena_done(&a);
}

static void reset_gives_a_huge_chunk_back(void **state)
{
    (void)state;
    struct arena a;

    arena_init(&a, 64 * MIB);
    (void)arena_alloc(&a, 32 * MIB);
    arena_reset(&a);
    assert_null(a.head);
    arena_done(&a);
}

static void a_copied_str_is_terminated(void **state)
{
    (void)state;
    struct arena a;
    struct str s;

    arena_init(&a, 1 * MIB);
    s = arena_str(&a, STR("hello"));
    assert_int_equal(s.n, 5);
    assert_string_equal(s.p, "hello");
    assert_string_equal(arena_str(&a, STR_NONE).p, "");
    arena_done(&a);
}

static void printf_makes_room_for_any_length(void **state)
{
    (void)state;
    struct arena a;

    arena_init(&a, 1 * MIB);
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    assert_int_equal(strlen(arena_printf(&a, "%20000d", 1)), 20000);
    arena_done(&a);
}

static void rewind_gives_back_what_came_behind_the_mark(void **state)
{
    (void)state;
    struct arena a;
    struct arena_mark mark;
    char *kept;

    arena_init(&a, 16 * MIB);
    kept = arena_printf(&a, "kept");
    mark = arena_mark(&a);
    for (int i = 0; i < 100; i++)
        (void)arena_alloc(&a, 50000);
    arena_rewind(&a, mark);
    assert_int_equal(a.used, mark.used);
    assert_string_equal(kept, "kept");
    (void)arena_alloc(&a, 100);
    assert_string_equal(kept, "kept");
    arena_done(&a);
}

static void a_list_grows_with_what_it_holds(void **state)
{
    (void)state;
    struct arena a;
    unsigned *items = NULL;
    size_t cap = 0;

    arena_init(&a, 1 * MIB);
    for (unsigned i = 0; i < 100; i++) {
        unsigned *before = items;
        bool full = i == cap;

        items = arena_grow(&a, items, i, &cap, sizeof *items);
        assert_true(cap > i);
        assert_int_equal(items == before, !full);
        items[i] = i;
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(items[i], i);
    assert_int_equal(cap, 128);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_apart),
        cmocka_unit_test(zalloc_is_cleared_also_after_reset),
        cmocka_unit_test(reset_keeps_a_chunk_so_that_the_next_batch_allocates_none),
        cmocka_unit_test(reset_gives_a_huge_chunk_back),
        cmocka_unit_test(a_copied_str_is_terminated),
        cmocka_unit_test(printf_makes_room_for_any_length),
        cmocka_unit_test(a_list_grows_with_what_it_holds),
        cmocka_unit_test(rewind_gives_back_what_came_behind_the_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
