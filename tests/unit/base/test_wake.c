/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wake.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_stays_set_until_cleared),
        cmocka_unit_test(no_descriptor_is_never_set),
        cmocka_unit_test(another_thread_ends_the_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
