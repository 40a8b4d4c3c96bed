/* SPDX-License-Identifier: Apache-2.0 */
/* Golden bytes from an independent encoder: the Python driver 3.29 (cassandra.protocol). */
#include "cql/request.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hex.h"

static void query_is_as_the_python_driver_writes_it(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    cql_request_query(&b, 4, 1, STR("SELECT 1"), CQL_LOCAL_ONE);
    hex_expect(&b, "04000001070000000f0000000853454c4543542031000a00");
    buf_clear(&b);
    cql_request_query(&b, 5, 1, STR("SELECT 1"), CQL_LOCAL_ONE);
    hex_expect(&b, "0500000107000000120000000853454c4543542031000a00000000");
    buf_done(&b);
}

static void prepare_has_flags_in_v5_only(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    cql_request_prepare(&b, 4, 1, STR("SELECT 1"));
    hex_expect(&b, "04000001090000000c0000000853454c4543542031");
    buf_clear(&b);
    cql_request_prepare(&b, 5, 1, STR("SELECT 1"));
    hex_expect(&b, "0500000109000000100000000853454c454354203100000000");
    buf_done(&b);
}

static void execute_expect(unsigned version, const struct cql_execute *x, const char *hex)
{
    struct buf b;

    buf_init(&b, 4096);
    cql_request_execute(&b, version, 1, x);
    hex_expect(&b, hex);
    assert_int_equal(b.n, cql_request_execute_size(x, version));
    buf_done(&b);
}

static void execute_carries_values_nulls_and_the_time_stamp(void **state)
{
    const struct str values[] = { str_make("\0\0\0\1", 4), CQL_NULL };
    const struct cql_execute x = { .id = STR("\1\2"),
                                   .result_id = STR("\xaa"),
                                   .consistency = CQL_LOCAL_ONE,
                                   .values = values,
                                   .value_count = 2,
                                   .timestamp_us = 1 };

    (void)state;
    execute_expect(4, &x,
                   "040000010a0000001d00020102000a2100020000000400000001ffffffff0000000000000001");
    execute_expect(5, &x,
                   "050000010a00000023000201020001aa000a0000002100020000000400000001ffffffff"
                   "0000000000000001");
}

static void execute_tells_unset_from_empty(void **state)
{
    const struct str values[] = { CQL_UNSET, str_make("", 0) };
    const struct cql_execute x = { .id = STR("\1\2"),
                                   .result_id = STR("\xaa"),
                                   .consistency = CQL_LOCAL_QUORUM,
                                   .values = values,
                                   .value_count = 2,
                                   .timestamp_us = INT64_C(1763806500123456) };

    (void)state;
    execute_expect(4, &x, "040000010a00000019000201020006210002fffffffe000000000006442c33e47340");
    execute_expect(
        5, &x, "050000010a0000001f000201020001aa0006000000210002fffffffe000000000006442c33e47340");
}

static void register_and_password_are_as_the_python_driver_writes_them(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    cql_request_register(&b, 4, 1);
    hex_expect(&b, "040000010b000000310003000f544f504f4c4f47595f4348414e4745000d5354415455535f43"
                   "48414e4745000d534348454d415f4348414e4745");
    buf_clear(&b);
    cql_request_auth(&b, 5, 1, STR("u"), STR("pw"));
    hex_expect(&b, "050000010f00000009000000050075007077");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_is_as_the_python_driver_writes_it),
        cmocka_unit_test(prepare_has_flags_in_v5_only),
        cmocka_unit_test(execute_carries_values_nulls_and_the_time_stamp),
        cmocka_unit_test(execute_tells_unset_from_empty),
        cmocka_unit_test(register_and_password_are_as_the_python_driver_writes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
