/* SPDX-License-Identifier: Apache-2.0 */
#include "control/mailbox.h"

#include "pipeline/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void letters_come_in_their_order_and_wake(void **state)
{
    struct letter a = { 0 };
    struct letter b = { 0 };
    struct mailbox m;
    struct error err;

    (void)state;
    assert_true(mailbox_init(&m, &err));
    assert_false(wake_is_set(m.wake.fd));
    assert_true(mailbox_post(&m, &a));
    assert_true(mailbox_post(&m, &b));
    assert_true(wake_is_set(m.wake.fd));
    assert_ptr_equal(mailbox_take(&m), &a);
    assert_true(wake_is_set(m.wake.fd));
    assert_ptr_equal(mailbox_take(&m), &b);
    assert_null(mailbox_take(&m));
    assert_false(wake_is_set(m.wake.fd));
    mailbox_close(&m);
    assert_false(mailbox_post(&m, &a));
    mailbox_done(&m);
}

enum { COUNT = 10000 };

static struct letter letters[COUNT];
static struct mailbox shared;

static void post_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT; i++)
        assert_true(mailbox_post(&shared, &letters[i]));
}

static void another_thread_may_post(void **state)
{
    struct thread t = { 0 };
    struct error err;
    size_t taken = 0;

    (void)state;
    assert_true(mailbox_init(&shared, &err));
    assert_true(thread_start(&t, "poster", post_all, NULL, &err));
    while (taken < COUNT) {
        struct letter *letter = mailbox_take(&shared);

        if (letter == NULL) {
            assert_true(wake_wait(shared.wake.fd, 10000));
            continue;
        }
        assert_ptr_equal(letter, &letters[taken++]);
    }
    thread_join(&t);
    mailbox_done(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_their_order_and_wake),
        cmocka_unit_test(another_thread_may_post),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
