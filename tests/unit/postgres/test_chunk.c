/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/chunk.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_snapshot_says_what_it_does_not_see(void **state)
{
    struct postgres_chunk_snapshot s;
    struct arena a;

    (void)state;
    arena_init(&a, MIB);
    assert_true(postgres_chunk_parse(STR("700:710:700,705,709"), &a, &s));
    assert_int_equal(s.xmax, 710);
    assert_int_equal(s.running_count, 3);
    assert_int_equal(s.running[2], 709);
    assert_true(postgres_chunk_parse(STR("700:700:"), &a, &s));
    assert_int_equal(s.running_count, 0);
    /* Behind 2^32 transactions: the stream knows the low half. */
    assert_true(postgres_chunk_parse(STR("4294967296:4294967299:4294967298"), &a, &s));
    assert_int_equal(s.xmax, 3);
    assert_int_equal(s.running[0], 2);
    arena_done(&a);
}

static void what_is_no_snapshot_is_refused(void **state)
{
    static const char *const bad[] = { "",       "700",        "700:",       "700:710",
                                       "700:x:", "700:710:7,", "700:710:7,x" };
    struct postgres_chunk_snapshot s;
    struct arena a;

    (void)state;
    arena_init(&a, MIB);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bool ok = postgres_chunk_parse(str_from(bad[i]), &a, &s);

        /* A comma at the end adds nothing. */
        assert_int_equal(ok, i == 5);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_says_what_it_does_not_see),
        cmocka_unit_test(what_is_no_snapshot_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
