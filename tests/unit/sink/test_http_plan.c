/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of http_plan.c, by number, without a server. */
#include "http_fixture.h"

#include "base/limits.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_fixture f;
static struct http_plan plan;
static struct http_conf conf;
static const struct http_marks no_marks;

static int set_up(void **state)
{
    (void)state;
    f = (struct http_fixture){ .puts = 0 };
    arena_init(&f.arena, LIMIT_ARENA);
    f.batch = (struct batch){ .arena = &f.arena, .changes = f.changes };
    http_plan_init(&plan);
    conf = (struct http_conf){ .batch = { .max = 1 } };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_plan_done(&plan);
    arena_done(&f.arena);
    return 0;
}

static void make(void)
{
    http_plan_make(&plan, &conf, &f.batch, &no_marks, NULL, 0);
    http_plan_start(&plan);
}

static void add(long id)
{
    http_fixture_add(&f, CHANGE_INSERT, id, "a");
}

static void finish(struct http_unit *u, enum http_state state)
{
    http_plan_finish(&plan, u, state, (struct http_reason){ E_HTTP_REFUSED, "no" });
}

static void invariant_1_a_change_waits_for_the_earlier_one_of_its_key(void **state)
{
    struct http_unit *first;
    struct http_unit *other;

    (void)state;
    add(1);
    add(1);
    add(2);
    make();
    first = http_plan_next(&plan);
    other = http_plan_next(&plan);
    assert_int_equal(first->from, 0);
    assert_int_equal(other->from, 2);
    assert_null(http_plan_next(&plan));
    finish(other, HTTP_DONE);
    assert_null(http_plan_next(&plan));
    finish(first, HTTP_DONE);
    assert_int_equal(http_plan_next(&plan)->from, 1);
}

static void invariant_1_a_list_waits_for_every_key_in_it(void **state)
{
    struct http_unit *first;
    struct http_unit *second;

    (void)state;
    conf.batch.max = 2;
    add(1);
    add(2);
    add(3);
    add(4);
    add(2);
    add(3);
    make();
    assert_int_equal(plan.unit_count, 3);
    first = http_plan_next(&plan);
    second = http_plan_next(&plan);
    assert_null(http_plan_next(&plan));
    finish(second, HTTP_DONE);
    assert_null(http_plan_next(&plan));
    finish(first, HTTP_DONE);
    assert_int_equal(http_plan_next(&plan)->from, 4);
}

static void invariant_1_holds_for_every_order_of_answers(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct http_unit *flying[8];
        size_t flying_n = 0;
        size_t finished = 0;

        (void)set_up(NULL);
        conf.batch.max = 1 + round % 4;
        for (size_t i = 0; i < 60; i++)
            add(rand_r(&seed) % 9);
        make();
        while (finished < plan.unit_count) {
            struct http_unit *u = flying_n < 8 ? http_plan_next(&plan) : NULL;
            size_t pick;

            if (u != NULL) {
                for (uint32_t i = u->from; i < u->to; i++) {
                    for (uint32_t j = 0; j < u->from; j++)
                        assert_false(plan.key_of[j] == plan.key_of[i] &&
                                     plan.states[j] == HTTP_PENDING);
                }
                flying[flying_n++] = u;
                continue;
            }
            assert_true(flying_n > 0);
            pick = (size_t)rand_r(&seed) % flying_n;
            finish(flying[pick], HTTP_DONE);
            flying[pick] = flying[--flying_n];
            finished++;
        }
        assert_null(http_plan_next(&plan));
        (void)tear_down(NULL);
    }
    (void)set_up(NULL);
}

static void invariant_2_what_stands_behind_a_refused_one_is_held(void **state)
{
    (void)state;
    add(1);
    add(1);
    add(1);
    make();
    finish(http_plan_next(&plan), HTTP_BAD);
    assert_null(http_plan_next(&plan));
    assert_int_equal(plan.states[0], HTTP_BAD);
    assert_int_equal(plan.states[1], HTTP_HELD);
    assert_int_equal(plan.states[2], HTTP_HELD);
}

static void invariant_2_a_list_goes_without_the_rows_that_are_held(void **state)
{
    struct http_unit *u;

    (void)state;
    conf.batch.max = 2;
    add(1);
    add(1);
    add(1);
    add(2);
    make();
    finish(http_plan_next(&plan), HTTP_BAD);
    u = http_plan_next(&plan);
    assert_int_equal(u->from, 2);
    assert_int_equal(plan.states[2], HTTP_HELD);
    assert_int_equal(plan.states[3], HTTP_PENDING);
}

static void invariant_3_stored_cuts_are_kept(void **state)
{
    struct buf stored;
    struct http_marks marks;

    (void)state;
    buf_init(&stored, MIB);
    conf.batch.max = 3;
    for (long i = 0; i < 4; i++)
        add(i);
    make();
    http_marks_encode(&plan, &f.batch, &no_marks, &stored);
    assert_true(http_marks_decode(buf_view(&stored), &f.arena, &marks));
    assert_int_equal(marks.count, 2);
    for (long i = 4; i < 8; i++)
        add(i);
    http_plan_make(&plan, &conf, &f.batch, &marks, NULL, 0);
    assert_int_equal(plan.unit_count, 4);
    assert_int_equal(plan.units[1].from, 3);
    assert_int_equal(plan.units[1].to, 4);
    assert_int_equal(plan.units[2].to, 7);
    buf_done(&stored);
}

static void cuts_of_a_batch_that_is_not_here_yet_stay_stored(void **state)
{
    struct buf stored;
    struct http_marks marks;

    (void)state;
    buf_init(&stored, MIB);
    conf.batch.max = 2;
    for (long i = 0; i < 6; i++)
        add(i);
    make();
    http_marks_encode(&plan, &f.batch, &no_marks, &stored);
    assert_true(http_marks_decode(buf_view(&stored), &f.arena, &marks));
    f.batch.count = 2;
    f.batch.after = f.changes[1].pos;
    http_plan_make(&plan, &conf, &f.batch, &marks, NULL, 0);
    buf_clear(&stored);
    http_marks_encode(&plan, &f.batch, &marks, &stored);
    assert_true(http_marks_decode(buf_view(&stored), &f.arena, &marks));
    assert_int_equal(marks.count, 3);
    assert_int_equal(marks.items[2].last.ordinal, 6);
    buf_done(&stored);
}

static void what_was_sent_before_is_done(void **state)
{
    struct position sent[1];

    (void)state;
    add(1);
    add(1);
    sent[0] = f.changes[0].pos;
    http_plan_make(&plan, &conf, &f.batch, &no_marks, sent, 1);
    http_plan_start(&plan);
    assert_int_equal(http_plan_next(&plan)->from, 1);
    assert_int_equal(plan.states[0], HTTP_DONE);
}

static void a_stored_value_of_odd_length_is_not_ours(void **state)
{
    struct http_marks marks;
    struct position before;
    const struct position *sent;
    size_t count;

    (void)state;
    assert_false(http_marks_decode(STR("\x01xx"), &f.arena, &marks));
    assert_false(http_marks_decode(STR("\x02"), &f.arena, &marks));
    assert_false(http_sent_decode(STR("\x01"), &f.arena, &before, &sent, &count));
    assert_true(http_sent_decode(STR(""), &f.arena, &before, &sent, &count));
    assert_int_equal(count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(invariant_1_a_change_waits_for_the_earlier_one_of_its_key),
        CASE(invariant_1_a_list_waits_for_every_key_in_it),
        CASE(invariant_1_holds_for_every_order_of_answers),
        CASE(invariant_2_what_stands_behind_a_refused_one_is_held),
        CASE(invariant_2_a_list_goes_without_the_rows_that_are_held),
        CASE(invariant_3_stored_cuts_are_kept),
        CASE(cuts_of_a_batch_that_is_not_here_yet_stay_stored),
        CASE(what_was_sent_before_is_done),
        CASE(a_stored_value_of_odd_length_is_not_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
