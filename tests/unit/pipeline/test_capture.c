/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of the capture loop that need no server. */
#include "unit/pipeline/fixture.h"

#include "pipeline/capture.h"

static struct lsn lsn(uint64_t v)
{
    return (struct lsn){ v };
}

static void invariant_1_no_more_is_confirmed_than_is_durable(void **state)
{
    (void)state;
    assert_int_equal(capture_confirmable(lsn(100), lsn(500), lsn(0)).v, 100);
    assert_int_equal(capture_confirmable(lsn(100), lsn(500), lsn(90)).v, 100);
}

static void invariant_1_no_more_is_confirmed_than_the_server_has_sent(void **state)
{
    (void)state;
    /* After a reconnect: all up to 500 is durable, the server begins again at 200. */
    assert_int_equal(capture_confirmable(lsn(500), lsn(200), lsn(0)).v, 200);
}

static void invariant_1_what_is_confirmed_never_falls(void **state)
{
    (void)state;
    assert_int_equal(capture_confirmable(lsn(500), lsn(200), lsn(300)).v, 300);
}

static void invariant_2_a_keepalive_counts_when_nothing_is_pending(void **state)
{
    struct capture c = { .durable = lsn(100), .idle_end = lsn(200) };

    (void)state;
    assert_true(capture_is_idle(&c));
    c.idle_end = lsn(100);
    assert_false(capture_is_idle(&c));
}

static void invariant_2_a_keepalive_within_a_transaction_moves_nothing(void **state)
{
    struct capture c = { .durable = lsn(100), .idle_end = lsn(200), .assembler = { .open = true } };

    (void)state;
    assert_false(capture_is_idle(&c));
    /* Not even within one that is in the log already. */
    c.assembler.skipping = true;
    assert_false(capture_is_idle(&c));
}

static void invariant_2_a_keepalive_before_the_sync_moves_nothing(void **state)
{
    struct capture c = { .durable = lsn(100), .idle_end = lsn(200), .unsynced = true };

    (void)state;
    assert_false(capture_is_idle(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_1_no_more_is_confirmed_than_is_durable),
        cmocka_unit_test(invariant_1_no_more_is_confirmed_than_the_server_has_sent),
        cmocka_unit_test(invariant_1_what_is_confirmed_never_falls),
        cmocka_unit_test(invariant_2_a_keepalive_counts_when_nothing_is_pending),
        cmocka_unit_test(invariant_2_a_keepalive_within_a_transaction_moves_nothing),
        cmocka_unit_test(invariant_2_a_keepalive_before_the_sync_moves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
