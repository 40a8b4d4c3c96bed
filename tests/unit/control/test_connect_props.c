/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_props.h"

#include "base/limits.h"
#include "sink/sink.h"
#include "unit/control/plugins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct connect_plugin *find(const char *name)
{
    return connect_plugin_find(&plugins, name);
}

static void plugins_have_a_long_name_and_short_ones(void **state)
{
    const struct connect_plugin *source =
        find("io.debezium.connector.postgresql.PostgresConnector");

    (void)state;
    assert_non_null(source);
    assert_ptr_equal(find("PostgresConnector"), source);
    assert_ptr_equal(find("Postgres"), source);
    assert_non_null(find("multisink.RedisSink"));
    assert_ptr_equal(find("RedisSink"), find("multisink.RedisSink"));
    assert_non_null(find("multisink.CassandraSink"));
    assert_non_null(find("multisink.HttpSink"));
    assert_null(find("nope"));
    assert_null(find(""));
}

/* The faults, one a line. */
static void add_line(void *ctx, const struct connect_prop *prop, const char *text)
{
    assert_non_null(prop);
    buf_putf(ctx, "%s\n", text);
}

static const char *faults(const char *class_name, const char *json)
{
    static struct buf b;
    json_t *config = json_loads(json, 0, NULL);

    buf_done(&b);
    buf_init(&b, MIB);
    assert_non_null(config);
    connect_props_check(find(class_name), config, add_line, &b);
    json_decref(config);
    return buf_cstr(&b);
}

#define NEEDED                                                                                     \
    "\"name\":\"n\",\"connector.class\":\"c\",\"topic.prefix\":\"p\",\"database.hostname\":\"h\"," \
    "\"database.user\":\"u\",\"database.dbname\":\"d\""

static void faults_are_worded_as_the_real_ones(void **state)
{
    (void)state;
    assert_string_equal(faults("Postgres", "{" NEEDED "}"), "");
    assert_string_equal(faults("Postgres", "{\"name\":\"n\",\"connector.class\":\"c\"}"),
                        "The 'topic.prefix' value is invalid: A value is required\n"
                        "The 'database.hostname' value is invalid: A value is required\n"
                        "The 'database.user' value is invalid: A value is required\n"
                        "The 'database.dbname' value is invalid: A value is required\n");
    assert_string_equal(
        faults("Postgres", "{" NEEDED ",\"snapshot.mode\":\"sometimes\"}"),
        "The 'snapshot.mode' value is invalid: Value must be one of always, never, initial_only, "
        "initial, custom\n");
    assert_string_equal(faults("Postgres", "{" NEEDED ",\"tasks.max\":\"x\"}"),
                        "Invalid value x for configuration tasks.max: Not a number of type INT\n");
    assert_string_equal(faults("Postgres", "{" NEEDED ",\"database.port\":\"x\"}"),
                        "The 'database.port' value is invalid: An integer is expected\n");
    assert_string_equal(faults("RedisSink", "{\"name\":\"n\",\"connector.class\":\"c\","
                                            "\"url\":\"u\",\"commands\":\"x\"}"),
                        "Must configure one of topics or topics.regex\n");
}

static void what_would_change_the_data_is_a_fault(void **state)
{
    (void)state;
    assert_non_null(strstr(faults("Postgres", "{" NEEDED ",\"column.exclude.list\":\"a.b.c\"}"),
                           "column.exclude.list"));
    assert_non_null(
        strstr(faults("Postgres", "{" NEEDED ",\"column.mask.with.10.chars\":\"a.b.c\"}"),
               "does not offer"));
    assert_string_equal(faults("Postgres", "{" NEEDED ",\"column.exclude.list\":\"\"}"), "");
    assert_string_equal(faults("Postgres", "{" NEEDED ",\"flush.lsn.source\":\"true\"}"), "");
}

static void secrets_are_masked_and_come_back_by_their_mask(void **state)
{
    const struct connect_plugin *redis = find("RedisSink");
    json_t *stored = json_loads("{\"password\":\"p1\",\"url\":\"redis://me:p2@host:1/0\","
                                "\"headers.Authorization\":\"p3\",\"sasl.jaas.config\":\"p4\","
                                "\"api.token\":\"p5\",\"topics\":\"t\",\"tls.key\":\"/f\"}",
                                0, NULL);
    json_t *shown = connect_masked(redis, stored);
    char *text = json_dumps(shown, 0);
    char secret[3] = "p1";

    (void)state;
    for (; secret[1] <= '5'; secret[1]++)
        assert_null(strstr(text, secret));
    assert_string_equal(connect_get(shown, "url"), "redis://me:********@host:1/0");
    assert_string_equal(connect_get(shown, "topics"), "t");
    (void)json_object_set_new(shown, "topics", connect_text("u"));
    connect_unmask(redis, shown, stored);
    assert_string_equal(connect_get(shown, "password"), "p1");
    assert_string_equal(connect_get(shown, "url"), "redis://me:p2@host:1/0");
    assert_string_equal(connect_get(shown, "topics"), "u");
    free(text);
    json_decref(shown);
    json_decref(stored);
}

static void what_means_nothing_here_is_listed(void **state)
{
    json_t *config = json_loads("{" NEEDED ",\"max.batch.size\":\"9\",\"slot.name\":\"s\","
                                "\"poll.interval.ms\":\"500\",\"decimal.handling.mode\":\"string\","
                                "\"what.is.this\":\"1\",\"transforms.u.type\":\"t\"}",
                                0, NULL);
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    connect_props_idle(find("Postgres"), config, false, &b);
    assert_string_equal(buf_cstr(&b),
                        "max.batch.size, decimal.handling.mode, what.is.this, transforms.u.type");
    buf_clear(&b);
    connect_props_idle(find("Postgres"), config, true, &b);
    assert_string_equal(buf_cstr(&b), "max.batch.size, what.is.this, transforms.u.type");
    buf_done(&b);
    json_decref(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_have_a_long_name_and_short_ones),
        cmocka_unit_test(faults_are_worded_as_the_real_ones),
        cmocka_unit_test(what_would_change_the_data_is_a_fault),
        cmocka_unit_test(secrets_are_masked_and_come_back_by_their_mask),
        cmocka_unit_test(what_means_nothing_here_is_listed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
