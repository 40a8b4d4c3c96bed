/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_call.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sink/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct column columns[] = { { .name = { "id", 2 }, .identity = true, .primary_key = true },
                                   { .name = { "v", 1 } } };
static struct relation rel = { .schema = { "public", 6 },
                               .table = { "t", 1 },
                               .identity = RELATION_IDENTITY_DEFAULT,
                               .column_count = 2,
                               .columns = columns };
static struct arena arena;
static struct redis_call call;
static struct redis_commands commands;
static struct redis_command two[2];
static struct redis_arg args[2][2];

static int setup(void **state)
{
    struct error err = { 0 };
    size_t at;

    (void)state;
    arena_init(&arena, MIB);
    redis_call_init(&call);
    for (int i = 0; i < 2; i++) {
        args[i][0].wire = STR("$4\r\nINCR\r\n");
        assert_true(template_compile(i == 0 ? STR("k:{{id}}") : STR("{{v}}"), &arena,
                                     &args[i][1].hole, &at, &err));
        two[i] = (struct redis_command){ "INCR", 2, args[i] };
    }
    commands = (struct redis_commands){ .insert = { true, 2, two } };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redis_call_done(&call);
    arena_done(&arena);
    return 0;
}

static struct change insert(const struct value *row)
{
    return (struct change){
        .pos = { 1, 2, { 0xabc } }, .op = CHANGE_INSERT, .rel = &rel, .after = row
    };
}

static void each_argument_stays_one_whatever_it_holds(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1\r\nDEL x", 8 } }, { VALUE_TEXT, { "", 0 } } };
    struct change c = insert(row);

    (void)state;
    redis_call_add(&call, &commands, &c, 5);
    assert_int_equal(call.count, 2);
    assert_int_equal(call.arg_count, 4);
    assert_true(str_eq(buf_view(&call.args),
                       STR("$4\r\nINCR\r\n$10\r\nk:1\r\nDEL x\r\n$4\r\nINCR\r\n$0\r\n\r\n")));
    assert_true(str_eq(buf_view(&call.counts), STR("\2\2")));
    assert_int_equal(call.entries[1].change, 5);
}

static void ids_are_positions_and_commands_and_sort_like_them(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_TEXT, { "a", 1 } } };
    struct change c = insert(row);
    char whole[REDIS_ID_BYTES + 1];

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    assert_true(str_is(redis_call_id(&call, 0), "000000010000000000000abc000000020000"));
    assert_true(str_is(redis_call_id(&call, 1), "000000010000000000000abc000000020001"));
    redis_call_change_id(&c, whole);
    assert_string_equal(whole, "000000010000000000000abc00000002ffff");
}

static void a_change_that_cannot_be_rendered_is_one_refused_entry(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_NULL, { NULL, 0 } } };
    struct change c = insert(row);
    struct buf payload;

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 1);
    assert_int_equal(call.arg_count, 1);
    assert_int_equal(call.counts.p[0], 0);
    assert_int_equal(call.entries[0].code, E_TEMPLATE_VALUE);
    assert_null(call.entries[0].command);
    buf_init(&payload, KIB);
    redis_call_payload(&call, 0, &payload);
    assert_int_equal(payload.n, 0);
    buf_done(&payload);
}

static void a_value_cannot_reach_the_sinks_own_keys(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } },
                                 { VALUE_TEXT, { "{multisink:p:s}:pos", 19 } } };
    struct change c = insert(row);

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 1);
    assert_int_equal(call.entries[0].code, E_REDIS_KEY_RESERVED);
}

static void commands_of_a_change_above_the_limit_are_refused(void **state)
{
    size_t n = LIMIT_REDIS_REQUEST - LIMIT_REDIS_CALL;
    char *text = mem_zalloc(n, 1);
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_TEXT, { text, n } } };
    struct change c = insert(row);

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 1);
    assert_int_equal(call.entries[0].code, E_REDIS_TOO_LARGE);
    assert_null(call.entries[0].command);
    free(text);
}

static void the_payload_is_the_command_alone(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_TEXT, { "a", 1 } } };
    struct change c = insert(row);
    struct buf payload;

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    buf_init(&payload, KIB);
    redis_call_payload(&call, 1, &payload);
    assert_string_equal(buf_cstr(&payload), "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n");
    buf_done(&payload);
}

static void snapshot_rows_run_insert_unless_snapshot_is_given(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_TEXT, { "a", 1 } } };
    struct change c = insert(row);

    (void)state;
    c.op = CHANGE_SNAPSHOT;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 2);
    redis_call_clear(&call);
    commands.snapshot.given = true;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 0);
    c.op = CHANGE_UPDATE;
    redis_call_add(&call, &commands, &c, 0);
    assert_int_equal(call.count, 0);
}

static void held_changes_are_marked(void **state)
{
    const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_TEXT, { "a", 1 } } };
    struct change c = insert(row);

    (void)state;
    redis_call_add(&call, &commands, &c, 0);
    assert_false(call.any_held);
    c.flags = CHANGE_HELD;
    redis_call_add(&call, &commands, &c, 1);
    assert_true(call.any_held);
    assert_true(str_eq(buf_view(&call.held), STR("0011")));
}

static void url(const char *text, const char *host, unsigned port, int db, const char *user,
                const char *password)
{
    struct redis_url u;
    const char *fault;

    assert_true(redis_url_parse(str_from(text), &arena, &u, &fault));
    assert_string_equal(u.host != NULL ? u.host : u.unix_path, host);
    assert_int_equal(u.port, port);
    assert_int_equal(u.db, db);
    assert_string_equal(u.username != NULL ? u.username : "", user);
    assert_string_equal(u.password != NULL ? u.password : "", password);
}

static void urls_of_every_form_are_taken_apart(void **state)
{
    (void)state;
    url("redis://localhost", "localhost", 6379, -1, "", "");
    url("redis://h:7000/3", "h", 7000, 3, "", "");
    url("rediss://me:p%40s%3As@h/0", "h", 6379, 0, "me", "p@s:s");
    url("redis://:pw@[::1]:7001", "::1", 7001, -1, "", "pw");
    url("unix:///run/redis.sock?db=4", "/run/redis.sock", 0, 4, "", "");
}

static void urls_that_are_none_are_refused(void **state)
{
    const char *bad[] = { "http://h",      "redis://",        "redis://h:0",   "redis://h:70000",
                          "redis://h/x",   "redis://[::1",    "unix://run",    "unix:///s?x=1",
                          "redis://%zz@h", "redis://h%00.x/", "redis://a:%4@h" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis_url u;
        const char *fault = NULL;

        assert_false(redis_url_parse(str_from(bad[i]), &arena, &u, &fault));
        assert_non_null(fault);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_argument_stays_one_whatever_it_holds),
        TEST(ids_are_positions_and_commands_and_sort_like_them),
        TEST(a_change_that_cannot_be_rendered_is_one_refused_entry),
        TEST(a_value_cannot_reach_the_sinks_own_keys),
        TEST(commands_of_a_change_above_the_limit_are_refused),
        TEST(the_payload_is_the_command_alone),
        TEST(snapshot_rows_run_insert_unless_snapshot_is_given),
        TEST(held_changes_are_marked),
        TEST(urls_of_every_form_are_taken_apart),
        TEST(urls_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
