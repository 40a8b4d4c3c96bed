/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "stream/kafka_note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct kafka_note again(const struct kafka_note *note)
{
    struct kafka_note got;
    struct buf b;

    buf_init(&b, KIB);
    kafka_note_encode(note, &b);
    got = kafka_note_decode(buf_view(&b));
    buf_done(&b);
    return got;
}

static void a_note_comes_back_as_it_was(void **state)
{
    const struct kafka_note note = { .known = true,
                                     .has_position = true,
                                     .position = { 3, 7, { 0x16B3748 } },
                                     .part = 1,
                                     .last = true,
                                     .wts = 1700000000000001,
                                     .started = true };
    struct kafka_note got = again(&note);

    (void)state;
    assert_true(got.known && got.has_position && got.last && got.started);
    assert_int_equal(position_cmp(got.position, note.position), 0);
    assert_int_equal(got.part, 1);
    assert_int_equal(got.wts, note.wts);
}

static void what_is_not_known_stays_unknown(void **state)
{
    const struct kafka_note unknown = { .started = true };
    const struct kafka_note foreign = { .known = true, .wts = 5 };
    struct kafka_note got = again(&unknown);

    (void)state;
    assert_true(got.started && !got.known);
    got = again(&foreign);
    assert_true(got.known && !got.has_position && !got.started);
    assert_int_equal(got.wts, 5);
}

static void a_text_that_is_no_note_says_nothing(void **state)
{
    static const char *const texts[] = { "",      "v2 started=1 wts=1",   "v1 wts=x",
                                         "hello", "v1 position=1/2 wts=", "v1 part=-1 wts=1" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(kafka_note_decode(str_from(texts[i])).known);
}

static void the_second_record_of_a_change_has_a_number_behind_its_position(void **state)
{
    struct position position;
    unsigned part;

    (void)state;
    assert_true(kafka_note_position(STR("1/0/16B3748/3"), &position, &part));
    assert_int_equal(part, 0);
    assert_int_equal(position.ordinal, 3);
    assert_true(kafka_note_position(STR("1/0/16B3748/3/1"), &position, &part));
    assert_int_equal(part, 1);
    assert_int_equal(position.ordinal, 3);
    assert_false(kafka_note_position(STR("1/0/16B3748/3/"), &position, &part));
    assert_false(kafka_note_position(STR("1/0/16B3748"), &position, &part));
    assert_false(kafka_note_position(STR(""), &position, &part));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_comes_back_as_it_was),
        cmocka_unit_test(what_is_not_known_stays_unknown),
        cmocka_unit_test(a_text_that_is_no_note_says_nothing),
        cmocka_unit_test(the_second_record_of_a_change_has_a_number_behind_its_position),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
