/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_world.h"

static int inside;
static int between;

static bool preamble(void *ctx, struct log *l, bool inside_unit, struct error *err)
{
    (void)ctx;
    *(inside_unit ? &inside : &between) += 1;
    return log_put_preamble(l, inside_unit ? STR("in") : STR("new"), err);
}

static void open_with_preamble(struct world *w)
{
    struct log_opts opts = world_opts(w);
    struct error err = { 0 };

    log_close(w->log);
    disk_free(w->disk);
    w->disk = disk_new(2);
    opts.ops = disk_ops(w->disk);
    opts.preamble = preamble;
    assert_true(log_open(&opts, &w->log, NULL, &err));
    inside = between = 0;
}

static void first_record(struct world *w, struct pos base, char *text, size_t size)
{
    struct log_reader *r;
    struct log_record record;
    struct error err = { 0 };
    bool found;

    assert_true(log_reader_open(w->log, base, &r, &err));
    assert_true(log_read(r, &record, &found, &err));
    assert_true(found);
    (void)str_copy(record.bytes, text, size);
    log_reader_close(r);
}

static void every_segment_but_the_first_begins_with_the_preamble(void **state)
{
    struct world *w = *state;
    struct log_segment *segments;
    char text[128];
    size_t count;

    open_with_preamble(w);
    world_unit(w, 200);
    for (int i = 0; i < 200; i++)
        world_unit(w, 1);
    world_sync(w);
    log_segments(w->log, &segments, &count);
    assert_int_equal(count, inside + between + 1);
    assert_true(inside > 2 && between > 2);
    for (size_t i = 1; i < count; i++) {
        first_record(w, segments[i].base, text, sizeof text);
        assert_true(strcmp(text, "in") == 0 || strcmp(text, "new") == 0);
    }
    free(segments);
}

static void a_segment_that_cannot_be_begun_is_tried_again(void **state)
{
    struct world *w = *state;
    struct log_stats stats;
    struct error err = { 0 };
    int refused = 0;

    open_with_preamble(w);
    for (int i = 0; i < 200; i++) {
        char text[101];

        (void)snprintf(text, sizeof text, "%-100d", i);
        disk_fault_at(w->disk, (uint64_t)(i % 6) + 1, DISK_ENOSPC);
        while (!log_append(w->log, str_from(text), &err)) {
            /* An fsync that fails is fatal; the fault may not hit one here. */
            assert_int_equal(err.kind, ERR_RETRY);
            refused++;
        }
        disk_fault_at(w->disk, 1u << 30, DISK_NO_FAULT);
        world_commit(w);
    }
    world_sync(w);
    assert_true(refused > 0);
    log_stats(w->log, &stats);
    assert_true(stats.segments > 4);
    assert_true(world_count(w) >= 200);
}

static void the_segment_number_rises(void **state)
{
    struct world *w = *state;
    uint64_t before = log_segment_number(w->log);

    world_unit(w, 100);
    assert_true(log_segment_number(w->log) > before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_segment_but_the_first_begins_with_the_preamble),
        TEST(a_segment_that_cannot_be_begun_is_tried_again),
        TEST(the_segment_number_rises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
