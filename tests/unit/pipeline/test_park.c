/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "pipeline/park.h"
#include "process/key.h"

#include <stdio.h>

static struct state *open_state(const char *dir)
{
    struct state *st;
    struct error err;

    assert_ok(state_open(dir, true, &st, &err), err);
    return st;
}

static void park(struct state *st, const char *id, const char *v, uint32_t ordinal, bool waiting)
{
    struct change c = fixture_insert(id, v, (struct position){ 1, ordinal, { 0x100 } });
    struct sink_reject reject = { .waiting = waiting,
                                  .code = waiting ? E_PARK_WAITING : E_HTTP_TRUNCATE,
                                  .reason = "because" };
    struct error err;

    assert_ok(park_add(st, "top", &c, &reject, 1234, &err), err);
}

static struct str key_of(struct arena *a, const char *id)
{
    struct change c = fixture_insert(id, NULL, (struct position){ 0 });
    struct buf b;
    struct str key;

    buf_init(&b, MIB);
    key_bytes(&c, &b);
    key = arena_str(a, buf_view(&b));
    buf_done(&b);
    return key;
}

static void a_parked_change_comes_back_as_it_was(void **state)
{
    struct state *st = open_state(*state);
    const struct park_record *r;
    struct change c;
    struct error err;
    struct arena a;

    arena_init(&a, MIB);
    park(st, "7", "a \0 tail is cut by C, not by us", 5, false);
    assert_ok(park_first(st, "top", key_of(&a, "7"), &a, &r, &err), err);
    assert_non_null(r);
    assert_true(str_is(r->reason, "because"));
    assert_true(park_change(r, &a, &c));
    assert_int_equal(c.pos.ordinal, 5);
    assert_int_equal(c.wts, 1000005);
    assert_true(str_is(c.after[0].text, "7"));
    assert_true(str_eq(c.rel->table, STR("t")));
    arena_done(&a);
    state_close(st);
}

static void the_same_record_is_parked_once(void **state)
{
    struct state *st = open_state(*state);
    struct error err;
    int64_t count;

    park(st, "7", "x", 5, false);
    park(st, "7", "x", 5, false);
    assert_ok(park_count(st, "top", &count, &err), err);
    assert_int_equal(count, 1);
    state_close(st);
}

static void a_refused_record_holds_back_what_waits_until_it_is_asked_for(void **state)
{
    struct state *st = open_state(*state);
    const struct park_record *r;
    struct error err;
    struct arena a;
    struct str key;
    int64_t count;

    arena_init(&a, MIB);
    park(st, "7", "refused", 1, false);
    park(st, "7", "waits", 2, true);
    assert_ok(park_due_key(st, "top", &a, &key, &err), err);
    assert_int_equal(key.n, 0);
    assert_ok(park_first(st, "top", key_of(&a, "7"), &a, &r, &err), err);
    assert_ok(park_request(st, "top", r->id, PARK_DROP, &count, &err), err);
    assert_int_equal(count, 1);
    assert_ok(park_due_key(st, "top", &a, &key, &err), err);
    assert_true(str_eq(key, key_of(&a, "7")));
    assert_ok(park_delete(st, r->id, &err), err);
    /* With the refused one gone, the waiting one is due by itself. */
    assert_ok(park_due_key(st, "top", &a, &key, &err), err);
    assert_true(str_eq(key, key_of(&a, "7")));
    arena_done(&a);
    state_close(st);
}

static void a_request_on_a_record_behind_another_waits_for_it(void **state)
{
    struct state *st = open_state(*state);
    struct error err;
    struct arena a;
    struct str key;
    int64_t count;

    arena_init(&a, MIB);
    park(st, "7", "first", 1, false);
    park(st, "7", "second", 2, false);
    assert_ok(park_request(st, "top", 2, PARK_REPLAY, &count, &err), err);
    assert_ok(park_due_key(st, "top", &a, &key, &err), err);
    assert_int_equal(key.n, 0);
    arena_done(&a);
    state_close(st);
}

static void refused_again_is_no_longer_due(void **state)
{
    struct state *st = open_state(*state);
    const struct park_record *r;
    struct error err;
    struct arena a;
    struct str key;
    int64_t count;

    arena_init(&a, MIB);
    park(st, "7", "x", 1, false);
    assert_ok(park_request(st, "top", 0, PARK_REPLAY, &count, &err), err);
    assert_ok(park_refused(st, 1, "E0799", "still", &err), err);
    assert_ok(park_due_key(st, "top", &a, &key, &err), err);
    assert_int_equal(key.n, 0);
    assert_ok(park_first(st, "top", key_of(&a, "7"), &a, &r, &err), err);
    assert_int_equal(r->attempts, 2);
    assert_true(str_is(r->reason, "still"));
    arena_done(&a);
    state_close(st);
}

static void a_request_for_what_is_not_there_counts_none(void **state)
{
    struct state *st = open_state(*state);
    struct error err;
    int64_t count = -1;

    assert_ok(park_request(st, "top", 99, PARK_DROP, &count, &err), err);
    assert_int_equal(count, 0);
    state_close(st);
}

static void records_of_a_sink_that_is_gone_can_be_deleted(void **state)
{
    struct state *st = open_state(*state);
    struct error err;
    int64_t count;

    park(st, "7", "x", 1, false);
    park(st, "8", "x", 2, false);
    assert_ok(park_forget(st, "top", 1, &count, &err), err);
    assert_int_equal(count, 1);
    assert_ok(park_forget(st, "other", 0, &count, &err), err);
    assert_int_equal(count, 0);
    assert_ok(park_forget(st, "top", 0, &count, &err), err);
    assert_int_equal(count, 1);
    state_close(st);
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_parked_change_comes_back_as_it_was),
        WITH_DIRECTORY(the_same_record_is_parked_once),
        WITH_DIRECTORY(a_refused_record_holds_back_what_waits_until_it_is_asked_for),
        WITH_DIRECTORY(a_request_on_a_record_behind_another_waits_for_it),
        WITH_DIRECTORY(refused_again_is_no_longer_due),
        WITH_DIRECTORY(a_request_for_what_is_not_there_counts_none),
        WITH_DIRECTORY(records_of_a_sink_that_is_gone_can_be_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
