/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct error err;

static struct cql_failure failure(uint32_t code, const char *text)
{
    return (struct cql_failure){ .code = code, .text = str_from(text) };
}

static void expect(uint32_t code, enum cql_action action, enum error_kind kind,
                   enum error_code page)
{
    struct cql_failure f = failure(code, "said so");

    if (cql_failure_action(&f) != action)
        fail_msg("error 0x%04x: action %d", code, cql_failure_action(&f));
    if (cql_failure_code(&f) != page)
        fail_msg("error 0x%04x: page %d", code, cql_failure_code(&f));
    assert_false(cql_failure_error(&f, "write", "node:9042", &err));
    if (err.kind != kind || !error_is(&err, page))
        fail_msg("error 0x%04x: %s", code, err.msg);
}

static void what_may_pass_is_tried_again(void **state)
{
    (void)state;
    expect(CQL_ERR_SERVER, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_SERVER);
    expect(CQL_ERR_UNAVAILABLE, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_UNAVAILABLE);
    expect(CQL_ERR_BOOTSTRAPPING, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_OVERLOADED);
    expect(CQL_ERR_WRITE_TIMEOUT, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_WRITE_TIMEOUT);
    expect(CQL_ERR_CDC_WRITE, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_CDC_FULL);
    expect(CQL_ERR_CAS_UNKNOWN, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_WRITE_TIMEOUT);
}

static void an_overloaded_node_gets_less(void **state)
{
    (void)state;
    expect(CQL_ERR_OVERLOADED, CQL_ACTION_BACK_OFF, ERR_RETRY, E_CQL_OVERLOADED);
}

static void a_protocol_error_ends_the_connection(void **state)
{
    (void)state;
    expect(CQL_ERR_PROTOCOL, CQL_ACTION_CLOSE, ERR_RETRY, E_CQL_PROTOCOL);
}

static void a_forgotten_statement_is_prepared_again(void **state)
{
    (void)state;
    expect(CQL_ERR_UNPREPARED, CQL_ACTION_UNPREPARED, ERR_RETRY, E_CQL_SERVER);
}

static void what_is_wrong_with_the_record_rejects_it(void **state)
{
    (void)state;
    expect(CQL_ERR_INVALID, CQL_ACTION_REJECT, ERR_REJECT, E_CQL_REJECTED);
    expect(CQL_ERR_CONFIG, CQL_ACTION_REJECT, ERR_REJECT, E_CQL_REJECTED);
    expect(CQL_ERR_FUNCTION, CQL_ACTION_REJECT, ERR_REJECT, E_CQL_REJECTED);
    expect(CQL_ERR_TRUNCATE, CQL_ACTION_REJECT, ERR_REJECT, E_CQL_REJECTED);
}

static void a_write_failure_is_tried_again_before_it_is_rejected(void **state)
{
    (void)state;
    expect(CQL_ERR_WRITE_FAILURE, CQL_ACTION_FAILING, ERR_RETRY, E_CQL_WRITE_FAILURE);
}

static void what_a_person_must_mend_stops(void **state)
{
    (void)state;
    expect(CQL_ERR_CREDENTIALS, CQL_ACTION_STOP, ERR_STOP, E_CQL_AUTH);
    expect(CQL_ERR_UNAUTHORIZED, CQL_ACTION_STOP, ERR_STOP, E_CQL_UNAUTHORIZED);
    expect(CQL_ERR_SYNTAX, CQL_ACTION_STOP, ERR_STOP, E_CQL_STATEMENT);
    expect(CQL_ERR_EXISTS, CQL_ACTION_STOP, ERR_STOP, E_CQL_STATEMENT);
}

static void an_error_nobody_knows_may_pass(void **state)
{
    (void)state;
    expect(0x7777, CQL_ACTION_RETRY, ERR_RETRY, E_CQL_SERVER);
    assert_non_null(strstr(err.msg, "unknown error"));
    assert_non_null(strstr(err.msg, "0x7777"));
}

static void invalid_about_a_table_that_is_gone_stops(void **state)
{
    struct cql_failure f = failure(CQL_ERR_INVALID, "unconfigured table events");

    (void)state;
    assert_int_equal(cql_failure_action(&f), CQL_ACTION_STOP);
    assert_int_equal(cql_failure_code(&f), E_CQL_NO_TABLE);
    f.text = STR("Keyspace ks does not exist");
    assert_int_equal(cql_failure_action(&f), CQL_ACTION_STOP);
    assert_false(cql_failure_error(&f, "write", "node:9042", &err));
    assert_int_equal(err.kind, ERR_STOP);
    /* The same words of another error say nothing about a table. */
    f.code = CQL_ERR_SERVER;
    assert_int_equal(cql_failure_action(&f), CQL_ACTION_RETRY);
}

static void the_message_names_peer_error_and_replicas(void **state)
{
    struct cql_failure f = failure(CQL_ERR_WRITE_TIMEOUT, "Operation timed out");

    (void)state;
    f.received = 1;
    f.required = 2;
    assert_false(cql_failure_error(&f, "write", "10.0.0.1:9042", &err));
    assert_string_equal(err.msg, "cannot write (10.0.0.1:9042, error 0x1100, 1 of 2 replicas): "
                                 "write timeout: Operation timed out");
    f.required = 0;
    assert_false(cql_failure_error(&f, "read", "10.0.0.1:9042", &err));
    assert_string_equal(err.msg, "cannot read (10.0.0.1:9042, error 0x1100): write timeout: "
                                 "Operation timed out");
}

static void only_the_start_of_a_long_text_is_shown(void **state)
{
    char text[1000];
    struct cql_failure f = { .code = CQL_ERR_INVALID, .text = { text, sizeof text } };

    (void)state;
    memset(text, 'x', sizeof text);
    assert_false(cql_failure_error(&f, "write", "n", &err));
    assert_true(strlen(err.msg) < 260);
}

static void an_error_without_text_is_worded_too(void **state)
{
    struct cql_failure f = { .code = CQL_ERR_INVALID };

    (void)state;
    assert_int_equal(cql_failure_action(&f), CQL_ACTION_REJECT);
    assert_false(cql_failure_error(&f, "write", "n", &err));
    assert_string_equal(err.msg, "cannot write (n, error 0x2200): invalid: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(an_overloaded_node_gets_less),
        cmocka_unit_test(a_protocol_error_ends_the_connection),
        cmocka_unit_test(a_forgotten_statement_is_prepared_again),
        cmocka_unit_test(what_is_wrong_with_the_record_rejects_it),
        cmocka_unit_test(a_write_failure_is_tried_again_before_it_is_rejected),
        cmocka_unit_test(what_a_person_must_mend_stops),
        cmocka_unit_test(an_error_nobody_knows_may_pass),
        cmocka_unit_test(invalid_about_a_table_that_is_gone_stops),
        cmocka_unit_test(the_message_names_peer_error_and_replicas),
        cmocka_unit_test(only_the_start_of_a_long_text_is_shown),
        cmocka_unit_test(an_error_without_text_is_worded_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
