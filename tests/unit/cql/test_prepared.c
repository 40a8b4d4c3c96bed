/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/prepared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hex.h"

/* A node's description: id, then binds k (text) and v of the given type; `key` is the partition key. */
struct description {
    const char *id;     /* hex, 2 bytes */
    const char *v_name; /* hex, 1 byte */
    const char *v_type; /* hex, 2 bytes: 0009 int, 000d text */
    const char *key;    /* hex, 2 bytes: index of a bind */
};

static const struct description usual = { "0102", "76", "0009", "0000" };

static struct cql_stmt *stmt;
static struct cql_prepared_id id;
static struct buf body;
static struct error err;

static int setup(void **state)
{
    (void)state;
    stmt = cql_prepared_new(7, STR("INSERT INTO ks.t (k, v) VALUES (?, ?)"));
    id = (struct cql_prepared_id){ 0 };
    buf_init(&body, MIB);
    err = (struct error){ 0 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cql_prepared_free(stmt);
    buf_done(&body);
    return 0;
}

static bool accept(struct cql_prepared_id *to, const struct description *d, int64_t now_us)
{
    struct cql_envelope e = { .version = 4, .opcode = CQL_OP_RESULT };

    buf_clear(&body);
    hex_put(&body, "00000004"
                   "0002");
    hex_put(&body, d->id);
    hex_put(&body, "00000001"
                   "00000002"
                   "00000001");
    hex_put(&body, d->key);
    hex_put(&body, "00026b73000174"
                   "00016b000d"
                   "0001");
    hex_put(&body, d->v_name);
    hex_put(&body, d->v_type);
    hex_put(&body, "0000000400000000");
    e.body = buf_view(&body);
    return cql_prepared_accept(stmt, to, &e, now_us, &err);
}

static void the_first_description_is_the_statements(void **state)
{
    const struct cql_bind *binds;
    const uint16_t *key;
    size_t n;

    (void)state;
    assert_true(accept(&id, &usual, 5));
    binds = cql_stmt_binds(stmt, &n);
    assert_int_equal(n, 2);
    assert_string_equal(binds[0].name, "k");
    assert_string_equal(binds[1].name, "v");
    assert_int_equal(binds[1].type->id, CQL_INT);
    key = cql_stmt_key(stmt, &n);
    assert_int_equal(n, 1);
    assert_int_equal(key[0], 0);
    assert_int_equal(id.state, CQL_PREPARED_READY);
    assert_int_equal(id.ready_us, 5);
    assert_int_equal(id.id_n, 2);
    assert_memory_equal(id.id, "\x01\x02", 2);
}

static void another_node_may_call_it_something_else(void **state)
{
    struct description other = usual;
    struct cql_prepared_id there = { 0 };
    const struct cql_bind *before;
    size_t n;

    (void)state;
    other.id = "0a0b";
    assert_true(accept(&id, &usual, 1));
    before = cql_stmt_binds(stmt, &n);
    assert_true(accept(&there, &other, 2));
    assert_memory_equal(there.id, "\x0a\x0b", 2);
    assert_ptr_equal(cql_stmt_binds(stmt, &n), before);
}

static void expect_changed(const struct description *d, const char *words)
{
    struct cql_prepared_id was = id;

    assert_false(accept(&id, d, 9));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_SCHEMA_CHANGED));
    if (strstr(err.msg, words) == NULL)
        fail_msg("%s", err.msg);
    assert_memory_equal(&id, &was, sizeof id);
}

static void the_same_node_with_another_id_is_a_changed_table(void **state)
{
    struct description d = usual;

    (void)state;
    assert_true(accept(&id, &usual, 1));
    d.id = "0103";
    expect_changed(&d, "another id");
}

static void a_changed_type_stops_and_names_both(void **state)
{
    struct description d = usual;

    (void)state;
    assert_true(accept(&id, &usual, 1));
    d.v_type = "000d";
    expect_changed(&d, "column \"v\" was int and is now text");
}

static void other_columns_or_keys_stop(void **state)
{
    struct description d = usual;

    (void)state;
    assert_true(accept(&id, &usual, 1));
    d.v_name = "77";
    expect_changed(&d, "other columns");
    d = usual;
    d.key = "0001";
    expect_changed(&d, "another partition key");
}

static void a_malformed_description_leaves_the_statement_open(void **state)
{
    struct cql_envelope e = { .version = 4, .opcode = CQL_OP_RESULT };
    size_t n;

    (void)state;
    hex_put(&body, "0000000400020102000000010000");
    e.body = buf_view(&body);
    assert_false(cql_prepared_accept(stmt, &id, &e, 1, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_null(cql_stmt_binds(stmt, &n));
    assert_int_equal(id.state, CQL_PREPARED_NONE);
    assert_true(accept(&id, &usual, 2));
}

static struct error refused(uint32_t code, const char *text)
{
    struct cql_failure f = { .code = code, .text = str_from(text) };
    struct error why = { 0 };

    assert_false(cql_prepared_refused(stmt, &f, "n:9042", &why));
    return why;
}

static void a_statement_that_is_wrong_stops(void **state)
{
    (void)state;
    err = refused(CQL_ERR_SYNTAX, "line 1:0 no viable alternative");
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_STATEMENT));
    assert_non_null(strstr(err.msg, "no viable alternative"));
    err = refused(CQL_ERR_INVALID, "Undefined column name w");
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_STATEMENT));
}

static void one_that_was_taken_before_means_a_changed_table(void **state)
{
    (void)state;
    assert_true(accept(&id, &usual, 1));
    err = refused(CQL_ERR_INVALID, "Undefined column name v");
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_SCHEMA_CHANGED));
}

static void a_table_that_is_gone_is_named_as_that(void **state)
{
    (void)state;
    err = refused(CQL_ERR_INVALID, "unconfigured table t");
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_NO_TABLE));
}

static void what_ails_only_the_node_may_pass(void **state)
{
    (void)state;
    err = refused(CQL_ERR_OVERLOADED, "busy");
    assert_int_equal(err.kind, ERR_RETRY);
    assert_true(error_is(&err, E_CQL_OVERLOADED));
    err = refused(CQL_ERR_UNAUTHORIZED, "no MODIFY permission");
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_UNAUTHORIZED));
}

static void the_text_is_copied(void **state)
{
    char text[] = "SELECT 1";
    struct cql_stmt *mine = cql_prepared_new(1, str_from(text));

    (void)state;
    text[0] = 'x';
    assert_true(str_is(mine->text, "SELECT 1"));
    cql_prepared_free(mine);
    cql_prepared_free(NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_first_description_is_the_statements),
        CASE(another_node_may_call_it_something_else),
        CASE(the_same_node_with_another_id_is_a_changed_table),
        CASE(a_changed_type_stops_and_names_both),
        CASE(other_columns_or_keys_stop),
        CASE(a_malformed_description_leaves_the_statement_open),
        CASE(a_statement_that_is_wrong_stops),
        CASE(one_that_was_taken_before_means_a_changed_table),
        CASE(a_table_that_is_gone_is_named_as_that),
        CASE(what_ails_only_the_node_may_pass),
        CASE(the_text_is_copied),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
