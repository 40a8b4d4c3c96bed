/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "pipeline/spool.h"

#include <stdio.h>

enum { SMALL = 4096 };

static void put(struct spool *s, unsigned i)
{
    struct error err;

    assert_ok(spool_relieve(s, &err), err);
    buf_putf(spool_begin(s, i % 7), "frame %u with a text that differs in length %.*s", i,
             (int)(i % 40), "........................................");
    assert_ok(spool_end(s, &err), err);
}

static void expect(struct spool *s, unsigned count)
{
    struct error err;
    uint32_t version;
    struct str frame;
    bool more;

    spool_rewind(s);
    for (unsigned i = 0; i < count; i++) {
        char text[128];

        (void)snprintf(text, sizeof text, "frame %u with a text that differs in length %.*s", i,
                       (int)(i % 40), "........................................");
        assert_ok(spool_next(s, &more, &version, &frame, &err), err);
        assert_true(more);
        assert_int_equal(version, i % 7);
        assert_true(str_is(frame, text));
    }
    assert_ok(spool_next(s, &more, &version, &frame, &err), err);
    assert_false(more);
}

static void what_goes_in_comes_out_in_order(void **state)
{
    struct spool s;

    spool_init(&s, *state, SMALL);
    for (unsigned i = 0; i < 20; i++)
        put(&s, i);
    assert_int_equal(s.fd, -1);
    expect(&s, 20);
    spool_done(&s);
}

static void a_large_transaction_goes_to_disk_and_memory_stays_small(void **state)
{
    struct spool s;

    spool_init(&s, *state, SMALL);
    for (unsigned i = 0; i < 20000; i++) {
        put(&s, i);
        assert_true(s.memory.n < SMALL + 256);
    }
    assert_true(s.fd >= 0);
    assert_int_equal(s.entries, 20000);
    expect(&s, 20000);
    spool_done(&s);
}

static void it_can_be_read_twice_and_used_again(void **state)
{
    struct spool s;

    spool_init(&s, *state, SMALL);
    for (unsigned i = 0; i < 500; i++)
        put(&s, i);
    expect(&s, 500);
    expect(&s, 500);
    spool_clear(&s);
    assert_int_equal(s.fd, -1);
    for (unsigned i = 0; i < 3; i++)
        put(&s, i);
    expect(&s, 3);
    spool_done(&s);
}

static void a_directory_that_is_gone_is_said(void **state)
{
    struct spool s;
    struct error err;

    (void)state;
    spool_init(&s, "/nonexistent/spool", 16);
    buf_text(spool_begin(&s, 1), "more than sixteen bytes of a frame");
    assert_ok(spool_end(&s, &err), err);
    assert_code(spool_relieve(&s, &err), err, E_SPOOL_FILE);
    /* Nothing is lost by the failed attempt. */
    assert_int_equal(s.entries, 1);
    spool_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_comes_out_in_order, fixture_directory,
                                        fixture_remove),
        cmocka_unit_test_setup_teardown(a_large_transaction_goes_to_disk_and_memory_stays_small,
                                        fixture_directory, fixture_remove),
        cmocka_unit_test_setup_teardown(it_can_be_read_twice_and_used_again, fixture_directory,
                                        fixture_remove),
        cmocka_unit_test(a_directory_that_is_gone_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
