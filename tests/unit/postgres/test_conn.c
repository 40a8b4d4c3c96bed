/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/conn.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void hosts_of_this_machine_are_local(void **state)
{
    (void)state;
    assert_true(postgres_hosts_are_local(NULL));
    assert_true(postgres_hosts_are_local(""));
    assert_true(postgres_hosts_are_local("localhost"));
    assert_true(postgres_hosts_are_local("127.0.0.5"));
    assert_true(postgres_hosts_are_local("::1"));
    assert_true(postgres_hosts_are_local("/run/postgresql"));
    assert_true(postgres_hosts_are_local("localhost,127.0.0.1"));
}

static void one_host_elsewhere_is_enough_to_require_tls(void **state)
{
    (void)state;
    assert_false(postgres_hosts_are_local("db1"));
    assert_false(postgres_hosts_are_local("10.0.0.1"));
    assert_false(postgres_hosts_are_local("localhost,db2"));
    assert_false(postgres_hosts_are_local("localhost.example.com"));
    assert_false(postgres_hosts_are_local("127.example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_this_machine_are_local),
        cmocka_unit_test(one_host_elsewhere_is_enough_to_require_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
