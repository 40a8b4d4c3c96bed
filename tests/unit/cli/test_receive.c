/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/wake.h"
#include "cli/receive.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct receive_opts opts;
static struct error err;
static struct wake stop;
static char out_path[] = "/tmp/test_receive_XXXXXX";

static int set_up(void **state)
{
    int fd;

    (void)state;
    memcpy(out_path + sizeof out_path - 7, "XXXXXX", 6);
    fd = mkstemp(out_path);
    assert_true(fd >= 0);
    close(fd);
    opts = (struct receive_opts){
        .host = "127.0.0.1", .path = "/api", .status = 200, .out_path = out_path, .quiet = true
    };
    assert_true(wake_init(&stop, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wake_done(&stop);
    return unlink(out_path);
}

/* In a child until the flag is set; its exit status says how many requests came. */
static void serve_in_child(int port_fd)
{
    struct receive_printer printer;
    struct receive_server *server;
    uint16_t port;
    int count = 99;

    if (!receive_printer_init(&printer, &opts, &err) ||
        !receive_server_open(&opts, &printer, &server, &err))
        _exit(98);
    port = receive_server_port(server);
    if (write(port_fd, &port, sizeof port) != sizeof port)
        _exit(97);
    if (receive_server_run(server, stop.fd, &err))
        count = (int)receive_server_count(server);
    receive_server_close(server);
    receive_printer_done(&printer);
    _exit(count);
}

static pid_t serve(uint16_t *ret_port)
{
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        serve_in_child(fds[1]);
    assert_int_equal(read(fds[0], ret_port, sizeof *ret_port), sizeof *ret_port);
    close(fds[0]);
    close(fds[1]);
    return pid;
}

static int end(pid_t pid)
{
    int status;

    wake_set(&stop);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static long post(uint16_t port, const char *path, const char *header, const char *body)
{
    char url[128];
    long status = 0;
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, header);

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    headers = curl_slist_append(headers, "webhook-id: msg_1");
    headers = curl_slist_append(headers, "x-multisink-op: insert");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    if (body == NULL)
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return status;
}

static void expect_out(const char *expected)
{
    char text[4096];
    FILE *file = fopen(out_path, "re");
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    (void)fclose(file);
    assert_string_equal(text, expected);
}

#define JSON "content-type: application/json"

static void a_body_is_kept_with_its_id_before_it_is_answered(void **state)
{
    uint16_t port;
    pid_t pid = serve(&port);

    (void)state;
    assert_int_equal(post(port, "/api", JSON, "{\"id\": 1,\n\"x\": \"\xC3\xA4\"}"), 200);
    expect_out("{\"id\":\"msg_1\",\"op\":\"insert\",\"body\":{\"id\": 1, \"x\": \"\xC3\xA4\"}}\n");
    assert_int_equal(post(port, "/api/7", JSON, "{}"), 200);
    assert_int_equal(end(pid), 2);
}

static void lines_become_a_list(void **state)
{
    uint16_t port;
    pid_t pid = serve(&port);

    (void)state;
    assert_int_equal(
        post(port, "/api", "content-type: application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n"), 200);
    expect_out("{\"id\":\"msg_1\",\"op\":\"insert\",\"body\":[{\"a\":1},{\"a\":2}]}\n");
    assert_int_equal(end(pid), 1);
}

static void what_is_no_json_is_kept_as_a_string(void **state)
{
    uint16_t port;
    pid_t pid = serve(&port);

    (void)state;
    assert_int_equal(post(port, "/api", JSON, "\x1b[31m{"), 200);
    expect_out("{\"id\":\"msg_1\",\"op\":\"insert\",\"body\":\"\\u001b[31m{\"}\n");
    assert_int_equal(end(pid), 1);
}

static void other_paths_and_reading_are_refused(void **state)
{
    uint16_t port;
    pid_t pid = serve(&port);

    (void)state;
    assert_int_equal(post(port, "/other", JSON, "{}"), 404);
    assert_int_equal(post(port, "/apis", JSON, "{}"), 404);
    assert_int_equal(post(port, "/api", JSON, NULL), 405);
    expect_out("");
    assert_int_equal(end(pid), 0);
}

static void what_is_not_accepted_is_not_kept(void **state)
{
    uint16_t port;
    pid_t pid;

    (void)state;
    opts.fail_every = 2;
    opts.delay_ms = 20;
    pid = serve(&port);
    assert_int_equal(post(port, "/api", JSON, "1"), 200);
    assert_int_equal(post(port, "/api", JSON, "2"), 503);
    assert_int_equal(post(port, "/api", JSON, "3"), 200);
    expect_out("{\"id\":\"msg_1\",\"op\":\"insert\",\"body\":1}\n"
               "{\"id\":\"msg_1\",\"op\":\"insert\",\"body\":3}\n");
    assert_int_equal(end(pid), 3);
}

static void a_port_that_is_taken_is_an_error_with_its_code(void **state)
{
    struct receive_printer printer;
    struct receive_server *first;
    struct receive_server *second;

    (void)state;
    assert_true(receive_printer_init(&printer, &opts, &err));
    assert_true(receive_server_open(&opts, &printer, &first, &err));
    opts.port = receive_server_port(first);
    assert_false(receive_server_open(&opts, &printer, &second, &err));
    assert_true(error_is(&err, E_RECEIVE_LISTEN));
    assert_int_equal(err.kind, ERR_STOP);
    receive_server_close(first);
    receive_printer_done(&printer);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_body_is_kept_with_its_id_before_it_is_answered),
        CASE(lines_become_a_list),
        CASE(what_is_no_json_is_kept_as_a_string),
        CASE(other_paths_and_reading_are_refused),
        CASE(what_is_not_accepted_is_not_kept),
        CASE(a_port_that_is_taken_is_an_error_with_its_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
