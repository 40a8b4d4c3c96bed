/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wake.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static void a_flag_stays_set_until_cleared(void **state)
{
    (void)state;
    struct wake w;
    struct error err = { 0 };

    assert_true(wake_init(&w, &err));
    assert_false(wake_is_set(w.fd));
    wake_set(&w);
    wake_set(&w);
    assert_true(wake_is_set(w.fd));
    assert_true(wake_is_set(w.fd));
    assert_true(wake_wait(w.fd, 1000));
    wake_clear(&w);
    assert_false(wake_is_set(w.fd));
    wake_done(&w);
    assert_int_equal(w.fd, -1);
}

static void no_descriptor_is_never_set(void **state)
{
    (void)state;
    assert_false(wake_is_set(-1));
    assert_false(wake_wait(-1, 0));
    wake_done(NULL);
}

static void *set_it(void *arg)
{
    wake_set(arg);
    return NULL;
}

static void another_thread_ends_the_wait(void **state)
{
    (void)state;
    struct wake w;
    struct error err = { 0 };
    pthread_t thread;

    assert_true(wake_init(&w, &err));
    assert_int_equal(pthread_create(&thread, NULL, set_it, &w), 0);
    assert_true(wake_wait(w.fd, 60000));
    assert_int_equal(pthread_join(thread, NULL), 0);
    wake_done(&w);
}

static void a_timer_sets_itself_and_counts_anew(void **state)
{
    (void)state;
    struct wake w;
    struct error err = { 0 };

    assert_true(wake_init_timer(&w, &err));
    assert_false(wake_wait(w.fd, 20));
    wake_set_after(&w, 10);
    assert_true(wake_wait(w.fd, 60000));
    assert_true(wake_is_set(w.fd));
    wake_set_after(&w, 600 * 1000);
    assert_false(wake_is_set(w.fd));
    wake_done(&w);
}

static void without_descriptors_left_it_says_so(void **state)
{
    (void)state;
    struct wake w = { -1 };
    struct error err = { 0 };
    struct rlimit old;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, old.rlim_max }), 0);
    assert_false(wake_init(&w, &err));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_SYS_RESOURCE));
    assert_int_equal(err.sys, EMFILE);
    assert_int_equal(w.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_stays_set_until_cleared),
        cmocka_unit_test(no_descriptor_is_never_set),
        cmocka_unit_test(another_thread_ends_the_wait),
        cmocka_unit_test(a_timer_sets_itself_and_counts_anew),
        cmocka_unit_test(without_descriptors_left_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
