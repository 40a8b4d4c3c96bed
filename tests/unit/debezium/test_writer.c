/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/debezium/make.h"

#include <stdlib.h>

#define SOURCE                                                                                     \
    "\"source\":{\"version\":\"2.5.4.Final\",\"connector\":\"postgresql\",\"name\":\"P\","         \
    "\"ts_ms\":1500000000123,\"snapshot\":\"false\",\"db\":\"db\","                                \
    "\"sequence\":\"[\\\"100\\\",\\\"200\\\"]\",\"schema\":\"public\",\"table\":\"t\","            \
    "\"txId\":7,\"lsn\":200,\"xmin\":null}"
#define TAIL(op) "\"op\":\"" op "\",\"ts_ms\":1600000000654,\"transaction\":null}"

static void an_insert_has_the_row_as_after(void **state)
{
    struct made m;

    (void)state;
    made_init(&m);
    assert_true(made_write(&m));
    assert_int_equal(m.records.count, 1);
    expect_text(m.records.items[0].topic, "P.public.t");
    expect_text(m.records.items[0].key, "{\"id\":1}");
    expect_text(m.records.items[0].value,
                "{\"before\":null,\"after\":{\"id\":1}," SOURCE "," TAIL("c"));
    assert_int_equal(m.records.items[0].header_count, 0);
    made_done(&m);
}

static void a_delete_is_followed_by_a_tombstone_of_its_key(void **state)
{
    struct made m;

    (void)state;
    made_init(&m);
    m.before[0] = m.after[0];
    m.change.op = CHANGE_DELETE;
    m.change.before_kind = CHANGE_BEFORE_KEY;
    m.change.before = m.before;
    m.change.after = NULL;
    assert_true(made_write(&m));
    assert_int_equal(m.records.count, 2);
    expect_text(m.records.items[0].value,
                "{\"before\":{\"id\":1},\"after\":null," SOURCE "," TAIL("d"));
    expect_text(m.records.items[1].key, "{\"id\":1}");
    assert_false(m.records.items[1].has_value);
    made_done(&m);
}

static void a_value_without_a_form_is_refused_by_column_and_value(void **state)
{
    struct made m;

    (void)state;
    made_init(&m);
    (void)made_column(&m, "n", PG_NUMERIC);
    m.after[1] = (struct value){ VALUE_TEXT, STR("NaN") };
    assert_false(made_write(&m));
    assert_true(error_is(&m.err, E_DEBEZIUM_VALUE));
    assert_int_equal(m.err.kind, ERR_REJECT);
    assert_non_null(strstr(m.err.msg, "\"n\" of public.t"));
    assert_non_null(strstr(m.err.msg, "NaN"));
    assert_int_equal(m.records.count, 0);
    made_done(&m);
}

static void a_value_without_a_form_is_its_text_when_so_configured(void **state)
{
    struct made m;

    (void)state;
    made_init(&m);
    (void)made_column(&m, "n", PG_NUMERIC);
    (void)made_column(&m, "t", PG_TIMESTAMP);
    m.format.overflow = DEBEZIUM_OVERFLOW_TEXT;
    m.after[1] = (struct value){ VALUE_TEXT, STR("NaN") };
    m.after[2] = (struct value){ VALUE_TEXT, STR("294276-12-31 23:59:59.999999") };
    assert_true(made_write(&m));
    expect_text(m.records.items[0].value,
                "{\"before\":null,\"after\":{\"id\":1,\"n\":\"NaN\","
                "\"t\":\"294276-12-31 23:59:59.999999\"}," SOURCE "," TAIL("c"));
    made_done(&m);
}

static void a_new_version_of_a_table_has_its_own_shape(void **state)
{
    struct made m;

    (void)state;
    made_init(&m);
    assert_true(made_write(&m));
    (void)made_column(&m, "more", PG_TEXT);
    m.after[1] = (struct value){ VALUE_TEXT, STR("x") };
    m.rel.version = 2;
    assert_true(made_write(&m));
    expect_text(m.records.items[0].value,
                "{\"before\":null,\"after\":{\"id\":1,\"more\":\"x\"}," SOURCE "," TAIL("c"));
    m.rel.version = 1;
    m.rel.column_count = 1;
    assert_true(made_write(&m));
    expect_text(m.records.items[0].value,
                "{\"before\":null,\"after\":{\"id\":1}," SOURCE "," TAIL("c"));
    made_done(&m);
}

/* The same row through a writer that has written nothing before. */
static void expect_as_fresh(const struct made *m)
{
    static struct debezium_records records;
    struct debezium_writer *fresh = debezium_writer_new(&m->format);
    struct error err = { 0 };

    assert_true(debezium_write(fresh, &m->change, &m->moment, &records, &err));
    assert_int_equal(m->records.items[0].value.n, records.items[0].value.n);
    assert_memory_equal(m->records.items[0].value.p, records.items[0].value.p,
                        records.items[0].value.n);
    debezium_writer_free(fresh);
}

static void memory_that_comes_back_holds_no_other_record(void **state)
{
    enum { LARGE = 5 * 1024 * 1024, ONE = 1, TWO = 2, LONG = 3, HEARTBEAT = 4 };
    static const int steps[] = { ONE, ONE, ONE, ONE, HEARTBEAT, ONE, TWO,  ONE,
                                 TWO, TWO, TWO, TWO, LONG,      TWO, LONG, LONG,
                                 TWO, TWO, TWO, ONE, HEARTBEAT, ONE, ONE,  TWO };
    char *large = calloc(1, LARGE);
    struct debezium_value spares[2];
    struct made m;

    (void)state;
    memset(large, 'x', LARGE);
    made_init(&m);
    m.format.value_schemas = true;
    m.format.heartbeat_prefix = "beat";
    (void)made_column(&m, "more", PG_TEXT);
    for (size_t i = 0; i < 2; i++)
        debezium_value_init(&spares[i]);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        m.rel.version = steps[i] == ONE ? 1 : 2;
        m.rel.column_count = steps[i] == ONE ? 1 : 2;
        m.after[1] = (struct value){ VALUE_TEXT, str_make(large, steps[i] == LONG ? LARGE : i) };
        if (steps[i] == HEARTBEAT) {
            debezium_write_heartbeat(m.w, 1, &m.records.items[0]);
        } else {
            assert_true(made_write(&m));
            expect_as_fresh(&m);
        }
        assert_true(debezium_writer_gives(m.w, &m.records.items[0]));
        if (steps[i] != HEARTBEAT) /* else the next row is written over it */
            debezium_writer_take(m.w, &spares[i % 2]);
    }
    for (size_t i = 0; i < 2; i++)
        debezium_value_done(&spares[i]);
    made_done(&m);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_insert_has_the_row_as_after),
        cmocka_unit_test(a_delete_is_followed_by_a_tombstone_of_its_key),
        cmocka_unit_test(a_value_without_a_form_is_refused_by_column_and_value),
        cmocka_unit_test(a_value_without_a_form_is_its_text_when_so_configured),
        cmocka_unit_test(a_new_version_of_a_table_has_its_own_shape),
        cmocka_unit_test(memory_that_comes_back_holds_no_other_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
