/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of the capture loop that need no server. */
#include "unit/pipeline/fixture.h"

#include "pipeline/capture.h"
#include "postgres/slot.h"

#include <string.h>

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

static struct position pos(uint32_t epoch, uint64_t commit_end, uint32_t ordinal)
{
    return (struct position){ epoch, ordinal, lsn(commit_end) };
}

static void invariant_1_no_more_is_confirmed_than_is_published(void **state)
{
    (void)state;
    assert_int_equal(capture_published(pos(1, 900, 7), pos(1, 500, 0)).v, 500);
    assert_int_equal(capture_published(pos(1, 900, 7), pos(1, 900, 0)).v, 900);
    assert_int_equal(capture_published(pos(1, 900, 7), pos(1, 950, 0)).v, 900);
    /* Nothing yet, or nothing of this history. */
    assert_int_equal(capture_published(pos(1, 900, 7), pos(0, 0, 0)).v, 0);
    assert_int_equal(capture_published(pos(2, 100, 7), pos(1, 900, 7)).v, 0);
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

/* ---- a gap in the history ------------------------------------------------------------------------ */

struct history {
    struct postgres_slot slot;
    struct postgres_slot_expect expect;
    struct postgres_server server;
};

/* All up to 100 is durable here, and the slot goes on from 90. */
static struct history whole_history(void)
{
    struct history h = {
        .slot = { .exists = true,
                  .name = "cdc_slot",
                  .plugin = "pgoutput",
                  .database = "db",
                  .wal_status = "reserved",
                  .restart = { 80 },
                  .confirmed_flush = { 90 } },
        .expect = { .database = "db",
                    .had_slot = true,
                    .durable = { 100 },
                    .system_id = 7,
                    .timeline = 1 },
        .server = { .system_id = 7, .timeline = 1, .flush = { 200 } },
    };

    return h;
}

static void expect_gap(const struct history *h, enum error_code code)
{
    struct error err;

    assert_code(postgres_slot_judge(&h->slot, &h->expect, &h->server, &err), err, code);
    assert_int_equal(err.kind, ERR_STOP);
}

static void invariant_6_a_slot_that_continues_is_no_gap(void **state)
{
    struct history h = whole_history();
    struct error err;

    (void)state;
    assert_ok(postgres_slot_judge(&h.slot, &h.expect, &h.server, &err), err);
}

static void invariant_6_a_slot_that_is_gone_or_ahead_stops_it(void **state)
{
    struct history h = whole_history();

    (void)state;
    h.slot.exists = false;
    expect_gap(&h, E_SLOT_MISSING);
    h = whole_history();
    h.slot.confirmed_flush = lsn(101);
    expect_gap(&h, E_SLOT_AHEAD);
    h = whole_history();
    memcpy(h.slot.wal_status, "lost", sizeof "lost");
    expect_gap(&h, E_SLOT_LOST);
}

static void invariant_6_another_server_or_time_line_stops_it(void **state)
{
    struct history h = whole_history();

    (void)state;
    h.server.system_id = 8;
    expect_gap(&h, E_SERVER_OTHER);
    h = whole_history();
    h.server.timeline = 2;
    expect_gap(&h, E_SERVER_TIMELINE);
    h = whole_history();
    h.server.flush = lsn(99);
    expect_gap(&h, E_SERVER_BEHIND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariant_1_no_more_is_confirmed_than_is_durable),
        cmocka_unit_test(invariant_1_no_more_is_confirmed_than_the_server_has_sent),
        cmocka_unit_test(invariant_1_no_more_is_confirmed_than_is_published),
        cmocka_unit_test(invariant_1_what_is_confirmed_never_falls),
        cmocka_unit_test(invariant_2_a_keepalive_counts_when_nothing_is_pending),
        cmocka_unit_test(invariant_2_a_keepalive_within_a_transaction_moves_nothing),
        cmocka_unit_test(invariant_2_a_keepalive_before_the_sync_moves_nothing),
        cmocka_unit_test(invariant_6_a_slot_that_continues_is_no_gap),
        cmocka_unit_test(invariant_6_a_slot_that_is_gone_or_ahead_stops_it),
        cmocka_unit_test(invariant_6_another_server_or_time_line_stops_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
