/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct postgres_slot slot;
static struct postgres_slot_expect expect;
static struct postgres_server server;
static struct error err;

/* All is well: our slot, at our position, on our server. */
static int setup(void **state)
{
    (void)state;
    slot = (struct postgres_slot){ .exists = true,
                                   .name = "cdc_slot",
                                   .plugin = "pgoutput",
                                   .database = "app",
                                   .wal_status = "reserved",
                                   .restart = { 900 },
                                   .confirmed_flush = { 1000 },
                                   .has_total_txns = true,
                                   .total_txns = 50 };
    expect = (struct postgres_slot_expect){ .database = "app",
                                            .had_slot = true,
                                            .durable = { 1000 },
                                            .total_txns = 40,
                                            .system_id = 7,
                                            .timeline = 1 };
    server = (struct postgres_server){
        .system_id = 7, .timeline = 1, .flush = { 2000 }, .wal_sender_timeout_ms = 60000
    };
    memset(&err, 0, sizeof err);
    return 0;
}

static void refused(enum error_kind kind, const char *code)
{
    assert_false(postgres_slot_judge(&slot, &expect, &server, &err));
    assert_string_equal(err.code, code);
    assert_int_equal(err.kind, kind);
}

static void our_slot_at_our_position_is_fine(void **state)
{
    (void)state;
    assert_true(postgres_slot_judge(&slot, &expect, &server, &err));
}

static void slot_behind_us_is_fine(void **state)
{
    (void)state;
    slot.confirmed_flush.v = 500;
    assert_true(postgres_slot_judge(&slot, &expect, &server, &err));
}

static void missing_slot_that_never_was_ours_is_fine(void **state)
{
    (void)state;
    slot.exists = false;
    expect.had_slot = false;
    assert_true(postgres_slot_judge(&slot, &expect, &server, &err));
}

static void adopted_slot_without_a_history_of_ours_is_fine(void **state)
{
    (void)state;
    expect = (struct postgres_slot_expect){ .database = "app" };
    assert_true(postgres_slot_judge(&slot, &expect, &server, &err));
}

static void missing_slot_of_ours_is_a_gap(void **state)
{
    (void)state;
    slot.exists = false;
    refused(ERR_STOP, "E0413");
    assert_non_null(strstr(err.msg, "cdc_slot"));
}

static void slot_of_another_plugin_is_refused(void **state)
{
    (void)state;
    (void)str_copy(STR("wal2json"), slot.plugin, sizeof slot.plugin);
    refused(ERR_STOP, "E0414");
    assert_non_null(strstr(err.msg, "wal2json"));
}

static void physical_slot_is_refused(void **state)
{
    (void)state;
    slot.plugin[0] = '\0';
    slot.database[0] = '\0';
    refused(ERR_STOP, "E0415");
}

static void slot_of_another_database_is_refused(void **state)
{
    (void)state;
    (void)str_copy(STR("other"), slot.database, sizeof slot.database);
    refused(ERR_STOP, "E0416");
    assert_non_null(strstr(err.msg, "other"));
}

static void temporary_slot_is_refused(void **state)
{
    (void)state;
    slot.temporary = true;
    refused(ERR_STOP, "E0424");
}

static void lost_slot_is_refused(void **state)
{
    (void)state;
    (void)str_copy(STR("lost"), slot.wal_status, sizeof slot.wal_status);
    refused(ERR_STOP, "E0417");
}

static void invalidated_slot_names_the_reason(void **state)
{
    (void)state;
    (void)str_copy(STR("rows_removed"), slot.invalidation, sizeof slot.invalidation);
    refused(ERR_STOP, "E0417");
    assert_non_null(strstr(err.msg, "rows_removed"));
}

static void slot_ahead_of_us_names_the_gap(void **state)
{
    (void)state;
    slot.confirmed_flush.v = 1500;
    refused(ERR_STOP, "E0418");
    assert_non_null(strstr(err.msg, "a gap of 500 bytes"));
    assert_null(strstr(err.msg, "made again"));
}

static void slot_ahead_whose_restart_is_ahead_too_may_be_a_new_one(void **state)
{
    (void)state;
    slot.confirmed_flush.v = 1500;
    slot.restart.v = 1400;
    refused(ERR_STOP, "E0418");
    assert_non_null(strstr(err.msg, "or it was dropped and made again"));
}

static void slot_ahead_and_in_use_names_the_other_reader(void **state)
{
    (void)state;
    slot.confirmed_flush.v = 1500;
    slot.active = true;
    (void)str_copy(STR("debezium at 10.0.0.9"), slot.active_who, sizeof slot.active_who);
    refused(ERR_STOP, "E0418");
    assert_non_null(strstr(err.msg, "debezium at 10.0.0.9"));
}

static void slot_ahead_with_fewer_transactions_was_made_again(void **state)
{
    (void)state;
    slot.confirmed_flush.v = 1500;
    slot.total_txns = 3;
    refused(ERR_STOP, "E0419");
}

static void fewer_transactions_alone_are_no_gap(void **state)
{
    (void)state;
    slot.total_txns = 0; /* statistics are lost in a crash of the server */
    assert_true(postgres_slot_judge(&slot, &expect, &server, &err));
}

static void active_slot_is_tried_again(void **state)
{
    (void)state;
    slot.active = true;
    slot.active_pid = 812;
    (void)str_copy(STR("multisink at 10.0.0.7"), slot.active_who, sizeof slot.active_who);
    refused(ERR_RETRY, "E0412");
    assert_non_null(strstr(err.msg, "PID 812 (multisink at 10.0.0.7)"));
    assert_non_null(strstr(err.msg, "60000 ms"));
}

static void server_behind_us_is_refused(void **state)
{
    (void)state;
    server.flush.v = 999;
    refused(ERR_STOP, "E0420");
}

static void other_server_is_refused_before_its_slot_is_looked_at(void **state)
{
    (void)state;
    server.system_id = 8;
    slot.exists = false;
    refused(ERR_STOP, "E0421");
}

static void other_timeline_is_refused(void **state)
{
    (void)state;
    server.timeline = 2;
    refused(ERR_STOP, "E0422");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(our_slot_at_our_position_is_fine, setup),
        cmocka_unit_test_setup(slot_behind_us_is_fine, setup),
        cmocka_unit_test_setup(missing_slot_that_never_was_ours_is_fine, setup),
        cmocka_unit_test_setup(adopted_slot_without_a_history_of_ours_is_fine, setup),
        cmocka_unit_test_setup(missing_slot_of_ours_is_a_gap, setup),
        cmocka_unit_test_setup(slot_of_another_plugin_is_refused, setup),
        cmocka_unit_test_setup(physical_slot_is_refused, setup),
        cmocka_unit_test_setup(slot_of_another_database_is_refused, setup),
        cmocka_unit_test_setup(temporary_slot_is_refused, setup),
        cmocka_unit_test_setup(lost_slot_is_refused, setup),
        cmocka_unit_test_setup(invalidated_slot_names_the_reason, setup),
        cmocka_unit_test_setup(slot_ahead_of_us_names_the_gap, setup),
        cmocka_unit_test_setup(slot_ahead_whose_restart_is_ahead_too_may_be_a_new_one, setup),
        cmocka_unit_test_setup(slot_ahead_and_in_use_names_the_other_reader, setup),
        cmocka_unit_test_setup(slot_ahead_with_fewer_transactions_was_made_again, setup),
        cmocka_unit_test_setup(fewer_transactions_alone_are_no_gap, setup),
        cmocka_unit_test_setup(active_slot_is_tried_again, setup),
        cmocka_unit_test_setup(server_behind_us_is_refused, setup),
        cmocka_unit_test_setup(other_server_is_refused_before_its_slot_is_looked_at, setup),
        cmocka_unit_test_setup(other_timeline_is_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
