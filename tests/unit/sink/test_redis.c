/* SPDX-License-Identifier: Apache-2.0 */
/* The sink against a fake Redis in a thread, which answers every script call with one given answer. */
#include "sink/redis_conf.h"
#include "sink/redis_reply.h"
#include "sink/sink.h"

#include "base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct sink_ops sink_redis_ops;

struct fake {
    int fd;
    const char *info;   /* more lines of INFO, which win */
    const char *answer; /* to the batch script */
    unsigned scripts;
};

static const char *reply_to(struct fake *f, struct str name, char text[300])
{
    /* Of two lines with the same name the client takes the first. */
    const char *info = "redis_version:7.0.15\r\nredis_mode:standalone\r\nmaxmemory:0\r\n";

    if (str_is(name, "INFO")) {
        size_t n = strlen(info) + strlen(f->info);

        (void)snprintf(text, 300, "$%zu\r\n%s%s\r\n", n, f->info, info);
        return text;
    }
    if (str_is(name, "SCRIPT"))
        return "$40\r\n0123456789012345678901234567890123456789\r\n";
    if (str_is(name, "GET"))
        return "$7\r\n1/0/0/0\r\n";
    if (str_is(name, "EVALSHA"))
        return f->scripts++ == 0 ? "$4\r\n1:ab\r\n" : f->answer;
    return "+OK\r\n";
}

static void *serve(void *arg)
{
    struct fake *f = arg;
    struct redis_reader *r = redis_reader_open();
    int fd = accept(f->fd, NULL, NULL);
    struct error err = { 0 };
    char bytes[4096];
    char text[300];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        const struct redis_reply *request = NULL;

        if (!redis_reader_feed(r, bytes, (size_t)n, &err))
            break;
        while (redis_reader_next(r, &request, &err) && request != NULL) {
            const char *answer = reply_to(f, redis_reply_item(request, 0)->text, text);

            (void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        }
    }
    (void)close(fd);
    redis_reader_close(r);
    return NULL;
}

/* Opens the sink at a fake, and writes one empty batch when that worked, unless it is a trial. */
static struct error open_at(struct fake *f, bool trial)
{
    char dir[] = "/tmp/multisink-redis-XXXXXX";
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct redis_conf conf = {
        .timeout_ms = 5000, .script_commands_max = 10, .url = { .db = -1 }, .aof_rewrite = true
    };
    struct sink_env env = {
        .pipeline = "p", .name = "s", .trial = trial, .stop_fd = -1, .clock = &clock_system
    };
    struct batch b = { .before = { 1, 0, { 0 } }, .after = { 1, 1, { 9 } } };
    struct sink_result res = { 0 };
    struct sink *s = NULL;
    struct error err = { 0 };
    struct arena a;
    pthread_t thread;

    arena_init(&a, MIB);
    b.arena = &a;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s/s", dir);
    conf.url.unix_path = addr.sun_path;
    f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(f->fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, f), 0);
    if (sink_redis_ops.open(&conf, &env, &s, &err) && !trial)
        (void)!sink_redis_ops.write(s, &b, &res, &err);
    sink_redis_ops.close(s);
    (void)pthread_join(thread, NULL);
    (void)close(f->fd);
    (void)unlink(addr.sun_path);
    (void)rmdir(dir);
    arena_done(&a);
    return err;
}

static struct error run(const char *info, const char *answer)
{
    struct fake f = { .info = info, .answer = answer };

    return open_at(&f, false);
}

static void expect(const char *info, const char *answer, enum error_kind kind, const char *code)
{
    struct error err = run(info, answer);

    assert_int_equal(err.kind, kind);
    assert_string_equal(err.code, code);
}

static const char fine[] = "maxmemory_policy:noeviction\r\n";

static void a_done_batch_is_done(void **state)
{
    (void)state;
    expect(fine, "*2\r\n$2\r\nOK\r\n*0\r\n", ERR_NONE, "");
}

static void answers_of_the_script_have_their_kinds(void **state)
{
    (void)state;
    expect(fine, "*1\r\n$6\r\nFENCED\r\n", ERR_STOP, "E0530");
    expect(fine, "*2\r\n$8\r\nPOSITION\r\n$0\r\n\r\n", ERR_RETRY, "E0532");
    expect(fine, "*2\r\n$7\r\nREFUSED\r\n$9\r\nOOM short\r\n", ERR_RETRY, "E0520");
    expect(fine, "*2\r\n$4\r\nTORN\r\n$9\r\nMISCONF x\r\n", ERR_STOP, "E0534");
    expect(fine, "*2\r\n$2\r\nOK\r\n*2\r\n:99\r\n$1\r\nW\r\n", ERR_RETRY, "E0521");
    expect(fine, "-LOADING now\r\n", ERR_RETRY, "E0520");
    expect(fine, "-NOPERM no\r\n", ERR_STOP, "E0511");
    expect(fine, "?\r\n", ERR_RETRY, "E0521");
    expect(fine, "-STRANGE word\r\n", ERR_RETRY, "E0522");
}

static void unfit_servers_are_refused(void **state)
{
    (void)state;
    expect("maxmemory_policy:noeviction\r\nloading:1\r\n", "", ERR_RETRY, "E0520");
    expect("nothing:1\r\n", "", ERR_STOP, "E0516");
    expect("redis_version:5.0.14\r\n", "", ERR_STOP, "E0512");
    expect("redis_mode:cluster\r\n", "", ERR_STOP, "E0513");
}

static void a_position_that_somebody_moved_is_read_again(void **state)
{
    (void)state;
    expect(fine, "*2\r\n$8\r\nPOSITION\r\n$7\r\n1/0/0/0\r\n", ERR_RETRY, "E0531");
}

/* The fake's run id is not the one for which the file was last written anew. */
static void a_restarted_server_rewrites_its_file_first(void **state)
{
    (void)state;
    expect("maxmemory_policy:noeviction\r\naof_enabled:1\r\nrun_id:0123456789abcdef\r\n", "",
           ERR_RETRY, "E0523");
}

/* A sink that is opened anew when the rewrite is done does not ask for another. */
static void a_file_rewritten_in_this_run_of_the_server_is_whole(void **state)
{
    (void)state;
    expect("maxmemory_policy:noeviction\r\naof_enabled:1\r\nrun_id:0123456789abcdef\r\n"
           "aof_last_rewrite_time_sec:0\r\n",
           "*2\r\n$2\r\nOK\r\n*0\r\n", ERR_NONE, "");
}

static void a_trial_looks_at_the_server_and_takes_no_fence(void **state)
{
    struct fake f = { .info = fine };
    struct fake evicting = { .info = "maxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\n" };
    struct error err = open_at(&f, true);

    (void)state;
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(f.scripts, 0);
    err = open_at(&evicting, true);
    assert_int_equal(err.kind, ERR_STOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_done_batch_is_done),
        cmocka_unit_test(answers_of_the_script_have_their_kinds),
        cmocka_unit_test(unfit_servers_are_refused),
        cmocka_unit_test(a_position_that_somebody_moved_is_read_again),
        cmocka_unit_test(a_restarted_server_rewrites_its_file_first),
        cmocka_unit_test(a_file_rewritten_in_this_run_of_the_server_is_whole),
        cmocka_unit_test(a_trial_looks_at_the_server_and_takes_no_fence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
