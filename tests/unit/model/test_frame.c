/* SPDX-License-Identifier: Apache-2.0 */
#include "model/frame.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct column columns[] = {
    { .name = { "id", 2 },
      .type_oid = 20,
      .typmod = -1,
      .type_name = { "bigint", 6 },
      .type_kind = 'b',
      .identity = true,
      .primary_key = true,
      .not_null = true },
    { .name = { "note", 4 },
      .type_oid = 1009,
      .typmod = 7,
      .type_name = { "text[]", 6 },
      .element_oid = 25,
      .type_kind = 'b' },
};

static const struct relation rel = {
    2, 77, { "public", 6 }, { "events", 6 }, RELATION_IDENTITY_FULL, 2, columns
};

static int setup(void **state)
{
    struct arena *a = calloc(1, sizeof *a);

    assert_non_null(a);
    arena_init(a, LIMIT_ARENA);
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    arena_done(*state);
    free(*state);
    return 0;
}

static const struct relation *find(void *ctx, uint32_t version)
{
    (void)ctx;
    return version == rel.version ? &rel : NULL;
}

static void assert_hex(const struct buf *b, const char *expected)
{
    struct buf hex;

    buf_init(&hex, 1000);
    for (size_t i = 0; i < b->n; i++)
        buf_putf(&hex, "%02x", (unsigned char)b->p[i]);
    assert_string_equal(buf_cstr(&hex), expected);
    buf_done(&hex);
}

static void the_examples_of_the_manual_are_what_is_written(void **state)
{
    struct value row[2] = { { VALUE_TEXT, STR("1881") }, { VALUE_NULL, STR_NONE } };
    struct change c = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    frame_put_position(&b, (struct position){ 1, 3, { 0x16B3748 } });
    assert_hex(&b, "500100000048376b010000000003000000");
    buf_clear(&b);
    frame_put_change(&b, &c);
    assert_hex(&b, "434900020001063138383100");
    buf_done(&b);
}

static void a_transaction_header_comes_back(void **state)
{
    struct frame_tx tx = { 1, 2, { 3 }, { 4 }, -5, 6, 7, FRAME_TX_SNAPSHOT };
    struct frame_tx again;
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    frame_put_tx(&b, &tx);
    assert_int_equal(b.n, 49);
    assert_int_equal(frame_type(buf_view(&b)), FRAME_TX);
    assert_true(frame_get_tx(buf_view(&b), &again));
    assert_memory_equal(&tx, &again, sizeof tx);
    for (size_t n = 0; n < b.n; n++)
        assert_false(frame_get_tx(str_make(b.p, n), &again));
    buf_u8(&b, 0);
    assert_false(frame_get_tx(buf_view(&b), &again));
    buf_done(&b);
}

static void a_relation_comes_back(void **state)
{
    const struct relation *again;
    struct buf b;

    buf_init(&b, 1000);
    frame_put_relation(&b, &rel);
    assert_true(frame_get_relation(buf_view(&b), *state, &again));
    assert_true(relation_same(&rel, again));
    assert_int_equal(again->version, 2);
    for (size_t n = 0; n < b.n; n++)
        assert_false(frame_get_relation(str_make(b.p, n), *state, &again));
    buf_done(&b);
}

static void every_kind_of_value_comes_back(void **state)
{
    struct value before[2] = { { VALUE_TEXT, STR("1") }, { VALUE_TEXT, STR("") } };
    struct value after[2] = { { VALUE_NULL, STR_NONE }, { VALUE_UNCHANGED, STR_NONE } };
    struct change c = { .op = CHANGE_UPDATE,
                        .flags = CHANGE_KEY_MOVED,
                        .rel = &rel,
                        .lsn = { 0x16B3700 },
                        .before_kind = CHANGE_BEFORE_FULL,
                        .before = before,
                        .after = after };
    struct change again;
    struct buf b;

    buf_init(&b, 1000);
    frame_put_change(&b, &c);
    assert_true(frame_get_change(buf_view(&b), find, NULL, *state, &again));
    assert_int_equal(again.op, CHANGE_UPDATE);
    assert_int_equal(again.flags, CHANGE_KEY_MOVED);
    assert_ptr_equal(again.rel, &rel);
    assert_int_equal(again.before_kind, CHANGE_BEFORE_FULL);
    assert_true(str_is(again.before[0].text, "1"));
    assert_int_equal(again.before[1].kind, VALUE_TEXT);
    assert_int_equal(again.before[1].text.n, 0);
    assert_int_equal(again.after[0].kind, VALUE_NULL);
    assert_int_equal(again.after[1].kind, VALUE_UNCHANGED);
    assert_int_equal(again.lsn.v, 0x16B3700);
    for (size_t n = 0; n < b.n; n++)
        assert_false(frame_get_change(str_make(b.p, n), find, NULL, *state, &again));
    buf_u8(&b, 0);
    assert_false(frame_get_change(buf_view(&b), find, NULL, *state, &again));
    buf_done(&b);
}

static void a_change_of_an_unknown_version_or_op_does_not_decode(void **state)
{
    struct change again;

    assert_false(frame_get_change(str_make("CI\0\x03\0\1\0\0", 8), find, NULL, *state, &again));
    assert_false(frame_get_change(str_make("CX\0\x02\0\1\0\0", 8), find, NULL, *state, &again));
    assert_false(frame_get_change(str_make("CI\0\x02\x03\1\0\0", 8), find, NULL, *state, &again));
    assert_true(frame_get_change(str_make("CI\0\x02\0\1\0\0", 8), find, NULL, *state, &again));
}

static void a_stamp_comes_from_the_transaction(void **state)
{
    struct frame_tx tx = { 9, 8, { 700 }, { 600 }, 500, 1000, 1, 0 };
    struct change c = { .op = CHANGE_INSERT };

    (void)state;
    frame_stamp(&c, &tx, 4);
    assert_int_equal(c.pos.epoch, 9);
    assert_int_equal(c.pos.commit_end.v, 700);
    assert_int_equal(c.pos.ordinal, 4);
    assert_int_equal(position_cmp(c.at, c.pos), 0);
    assert_int_equal(c.wts, 1004);
    assert_int_equal(c.commit_time_us, 500);
    assert_int_equal(c.commit_lsn.v, 600);
    assert_int_equal(c.xid, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_examples_of_the_manual_are_what_is_written),
        TEST(a_transaction_header_comes_back),
        TEST(a_relation_comes_back),
        TEST(every_kind_of_value_comes_back),
        TEST(a_change_of_an_unknown_version_or_op_does_not_decode),
        TEST(a_stamp_comes_from_the_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
