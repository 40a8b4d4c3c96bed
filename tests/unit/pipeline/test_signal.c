/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "pipeline/signal.h"

#include <string.h>

static struct arena a;
static struct error err;

static int setup(void **state)
{
    (void)state;
    arena_init(&a, 16 * MIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&a);
    return 0;
}

static struct signal parse(const char *type, const char *data)
{
    struct signal s = { 0 };

    assert_ok(signal_parse(str_from(type), str_from(data), &a, &s, &err), err);
    return s;
}

static void refused(const char *type, const char *data, const char *why)
{
    struct signal s;

    assert_code(signal_parse(str_from(type), str_from(data), &a, &s, &err), err, E_SIGNAL);
    assert_int_equal(err.kind, ERR_REJECT);
    if (strstr(err.msg, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void a_snapshot_names_tables_filters_and_a_surrogate_key(void **state)
{
    struct signal s = parse("execute-snapshot",
                            "{\"data-collections\": [\"public.a\", \"app.*\"], \"type\":"
                            " \"INCREMENTAL\", \"additional-conditions\": [{\"data-collection\":"
                            " \"public.a\", \"filter\": \"n > 5\"}], \"surrogate-key\": \"n\"}");

    (void)state;
    assert_int_equal(s.kind, SIGNAL_EXECUTE);
    assert_int_equal(s.table_count, 2);
    assert_string_equal(s.surrogate, "n");
    assert_string_equal(signal_filter(&s, "public.a"), "n > 5");
    assert_null(signal_filter(&s, "app.a"));
}

static void one_condition_without_a_table_is_for_all(void **state)
{
    struct signal s = parse("execute-snapshot", "{\"data-collections\": [\"public.a\"],"
                                                " \"additional-condition\": \"n > 5\"}");

    (void)state;
    assert_string_equal(signal_filter(&s, "public.b"), "n > 5");
}

static void names_match_as_they_are_or_as_a_whole(void **state)
{
    static const char *const names[] = { "public.a+b", "app\\.(x|y)", "bad(" };

    (void)state;
    assert_true(signal_names(names, 3, "public.a+b"));
    assert_true(signal_names(names, 3, "public.aab"));
    assert_true(signal_names(names, 3, "app.x"));
    assert_false(signal_names(names, 3, "app.xx"));
    assert_false(signal_names(names, 3, "myapp.x"));
    assert_true(signal_names(names, 3, "bad("));
    assert_false(signal_names(names, 3, "bad"));
}

static void names_have_a_ceiling(void **state)
{
    struct buf data;

    (void)state;
    buf_init(&data, 4 * MIB);
    buf_putf(&data, "{\"data-collections\": [\"%0*d\"]}", (int)LIMIT_PATTERN + 1, 0);
    refused("execute-snapshot", buf_cstr(&data), "longer than 1024 bytes");
    for (int i = 0; i < 2; i++) {
        buf_clear(&data);
        buf_putf(&data, i == 0 ? "{\"data-collections\": [" : "{\"additional-conditions\": [");
        for (size_t k = 0; k < LIMIT_SIGNAL_NAMES; k++)
            buf_putf(&data, "\"a\",");
        buf_putf(&data, "\"a\"]}");
        refused("stop-snapshot", buf_cstr(&data), "more than 1024");
    }
    buf_done(&data);
}

static void the_other_signals_need_little(void **state)
{
    (void)state;
    assert_int_equal(parse("stop-snapshot", "").kind, SIGNAL_STOP);
    assert_int_equal(parse("stop-snapshot", "{\"data-collections\": [\"a\"]}").table_count, 1);
    assert_int_equal(parse("pause-snapshot", "{\"type\": \"incremental\"}").kind, SIGNAL_PAUSE);
    assert_int_equal(parse("resume-snapshot", "{}").kind, SIGNAL_RESUME);
    assert_string_equal(parse("log", "{\"message\": \"at {}\"}").message, "at {}");
    assert_int_equal(parse("snapshot-window-open", "anything").kind, SIGNAL_NOTHING);
}

static void what_makes_no_sense_is_refused_with_its_reason(void **state)
{
    (void)state;
    refused("fly", "{}", "type is not known");
    refused("execute-snapshot", "", "missing or empty");
    refused("execute-snapshot", "{\"data-collections\": []}", "missing or empty");
    refused("execute-snapshot", "{\"data-collections\": \"a\"}", "no list");
    refused("execute-snapshot", "{\"data-collections\": [1]}", "no name");
    refused("execute-snapshot", "{\"data-collections\": [\"a\"], \"type\": \"blocking\"}",
            "no blocking ones");
    refused("execute-snapshot", "{\"data-collections\": [\"a\"], \"additional-conditions\": [1]}",
            "each of additional-conditions");
    refused("execute-snapshot", "{\"data-collections\": [\"a\"], \"additional-conditions\": 1}",
            "no list");
    refused("stop-snapshot", "[]", "no JSON object");
    refused("stop-snapshot", "{", "no JSON object");
    refused("log", "{}", "no message");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_snapshot_names_tables_filters_and_a_surrogate_key),
        CASE(one_condition_without_a_table_is_for_all),
        CASE(names_match_as_they_are_or_as_a_whole),
        CASE(names_have_a_ceiling),
        CASE(the_other_signals_need_little),
        CASE(what_makes_no_sense_is_refused_with_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
