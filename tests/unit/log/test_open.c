/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/segment.h"
#include "log_world.h"

#define FIRST WORLD_DIR "/0000000000000000.seg"

static void refused(struct world *w, enum error_kind kind, const char *code, const char *names)
{
    struct log_opts opts = world_opts(w);
    struct error err = { 0 };
    struct log *l;

    assert_false(log_open(&opts, &l, NULL, &err));
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.code, code);
    assert_non_null(strstr(err.msg, names));
    assert_false(log_open_readonly(&opts, &l, NULL, &err));
    assert_string_equal(err.code, code);
}

static void a_torn_tail_is_saved_and_cut(void **state)
{
    struct world *w = *state;
    size_t before;
    size_t after;
    size_t torn;
    char *bytes;

    world_unit(w, 2);
    world_sync(w);
    log_close(w->log);
    bytes = disk_bytes(w->disk, FIRST, &before);
    assert_non_null(bytes);
    {
        char longer[4096];

        memcpy(longer, bytes, before);
        memset(longer + before, 'z', 100);
        disk_set(w->disk, FIRST, longer, before + 100);
    }
    world_open(w);
    assert_int_equal(w->recovery.torn_bytes, 100);
    assert_string_equal(w->recovery.torn_path, FIRST ".torn");
    bytes = disk_bytes(w->disk, FIRST ".torn", &torn);
    assert_int_equal(torn, 100);
    assert_int_equal(bytes[0], 'z');
    (void)disk_bytes(w->disk, FIRST, &after);
    assert_int_equal(after, before);
    assert_int_equal(world_count(w), 2);
}

static void an_unfinished_unit_is_cut(void **state)
{
    struct world *w = *state;

    world_unit(w, 2);
    world_sync(w);
    for (int i = 0; i < 100; i++)
        world_append(w, "a record that will not be committed, but is written all the same, see");
    world_crash(w, DISK_KEEP);
    assert_true(w->recovery.open_bytes > 4096);
    assert_int_equal(w->recovery.torn_bytes, 0);
    assert_int_equal(world_count(w), 2);
    assert_null(disk_path(w->disk, 1));
}

static void damage_below_a_later_claim_names_file_and_offset(void **state)
{
    struct world *w = *state;
    size_t n;

    world_unit(w, 1);
    world_sync(w);
    world_unit(w, 1);
    world_sync(w);
    disk_bytes(w->disk, FIRST, &n)[SEGMENT_HEADER + SEGMENT_BATCH_HEADER + 5] ^= 1;
    refused(w, ERR_CORRUPT, "E0301", FIRST ": at offset 64 ");
}

static void damage_in_an_unclaimed_tail_is_a_torn_tail(void **state)
{
    struct world *w = *state;
    size_t n;

    world_unit(w, 1);
    world_sync(w);
    world_unit(w, 1);
    world_sync(w);
    disk_bytes(w->disk, FIRST, &n)[n - 1] ^= 1;
    log_close(w->log);
    world_open(w);
    assert_true(w->recovery.torn_bytes > 100);
    assert_int_equal(world_count(w), 1);
}

static void a_batch_that_follows_another_one_is_not_taken(void **state)
{
    struct world *w = *state;
    struct segment_batch b;
    unsigned char *second;
    size_t n;

    world_unit(w, 1);
    world_sync(w);
    (void)disk_bytes(w->disk, FIRST, &n);
    world_unit(w, 1);
    world_sync(w);
    log_close(w->log);
    {
        size_t all;

        second = (unsigned char *)disk_bytes(w->disk, FIRST, &all) + n;
    }
    assert_true(segment_batch_decode(second, &b));
    b.link ^= 1; /* whole, and in the right place */
    segment_batch_encode(&b, second);
    world_open(w);
    assert_true(w->recovery.torn_bytes > 100);
    assert_int_equal(world_count(w), 1);
}

static void a_newer_format_is_refused(void **state)
{
    struct world *w = *state;
    struct segment_header h = { SEGMENT_VERSION + 1, 0, 0, 0 };
    size_t n;

    segment_header_encode(&h, (unsigned char *)disk_bytes(w->disk, FIRST, &n));
    refused(w, ERR_STOP, "E0304", FIRST);
}

static void a_renamed_segment_is_refused(void **state)
{
    struct world *w = *state;
    const struct file_ops *ops = disk_ops(w->disk);

    assert_int_equal(ops->rename(ops->ctx, FIRST, WORLD_DIR "/0000000000000100.seg"), 0);
    refused(w, ERR_CORRUPT, "E0303", "0000000000000100.seg");
}

static void a_segment_of_another_log_is_refused(void **state)
{
    struct world *w = *state;
    const char *second;
    struct segment_header h;
    size_t n;

    world_unit(w, 100);
    world_sync(w);
    second = disk_path(w->disk, 1);
    assert_int_equal(segment_header_decode((unsigned char *)disk_bytes(w->disk, second, &n), &h),
                     SEGMENT_HEADER_OK);
    h.link ^= 1; /* whole, but not the continuation of the first */
    segment_header_encode(&h, (unsigned char *)disk_bytes(w->disk, second, &n));
    refused(w, ERR_CORRUPT, "E0303", second);
}

static void what_is_not_a_segment_is_left_alone(void **state)
{
    struct world *w = *state;
    size_t n;

    disk_set(w->disk, WORLD_DIR "/notes.txt", "hello", 5);
    world_crash(w, DISK_KEEP);
    assert_non_null(disk_bytes(w->disk, WORLD_DIR "/notes.txt", &n));
}

static void looking_on_changes_nothing(void **state)
{
    struct world *w = *state;
    struct log_opts opts = world_opts(w);
    struct log_recovery found;
    struct log_stats stats;
    struct error err = { 0 };
    struct log *l;
    size_t before;
    size_t after;

    world_unit(w, 2);
    world_sync(w);
    for (int i = 0; i < 30; i++)
        world_append(w, "an open unit, written in part: looking on neither shows it nor cuts it");
    (void)disk_bytes(w->disk, FIRST, &before);
    assert_true(log_open_readonly(&opts, &l, &found, &err));
    assert_true(found.open_bytes > 0);
    log_stats(l, &stats);
    assert_true(stats.tail.v < before);
    log_close(l);
    (void)disk_bytes(w->disk, FIRST, &after);
    assert_int_equal(after, before);
}

static void looking_on_where_no_log_is_says_so(void **state)
{
    struct world *w = *state;
    struct log_opts opts = world_opts(w);
    struct error err = { 0 };
    struct log *l;

    opts.dir = "/elsewhere";
    assert_false(log_open_readonly(&opts, &l, NULL, &err));
    assert_string_equal(err.code, "E0308");
}

static void bytes_not_verified_at_the_start_are_verified_when_read(void **state)
{
    struct world *w = *state;
    struct log_opts opts = world_opts(w);
    struct log_reader *r;
    struct log_record record;
    struct error err = { 0 };
    bool found;
    size_t n;

    world_unit(w, 200);
    world_sync(w);
    log_close(w->log);
    disk_bytes(w->disk, FIRST, &n)[SEGMENT_HEADER + SEGMENT_BATCH_HEADER + 5] ^= 1;
    opts.verify_bytes = 1;
    assert_true(log_open(&opts, &w->log, NULL, &err));
    assert_true(log_reader_open(w->log, (struct pos){ 0 }, &r, &err));
    assert_false(log_read(r, &record, &found, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_string_equal(err.code, "E0301");
    log_reader_close(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_torn_tail_is_saved_and_cut),
        TEST(an_unfinished_unit_is_cut),
        TEST(damage_below_a_later_claim_names_file_and_offset),
        TEST(damage_in_an_unclaimed_tail_is_a_torn_tail),
        TEST(a_batch_that_follows_another_one_is_not_taken),
        TEST(a_newer_format_is_refused),
        TEST(a_renamed_segment_is_refused),
        TEST(a_segment_of_another_log_is_refused),
        TEST(what_is_not_a_segment_is_left_alone),
        TEST(looking_on_changes_nothing),
        TEST(looking_on_where_no_log_is_says_so),
        TEST(bytes_not_verified_at_the_start_are_verified_when_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
