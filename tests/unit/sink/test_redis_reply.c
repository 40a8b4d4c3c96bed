/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_reply.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct redis_reply *one(struct redis_reader *r, const char *bytes)
{
    const struct redis_reply *reply = NULL;
    struct error err = { 0 };

    assert_true(redis_reader_feed(r, bytes, strlen(bytes), &err));
    assert_true(redis_reader_next(r, &reply, &err));
    return reply;
}

static void refuse(const char *bytes)
{
    struct redis_reader *r = redis_reader_open();
    const struct redis_reply *reply = NULL;
    struct error err = { 0 };

    assert_true(redis_reader_feed(r, bytes, strlen(bytes), &err));
    assert_false(redis_reader_next(r, &reply, &err));
    assert_string_equal(err.code, "E0521");
    assert_int_equal(err.kind, ERR_RETRY);
    redis_reader_close(r);
}

static void replies_of_all_kinds_are_read(void **state)
{
    struct redis_reader *r = redis_reader_open();
    const struct redis_reply *reply;

    (void)state;
    assert_true(redis_reply_is_text(one(r, "+OK\r\n"), "OK"));
    assert_int_equal(one(r, ":-42\r\n")->integer, -42);
    assert_int_equal(one(r, "$-1\r\n")->type, REDIS_NIL);
    assert_int_equal(one(r, "-WRONGTYPE x\r\n")->type, REDIS_FAILURE);
    reply = one(r, "*3\r\n$4\r\na\r\nb\r\n*1\r\n:7\r\n$0\r\n\r\n");
    assert_int_equal(reply->count, 3);
    assert_true(redis_reply_is_text(redis_reply_item(reply, 0), "a\r\nb"));
    assert_int_equal(redis_reply_item(redis_reply_item(reply, 1), 0)->integer, 7);
    assert_int_equal(redis_reply_item(reply, 2)->text.n, 0);
    assert_null(redis_reply_item(reply, 3));
    redis_reader_close(r);
}

static void a_reply_in_single_bytes_is_the_same(void **state)
{
    const char bytes[] = "*2\r\n$2\r\nOK\r\n*2\r\n:1\r\n$3\r\nabc\r\n";
    struct redis_reader *r = redis_reader_open();
    const struct redis_reply *reply = NULL;
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        assert_null(reply);
        assert_true(redis_reader_feed(r, bytes + i, 1, &err));
        assert_true(redis_reader_next(r, &reply, &err));
    }
    assert_non_null(reply);
    assert_true(redis_reply_is_text(redis_reply_item(redis_reply_item(reply, 1), 1), "abc"));
    redis_reader_close(r);
}

static void several_replies_in_one_piece_come_one_by_one(void **state)
{
    struct redis_reader *r = redis_reader_open();
    const struct redis_reply *reply = NULL;
    struct error err = { 0 };

    (void)state;
    assert_int_equal(one(r, ":1\r\n:2\r\n")->integer, 1);
    assert_true(redis_reader_next(r, &reply, &err));
    assert_int_equal(reply->integer, 2);
    assert_true(redis_reader_next(r, &reply, &err));
    assert_null(reply);
    redis_reader_close(r);
}

static void announced_lengths_are_refused_before_they_cost_memory(void **state)
{
    (void)state;
    refuse("*4294967295\r\n");
    refuse("*2147483647\r\n");
    refuse("*100001\r\n");
    refuse("*1\r\n*1\r\n*100000\r\n");
    refuse("$9223372036854775808\r\n");
    refuse("?what\r\n");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    refuse("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n");
}

static void a_reply_that_never_ends_is_given_up(void **state)
{
    static char piece[MIB];
    struct redis_reader *r = redis_reader_open();
    const struct redis_reply *reply = NULL;
    struct error err = { 0 };
    size_t fed = 0;

    (void)state;
    (void)one(r, "$9000000000\r\n");
    while (redis_reader_feed(r, piece, sizeof piece, &err)) {
        assert_true(redis_reader_next(r, &reply, &err));
        assert_null(reply);
        fed += sizeof piece;
        assert_true(fed <= LIMIT_REDIS_REPLY);
    }
    assert_string_equal(err.code, "E0521");
    redis_reader_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_all_kinds_are_read),
        cmocka_unit_test(a_reply_in_single_bytes_is_the_same),
        cmocka_unit_test(several_replies_in_one_piece_come_one_by_one),
        cmocka_unit_test(announced_lengths_are_refused_before_they_cost_memory),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_reply_that_never_ends_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
