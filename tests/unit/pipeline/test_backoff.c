/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "pipeline/backoff.h"

static void waits_lie_in_the_upper_half_of_a_doubling_span(void **state)
{
    struct backoff b;
    int64_t span = 100;

    (void)state;
    backoff_init(&b, 100, 1600, 42);
    for (int i = 0; i < 12; i++) {
        int ms = backoff_next_ms(&b);

        assert_in_range(ms, span / 2, span);
        span = span * 2 > 1600 ? 1600 : span * 2;
    }
    assert_int_equal(b.tries, 12);
}

static void success_starts_from_the_beginning(void **state)
{
    struct backoff b;

    (void)state;
    backoff_init(&b, 100, 100000, 7);
    for (int i = 0; i < 8; i++)
        (void)backoff_next_ms(&b);
    backoff_clear(&b);
    assert_in_range(backoff_next_ms(&b), 50, 100);
    assert_int_equal(b.tries, 1);
}

static void two_clients_do_not_wait_alike(void **state)
{
    struct backoff a;
    struct backoff b;
    int same = 0;

    (void)state;
    backoff_init(&a, 1000, 60000, 1);
    backoff_init(&b, 1000, 60000, 99);
    for (int i = 0; i < 8; i++)
        same += backoff_next_ms(&a) == backoff_next_ms(&b);
    assert_in_range(same, 0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_lie_in_the_upper_half_of_a_doubling_span),
        cmocka_unit_test(success_starts_from_the_beginning),
        cmocka_unit_test(two_clients_do_not_wait_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
