/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect(const char *text, const char *name, uint16_t port)
{
    char got[CQL_META_ADDRESS];
    struct error err;
    uint16_t got_port = 9042;

    assert_true(cql_address_parse(text, got, &got_port, &err));
    assert_string_equal(got, name);
    assert_int_equal(got_port, port);
}

static void names_and_addresses_come_with_and_without_a_port(void **state)
{
    (void)state;
    expect("db1", "db1", 9042);
    expect("db1:9142", "db1", 9142);
    expect("192.0.2.1:19042", "192.0.2.1", 19042);
    expect("2001:db8::1", "2001:db8::1", 9042);
    expect("[2001:db8::1]", "2001:db8::1", 9042);
    expect("[2001:db8::1]:9142", "2001:db8::1", 9142);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = { "",      ":9042", "db1:",   "db1:0", "db1:65536",
                                       "db1:x", "[::1",  "[::1]x", "[]:1" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char name[CQL_META_ADDRESS];
        struct error err = { 0 };
        uint16_t port = 9042;

        assert_false(cql_address_parse(bad[i], name, &port, &err));
        assert_int_equal(err.kind, ERR_STOP);
        assert_string_equal(err.code, "E0620");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_come_with_and_without_a_port),
        cmocka_unit_test(what_is_no_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
