/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_route.h"

#include "control/connect_props.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct connect_call call;
static struct connect_reply reply;

static int setup(void **state)
{
    (void)state;
    memset(&call, 0, sizeof call);
    connect_reply_init(&reply);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    connect_call_done(&call);
    connect_reply_done(&reply);
    return 0;
}

/* The op, or minus the status of a refusal. */
static int route(const char *method, const char *target)
{
    connect_call_done(&call);
    connect_reply_done(&reply);
    if (connect_route(method, str_from(target), &call, &reply))
        return (int)call.op;
    return -(int)reply.status;
}

static void paths_find_their_calls(void **state)
{
    (void)state;
    assert_int_equal(route("GET", "/"), CONNECT_ROOT);
    assert_int_equal(route("GET", "/connectors"), CONNECT_LIST_CONNECTORS);
    assert_int_equal(route("HEAD", "/connectors/"), CONNECT_LIST_CONNECTORS);
    assert_int_equal(route("POST", "/connectors"), CONNECT_CREATE);
    assert_int_equal(route("GET", "/connectors/a/status"), CONNECT_STATUS);
    assert_string_equal(call.name, "a");
    assert_int_equal(route("GET", "/connectors/a/tasks/12/status"), CONNECT_TASK_STATUS);
    assert_int_equal(call.task, 12);
    assert_int_equal(route("PUT", "/connectors/a/topics/reset"), CONNECT_TOPICS_RESET);
    assert_int_equal(route("PUT", "/connector-plugins/x.Y/config/validate"), CONNECT_VALIDATE);
    assert_int_equal(route("PUT", "/admin/loggers/root?scope=cluster"), CONNECT_PUT_LOGGER);
    assert_true(call.cluster_scope);
}

static void what_is_not_there_is_404_and_a_wrong_method_405(void **state)
{
    (void)state;
    assert_int_equal(route("GET", "/nosuch"), -404);
    assert_int_equal(route("GET", "/connectors/a/b"), -404);
    assert_int_equal(route("GET", "/connectors/a/tasks/x/status"), -404);
    assert_int_equal(route("GET", "/connectors/a/tasks/99999999999/status"), -404);
    assert_int_equal(route("GET", "/connectors//status"), -404);
    assert_int_equal(route("GET", "/connectors/%00"), -404);
    assert_int_equal(route("GET", "/connectors/%ff"), -404);
    assert_int_equal(route("GET", "/connectors/%zz"), -404);
    assert_int_equal(route("GET", "/a/b/c/d/e/f/g/h"), -404);
    assert_int_equal(route("PATCH", "/connectors"), -405);
    assert_int_equal(route("OPTIONS", "/connectors"), -405);
    assert_string_equal(connect_get(reply.body, "message"), "HTTP 405 Method Not Allowed");
}

static void names_are_decoded_piece_by_piece(void **state)
{
    (void)state;
    assert_int_equal(route("GET", "/connectors/a%2Fb%20c/config"), CONNECT_GET_CONFIG);
    assert_string_equal(call.name, "a/b c");
}

static void parameters_of_the_query_are_read(void **state)
{
    (void)state;
    assert_int_equal(route("GET", "/connectors?expand=status&expand=info"),
                     CONNECT_LIST_CONNECTORS);
    assert_true(call.expanded && call.expand_status && call.expand_info);
    assert_int_equal(route("GET", "/connectors?expand=bogus"), CONNECT_LIST_CONNECTORS);
    assert_true(call.expanded && !call.expand_status && !call.expand_info);
    assert_int_equal(route("POST", "/connectors/a/restart?includeTasks=TRUE&onlyFailed=maybe"),
                     CONNECT_RESTART);
    assert_true(call.include_tasks && !call.only_failed);
    assert_int_equal(route("GET", "/connector-plugins?connectorsOnly=false"), CONNECT_PLUGINS);
    assert_true(call.all_plugins);
}

/* 0, or the status of a refusal. */
static unsigned body(const char *method, const char *target, const char *text)
{
    assert_true(route(method, target) >= 0);
    return connect_route_body(&call, str_from(text), &reply) ? 0 : reply.status;
}

static void a_create_has_name_config_and_state(void **state)
{
    (void)state;
    assert_int_equal(body("POST", "/connectors",
                          "{\"name\":\"n\",\"config\":{\"a\":\"b\",\"n\":5,\"t\":true,\"z\":null},"
                          "\"initial_state\":\"STOPPED\"}"),
                     0);
    assert_string_equal(call.name, "n");
    assert_string_equal(call.state, "STOPPED");
    assert_string_equal(connect_get(call.body, "n"), "5");
    assert_string_equal(connect_get(call.body, "t"), "true");
    assert_null(json_object_get(call.body, "z"));
}

static void a_body_that_makes_no_sense_is_400(void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "[]",
                                       "5",
                                       "{}",
                                       "{\"name\":\"n\"}",
                                       "{\"name\":\"n\",\"config\":[]}",
                                       "{\"name\":\"n\",\"config\":{\"o\":{}}}",
                                       "{\"name\":\"n\",\"config\":{},\"more\":1}",
                                       "{\"name\":\"n\",\"config\":{},\"initial_state\":\"X\"}",
                                       "{\"name\":\"n\",\"name\":\"m\",\"config\":{}}" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(body("POST", "/connectors", bad[i]), 400);
    assert_int_equal(body("PUT", "/admin/loggers/root", "{}"), 400);
    assert_int_equal(body("PATCH", "/connectors/a/offsets", "{\"offsets\":[]}"), 400);
    assert_int_equal(body("PATCH", "/connectors/a/offsets", "{\"offsets\":[{}]}"), 400);
    assert_int_equal(
        body("PATCH", "/connectors/a/offsets", "{\"offsets\":[{\"partition\":{},\"offset\":1}]}"),
        400);
}

static void a_patch_keeps_null_for_what_goes(void **state)
{
    (void)state;
    assert_int_equal(body("PATCH", "/connectors/a/config", "{\"x\":null,\"y\":\"1\"}"), 0);
    assert_true(json_is_null(json_object_get(call.body, "x")));
    assert_int_equal(body("PATCH", "/connectors/a/offsets",
                          "{\"offsets\":[{\"partition\":{},\"offset\":null}]}"),
                     0);
    assert_int_equal(json_array_size(call.body), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_find_their_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_404_and_a_wrong_method_405, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_are_decoded_piece_by_piece, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_of_the_query_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_create_has_name_config_and_state, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_that_makes_no_sense_is_400, setup, teardown),
        cmocka_unit_test_setup_teardown(a_patch_keeps_null_for_what_goes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
