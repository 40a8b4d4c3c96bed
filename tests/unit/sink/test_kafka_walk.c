/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_counts.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct relation one = { .version = 1, .schema = { "s", 1 }, .table = { "one", 3 } };
static const struct relation two = { .version = 2, .schema = { "s", 1 }, .table = { "two", 3 } };
static const struct relation nameless = { .version = 3, .schema = { "", 0 }, .table = { "", 0 } };

enum { CAP = 16 };

struct world {
    struct debezium_format format;
    struct sink_kafka_walk walk;
    struct change changes[CAP];
    struct debezium_moment moments[CAP];
    struct batch batch;
};

static void open_world(struct world *w)
{
    *w = (struct world){ .format = { .transactions = true } };
    w->batch.changes = w->changes;
    sink_kafka_walk_init(&w->walk, &w->format);
}

static struct change *add(struct world *w, enum change_op op, uint64_t commit, uint32_t ordinal,
                          const struct relation *rel)
{
    struct change *c = &w->changes[w->batch.count++];

    *c = (struct change){ .op = op,
                          .pos = { 1, ordinal, { commit } },
                          .lsn = { commit - 50 + ordinal },
                          .xid = op == CHANGE_SNAPSHOT ? 0 : (uint32_t)commit,
                          .rel = rel };
    return c;
}

/* Walks all, and begins a new batch. */
static void walk(struct world *w, const struct relation *next)
{
    w->batch.next = next;
    for (size_t i = 0; i < w->batch.count; i++)
        sink_kafka_walk_step(&w->walk, &w->batch, i, &w->moments[i]);
    w->batch.count = 0;
}

/* ---- sequence -------------------------------------------------------------------------------------------- */

static void a_record_knows_the_end_of_the_commit_before_its_transaction(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    (void)add(&w, CHANGE_INSERT, 100, 2, &one);
    (void)add(&w, CHANGE_INSERT, 200, 1, &one);
    walk(&w, &one);
    assert_int_equal(w.moments[0].last_commit.v, 0);
    assert_int_equal(w.moments[1].last_commit.v, 0);
    assert_int_equal(w.moments[2].last_commit.v, 100);
    (void)add(&w, CHANGE_INSERT, 200, 2, &one);
    (void)add(&w, CHANGE_INSERT, 300, 1, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[0].last_commit.v, 100);
    assert_int_equal(w.moments[1].last_commit.v, 200);
    sink_kafka_walk_done(&w.walk);
}

static void a_message_outside_of_transactions_counts_as_a_commit(void **state)
{
    struct world w;
    struct change *message;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    message = add(&w, CHANGE_MESSAGE, 150, 1, &nameless);
    message->xid = 0;
    message->lsn.v = 149;
    (void)add(&w, CHANGE_INSERT, 200, 1, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[1].last_commit.v, 149);
    assert_int_equal(w.moments[2].last_commit.v, 149);
    assert_int_equal(w.moments[1].total_order, 0);
    sink_kafka_walk_done(&w.walk);
}

static void a_snapshot_and_the_first_transaction_behind_it_know_no_commit(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_INSERT, 50, 1, &one);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 1, &one);
    (void)add(&w, CHANGE_INSERT, 200, 1, &one);
    (void)add(&w, CHANGE_INSERT, 300, 1, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[1].last_commit.v, 0);
    assert_int_equal(w.moments[2].last_commit.v, 0);
    assert_int_equal(w.moments[3].last_commit.v, 200);
    sink_kafka_walk_done(&w.walk);
}

/* ---- snapshots ------------------------------------------------------------------------------------------- */

static void the_ends_of_a_snapshot_and_of_its_tables_are_marked(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 1, &one);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 2, &one);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 3, &one);
    walk(&w, &two); /* the batch ends with the table */
    assert_int_equal(w.moments[0].snapshot, DEBEZIUM_SNAPSHOT_FIRST);
    assert_int_equal(w.moments[1].snapshot, DEBEZIUM_SNAPSHOT_TRUE);
    assert_int_equal(w.moments[2].snapshot, DEBEZIUM_SNAPSHOT_LAST_IN_COLLECTION);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 4, &two);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 5, &two);
    walk(&w, &two);
    assert_int_equal(w.moments[0].snapshot, DEBEZIUM_SNAPSHOT_FIRST_IN_COLLECTION);
    assert_int_equal(w.moments[1].snapshot, DEBEZIUM_SNAPSHOT_TRUE);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 6, &two);
    (void)add(&w, CHANGE_INSERT, 200, 1, &two);
    walk(&w, NULL);
    assert_int_equal(w.moments[0].snapshot, DEBEZIUM_SNAPSHOT_LAST);
    assert_int_equal(w.moments[1].snapshot, DEBEZIUM_SNAPSHOT_FALSE);
    sink_kafka_walk_done(&w.walk);
}

static void a_snapshot_of_one_row_is_its_last(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_SNAPSHOT, 100, 1, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[0].snapshot, DEBEZIUM_SNAPSHOT_LAST);
    add(&w, CHANGE_SNAPSHOT, 200, 1, &one)->flags = CHANGE_INCREMENTAL;
    walk(&w, NULL);
    assert_int_equal(w.moments[0].snapshot, DEBEZIUM_SNAPSHOT_INCREMENTAL);
    sink_kafka_walk_done(&w.walk);
}

/* ---- transactions ---------------------------------------------------------------------------------------- */

static void records_are_counted_by_transaction_and_by_table(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    (void)add(&w, CHANGE_INSERT, 100, 2, &two);
    (void)add(&w, CHANGE_TRUNCATE, 100, 3, &two); /* left out by the format */
    assert_true(sink_kafka_walk_begins(&w.walk, &w.changes[0]));
    walk(&w, &one);
    (void)add(&w, CHANGE_INSERT, 100, 4, &one);
    assert_false(sink_kafka_walk_begins(&w.walk, &w.changes[0]));
    (void)add(&w, CHANGE_INSERT, 200, 1, &one);
    w.batch.next = NULL;
    assert_true(sink_kafka_walk_ends(&w.batch, 0));
    assert_true(sink_kafka_walk_ends(&w.batch, 1));
    w.batch.next = &one;
    assert_false(sink_kafka_walk_ends(&w.batch, 1));
    sink_kafka_walk_step(&w.walk, &w.batch, 0, &w.moments[0]);
    assert_int_equal(w.moments[1].total_order, 2);
    assert_int_equal(w.moments[1].collection_order, 1);
    assert_int_equal(w.moments[2].total_order, 0);
    assert_int_equal(w.moments[0].total_order, 3);
    assert_int_equal(w.moments[0].collection_order, 2);
    assert_int_equal(w.walk.collection_count, 2);
    assert_true(str_is(w.walk.collections[0].name, "s.one"));
    assert_int_equal(w.walk.collections[0].events, 2);
    sink_kafka_walk_step(&w.walk, &w.batch, 1, &w.moments[1]);
    assert_int_equal(w.moments[1].total_order, 1);
    sink_kafka_walk_done(&w.walk);
}

static void messages_are_counted_from_3_3_on(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_MESSAGE, 100, 1, &nameless);
    (void)add(&w, CHANGE_INSERT, 100, 2, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[0].total_order, 0);
    assert_int_equal(w.moments[1].total_order, 1);
    w.format.compat = DEBEZIUM_3_3;
    (void)add(&w, CHANGE_MESSAGE, 200, 1, &nameless);
    (void)add(&w, CHANGE_INSERT, 200, 2, &one);
    walk(&w, NULL);
    assert_int_equal(w.moments[0].total_order, 1);
    assert_int_equal(w.moments[1].total_order, 2);
    sink_kafka_walk_done(&w.walk);
}

static void two_halves_that_are_one_event_are_counted_once(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_DELETE, 100, 1, &one);
    (void)add(&w, CHANGE_INSERT, 100, 2, &one);
    sink_kafka_walk_step(&w.walk, &w.batch, 0, &w.moments[0]);
    sink_kafka_walk_joined(&w.walk, &w.changes[0]);
    sink_kafka_walk_step(&w.walk, &w.batch, 1, &w.moments[1]);
    assert_int_equal(w.moments[1].total_order, 1);
    assert_int_equal(w.moments[1].collection_order, 1);
    sink_kafka_walk_done(&w.walk);
}

static void a_batch_that_comes_again_is_walked_from_the_copy(void **state)
{
    struct sink_kafka_walk copy;
    struct world w;

    (void)state;
    open_world(&w);
    sink_kafka_walk_init(&copy, &w.format);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    walk(&w, &one);
    for (int i = 0; i < 2; i++) {
        struct debezium_moment moment;

        sink_kafka_walk_copy(&copy, &w.walk);
        (void)add(&w, CHANGE_INSERT, 100, 2, &one);
        sink_kafka_walk_step(&copy, &w.batch, 0, &moment);
        assert_int_equal(moment.total_order, 2);
        w.batch.count = 0;
    }
    sink_kafka_walk_done(&copy);
    sink_kafka_walk_done(&w.walk);
}

/* Whichever of the two positions the next process begins at. */
static void counts_go_on_in_another_process(void **state)
{
    struct sink_kafka_walk after, next;
    const struct position before_at = { 1, 1, { 100 } }, after_at = { 1, 2, { 100 } };
    struct world w;
    struct buf kept;
    size_t first;

    (void)state;
    open_world(&w);
    buf_init(&kept, MIB);
    sink_kafka_walk_init(&after, &w.format);
    sink_kafka_walk_init(&next, &w.format);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    walk(&w, &one);
    sink_kafka_counts_put(&w.walk, before_at, &kept);
    first = kept.n;
    (void)add(&w, CHANGE_INSERT, 100, 2, &two);
    walk(&w, &one);
    sink_kafka_counts_put(&w.walk, after_at, &kept);

    assert_true(sink_kafka_counts_get(buf_view(&kept), before_at, &next));
    assert_int_equal(next.total, 1);
    assert_int_equal(next.collection_count, 1);
    assert_true(sink_kafka_counts_get(buf_view(&kept), after_at, &next));
    assert_int_equal(next.total, 2);
    assert_int_equal(next.collection_count, 2);
    assert_true(str_is(next.collections[1].name, "s.two"));
    assert_int_equal(next.collections[1].events, 1);
    assert_true(sink_kafka_counts_get(buf_view(&kept), (struct position){ 1, 3, { 100 } }, &next));
    assert_int_equal(next.total, 2); /* nothing is kept for it */
    assert_true(sink_kafka_counts_get(STR_NONE, before_at, &next));
    for (size_t n = 1; n < first; n++)
        assert_false(sink_kafka_counts_get(str_make(kept.p, n), after_at, &next));
    buf_done(&kept);
    sink_kafka_walk_done(&after);
    sink_kafka_walk_done(&next);
    sink_kafka_walk_done(&w.walk);
}

static void the_halves_of_a_moved_key_know_each_other(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    (void)add(&w, CHANGE_INSERT, 100, 1, &one);
    add(&w, CHANGE_DELETE, 100, 2, &one)->flags = CHANGE_KEY_MOVED;
    add(&w, CHANGE_INSERT, 100, 3, &one)->flags = CHANGE_KEY_MOVED;
    walk(&w, NULL);
    assert_null(w.moments[0].pair);
    assert_ptr_equal(w.moments[1].pair, &w.changes[2]);
    assert_ptr_equal(w.moments[2].pair, &w.changes[1]);
    sink_kafka_walk_done(&w.walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_knows_the_end_of_the_commit_before_its_transaction),
        cmocka_unit_test(a_message_outside_of_transactions_counts_as_a_commit),
        cmocka_unit_test(a_snapshot_and_the_first_transaction_behind_it_know_no_commit),
        cmocka_unit_test(the_ends_of_a_snapshot_and_of_its_tables_are_marked),
        cmocka_unit_test(a_snapshot_of_one_row_is_its_last),
        cmocka_unit_test(records_are_counted_by_transaction_and_by_table),
        cmocka_unit_test(messages_are_counted_from_3_3_on),
        cmocka_unit_test(two_halves_that_are_one_event_are_counted_once),
        cmocka_unit_test(a_batch_that_comes_again_is_walked_from_the_copy),
        cmocka_unit_test(counts_go_on_in_another_process),
        cmocka_unit_test(the_halves_of_a_moved_key_know_each_other),
    };

    return cmocka_run_group_tests_name("sink_kafka_walk", tests, NULL, NULL);
}
