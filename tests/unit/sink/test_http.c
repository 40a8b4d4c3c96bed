/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include "base/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_fixture f;
static struct fake_http *fake;

static void start(fake_http_script *script, const char *keys)
{
    fake = fake_http_start(script);
    http_fixture_open(&f, fake, keys);
}

static int tear_down(void **state)
{
    (void)state;
    http_fixture_close(&f);
    fake_http_stop(fake);
    return 0;
}

static void expect_header(size_t nth, const char *name, const char *value)
{
    char text[256];

    assert_string_equal(fake_http_header(fake_http_request(fake, nth), name, text, sizeof text),
                        value);
}

static void expect_error(enum error_kind kind, enum error_code code)
{
    char text[8];

    (void)snprintf(text, sizeof text, "E%04d", (int)code);
    assert_int_equal(f.err.kind, kind);
    assert_string_equal(f.err.code, text);
}

/* ---- what goes out ------------------------------------------------------------------------------- */

static void an_insert_is_a_post_of_the_flat_row(void **state)
{
    (void)state;
    start(NULL, "");
    http_fixture_add(&f, CHANGE_INSERT, 7, "x\"y");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 1);
    assert_string_equal(fake_http_request(fake, 0)->method, "POST");
    assert_string_equal(fake_http_request(fake, 0)->path, "/api");
    assert_string_equal(fake_http_request(fake, 0)->body,
                        "{\"id\":7,\"name\":\"x\\\"y\",\"big\":null}");
    expect_header(0, "content-type", "application/json");
    expect_header(0, "webhook-id",
                  "msg_00000001000000000"
                  "16b374800000001");
    expect_header(0, "Idempotency-Key",
                  "msg_00000001000000000"
                  "16b374800000001");
    expect_header(0, "x-multisink-op", "insert");
    expect_header(0, "webhook-signature", "");
    expect_header(0, "Accept", "");
    expect_header(0, "Expect", "");
    expect_header(0, "Cookie", "");
}

static void a_delete_sends_the_old_row_as_far_as_it_is_known(void **state)
{
    (void)state;
    start(NULL, "");
    http_fixture_add(&f, CHANGE_DELETE, 7, NULL);
    assert_true(http_fixture_write(&f));
    assert_string_equal(fake_http_request(fake, 0)->body, "{\"id\":7}");
    expect_header(0, "x-multisink-op", "delete");
}

static void deletes_can_be_left_out(void **state)
{
    (void)state;
    start(NULL, ", on_delete: skip");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    http_fixture_add(&f, CHANGE_DELETE, 1, NULL);
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 1);
    assert_int_equal(f.result.reject_count, 0);
}

static void unchanged_columns_are_named_in_a_header(void **state)
{
    struct value row[3] = { { VALUE_TEXT, STR("7") },
                            { VALUE_TEXT, STR("n") },
                            { VALUE_UNCHANGED, STR_NONE } };

    (void)state;
    start(NULL, "");
    http_fixture_add(&f, CHANGE_UPDATE, 7, "n")->after = row;
    assert_true(http_fixture_write(&f));
    assert_string_equal(fake_http_request(fake, 0)->body, "{\"id\":7,\"name\":\"n\"}");
    expect_header(0, "x-multisink-unchanged", "big");
}

static void operations_can_have_addresses_and_methods_of_their_own(void **state)
{
    char keys[256];

    (void)state;
    fake = fake_http_start(NULL);
    (void)snprintf(
        keys, sizeof keys,
        ", delete: {method: DELETE, url: \"http://127.0.0.1:%u/api/{{name}}/{{id}}?x={{name}}\"}"
        ", update: {method: PUT}",
        fake_http_port(fake));
    http_fixture_open(&f, fake, keys);
    http_fixture_add(&f, CHANGE_UPDATE, 7, "a");
    http_fixture_add(&f, CHANGE_DELETE, 7, NULL)->after = f.changes[0].after;
    http_fixture_add(&f, CHANGE_INSERT, 7, "b");
    ((struct value *)f.changes[0].after)[1].text = STR("a/../b c&d");
    assert_true(http_fixture_write(&f));
    assert_string_equal(fake_http_request(fake, 0)->method, "PUT");
    assert_string_equal(fake_http_request(fake, 1)->method, "DELETE");
    assert_string_equal(fake_http_request(fake, 1)->path,
                        "/api/a%2F..%2Fb%20c%26d/7?x=a%2F..%2Fb%20c%26d");
    assert_string_equal(fake_http_request(fake, 2)->method, "POST");
}

static void a_value_that_would_name_another_address_is_refused(void **state)
{
    char keys[128];

    (void)state;
    fake = fake_http_start(NULL);
    (void)snprintf(keys, sizeof keys, ", insert: {url: \"http://127.0.0.1:%u/api/{{name}}\"}",
                   fake_http_port(fake));
    http_fixture_open(&f, fake, keys);
    http_fixture_add(&f, CHANGE_INSERT, 1, "..");
    http_fixture_add(&f, CHANGE_INSERT, 2, "");
    http_fixture_add(&f, CHANGE_INSERT, 3, "fine");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 1);
    assert_int_equal(f.result.reject_count, 2);
    assert_int_equal(f.result.rejects[0].code, E_HTTP_URL_VALUE);
    assert_int_equal(f.result.rejects[1].code, E_HTTP_URL_VALUE);
}

static void configured_headers_go_with_every_request(void **state)
{
    (void)state;
    start(NULL, ", headers: {Authorization: \"Bearer abc\", X-Two: b}");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_true(http_fixture_write(&f));
    expect_header(0, "Authorization", "Bearer abc");
    expect_header(0, "X-Two", "b");
}

static void requests_are_signed_when_there_is_a_secret(void **state)
{
    struct http_secrets secrets = { .count = 1 };
    struct http_signer signer;
    char id[64], time[32], signature[128];
    struct buf expected;

    (void)state;
    start(NULL, ", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_true(http_fixture_write(&f));
    fake_http_header(fake_http_request(fake, 0), "webhook-id", id, sizeof id);
    fake_http_header(fake_http_request(fake, 0), "webhook-timestamp", time, sizeof time);
    fake_http_header(fake_http_request(fake, 0), "webhook-signature", signature, sizeof signature);
    assert_true(
        http_secret_parse(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secrets.items[0]));
    assert_true(http_signer_init(&signer, &secrets, &f.err));
    buf_init(&expected, 256);
    assert_true(http_sign(&signer, str_from(id), str_from(time),
                          str_from(fake_http_request(fake, 0)->body), &expected, &f.err));
    assert_string_equal(signature, buf_cstr(&expected));
    buf_done(&expected);
    http_signer_done(&signer);
}

static void connections_are_kept(void **state)
{
    (void)state;
    start(NULL, ", max_in_flight: 4");
    for (long i = 0; i < 100; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 100);
    assert_true(fake_http_connections(fake) <= 4);
}

static void more_names_of_unchanged_columns_than_fit_park_the_record(void **state)
{
    enum { MANY = 1600 };
    static char name[210];
    static struct column many[MANY];
    static struct value row[MANY];
    static struct relation wide;

    (void)state;
    start(NULL, "");
    memset(name, '_', sizeof name);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = (struct column){ .name = str_make(name, sizeof name), .identity = i == 0 };
        row[i].kind = i == 0 ? VALUE_NULL : VALUE_UNCHANGED;
    }
    wide = http_fixture_rel;
    wide.columns = many;
    wide.column_count = MANY;
    http_fixture_add(&f, CHANGE_UPDATE, 1, "a");
    f.changes[0].rel = &wide;
    f.changes[0].after = row;
    assert_true(http_fixture_write(&f));
    assert_int_equal(f.result.reject_count, 1);
    assert_int_equal(f.result.rejects[0].code, E_HTTP_SIZE);
    assert_int_equal(fake_http_count(fake), 0);
}

/* ---- order ---------------------------------------------------------------------------------------- */

static void slowly(size_t nth, const struct fake_http_request *req, struct fake_http_answer *answer)
{
    (void)req;
    answer->delay_ms = (int)(nth * 7 % 5);
}

static void one_request_per_key_is_under_way_and_keys_keep_their_order(void **state)
{
    size_t last[5] = { 0 };

    (void)state;
    start(slowly, ", max_in_flight: 16");
    for (long i = 0; i < 200; i++) {
        char *name = arena_printf(&f.arena, "%ld", i + 1);

        http_fixture_add(&f, CHANGE_UPDATE, i * i % 5, name);
    }
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 200);
    assert_int_equal(fake_http_overlaps(fake), 0);
    for (size_t i = 0; i < 200; i++) {
        const struct fake_http_request *req = fake_http_request(fake, i);
        size_t order = (size_t)atol(strstr(req->body, "\"name\":\"") + 8);

        assert_true(order > last[req->key]);
        last[req->key] = order;
    }
}

/* ---- answers ----------------------------------------------------------------------------------------- */

static void refuse_key_3(size_t nth, const struct fake_http_request *req,
                         struct fake_http_answer *answer)
{
    (void)nth;
    if (req->key == 3)
        answer->bytes = "HTTP/1.1 422 Unprocessable\r\nContent-Length: 11\r\n\r\nno \x1b[31mred\n";
}

static void a_refused_record_is_parked_and_later_ones_of_its_key_wait_behind_it(void **state)
{
    (void)state;
    start(refuse_key_3, "");
    http_fixture_add(&f, CHANGE_INSERT, 3, "a");
    http_fixture_add(&f, CHANGE_INSERT, 4, "b");
    http_fixture_add(&f, CHANGE_UPDATE, 3, "c");
    http_fixture_add(&f, CHANGE_DELETE, 3, NULL);
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 2);
    assert_int_equal(f.result.reject_count, 3);
    assert_int_equal(f.result.rejects[0].index, 0);
    assert_false(f.result.rejects[0].waiting);
    assert_int_equal(f.result.rejects[0].code, E_HTTP_REFUSED);
    assert_non_null(strstr(f.result.rejects[0].reason, "HTTP 422: no \\u001b[31mred"));
    assert_int_equal(f.result.rejects[1].index, 2);
    assert_true(f.result.rejects[1].waiting);
    assert_int_equal(f.result.rejects[1].code, E_HTTP_HELD);
    assert_int_equal(f.result.rejects[2].index, 3);
    assert_true(f.result.rejects[2].waiting);
}

static void fail_third_once(size_t nth, const struct fake_http_request *req,
                            struct fake_http_answer *answer)
{
    (void)req;
    if (nth == 2)
        answer->bytes = FAKE_HTTP_STATUS("503 Service Unavailable");
}

static void after_a_503_only_the_rest_is_sent_under_the_same_ids(void **state)
{
    char first[64], second[64];

    (void)state;
    start(fail_third_once, ", max_in_flight: 1");
    for (long i = 0; i < 5; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_HTTP_BUSY);
    assert_int_equal(fake_http_count(fake), 3);
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 6);
    fake_http_header(fake_http_request(fake, 2), "webhook-id", first, sizeof first);
    fake_http_header(fake_http_request(fake, 3), "webhook-id", second, sizeof second);
    assert_string_equal(first, second);
}

static void refuse_then_fail(size_t nth, const struct fake_http_request *req,
                             struct fake_http_answer *answer)
{
    (void)req;
    if (nth == 0)
        answer->bytes = FAKE_HTTP_STATUS("400 Bad Request");
    if (nth == 1)
        answer->bytes = FAKE_HTTP_STATUS("500 Oops");
}

static void a_refusal_is_remembered_while_the_rest_is_tried_again(void **state)
{
    (void)state;
    start(refuse_then_fail, ", max_in_flight: 1");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    http_fixture_add(&f, CHANGE_INSERT, 2, "a");
    assert_false(http_fixture_write(&f));
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 3);
    assert_int_equal(f.result.reject_count, 1);
    assert_int_equal(f.result.rejects[0].index, 0);
}

static void busy_for_a_second(size_t nth, const struct fake_http_request *req,
                              struct fake_http_answer *answer)
{
    (void)req;
    if (nth == 0)
        answer->bytes = "HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
}

static void the_time_of_a_retry_after_is_waited_for(void **state)
{
    int64_t from_us;

    (void)state;
    start(busy_for_a_second, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    from_us = clock_mono_us(&clock_system);
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_HTTP_BUSY);
    assert_true(http_fixture_write(&f));
    assert_true(clock_mono_us(&clock_system) - from_us >= 999000);
}

static void stop_interrupts_the_wait_for_a_retry_after(void **state)
{
    struct wake stop;

    (void)state;
    assert_true(wake_init(&stop, &f.err));
    fake = fake_http_start(busy_for_a_second);
    http_fixture_open(&f, fake, "");
    f.env.stop_fd = stop.fd;
    http_fixture_reopen(&f);
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    wake_set(&stop);
    assert_false(http_fixture_write(&f));
    assert_int_equal(f.err.kind, ERR_CANCEL);
    assert_int_equal(fake_http_count(fake), 1);
    wake_done(&stop);
}

static struct wake stop_flag; /* the child inherits it */

static void ask_to_stop(size_t nth, const struct fake_http_request *req,
                        struct fake_http_answer *answer)
{
    (void)req;
    if (nth == 1)
        wake_set(&stop_flag);
    answer->silent = nth == 1 && strstr(req->body, "silent") != NULL;
}

static void start_with_stop(void)
{
    assert_true(wake_init(&stop_flag, &f.err));
    start(ask_to_stop, ", max_in_flight: 1");
    f.env.stop_fd = stop_flag.fd;
    http_fixture_reopen(&f);
}

static void a_batch_is_finished_when_stop_is_asked_and_the_receiver_is_quick(void **state)
{
    (void)state;
    start_with_stop();
    for (long i = 0; i < 20; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 20);
    wake_done(&stop_flag);
}

static void a_receiver_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    start_with_stop();
    for (long i = 0; i < 20; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "silent");
    assert_false(http_fixture_write(&f));
    assert_int_equal(f.err.kind, ERR_CANCEL);
    assert_int_equal(fake_http_count(fake), 2);
    wake_done(&stop_flag);
}

static const char *always_answer;

static void always(size_t nth, const struct fake_http_request *req, struct fake_http_answer *answer)
{
    (void)nth;
    (void)req;
    answer->bytes = always_answer;
}

static void expect_after(const char *answer, enum error_kind kind, enum error_code code)
{
    always_answer = answer;
    start(always, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    expect_error(kind, code);
    assert_int_equal(fake_http_count(fake), 1);
}

static void a_redirect_stops_and_is_not_followed(void **state)
{
    (void)state;
    expect_after("HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                 ERR_STOP, E_HTTP_REDIRECT);
    assert_non_null(strstr(f.err.msg, "/elsewhere"));
}

static void gone_stops(void **state)
{
    (void)state;
    expect_after(FAKE_HTTP_STATUS("410 Gone"), ERR_STOP, E_HTTP_GONE);
}

static void wrong_credentials_stop_and_park_nothing(void **state)
{
    (void)state;
    expect_after(FAKE_HTTP_STATUS("401 Unauthorized"), ERR_STOP, E_HTTP_CREDENTIALS);
}

static void an_unknown_status_is_tried_again(void **state)
{
    (void)state;
    expect_after(FAKE_HTTP_STATUS("999 What"), ERR_RETRY, E_HTTP_BUSY);
}

static void what_is_not_http_is_tried_again(void **state)
{
    (void)state;
    always_answer = "SSH-2.0-OpenSSH_9.2\r\n";
    start(always, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_HTTP_REPLY);
}

static void no_content_is_success(void **state)
{
    (void)state;
    always_answer = "HTTP/1.1 204 No Content\r\n\r\n";
    start(always, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_true(http_fixture_write(&f));
}

static void cut_off_once(size_t nth, const struct fake_http_request *req,
                         struct fake_http_answer *answer)
{
    (void)req;
    if (nth == 0) {
        answer->bytes = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        answer->close = true;
    }
}

static void an_answer_that_breaks_off_is_tried_again_under_the_same_id(void **state)
{
    char first[64], second[64];

    (void)state;
    start(cut_off_once, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_NET_LOST);
    assert_true(http_fixture_write(&f));
    fake_http_header(fake_http_request(fake, 0), "webhook-id", first, sizeof first);
    fake_http_header(fake_http_request(fake, 1), "webhook-id", second, sizeof second);
    assert_string_equal(first, second);
}

static void endless_body(size_t nth, const struct fake_http_request *req,
                         struct fake_http_answer *answer)
{
    (void)nth;
    (void)req;
    answer->bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n";
    answer->endless = true;
}

static void an_endless_body_is_cut_off_and_its_status_counts(void **state)
{
    (void)state;
    start(endless_body, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_true(http_fixture_write(&f));
}

static void endless_header(size_t nth, const struct fake_http_request *req,
                           struct fake_http_answer *answer)
{
    (void)nth;
    (void)req;
    answer->bytes = "HTTP/1.1 200 OK\r\nX: ";
    answer->endless = true;
}

static void endless_headers_are_tried_again(void **state)
{
    (void)state;
    start(endless_header, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    assert_int_equal(f.err.kind, ERR_RETRY);
}

static void silent(size_t nth, const struct fake_http_request *req, struct fake_http_answer *answer)
{
    (void)nth;
    (void)req;
    answer->silent = true;
}

static void a_server_that_never_answers_is_given_up_after_the_timeout(void **state)
{
    (void)state;
    start(silent, ", timeout: 200ms");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_NET_TIMEOUT);
}

static void a_server_that_is_not_there_is_tried_again(void **state)
{
    uint16_t port;

    (void)state;
    start(NULL, "");
    port = fake_http_port(fake);
    fake_http_stop(fake);
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_RETRY, E_NET_CONNECT);
    fake = fake_http_start_at(NULL, port);
    assert_true(http_fixture_write(&f));
}

/* ---- truncate, batches, restarts ------------------------------------------------------------------------- */

static void a_truncate_stops_behind_what_came_before_it(void **state)
{
    (void)state;
    start(NULL, "");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a");
    http_fixture_add(&f, CHANGE_TRUNCATE, 0, NULL);
    http_fixture_add(&f, CHANGE_INSERT, 2, "a");
    assert_false(http_fixture_write(&f));
    expect_error(ERR_STOP, E_HTTP_TRUNCATE);
    assert_int_equal(fake_http_count(fake), 1);
}

static void a_truncate_can_be_left_out(void **state)
{
    (void)state;
    start(NULL, ", on_truncate: skip");
    http_fixture_add(&f, CHANGE_TRUNCATE, 0, NULL);
    http_fixture_add(&f, CHANGE_INSERT, 2, "a");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 1);
}

static void after_an_orderly_end_nothing_goes_out_twice(void **state)
{
    (void)state;
    start(fail_third_once, ", max_in_flight: 1");
    for (long i = 0; i < 5; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_false(http_fixture_write(&f));
    http_fixture_reopen(&f);
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 6);
}

static void what_was_delivered_is_wanted_again_when_the_position_is_set_back(void **state)
{
    (void)state;
    start(fail_third_once, ", max_in_flight: 1");
    f.batch.before = (struct position){ 1, 0, { 0x16B3748 } };
    for (long i = 0; i < 5; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_false(http_fixture_write(&f));
    http_fixture_reopen(&f);
    f.batch.before = (struct position){ 0, 0, { 0 } };
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 3 + 5);
}

static void lists_hold_rows_of_one_operation(void **state)
{
    (void)state;
    start(NULL, ", max_in_flight: 1, batch: {max: 3}");
    for (long i = 0; i < 4; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    http_fixture_add(&f, CHANGE_DELETE, 9, NULL);
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 3);
    assert_string_equal(
        fake_http_request(fake, 0)->body,
        "[{\"id\":0,\"name\":\"a\",\"big\":null},{\"id\":1,\"name\":\"a\",\"big\":null},"
        "{\"id\":2,\"name\":\"a\",\"big\":null}]");
    assert_string_equal(fake_http_request(fake, 1)->body,
                        "[{\"id\":3,\"name\":\"a\",\"big\":null}]");
    assert_string_equal(fake_http_request(fake, 2)->body, "[{\"id\":9}]");
    expect_header(0, "webhook-id",
                  "msg_0000000100000000016b374800000001_0000000100000000016b374800000003_3");
}

static void lists_can_be_lines(void **state)
{
    (void)state;
    start(NULL, ", batch: {max: 3, format: ndjson}");
    http_fixture_add(&f, CHANGE_INSERT, 1, "a\nb");
    http_fixture_add(&f, CHANGE_INSERT, 2, "c");
    assert_true(http_fixture_write(&f));
    expect_header(0, "content-type", "application/x-ndjson");
    assert_string_equal(fake_http_request(fake, 0)->body,
                        "{\"id\":1,\"name\":\"a\\nb\",\"big\":null}\n"
                        "{\"id\":2,\"name\":\"c\",\"big\":null}\n");
}

static void lists_are_cut_at_the_same_places_after_a_crash(void **state)
{
    char before[3][128], after[128];

    (void)state;
    start(NULL, ", max_in_flight: 1, batch: {max: 3}");
    for (long i = 0; i < 5; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_true(http_fixture_write(&f));
    assert_int_equal(f.puts, 1);
    for (size_t i = 0; i < 2; i++)
        fake_http_header(fake_http_request(fake, i), "webhook-id", before[i], sizeof before[i]);
    /* The position was not saved: the same changes come again, and more with them. */
    http_fixture_reopen(&f);
    for (long i = 5; i < 8; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 2 + 3);
    for (size_t i = 0; i < 2; i++) {
        fake_http_header(fake_http_request(fake, 2 + i), "webhook-id", after, sizeof after);
        assert_string_equal(before[i], after);
        assert_string_equal(fake_http_request(fake, i)->body, fake_http_request(fake, 2 + i)->body);
    }
    assert_int_equal(fake_http_request(fake, 4)->key, 5);
}

static void the_other_envelope_tells_before_after_and_where_from(void **state)
{
    const char *body;

    (void)state;
    start(NULL, ", envelope: debezium-like");
    http_fixture_add(&f, CHANGE_SNAPSHOT, 1, "a");
    assert_true(http_fixture_write(&f));
    body = fake_http_request(fake, 0)->body;
    assert_string_equal(
        body, "{\"before\":null,\"after\":{\"id\":1,\"name\":\"a\",\"big\":null},\"op\":\"r\","
              "\"source\":{\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":1700000000000,"
              "\"snapshot\":\"true\",\"schema\":\"public\",\"table\":\"t\",\"txId\":77,"
              "\"lsn\":23803648,\"commit_end_lsn\":23803720,\"ordinal\":1},"
              "\"ts_ms\":1700000000000}");
}

static void parked_records_are_sent_again_without_touching_the_batch_under_way(void **state)
{
    struct batch under_way;

    (void)state;
    start(fail_third_once, ", max_in_flight: 1");
    for (long i = 0; i < 4; i++)
        http_fixture_add(&f, CHANGE_INSERT, i, "a");
    assert_false(http_fixture_write(&f));
    under_way = f.batch;
    f.batch.count = 1;
    f.batch.replay = true;
    assert_true(http_fixture_write(&f));
    f.batch = under_way;
    assert_true(http_fixture_write(&f));
    assert_int_equal(fake_http_count(fake), 3 + 1 + 2);
}

static void a_stored_value_that_is_damaged_is_not_guessed_at(void **state)
{
    (void)state;
    start(NULL, "");
    f.batches = str_make(strdup("\x02junk"), 5);
    sink_find("http")->close(f.sink);
    f.sink = NULL;
    assert_false(sink_find("http")->open(f.config->sinks[0].conf, &f.env, &f.sink, &f.err));
    expect_error(ERR_STOP, E_HTTP_STORED);
}

static void a_hole_without_a_column_is_found_before_anything_is_sent(void **state)
{
    char keys[128];

    (void)state;
    fake = fake_http_start(NULL);
    (void)snprintf(keys, sizeof keys, ", update: {url: \"http://127.0.0.1:%u/{{nme}}\"}",
                   fake_http_port(fake));
    f = (struct http_fixture){ .store = { 0 } };
    f.env = (struct sink_env){
        .pipeline = "shop", .name = "api", .stop_fd = -1, .clock = &clock_system
    };
    {
        char yaml[256];

        (void)snprintf(yaml, sizeof yaml, "{url: \"http://127.0.0.1:%u/api\"%s}",
                       fake_http_port(fake), keys);
        assert_non_null(http_fixture_conf(&f, yaml));
    }
    assert_true(sink_find("http")->open(f.config->sinks[0].conf, &f.env, &f.sink, &f.err));
    assert_false(sink_find("http")->relation(f.sink, &http_fixture_rel, &f.err));
    expect_error(ERR_STOP, E_HTTP_COLUMN);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_insert_is_a_post_of_the_flat_row),
        CASE(a_delete_sends_the_old_row_as_far_as_it_is_known),
        CASE(deletes_can_be_left_out),
        CASE(unchanged_columns_are_named_in_a_header),
        CASE(operations_can_have_addresses_and_methods_of_their_own),
        CASE(a_value_that_would_name_another_address_is_refused),
        CASE(configured_headers_go_with_every_request),
        CASE(requests_are_signed_when_there_is_a_secret),
        CASE(connections_are_kept),
        CASE(more_names_of_unchanged_columns_than_fit_park_the_record),
        CASE(one_request_per_key_is_under_way_and_keys_keep_their_order),
        CASE(a_refused_record_is_parked_and_later_ones_of_its_key_wait_behind_it),
        CASE(after_a_503_only_the_rest_is_sent_under_the_same_ids),
        CASE(a_refusal_is_remembered_while_the_rest_is_tried_again),
        CASE(the_time_of_a_retry_after_is_waited_for),
        CASE(stop_interrupts_the_wait_for_a_retry_after),
        CASE(a_batch_is_finished_when_stop_is_asked_and_the_receiver_is_quick),
        CASE(a_receiver_that_hangs_does_not_hold_up_the_end),
        CASE(a_redirect_stops_and_is_not_followed),
        CASE(gone_stops),
        CASE(wrong_credentials_stop_and_park_nothing),
        CASE(an_unknown_status_is_tried_again),
        CASE(what_is_not_http_is_tried_again),
        CASE(no_content_is_success),
        CASE(an_answer_that_breaks_off_is_tried_again_under_the_same_id),
        CASE(an_endless_body_is_cut_off_and_its_status_counts),
        CASE(endless_headers_are_tried_again),
        CASE(a_server_that_never_answers_is_given_up_after_the_timeout),
        CASE(a_server_that_is_not_there_is_tried_again),
        CASE(a_truncate_stops_behind_what_came_before_it),
        CASE(a_truncate_can_be_left_out),
        CASE(after_an_orderly_end_nothing_goes_out_twice),
        CASE(what_was_delivered_is_wanted_again_when_the_position_is_set_back),
        CASE(lists_hold_rows_of_one_operation),
        CASE(lists_can_be_lines),
        CASE(lists_are_cut_at_the_same_places_after_a_crash),
        CASE(the_other_envelope_tells_before_after_and_where_from),
        CASE(parked_records_are_sent_again_without_touching_the_batch_under_way),
        CASE(a_stored_value_that_is_damaged_is_not_guessed_at),
        CASE(a_hole_without_a_column_is_found_before_anything_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
