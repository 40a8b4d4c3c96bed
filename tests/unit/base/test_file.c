/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/test_base_file.XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static bool remove_entry(void *arg, const char *name)
{
    char path[256];

    (void)arg;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (unlink(path) != 0)
        (void)rmdir(path);
    return true;
}

static int drop_dir(void **state)
{
    (void)state;
    (void)file_posix.list(NULL, dir, remove_entry, NULL);
    return rmdir(dir);
}

static const char *in_dir(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    int fd = file_posix.open(NULL, in_dir("a"), O_RDWR | O_CREAT, 0600);
    char text[16] = "";
    size_t n;
    off_t size;

    assert_true(fd >= 0);
    assert_true(file_write_at(&file_posix, fd, "hello", 5, 3));
    assert_true(file_read_at(&file_posix, fd, text, sizeof text, 3, &n));
    assert_int_equal(n, 5);
    assert_string_equal(text, "hello");
    assert_int_equal(file_posix.size(NULL, fd, &size), 0);
    assert_int_equal(size, 8);
    assert_int_equal(file_posix.fdatasync(NULL, fd), 0);
    assert_int_equal(file_posix.close(NULL, fd), 0);
}

static void preallocation_keeps_the_size(void **state)
{
    (void)state;
    int fd = file_posix.open(NULL, in_dir("a"), O_RDWR | O_CREAT, 0600);
    off_t size;

    if (file_posix.fallocate(NULL, fd, 0, 65536) != 0)
        assert_int_equal(errno, EOPNOTSUPP);
    assert_int_equal(file_posix.size(NULL, fd, &size), 0);
    assert_int_equal(size, 0);
    assert_int_equal(file_posix.close(NULL, fd), 0);
}

static ssize_t stingy_pwrite(void *ctx, int fd, const void *p, size_t n, off_t at)
{
    int *calls = ctx;

    if (++*calls % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, p, n < 2 ? n : 2, at);
}

static ssize_t stingy_pread(void *ctx, int fd, void *p, size_t n, off_t at)
{
    int *calls = ctx;

    if (++*calls % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return pread(fd, p, n < 2 ? n : 2, at);
}

static void short_and_interrupted_transfers_are_completed(void **state)
{
    (void)state;
    int calls = 0;
    struct file_ops ops = file_posix;
    int fd = file_posix.open(NULL, in_dir("a"), O_RDWR | O_CREAT, 0600);
    char text[16] = "";
    size_t n;

    ops.ctx = &calls;
    ops.pwrite = stingy_pwrite;
    ops.pread = stingy_pread;
    assert_true(file_write_at(&ops, fd, "hello world", 11, 0));
    assert_true(file_read_at(&ops, fd, text, 11, 0, &n));
    assert_string_equal(text, "hello world");
    assert_true(calls > 12);
    assert_int_equal(file_posix.close(NULL, fd), 0);
}

static void a_small_file_is_read_whole_and_a_large_one_refused(void **state)
{
    (void)state;
    int fd = file_posix.open(NULL, in_dir("a"), O_RDWR | O_CREAT, 0600);
    struct error err = { 0 };
    struct str text;

    assert_true(file_write_at(&file_posix, fd, "hello", 5, 0));
    assert_int_equal(file_posix.close(NULL, fd), 0);
    assert_true(file_read_all(in_dir("a"), 5, &text, &err));
    assert_string_equal(text.p, "hello");
    free((char *)text.p);
    assert_false(file_read_all(in_dir("a"), 4, &text, &err));
    assert_string_equal(err.code, "E0904");
    assert_false(file_read_all(in_dir("missing"), 4, &text, &err));
    assert_string_equal(err.code, "E0901");
    assert_int_equal(err.sys, ENOENT);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    struct error err = { 0 };

    assert_true(file_make_dirs(in_dir("x"), &err));
    assert_true(file_make_dirs(in_dir("x"), &err));
    assert_true(file_sync_dir(&file_posix, in_dir("x")));
    assert_false(file_sync_dir(&file_posix, in_dir("y")));
    assert_int_equal(errno, ENOENT);
}

static bool count_entry(void *arg, const char *name)
{
    (void)name;
    return ++*(int *)arg < 2;
}

static void a_listing_leaves_out_the_dots_and_stops_when_told(void **state)
{
    (void)state;
    static const char *const names[] = { "1", "2", "3" };
    int n = 0;

    for (size_t i = 0; i < 3; i++)
        (void)file_posix.close(NULL,
                               file_posix.open(NULL, in_dir(names[i]), O_RDWR | O_CREAT, 0600));
    assert_int_equal(file_posix.list(NULL, dir, count_entry, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(file_posix.list(NULL, in_dir("none"), count_entry, &n), -1);
}

static void full_disks_are_known(void **state)
{
    (void)state;
    assert_true(file_is_full(ENOSPC));
    assert_true(file_is_full(EDQUOT));
    assert_true(file_is_full(EFBIG));
    assert_false(file_is_full(EIO));
    assert_false(file_is_full(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(preallocation_keeps_the_size, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(short_and_interrupted_transfers_are_completed, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(a_small_file_is_read_whole_and_a_large_one_refused,
                                        make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(directories_are_made_with_their_parents, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(a_listing_leaves_out_the_dots_and_stops_when_told, make_dir,
                                        drop_dir),
        cmocka_unit_test_setup_teardown(full_disks_are_known, make_dir, drop_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
