/* SPDX-License-Identifier: Apache-2.0 */
/* Who may write the stream, as far as it can be told without a server. */
#include "unit/pipeline/state_topic.h"

#include "config/config.h"
#include "pipeline/capture.h"
#include "postgres/slot.h"

#define SECOND ((int64_t)1000000)

static const struct config config = { .stream.dir = "here", .source.slot = "s" };

/* This process is "b". */
struct two {
    struct world w;
    struct capture c;
    struct wake stop;
};

static void open_two(struct two *t, const char *dir)
{
    struct error err;

    *t = (struct two){ 0 };
    open_world(&t->w, dir, "b");
    assert_ok(wake_init(&t->stop, &err), err);
    progress_init(&t->c.progress);
    t->c.opts = (struct capture_opts){ .config = &config,
                                       .stream = t->w.stream,
                                       .clock = &test_clock,
                                       .stop_fd = t->stop.fd,
                                       .keeper = &t->w.keeper };
    t->c.source = (struct checkpoint_source){
        .epoch = 1, .system_id = 7, .timeline = 1, .database = "d", .slot = "s"
    };
    t->c.source.phase = CHECKPOINT_STREAMING;
}

static void close_two(struct two *t)
{
    progress_done(&t->c.progress);
    wake_done(&t->stop);
    close_world(&t->w);
}

/* Another process wrote that. */
static void other(enum checkpoint_phase phase, uint32_t epoch, uint64_t lsn, int64_t term)
{
    struct claim c = { .position = { epoch, 0, { lsn } }, .wts = 5 };

    c.source = (struct checkpoint_source){
        .epoch = epoch, .system_id = 7, .timeline = 1, .database = "d", .slot = "s", .phase = phase
    };
    write_as(c, "a", term);
}

static bool stands_by(struct two *t)
{
    struct progress_capture p;

    progress_get_capture(&t->c.progress, &p);
    return p.state == PROGRESS_STANDBY;
}

static struct claim last_claim(struct two *t)
{
    struct keeper_found found;
    struct error err;

    assert_ok(keeper_load(&t->w.keeper, &found, &err), err);
    return found.claim;
}

/* ---- before the slot is ours ------------------------------------------------------------------------- */

static void a_slot_in_use_is_waited_for_and_kafka_is_not_asked(void **state)
{
    struct postgres_slot slot = { .name = "s", .exists = true, .active = true, .active_pid = 42 };
    struct error err;
    struct two t;

    open_two(&t, *state);
    topic.down = true;
    wake_set(&t.stop);
    error_clear(&err);
    assert_false(capture_stand_by(&t.c, &slot, &err));
    assert_int_equal(err.kind, ERR_CANCEL);
    assert_true(stands_by(&t));
    close_two(&t);
}

static void what_waits_here_is_given_up_when_another_has_written_since(void **state)
{
    struct postgres_slot slot = { .name = "s", .exists = true };
    struct error err;
    struct two t;

    open_two(&t, *state);
    fixture_append(t.w.stream, 20, 1, 3);
    other(CHECKPOINT_STREAMING, 1, 30, 1);
    assert_code(capture_stand_by(&t.c, &slot, &err), err, E_WRITER_SUPERSEDED);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_non_null(strstr(err.msg, "elsewhere"));
    assert_true(t.c.stale);
    close_two(&t);
}

static void anothers_snapshot_is_waited_for_as_long_as_it_says_something(void **state)
{
    struct postgres_slot slot = { .name = "s", .exists = true };
    struct error err;
    struct two t;

    open_two(&t, *state);
    wake_set(&t.stop);
    other(CHECKPOINT_SNAPSHOT, 1, 0, 1);
    for (int i = 0; i < 3; i++) {
        error_clear(&err);
        assert_false(capture_stand_by(&t.c, &slot, &err));
        assert_int_equal(err.kind, ERR_CANCEL);
        assert_true(stands_by(&t));
        now_us += 29 * SECOND;
        other(CHECKPOINT_SNAPSHOT, 1, 0, 1);
    }
    error_clear(&err);
    assert_false(capture_stand_by(&t.c, &slot, &err));
    now_us += 31 * SECOND;
    assert_code(capture_stand_by(&t.c, &slot, &err), err, E_WRITER_SNAPSHOT);
    assert_int_equal(err.kind, ERR_STOP);
    assert_false(t.c.stale);
    close_two(&t);
}

/* ---- the slot is ours --------------------------------------------------------------------------------- */

/* As capture_stand_by leaves it. */
static void look(struct two *t)
{
    struct error err;

    assert_ok(keeper_load(&t->w.keeper, &t->c.found, &err), err);
}

static void it_goes_on_from_what_the_other_had_in_kafka(void **state)
{
    struct error err;
    struct claim c;
    struct two t;

    open_two(&t, *state);
    other(CHECKPOINT_STREAMING, 1, 30, 4);
    look(&t);
    assert_ok(capture_take_over(&t.c, &err), err);
    assert_true(keeper_is_held(&t.w.keeper));
    c = last_claim(&t);
    assert_string_equal(c.writer, "b");
    assert_int_equal(c.term, 5);
    assert_int_equal(c.position.commit_end.v, 30);
    close_two(&t);
}

static void nothing_is_known_of_another_history(void **state)
{
    struct error err;
    struct two t;

    open_two(&t, *state);
    other(CHECKPOINT_STREAMING, 1, 30, 1);
    t.c.source.epoch = 2;
    look(&t);
    assert_ok(capture_take_over(&t.c, &err), err);
    assert_int_equal(last_claim(&t).position.epoch, 2);
    assert_int_equal(last_claim(&t).position.commit_end.v, 0);
    close_two(&t);
}

static void whoever_wrote_meanwhile_has_it(void **state)
{
    struct error err;
    struct two t;

    open_two(&t, *state);
    other(CHECKPOINT_STREAMING, 1, 30, 1);
    look(&t);
    other(CHECKPOINT_STREAMING, 1, 40, 1);
    assert_code(capture_take_over(&t.c, &err), err, E_WRITER_SUPERSEDED);
    assert_int_equal(err.kind, ERR_RETRY);
    assert_false(keeper_is_held(&t.w.keeper));
    assert_string_equal(last_claim(&t).writer, "a");
    close_two(&t);
}

/* A mark at the slot's position, and nothing was ever written. */
static void all_before_an_adopted_slot_is_known(void **state)
{
    const struct position slot = { 1, 0, { 70 } };
    struct position durable;
    struct error err;
    struct two t;

    open_two(&t, *state);
    assert_ok(t.w.stream->ops->mark(t.w.stream, slot, &err), err);
    assert_ok(t.w.stream->ops->sync(t.w.stream, &durable, &err), err);
    look(&t);
    assert_ok(capture_take_over(&t.c, &err), err);
    assert_int_equal(last_claim(&t).position.commit_end.v, 70);
    close_two(&t);
}

static void rows_that_wait_are_not_in_kafka_when_nobody_has_said_so(void **state)
{
    struct error err;
    struct two t;

    open_two(&t, *state);
    fixture_append(t.w.stream, 20, 1, 3);
    look(&t);
    assert_ok(capture_take_over(&t.c, &err), err);
    assert_int_equal(last_claim(&t).position.commit_end.v, 0);
    close_two(&t);
}

/* The process ended behind its copy, with a part of it in Kafka. */
static void a_snapshot_of_our_own_is_complete_with_all_of_it_in_kafka(void **state)
{
    struct error err;
    struct claim c;
    struct two t;

    open_two(&t, *state);
    other(CHECKPOINT_SNAPSHOT, 1, 10, 1);
    c = last_claim(&t);
    write_as(c, "b", 1);
    fixture_append(t.w.stream, 20, 1, 3);
    look(&t);
    assert_true(t.c.found.ours);
    assert_ok(capture_take_over(&t.c, &err), err);
    assert_int_equal(last_claim(&t).source.phase, CHECKPOINT_SNAPSHOT);
    now_us += 2 * SECOND;
    progress_edit_sink(&t.w.publisher)->position = (struct position){ 1, 3, { 20 } };
    progress_release(&t.w.publisher);
    assert_ok(keeper_round(&t.w.keeper, false, &err), err);
    assert_int_equal(last_claim(&t).source.phase, CHECKPOINT_STREAMING);
    close_two(&t);
}

/* ---- after a lost connection -------------------------------------------------------------------------- */

static void kafka_is_asked_only_when_the_slot_has_moved_without_us(void **state)
{
    struct postgres_slot slot = { .name = "s", .exists = true, .confirmed_flush = { 50 } };
    struct error err;
    struct two t;

    open_two(&t, *state);
    look(&t);
    assert_ok(capture_take_over(&t.c, &err), err);
    t.c.durable = (struct lsn){ 50 };
    topic.down = true;
    assert_ok(capture_stand_by(&t.c, &slot, &err), err);
    slot.confirmed_flush = (struct lsn){ 51 };
    assert_code(capture_stand_by(&t.c, &slot, &err), err, E_KAFKA_DOWN);
    topic.down = false;
    assert_ok(capture_stand_by(&t.c, &slot, &err), err);
    other(CHECKPOINT_STREAMING, 1, 51, 9);
    assert_code(capture_stand_by(&t.c, &slot, &err), err, E_WRITER_SUPERSEDED);
    assert_true(t.c.stale);
    close_two(&t);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, state_topic_start, state_topic_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_slot_in_use_is_waited_for_and_kafka_is_not_asked),
        CASE(what_waits_here_is_given_up_when_another_has_written_since),
        CASE(anothers_snapshot_is_waited_for_as_long_as_it_says_something),
        CASE(it_goes_on_from_what_the_other_had_in_kafka),
        CASE(nothing_is_known_of_another_history),
        CASE(whoever_wrote_meanwhile_has_it),
        CASE(all_before_an_adopted_slot_is_known),
        CASE(rows_that_wait_are_not_in_kafka_when_nobody_has_said_so),
        CASE(a_snapshot_of_our_own_is_complete_with_all_of_it_in_kafka),
        CASE(kafka_is_asked_only_when_the_slot_has_moved_without_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
