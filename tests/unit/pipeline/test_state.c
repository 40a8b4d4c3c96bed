/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "pipeline/state.h"

#include <stdio.h>

enum { ENOUGH = 100 };

static void a_statement_is_prepared_once_and_found_again(void **state)
{
    static const char sql[] = "SELECT 1";
    struct state *st;
    struct error err;

    assert_ok(state_open(*state, true, &st, &err), err);
    for (int i = 0; i < ENOUGH; i++) {
        struct state_query q;
        bool row = false;

        assert_ok(state_query(st, &q, sql, &err), err);
        assert_ok(state_step(&q, &row, &err), err);
        assert_true(row);
        assert_int_equal(state_int(&q, 0), 1);
        state_end(&q);
    }
    state_close(st);
}

/* Statements are literals, so there are only so many; one that is made up each time would fill memory. */
static void statements_without_end_are_a_fault_of_the_program(void **state)
{
    char sql[ENOUGH][16];
    struct state *st;
    struct error err;
    bool ok = true;

    assert_ok(state_open(*state, true, &st, &err), err);
    for (int i = 0; i < ENOUGH && ok; i++) {
        struct state_query q;

        (void)snprintf(sql[i], sizeof sql[i], "SELECT %d", i);
        ok = state_query(st, &q, sql[i], &err);
        if (ok)
            state_end(&q);
    }
    assert_false(ok);
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_SYS_INTERNAL));
    state_close(st);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_statement_is_prepared_once_and_found_again),
        CASE(statements_without_end_are_a_fault_of_the_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
