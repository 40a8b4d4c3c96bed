/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_mark.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sink_kafka_mark mark(uint32_t epoch, uint64_t lsn, uint32_t ordinal, uint32_t place)
{
    return (struct sink_kafka_mark){ { epoch, ordinal, { lsn } }, place };
}

static void a_position_is_written_as_everywhere_else(void **state)
{
    static const struct position positions[] = { { 0, 0, { 0 } },
                                                 { 1, 3, { 0x16B3748 } },
                                                 { UINT32_MAX, UINT32_MAX, { UINT64_MAX } },
                                                 { 7, 10, { 0xA000000001 } } };
    char text[SINK_KAFKA_MARK_TEXT], expected[POSITION_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        struct sink_kafka_mark m = { positions[i], 0 };

        assert_true(
            str_is(sink_kafka_mark_format(m, text), position_format(positions[i], expected)));
    }
}

static void a_second_record_has_its_place_behind_it(void **state)
{
    struct sink_kafka_mark m = mark(1, 0x16B3748, 3, 1);
    struct sink_kafka_mark back;
    char text[SINK_KAFKA_MARK_TEXT];

    (void)state;
    assert_true(str_is(sink_kafka_mark_format(m, text), "1/0/16B3748/3/1"));
    assert_true(sink_kafka_mark_parse(STR("1/0/16B3748/3/1"), &back));
    assert_int_equal(sink_kafka_mark_cmp(m, back), 0);
    assert_true(sink_kafka_mark_parse(STR("1/0/16B3748/3"), &back));
    assert_int_equal(back.place, 0);
    assert_true(sink_kafka_mark_cmp(back, m) < 0);
    assert_true(sink_kafka_mark_cmp(mark(1, 0x16B3748, 4, 0), m) > 0);
    assert_true(sink_kafka_mark_cmp(mark(2, 1, 1, 0), m) > 0);
}

static void what_is_no_position_is_refused(void **state)
{
    static const char *const bad[] = { "",          "1",           "1/0/1",           "1/0/1/2/0",
                                       "1/0/1/2/x", "1/0/1/2/1/1", "1/0/1/2/",        "/0/1/2",
                                       "x/0/1/2",   "1/0/G/2",     "4294967296/0/1/2" };
    struct sink_kafka_mark m;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (sink_kafka_mark_parse(str_from(bad[i]), &m))
            fail_msg("%s was taken", bad[i]);
    }
}

static void unchanged_columns_are_named_so_that_any_name_fits(void **state)
{
    const struct column columns[] = { { .name = { "a,b%", 4 } },
                                      { .name = { "plain", 5 } },
                                      { .name = { "gro\xc3\x9f", 5 } } };
    const struct relation rel = { .column_count = 3, .columns = columns };
    const struct value after[] = { { VALUE_UNCHANGED, STR_NONE },
                                   { VALUE_TEXT, STR("x") },
                                   { VALUE_UNCHANGED, STR_NONE } };
    struct change c = { .rel = &rel, .op = CHANGE_UPDATE, .after = after };
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    sink_kafka_unchanged(&c, &b);
    assert_string_equal(buf_cstr(&b), "a%2Cb%25,gro\xc3\x9f");
    buf_clear(&b);
    c.after = NULL;
    sink_kafka_unchanged(&c, &b);
    assert_int_equal(b.n, 0);
    buf_done(&b);
}

static void an_operation_has_debeziums_letter(void **state)
{
    (void)state;
    assert_true(str_is(sink_kafka_op(CHANGE_INSERT), "c"));
    assert_true(str_is(sink_kafka_op(CHANGE_UPDATE), "u"));
    assert_true(str_is(sink_kafka_op(CHANGE_DELETE), "d"));
    assert_true(str_is(sink_kafka_op(CHANGE_SNAPSHOT), "r"));
    assert_true(str_is(sink_kafka_op(CHANGE_TRUNCATE), "t"));
    assert_true(str_is(sink_kafka_op(CHANGE_MESSAGE), "m"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_is_written_as_everywhere_else),
        cmocka_unit_test(a_second_record_has_its_place_behind_it),
        cmocka_unit_test(what_is_no_position_is_refused),
        cmocka_unit_test(unchanged_columns_are_named_so_that_any_name_fits),
        cmocka_unit_test(an_operation_has_debeziums_letter),
    };

    return cmocka_run_group_tests_name("sink_kafka_mark", tests, NULL, NULL);
}
