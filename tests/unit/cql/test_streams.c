/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/streams.h"

#include "cql/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cql_streams s;

static int setup(void **state)
{
    (void)state;
    cql_streams_init(&s, 3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cql_streams_done(&s);
    return 0;
}

static void ids_are_given_until_as_many_are_in_flight_as_may_be(void **state)
{
    int a = cql_streams_take(&s, 10, 1);
    int b = cql_streams_take(&s, 11, 1);
    int c = cql_streams_take(&s, 12, 1);

    (void)state;
    assert_true(a >= 0 && b >= 0 && c >= 0);
    assert_true(a != b && b != c && a != c);
    assert_int_equal(cql_streams_take(&s, 13, 1), -1);
    assert_int_equal(s.in_flight, 3);
}

static void an_answer_frees_its_id_and_tells_the_tag(void **state)
{
    struct cql_stream was;
    int id = cql_streams_take(&s, 10, 77);

    (void)state;
    assert_true(cql_streams_give_back(&s, id, &was));
    assert_int_equal(was.tag, 10);
    assert_int_equal(was.sent_us, 77);
    assert_int_equal(was.state, CQL_STREAM_USED);
    assert_int_equal(s.in_flight, 0);
    assert_false(cql_streams_give_back(&s, id, &was));
}

static void answers_to_nothing_are_refused(void **state)
{
    struct cql_stream was;

    (void)state;
    assert_false(cql_streams_give_back(&s, 0, &was));
    assert_false(cql_streams_give_back(&s, -1, &was));
    assert_false(cql_streams_give_back(&s, s.count, &was));
    assert_false(cql_streams_give_back(&s, INT16_MAX, &was));
}

static void what_waits_too_long_becomes_an_orphan_once(void **state)
{
    uint64_t tag = 0;

    (void)state;
    (void)cql_streams_take(&s, 10, 100);
    (void)cql_streams_take(&s, 11, 200);
    assert_false(cql_streams_expire(&s, 100, &tag));
    assert_true(cql_streams_expire(&s, 101, &tag));
    assert_int_equal(tag, 10);
    assert_false(cql_streams_expire(&s, 101, &tag));
    assert_int_equal(s.in_flight, 1);
    assert_int_equal(s.orphans, 1);
}

static void an_orphans_id_is_not_given_again_before_its_answer(void **state)
{
    struct cql_stream was;
    uint64_t tag;
    int orphan = cql_streams_take(&s, 10, 1);

    (void)state;
    assert_true(cql_streams_expire(&s, INT64_MAX, &tag));
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(cql_streams_take(&s, 20, 1), orphan);
    assert_true(cql_streams_give_back(&s, orphan, &was));
    assert_int_equal(was.state, CQL_STREAM_ORPHAN);
    assert_int_equal(s.orphans, 0);
    assert_int_equal(s.in_flight, 3);
}

static void there_is_an_id_left_beside_all_orphans(void **state)
{
    uint64_t tag;

    (void)state;
    for (int i = 0; i < CQL_CONN_ORPHANS_MAX; i++) {
        assert_true(cql_streams_take(&s, 1, 1) >= 0);
        assert_true(cql_streams_expire(&s, INT64_MAX, &tag));
    }
    for (int i = 0; i < 3; i++)
        assert_true(cql_streams_take(&s, 1, 1) >= 0);
    assert_int_equal(cql_streams_take(&s, 1, 1), -1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(ids_are_given_until_as_many_are_in_flight_as_may_be),
        CASE(an_answer_frees_its_id_and_tells_the_tag),
        CASE(answers_to_nothing_are_refused),
        CASE(what_waits_too_long_becomes_an_orphan_once),
        CASE(an_orphans_id_is_not_given_again_before_its_answer),
        CASE(there_is_an_id_left_beside_all_orphans),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
