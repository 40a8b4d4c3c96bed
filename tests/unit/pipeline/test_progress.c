/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "pipeline/progress.h"

static void percentiles_are_within_a_bucket_of_the_truth(void **state)
{
    static struct progress_latency l;

    (void)state;
    for (int64_t us = 1; us <= 100000; us++)
        progress_latency_add(&l, us, 1);
    assert_in_range(progress_latency_at(&l, 0.5), 50000, 54000);
    assert_in_range(progress_latency_at(&l, 0.99), 99000, 100000);
    assert_int_equal(progress_latency_at(&l, 1.0), 100000);
    assert_int_equal(l.max_us, 100000);
}

static void nothing_measured_is_zero(void **state)
{
    static struct progress_latency l;

    (void)state;
    assert_int_equal(progress_latency_at(&l, 0.5), 0);
}

static void a_clock_that_went_back_and_a_year_both_have_a_bucket(void **state)
{
    static struct progress_latency l;

    (void)state;
    progress_latency_add(&l, -5, 1);
    progress_latency_add(&l, (int64_t)365 * 86400 * 1000000, 1);
    assert_int_equal(l.count, 2);
    assert_in_range(progress_latency_at(&l, 0.5), 0, 2);
}

static void a_copy_is_whole(void **state)
{
    struct progress p;
    struct progress_sink copy;

    (void)state;
    progress_init(&p);
    progress_edit_sink(&p)->rows = 7;
    p.sink.batches = 3;
    progress_release(&p);
    progress_get_sink(&p, &copy);
    assert_int_equal(copy.rows, 7);
    assert_int_equal(copy.batches, 3);
    progress_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_a_bucket_of_the_truth),
        cmocka_unit_test(nothing_measured_is_zero),
        cmocka_unit_test(a_clock_that_went_back_and_a_year_both_have_a_bucket),
        cmocka_unit_test(a_copy_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
