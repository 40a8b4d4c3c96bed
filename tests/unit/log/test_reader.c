/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wake.h"
#include "log_world.h"

#include <pthread.h>
#include <unistd.h>

static struct log_reader *reader_at(struct log *l, uint64_t at)
{
    struct log_reader *r;
    struct error err = { 0 };

    if (!log_reader_open(l, (struct pos){ at }, &r, &err))
        fail_msg("%s", err.msg);
    return r;
}

static void a_reader_follows_into_new_segments(void **state)
{
    struct world *w = *state;
    struct log_reader *r = reader_at(w->log, 0);
    struct log_record record;
    struct error err = { 0 };
    bool found = true;
    size_t n = 0;

    for (int i = 0; i < 50; i++) {
        world_unit(w, 10);
        world_sync(w);
        for (found = true; found; n += found ? 1 : 0)
            assert_true(log_read(r, &record, &found, &err));
    }
    assert_int_equal(n, 500);
    assert_int_equal(log_reader_lag(r), 0);
    log_reader_close(r);
}

static void a_reader_goes_on_from_where_another_stood(void **state)
{
    struct world *w = *state;
    struct log_reader *r = reader_at(w->log, 0);
    struct log_record record;
    struct error err = { 0 };
    struct pos at;
    bool found = true;

    for (int i = 0; i < 40; i++) {
        world_unit(w, 5);
        world_sync(w);
    }
    for (int i = 0; i < 100; i++)
        assert_true(log_read(r, &record, &found, &err));
    at = log_reader_pos(r);
    log_reader_close(r);
    r = reader_at(w->log, at.v);
    assert_true(log_read(r, &record, &found, &err));
    assert_true(found);
    assert_int_equal(log_reader_pos(r).v, at.v);
    log_reader_close(r);
}

static void a_position_above_the_tail_is_refused(void **state)
{
    struct world *w = *state;
    struct log_reader *r;
    struct error err = { 0 };

    assert_false(log_reader_open(w->log, (struct pos){ 100000 }, &r, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0307");
}

static void a_reader_that_retention_overtook_is_told(void **state)
{
    struct world *w = *state;
    struct log_reader *r;
    struct log_reader *late = reader_at(w->log, 0);
    struct log_record record;
    struct log_stats stats;
    struct error err = { 0 };
    bool found;

    for (int i = 0; i < 40; i++) {
        world_unit(w, 10);
        world_sync(w);
    }
    log_stats(w->log, &stats);
    assert_true(log_retain(w->log, stats.tail, 1000000, 0, &err));
    assert_false(log_reader_open(w->log, (struct pos){ 0 }, &r, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0306");
    error_clear(&err);
    assert_false(log_read(late, &record, &found, &err));
    assert_string_equal(err.code, "E0306");
    log_reader_close(late);
}

static void bytes_that_went_bad_are_refused_when_read(void **state)
{
    struct world *w = *state;
    struct log_reader *r = reader_at(w->log, 0);
    struct log_record record;
    struct error err = { 0 };
    bool found;
    size_t n;
    char *bytes;

    world_unit(w, 3);
    world_sync(w);
    bytes = disk_bytes(w->disk, WORLD_DIR "/0000000000000000.seg", &n);
    bytes[n - 1] ^= 1;
    assert_false(log_read(r, &record, &found, &err));
    assert_int_equal(err.kind, ERR_CORRUPT);
    assert_non_null(strstr(err.msg, "0000000000000000.seg: at offset 64"));
    log_reader_close(r);
}

static void a_stop_flag_ends_the_wait(void **state)
{
    struct world *w = *state;
    struct log_reader *r = reader_at(w->log, 0);
    struct error err = { 0 };
    struct wake stop;

    assert_true(wake_init(&stop, &err));
    wake_set(&stop);
    assert_false(log_reader_wait(r, 1000000, stop.fd));
    wake_done(&stop);
    world_unit(w, 1);
    world_sync(w);
    assert_true(log_reader_wait(r, 0, -1));
    log_reader_close(r);
}

/* ---- one writer and three readers, on real files ---------------------------------------------- */

enum { THREADS = 3, THREAD_UNITS = 2000 };

struct follower {
    struct log *log;
    pthread_t thread;
    uint64_t seen;
    bool ok;
};

static void *follow(void *arg)
{
    struct follower *f = arg;
    struct log_reader *r;
    struct log_record record;
    struct error err = { 0 };
    bool found;

    if (!log_reader_open(f->log, (struct pos){ 0 }, &r, &err))
        return NULL;
    while (f->seen < THREAD_UNITS * 3) {
        uint64_t value;

        if (!log_read(r, &record, &found, &err))
            break;
        if (!found) {
            (void)log_reader_wait(r, 60000, -1);
            continue;
        }
        if (!str_to_u64(record.bytes, &value) || value != f->seen)
            break;
        f->seen++;
    }
    f->ok = f->seen == THREAD_UNITS * 3;
    log_reader_close(r);
    return NULL;
}

static void write_units(struct log *l)
{
    struct error err = { 0 };
    char text[32];

    for (int i = 0; i < THREAD_UNITS; i++) {
        for (int k = 0; k < 3; k++) {
            (void)snprintf(text, sizeof text, "%d", i * 3 + k);
            assert_true(log_append(l, str_from(text), &err));
        }
        assert_true(log_commit(l, &err));
        if (i % 7 == 0)
            assert_true(log_sync(l, &err));
        if (i % 50 == 0)
            assert_true(log_size(l) > 0);
    }
    assert_true(log_sync(l, &err));
}

static bool remove_file(void *arg, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", (const char *)arg, name);
    (void)unlink(path);
    return true;
}

static void three_threads_see_everything_in_order(void **state)
{
    char dir[] = "/tmp/test_log_reader.XXXXXX";
    struct log_opts opts = {
        .dir = dir, .ops = &file_posix, .clock = &clock_system, .segment_bytes = 16384
    };
    struct follower followers[THREADS] = { { 0 } };
    struct error err = { 0 };
    struct log *l;

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_true(log_open(&opts, &l, NULL, &err));
    for (int i = 0; i < THREADS; i++) {
        followers[i].log = l;
        assert_int_equal(pthread_create(&followers[i].thread, NULL, follow, &followers[i]), 0);
    }
    write_units(l);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(followers[i].thread, NULL), 0);
        assert_true(followers[i].ok);
    }
    log_close(l);
    (void)file_posix.list(NULL, dir, remove_file, dir);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_follows_into_new_segments),
        TEST(a_reader_goes_on_from_where_another_stood),
        TEST(a_position_above_the_tail_is_refused),
        TEST(a_reader_that_retention_overtook_is_told),
        TEST(bytes_that_went_bad_are_refused_when_read),
        TEST(a_stop_flag_ends_the_wait),
        cmocka_unit_test(three_threads_see_everything_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
