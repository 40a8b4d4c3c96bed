/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_fixture f;

static int tear_down(void **state)
{
    (void)state;
    if (f.config != NULL)
        config_free(f.config);
    f.config = NULL;
    return 0;
}

static bool accepts(const char *yaml)
{
    bool ok = http_fixture_conf(&f, yaml) != NULL;

    (void)tear_down(NULL);
    return ok;
}

static void an_address_is_all_that_must_be_given(void **state)
{
    const struct http_conf *conf = http_fixture_conf(&f, "{url: \"http://localhost:5000/api\"}");

    (void)state;
    assert_non_null(conf);
    assert_int_equal(http_conf_route(conf, CHANGE_DELETE).method, HTTP_POST);
    assert_int_equal(conf->envelope, HTTP_ENVELOPE_ROW);
    assert_int_equal(conf->batch.max, 1);
    assert_int_equal(conf->on_delete, HTTP_DELETE_SEND);
    assert_int_equal(conf->on_truncate, HTTP_TRUNCATE_REFUSE);
    assert_int_equal(conf->timeout_ms, 15000);
    assert_int_equal(conf->max_in_flight, 16);
    assert_true(conf->tls.verify);
}

static void snapshot_rows_go_where_inserts_go_unless_told_otherwise(void **state)
{
    const struct http_conf *conf = http_fixture_conf(
        &f,
        "{url: \"http://a/1\", insert: {url: \"http://a/2\", method: PUT}, snapshot: {method: PATCH}}");

    (void)state;
    assert_non_null(conf);
    assert_true(str_is(http_url_text(http_conf_route(conf, CHANGE_SNAPSHOT).url), "http://a/2"));
    assert_int_equal(http_conf_route(conf, CHANGE_SNAPSHOT).method, HTTP_PATCH);
    assert_true(str_is(http_url_text(http_conf_route(conf, CHANGE_UPDATE).url), "http://a/1"));
}

static void addresses_are_checked(void **state)
{
    (void)state;
    assert_true(accepts("{url: \"https://[::1]:8443/a?b={{id}}\"}"));
    assert_false(accepts("{url: \"ftp://a/\"}"));
    assert_false(accepts("{url: \"file:///etc/passwd\"}"));
    assert_false(accepts("{url: \"http://user:secret@a/\"}"));
    assert_false(accepts("{url: \"http://{{id}}.example/\"}"));
    assert_false(accepts("{url: \"http://a/b#c\"}"));
    assert_false(accepts("{url: \"http://a/b c\"}"));
    assert_false(accepts("{url: \"http://a/{{id\"}"));
    assert_false(accepts("{url: \"http://a:99999/\"}"));
    assert_false(accepts("{url: \"http:///x\"}"));
    assert_false(accepts("{method: POST}"));
}

static void header_values_cannot_break_out_of_their_line(void **state)
{
    (void)state;
    assert_true(accepts("{url: \"http://a/\", headers: {X-A: b}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {X-A: \"b\\r\\nX-B: c\"}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {X-A: \"b\\nc\"}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {\"X A\": b}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {\"X:A\": b}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {X-A: \"\"}}"));
}

static void headers_that_the_sink_sets_cannot_be_given(void **state)
{
    (void)state;
    assert_false(accepts("{url: \"http://a/\", headers: {Webhook-Id: x}}"));
    assert_false(accepts("{url: \"http://a/\", headers: {content-length: \"3\"}}"));
}

static void a_secret_can_be_a_list(void **state)
{
    const struct http_conf *conf = http_fixture_conf(
        &f, "{url: \"http://a/\", secret: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,"
            " whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz]}");

    (void)state;
    assert_non_null(conf);
    assert_int_equal(conf->secrets.count, 2);
    (void)tear_down(NULL);
    assert_false(accepts("{url: \"http://a/\", secret: password}"));
}

static void lists_and_addresses_with_holes_do_not_go_together(void **state)
{
    (void)state;
    assert_false(accepts("{url: \"http://a/{{id}}\", batch: {max: 2}}"));
    assert_false(
        accepts("{url: \"http://a/\", batch: {max: 2}, delete: {url: \"http://a/{{id}}\"}}"));
    assert_true(accepts("{url: \"http://a/\", batch: {max: 2}}"));
}

static void certificate_and_key_belong_together(void **state)
{
    (void)state;
    assert_false(accepts("{url: \"https://a/\", tls: {cert: c.pem}}"));
    assert_true(accepts("{url: \"https://a/\", tls: {cert: c.pem, key: k.pem, server_name: b}}"));
    assert_false(accepts("{url: \"http://a/\", tls: {server_name: b}}"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_address_is_all_that_must_be_given),
        CASE(snapshot_rows_go_where_inserts_go_unless_told_otherwise),
        CASE(addresses_are_checked),
        CASE(header_values_cannot_break_out_of_their_line),
        CASE(headers_that_the_sink_sets_cannot_be_given),
        CASE(a_secret_can_be_a_list),
        CASE(lists_and_addresses_with_holes_do_not_go_together),
        CASE(certificate_and_key_belong_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
