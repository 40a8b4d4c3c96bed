/* SPDX-License-Identifier: Apache-2.0 */
/* No thread is started. */
#include "unit/pipeline/state_topic.h"

static struct checkpoint_source source_of(uint32_t epoch, enum checkpoint_phase phase)
{
    return (struct checkpoint_source){
        .epoch = epoch, .system_id = 7, .timeline = 1, .database = "d", .slot = "s", .phase = phase
    };
}

static void published(struct world *w, struct position at)
{
    struct progress_sink *p = progress_edit_sink(&w->publisher);

    p->position = at;
    p->commit_lsn = at.commit_end;
    p->wts = 500;
    progress_release(&w->publisher);
}

static struct position known(struct world *w)
{
    struct progress_sink p;

    progress_get_sink(&w->keeper.progress, &p);
    return p.position;
}

static void take(struct world *w, enum checkpoint_phase phase, struct position at)
{
    struct checkpoint_source source = source_of(1, phase);
    struct error err;

    assert_ok(keeper_take(&w->keeper, &source, at, at.commit_end, 5, &err), err);
}

/* A second or more later. */
static void round_later(struct world *w)
{
    struct error err;

    now_us += 1100000;
    assert_ok(keeper_round(&w->keeper, false, &err), err);
}

static struct claim last(struct world *w)
{
    struct keeper_found found;
    struct error err;

    assert_ok(keeper_load(&w->keeper, &found, &err), err);
    assert_true(found.found);
    return found.claim;
}

/* ---- what is whole --------------------------------------------------------------------------------- */

static struct position at(uint64_t lsn, uint32_t ordinal)
{
    return (struct position){ 1, ordinal, { lsn } };
}

/* The last change was stamped 1000, its commit record begins 5 below its end. */
static struct keeper_whole whole(struct position now, struct position end)
{
    const struct progress_sink p = { .position = now,
                                     .commit_lsn = { now.commit_end.v - 5 },
                                     .wts = 1000 };
    const struct stream_tail tail = { .position = end, .last_wts = 2000 };

    return keeper_whole(&p, &tail);
}

/* PostgreSQL leaves out what commits below where it begins, by where the commit record begins. */
static void
invariant_1_a_position_inside_a_transaction_speaks_only_for_what_is_before_it(void **state)
{
    struct progress_sink copy = { .position = { 1, 3, { 20 } }, .commit_lsn = { 20 }, .wts = 1000 };
    const struct stream_tail tail = { .position = { 1, 9, { 20 } } };

    (void)state;
    assert_int_equal(whole(at(20, 3), at(30, 1)).position.commit_end.v, 15);
    assert_int_equal(whole(at(20, 3), at(20, 9)).position.commit_end.v, 15);
    assert_int_equal(whole(at(20, 3), at(20, 9)).position.ordinal, 0);
    assert_int_equal(whole(at(30, 1), at(30, 1)).position.commit_end.v, 30); /* all there is */
    assert_int_equal(whole(at(40, 0), at(50, 2)).position.commit_end.v, 40); /* a mark */
    /* A copy of tables begins where it ends. */
    assert_int_equal(keeper_whole(&copy, &tail).position.commit_end.v, 19);
    copy.wts = 0;
    assert_false(keeper_whole(&copy, &tail).known);
}

static void invariant_2_the_stamp_is_that_of_the_position(void **state)
{
    (void)state;
    assert_int_equal(whole(at(20, 3), at(30, 1)).wts, 997); /* before its first change */
    assert_int_equal(whole(at(40, 0), at(50, 2)).wts, 1000);
    assert_int_equal(whole(at(30, 1), at(30, 1)).wts, 2000);
}

/* ---- the claim ------------------------------------------------------------------------------------- */

static void it_writes_how_far_the_publisher_has_come_once_a_second(void **state)
{
    struct error err;
    struct world w;
    size_t before;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    assert_int_equal(known(&w).commit_end.v, 10);
    fixture_append(w.stream, 20, 1, 3);
    round_later(&w);
    assert_int_equal(known(&w).commit_end.v, 10);
    published(&w, at(20, 3));
    round_later(&w);
    assert_int_equal(known(&w).commit_end.v, 20);
    assert_int_equal(last(&w).position.commit_end.v, 20);
    before = topic.count;
    fixture_append(w.stream, 30, 4, 1);
    published(&w, at(30, 1));
    assert_ok(keeper_round(&w.keeper, false, &err), err); /* not a second later */
    assert_int_equal(topic.count, before);
    assert_ok(keeper_round(&w.keeper, true, &err), err);
    assert_int_equal(topic.count, before + 1);
    assert_int_equal(known(&w).commit_end.v, 30);
    round_later(&w);
    assert_int_equal(topic.count, before + 1); /* nothing new */
    close_world(&w);
}

static void invariant_1_without_the_state_topic_nothing_more_is_known(void **state)
{
    struct error err;
    struct world w;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    fixture_append(w.stream, 20, 1, 3);
    published(&w, at(20, 3));
    topic.down = true;
    now_us += 1100000;
    assert_code(keeper_round(&w.keeper, false, &err), err, E_KAFKA_DOWN);
    assert_int_equal(known(&w).commit_end.v, 10);
    topic.down = false;
    round_later(&w);
    assert_int_equal(known(&w).commit_end.v, 20);
    close_world(&w);
}

static void a_write_stamp_that_was_given_is_below_what_the_claim_says(void **state)
{
    struct stream_tail tail;
    struct world w;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    fixture_append(w.stream, 20, 1, 3);
    published(&w, at(20, 3));
    round_later(&w);
    w.stream->ops->tail(w.stream, &tail);
    assert_true(last(&w).wts == tail.last_wts);
    close_world(&w);
}

static void another_writer_of_a_higher_term_has_taken_over(void **state)
{
    struct error err;
    struct world w;

    open_world(&w, *state, "b");
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    write_as(last(&w), "a", 2);
    now_us += 1100000;
    assert_code(keeper_round(&w.keeper, false, &err), err, E_WRITER_SUPERSEDED);
    assert_non_null(strstr(err.msg, "elsewhere"));
    assert_false(keeper_is_held(&w.keeper));
    assert_code(keeper_check(&w.keeper, &err), err, E_WRITER_SUPERSEDED);
    assert_int_equal(err.kind, ERR_RETRY);
    close_world(&w);
}

/* It was asleep while another took the stream, wrote, and saw only then what had been written. */
static void a_late_word_of_its_own_does_not_hide_the_other(void **state)
{
    struct keeper_found found;
    struct error err;
    struct world w;
    struct claim ours;

    open_world(&w, *state, "b");
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    ours = last(&w);
    write_as(ours, "a", 2);
    write_as(ours, "b", 1);
    assert_ok(keeper_load(&w.keeper, &found, &err), err);
    assert_false(found.ours);
    assert_int_equal(found.offset, 1);
    assert_code(keeper_round(&w.keeper, false, &err), err, E_WRITER_SUPERSEDED);
    close_world(&w);
}

static void a_late_word_of_the_one_before_counts_for_nothing(void **state)
{
    struct error err;
    struct world a;
    struct world b;
    struct claim late;

    open_world(&a, *state, "a");
    take(&a, CHECKPOINT_STREAMING, at(10, 0));
    late = last(&a);
    close_world(&a);
    open_world(&b, *state, "b");
    (void)last(&b);
    take(&b, CHECKPOINT_STREAMING, at(10, 0));
    write_as(late, "a", late.term);
    round_later(&b);
    assert_ok(keeper_check(&b.keeper, &err), err);
    assert_true(keeper_is_held(&b.keeper));
    assert_string_equal(last(&b).writer, "b");
    close_world(&b);
}

/* One that stood still wrote its old position over the new one's: what was in Kafka stays known. */
static void an_older_position_written_late_takes_nothing_back(void **state)
{
    struct keeper_found found;
    struct error err;
    struct world w;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_STREAMING, at(30, 0));
    take(&w, CHECKPOINT_STREAMING, at(10, 0));
    assert_ok(keeper_load(&w.keeper, &found, &err), err);
    assert_true(found.ours);
    assert_int_equal(found.claim.position.commit_end.v, 30);
    close_world(&w);
}

static void a_snapshot_is_complete_when_all_of_it_is_in_kafka(void **state)
{
    struct checkpoint_source source = source_of(1, CHECKPOINT_STREAMING);
    struct error err;
    struct world w;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_SNAPSHOT, (struct position){ .epoch = 1 });
    fixture_append(w.stream, 20, 1, 100);
    assert_ok(keeper_change(&w.keeper, &source, (struct lsn){ 20 }, &err), err);
    assert_int_equal(last(&w).source.phase, CHECKPOINT_SNAPSHOT);
    published(&w, at(20, 60));
    round_later(&w);
    assert_int_equal(last(&w).source.phase, CHECKPOINT_SNAPSHOT);
    published(&w, at(20, 100));
    round_later(&w);
    assert_int_equal(last(&w).source.phase, CHECKPOINT_STREAMING);
    assert_int_equal(last(&w).position.commit_end.v, 20);
    close_world(&w);
}

static void during_a_snapshot_it_shows_that_it_lives(void **state)
{
    struct world w;
    size_t before;

    open_world(&w, *state, "a");
    take(&w, CHECKPOINT_SNAPSHOT, (struct position){ .epoch = 1 });
    round_later(&w);
    before = topic.count;
    for (int i = 0; i < 10; i++)
        round_later(&w);
    assert_in_range(topic.count - before, 1, 3);
    close_world(&w);
}

static void a_foreign_record_is_no_claim(void **state)
{
    struct keeper_found found;
    struct error err;
    struct world w;

    open_world(&w, *state, "a");
    assert_ok(keeper_load(&w.keeper, &found, &err), err);
    assert_false(found.found);
    topic.values[topic.count++] = mem_strdup("hello");
    assert_code(keeper_load(&w.keeper, &found, &err), err, E_WRITER_STATE);
    close_world(&w);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, state_topic_start, state_topic_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(invariant_1_a_position_inside_a_transaction_speaks_only_for_what_is_before_it),
        CASE(invariant_2_the_stamp_is_that_of_the_position),
        CASE(it_writes_how_far_the_publisher_has_come_once_a_second),
        CASE(invariant_1_without_the_state_topic_nothing_more_is_known),
        CASE(a_write_stamp_that_was_given_is_below_what_the_claim_says),
        CASE(another_writer_of_a_higher_term_has_taken_over),
        CASE(a_late_word_of_its_own_does_not_hide_the_other),
        CASE(a_late_word_of_the_one_before_counts_for_nothing),
        CASE(an_older_position_written_late_takes_nothing_back),
        CASE(a_snapshot_is_complete_when_all_of_it_is_in_kafka),
        CASE(during_a_snapshot_it_shows_that_it_lives),
        CASE(a_foreign_record_is_no_claim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
