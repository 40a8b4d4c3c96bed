/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that change, vanish or move on a disk that was fine: every bit of a small log flipped, every
 * file cut at every length, files missing and swapped. The log is refused, or what is missing was
 * never claimed durable by a later batch (a torn tail, which the caller compares with its source).
 */
#include "sim/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { UNITS = 24 };

/* A log of a few segments, each unit synced on its own, so that all but the last is claimed durable. */
static struct disk *make_log(void)
{
    struct disk *d = disk_new(1);
    struct work w = { .seed = 5 };
    struct log_opts opts = work_opts(&w, disk_ops(d));
    struct error err = { 0 };
    struct log *l;

    assert_true(log_open(&opts, &l, NULL, &err));
    for (int i = 0; i < UNITS; i++)
        work_run(&w, l, 1);
    assert_int_equal(w.synced, UNITS);
    log_close(l);
    assert_non_null(disk_path(d, 2));
    return d;
}

/* Opens a damaged copy; true when it was refused. */
static bool refused(struct disk *d, const char *path, unsigned long long where)
{
    struct work w = { 0 };
    struct log_opts opts = work_opts(&w, disk_ops(d));
    struct error err = { 0 };
    uint64_t first;
    uint64_t units;
    const char *wrong;
    struct log *l;

    if (!log_open(&opts, &l, NULL, &err)) {
        assert_true(err.kind == ERR_CORRUPT || err.kind == ERR_STOP);
        return true;
    }
    wrong = work_check(l, &first, &units);
    if (wrong != NULL)
        fail_msg("%s at %llu: %s", path, where, wrong);
    if (units < UNITS - 1 || units > UNITS || first != 0)
        fail_msg("%s at %llu: units %llu to %llu", path, where, (unsigned long long)first,
                 (unsigned long long)units);
    log_close(l);
    return false;
}

/* MULTISINK_SIM_SEEDS set: every bit; else every 17th. */
static void a_flipped_bit_is_refused_or_in_the_unclaimed_tail(void **state)
{
    struct disk *good = make_log();
    const char *path;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    size_t every = getenv("MULTISINK_SIM_SEEDS") != NULL ? 1 : 17;
    size_t refusals = 0;
    size_t flips = 0;

    (void)state;
    for (size_t i = 0; (path = disk_path(good, i)) != NULL; i++) {
        size_t n;

        (void)disk_bytes(good, path, &n);
        for (size_t bit = 0; bit < n * 8; bit += every) {
            struct disk *d = disk_clone(good);

            disk_bytes(d, path, &n)[bit / 8] ^= (char)(1 << bit % 8);
            refusals += refused(d, path, bit) ? 1 : 0;
            flips++;
            disk_free(d);
        }
    }
    /* All but those of the last unit. */
    assert_true(refusals > flips / 2);
    disk_free(good);
}

static void a_cut_file_is_refused_or_loses_the_unclaimed_tail(void **state)
{
    struct disk *good = make_log();
    const char *path;

    (void)state;
    for (size_t i = 0; (path = disk_path(good, i)) != NULL; i++) {
        size_t n;
        char *bytes = disk_bytes(good, path, &n);

        for (size_t cut = 0; cut < n; cut++) {
            struct disk *d = disk_clone(good);
            bool is_last = disk_path(good, i + 1) == NULL;
            bool was_refused;

            disk_set(d, path, bytes, cut);
            /* The end of the last file cut off at a batch leaves nothing to tell by; that is what the
             * caller's comparison with its source is for. */
            if (!is_last) {
                was_refused = refused(d, path, cut);
                assert_true(was_refused);
            }
            disk_free(d);
        }
    }
    disk_free(good);
}

static void a_zeroed_tail_loses_no_claimed_unit(void **state)
{
    struct disk *good = make_log();
    const char *last = NULL;
    size_t n;
    char *bytes;
    char *longer;

    (void)state;
    for (size_t i = 0; disk_path(good, i) != NULL; i++)
        last = disk_path(good, i);
    bytes = disk_bytes(good, last, &n);
    longer = calloc(1, n + 5000);
    assert_non_null(longer);
    memcpy(longer, bytes, n);
    disk_set(good, last, longer, n + 5000);
    free(longer);
    assert_false(refused(good, last, n));
    disk_free(good);
}

static void a_missing_segment_is_refused(void **state)
{
    struct disk *good = make_log();
    struct work w = { 0 };

    (void)state;
    for (size_t i = 1; disk_path(good, i + 1) != NULL; i++) {
        struct disk *d = disk_clone(good);
        struct log_opts opts = work_opts(&w, disk_ops(d));
        struct error err = { 0 };
        struct log *l;

        disk_remove(d, disk_path(good, i));
        assert_false(log_open(&opts, &l, NULL, &err));
        assert_int_equal(err.kind, ERR_CORRUPT);
        assert_string_equal(err.code, "E0302");
        disk_free(d);
    }
    disk_free(good);
}

static void swapped_segments_are_refused(void **state)
{
    struct disk *good = make_log();
    struct disk *d = disk_clone(good);
    const char *a = disk_path(good, 0);
    const char *b = disk_path(good, 1);
    struct work w = { 0 };
    struct log_opts opts = work_opts(&w, disk_ops(d));
    struct error err = { 0 };
    struct log *l;
    size_t a_n;
    size_t b_n;
    const char *a_bytes = disk_bytes(good, a, &a_n);
    const char *b_bytes = disk_bytes(good, b, &b_n);

    (void)state;
    disk_set(d, a, b_bytes, b_n);
    disk_set(d, b, a_bytes, a_n);
    assert_false(log_open(&opts, &l, NULL, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_string_equal(err.code, "E0303");
    disk_free(d);
    disk_free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_bit_is_refused_or_in_the_unclaimed_tail),
        cmocka_unit_test(a_cut_file_is_refused_or_loses_the_unclaimed_tail),
        cmocka_unit_test(a_zeroed_tail_loses_no_claimed_unit),
        cmocka_unit_test(a_missing_segment_is_refused),
        cmocka_unit_test(swapped_segments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
