/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/handover.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct handover parse(const char *json)
{
    struct handover h = { 0 };
    struct error err;

    if (!handover_parse(str_from(json), &h, &err))
        fail_msg("%s", err.msg);
    return h;
}

static void refused(const char *json, const char *why)
{
    struct handover h = { 0 };
    struct error err;

    assert_false(handover_parse(str_from(json), &h, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_HANDOVER));
    assert_non_null(strstr(err.msg, why));
    assert_false(h.given);
}

static void the_answer_of_connect_and_the_bare_offset_are_the_same(void **state)
{
    struct handover listed =
        parse("{\"offsets\":[{\"partition\":{\"server\":\"p\"},\"offset\":{\"lsn_proc\":27358672,"
              "\"messageType\":\"INSERT\",\"lsn_commit\":27358456,\"lsn\":27358672,\"txId\":748,"
              "\"ts_usec\":1764250000000000}}]}");
    struct handover bare = parse("{\"lsn_commit\":27358456,\"lsn\":27358672,\"txId\":748}");

    (void)state;
    assert_int_equal(listed.commit_end.v, 27358456);
    assert_int_equal(listed.lsn.v, 27358672);
    assert_int_equal(listed.xid, 748);
    assert_int_equal(bare.lsn.v, listed.lsn.v);
}

static void of_the_last_transaction_what_was_written_is_dropped(void **state)
{
    struct handover h = parse("{\"lsn_commit\":1000,\"lsn\":1500,\"txId\":7}");

    (void)state;
    assert_true(handover_has_change(&h, 7, (struct lsn){ 1500 }));
    assert_false(handover_has_change(&h, 7, (struct lsn){ 1501 }));
    /* Another transaction that was open at the same time, and ended later: its rows lie lower. */
    assert_false(handover_has_change(&h, 6, (struct lsn){ 1200 }));
}

static void nothing_is_dropped_where_nothing_is_handed_over(void **state)
{
    struct handover none = { 0 };

    (void)state;
    assert_false(handover_has_change(&none, 0, (struct lsn){ 0 }));
}

static void a_complete_snapshot_may_be_continued_and_a_broken_one_not(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"snapshot\":true,\"last_snapshot_record\":true,\"lsn\":5}").lsn.v, 5);
    refused("{\"snapshot\":true,\"last_snapshot_record\":false,\"lsn\":5}", "not complete");
}

static void what_is_no_offset_is_refused_with_the_reason(void **state)
{
    (void)state;
    refused("", "no JSON object");
    refused("[1]", "no JSON object");
    refused("{}", "neither");
    refused("{\"offsets\":[]}", "exactly one");
    refused("{\"offsets\":[{\"offset\":null}]}", "no offset");
    refused("{\"lsn\":-1}", "\"lsn\"");
    refused("{\"lsn\":1.5}", "\"lsn\"");
    refused("{\"lsn\":1,\"txId\":4294967296}", "\"txId\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_of_connect_and_the_bare_offset_are_the_same),
        cmocka_unit_test(of_the_last_transaction_what_was_written_is_dropped),
        cmocka_unit_test(nothing_is_dropped_where_nothing_is_handed_over),
        cmocka_unit_test(a_complete_snapshot_may_be_continued_and_a_broken_one_not),
        cmocka_unit_test(what_is_no_offset_is_refused_with_the_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
