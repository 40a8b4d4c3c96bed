/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that need no server, through cli_main as a user calls them. */
#include "base/limits.h"
#include "cli/check_rows.h"
#include "cli/cli.h"
#include "cli/init.h"
#include "model/pgtype.h"
#include "sink/sink.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"

enum { WORDS_MAX = 16, LINE_MAX_COLUMNS = 80 };

/* "multisink" and the words; returns the exit code. */
static int run(struct capture *c, const char *const *words)
{
    char *argv[WORDS_MAX] = { (char *)(uintptr_t) "multisink" };
    int argc = 1, code;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    capture_start(c);
    code = cli_main(argc, argv);
    capture_stop(c);
    return code;
}

#define RUN(c, ...) run((c), (const char *const[]){ __VA_ARGS__, NULL })

static int widest(const char *text)
{
    int most = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        int columns = cli_columns(str_make(text, n));

        most = columns > most ? columns : most;
        text += n + (text[n] == '\n' ? 1 : 0);
    }
    return most;
}

static void no_arguments_give_help(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(run(&c, (const char *const[]){ NULL }), CLI_OK);
    assert_non_null(strstr(c.text[0], "Commands:"));
    assert_string_equal(c.text[1], "");
    assert_null(strstr(c.text[0], "docs"));
    capture_free(&c);
}

static void every_command_has_help_that_fits(void **state)
{
    size_t count;
    const struct cli_command *commands = cli_commands(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct capture c, again;

        assert_int_equal(RUN(&c, "help", commands[i].name), CLI_OK);
        assert_int_equal(RUN(&again, commands[i].name, "--help"), CLI_OK);
        assert_string_equal(c.text[0], again.text[0]);
        assert_non_null(strstr(c.text[0], "multisink "));
        assert_true(widest(c.text[0]) <= 110);
        capture_free(&c);
        capture_free(&again);
    }
}

static void an_unknown_command_is_suggested_but_not_run(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "versoin"), CLI_USAGE);
    assert_string_equal(c.text[0], "");
    assert_non_null(strstr(c.text[1], "error[E0101]: unknown command \"versoin\", did you mean "
                                      "\"version\"?"));
    capture_free(&c);
}

static void explain_prints_every_page(void **state)
{
    size_t count;
    const struct error_page *pages = error_pages(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct capture c;

        assert_int_equal(RUN(&c, "explain", pages[i].code), CLI_OK);
        assert_true(strncmp(c.text[0], pages[i].code, 5) == 0);
        assert_true(strlen(c.text[0]) > strlen(pages[i].title) + 40);
        assert_true(widest(c.text[0]) <= LINE_MAX_COLUMNS);
        capture_free(&c);
    }
}

static void explain_without_a_code_lists_all(void **state)
{
    size_t count, lines = 0;
    struct capture c;

    (void)state;
    (void)error_pages(&count);
    assert_int_equal(RUN(&c, "explain"), CLI_OK);
    for (const char *p = c.text[0]; *p != '\0'; p++)
        lines += *p == '\n' ? 1 : 0;
    assert_int_equal(lines, count + 2);
    capture_free(&c);
}

static void explain_suggests_the_nearest_code(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "explain", "E0200"), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "the nearest is E0201"));
    capture_free(&c);
    assert_int_equal(RUN(&c, "explain", "nonsense"), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "codes look like E0203"));
    capture_free(&c);
}

static void error_codes_ascend(void **state)
{
    size_t count;
    const struct error_page *pages = error_pages(&count);

    (void)state;
    for (size_t i = 1; i < count; i++)
        assert_true(pages[i].number > pages[i - 1].number);
}

static void lint_of_a_missing_file_is_a_usage_error(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "lint", "/nonexistent.yaml"), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "error[E0202]"));
    capture_free(&c);
    assert_int_equal(RUN(&c, "lint", "/nonexistent.yaml", "--json"), CLI_USAGE);
    assert_non_null(strstr(c.text[0], "\"valid\":false,\"code\":\"E0202\""));
    assert_string_equal(c.text[1], "");
    capture_free(&c);
}

static void check_of_a_wrong_file_is_a_usage_error(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "check", "/nonexistent.yaml"), CLI_USAGE);
    capture_free(&c);
    assert_int_equal(RUN(&c, "check", "a", "b"), CLI_USAGE);
    capture_free(&c);
}

static void version_is_json_on_request(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "version", "--json"), CLI_OK);
    assert_non_null(strstr(c.text[0], "{\"version\":\"" MULTISINK_VERSION "\","));
    capture_free(&c);
}

static void a_full_disk_behind_stdout_is_told(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct capture c;
    int code;

    (void)state;
    assert_true(full >= 0);
    capture_start(&c);
    assert_true(dup2(full, STDOUT_FILENO) >= 0);
    code = cli_main(
        2, (char *[]){ (char *)(uintptr_t) "multisink", (char *)(uintptr_t) "explain", NULL });
    capture_stop(&c);
    assert_int_equal(code, CLI_RUNTIME);
    assert_non_null(strstr(c.text[1], "error[E0106]"));
    capture_free(&c);
    (void)close(full);
}

static void the_manual_names_every_sink(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "docs", "configuration"), CLI_OK);
    assert_non_null(strstr(c.text[0], "## sinks: cassandra"));
    assert_non_null(strstr(c.text[0], "## sinks: redis"));
    capture_free(&c);
}

/* ---- init ----------------------------------------------------------------------------------------- */

static const struct column columns[] = {
    { .name = { "id", 2 }, .type_oid = PG_INT8, .type_name = { "bigint", 6 }, .primary_key = true },
    { .name = { "K 2", 3 }, .type_oid = PG_TEXT, .type_name = { "text", 4 }, .primary_key = true },
};

static const struct relation relations[] = {
    { .schema = { "public", 6 }, .table = { "orders", 6 }, .column_count = 2, .columns = columns },
    { .schema = { "other", 5 }, .table = { "Orders", 6 }, .column_count = 2, .columns = columns },
    { .schema = { "public", 6 },
      .table = { "new\nline: x", 11 },
      .column_count = 2,
      .columns = columns },
    { .schema = { "public", 6 }, .table = { "no\nkey", 6 }, .column_count = 0 },
};

static const struct postgres_table tables[] = {
    { .rel = &relations[0], .has_identity = true, .may_select = true, .row_estimate = 7 },
    { .rel = &relations[1], .has_identity = true, .row_estimate = -1 },
    { .rel = &relations[2], .has_identity = true, .row_estimate = -1 },
    { .rel = &relations[3], .has_identity = false, .row_estimate = -1 },
};

static void fill(struct init *in, struct arena *a)
{
    *in = (struct init){ .name = "shop",
                         .url = "postgres://cdc@db/shop",
                         .sinks = INIT_STDOUT | INIT_HTTP | INIT_REDIS | INIT_CASSANDRA,
                         .connected = true,
                         .tables = tables,
                         .table_count = sizeof tables / sizeof tables[0],
                         .publication = "multisink_shop",
                         .arena = a };
    (void)str_copy(STR("replica"), in->server.wal_level, sizeof in->server.wal_level);
    (void)str_copy(STR("c\"dc"), in->server.user, sizeof in->server.user);
}

static void what_init_writes_is_valid(void **state)
{
    struct config *config = NULL;
    struct buf yaml, report;
    struct error err;
    struct arena a;
    struct init in;

    (void)state;
    arena_init(&a, MIB);
    buf_init(&yaml, MIB);
    buf_init(&report, MIB);
    fill(&in, &a);
    init_put_yaml(&in, &yaml);
    if (!config_load_text("init", buf_view(&yaml), sink_config_kinds(), &config, &report, &err))
        fail_msg("%s\n%s", buf_cstr(&yaml), buf_cstr(&report));
    assert_int_equal(config->source.tables.count, 3);
    assert_string_equal(config->source.tables.items[0], "public.orders");
    assert_int_equal(config->sink_count, 2 + 2 * 3);
    config_free(config);
    buf_done(&report);
    buf_done(&yaml);
    arena_done(&a);
}

static void init_says_what_the_source_lacks(void **state)
{
    struct buf sql;
    struct arena a;
    struct init in;

    (void)state;
    arena_init(&a, MIB);
    buf_init(&sql, MIB);
    fill(&in, &a);
    init_put_setup(&in, &sql);
    assert_non_null(strstr(buf_cstr(&sql), "ALTER SYSTEM SET wal_level = logical;"));
    assert_non_null(strstr(buf_cstr(&sql), "ALTER ROLE \"c\"\"dc\" REPLICATION;"));
    assert_non_null(strstr(buf_cstr(&sql), "CREATE PUBLICATION \"multisink_shop\""));
    assert_non_null(strstr(buf_cstr(&sql), "GRANT SELECT ON other.\"Orders\" TO \"c\"\"dc\";"));
    assert_null(strstr(buf_cstr(&sql), "GRANT SELECT ON public.orders"));
    assert_non_null(strstr(buf_cstr(&sql), "CREATE TABLE IF NOT EXISTS multisink_shop.orders"));
    buf_done(&sql);
    arena_done(&a);
}

static void init_overwrites_nothing(void **state)
{
    char path[] = "/tmp/multisink_init_XXXXXX";
    int fd = mkstemp(path);
    struct capture c;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(RUN(&c, "init", "--out", path), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "error[E0107]"));
    capture_free(&c);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(RUN(&c, "init", "--out", path, "--sink", "redis"), CLI_OK);
    capture_free(&c);
    assert_int_equal(RUN(&c, "lint", path), CLI_OK);
    capture_free(&c);
    assert_int_equal(unlink(path), 0);
}

static void init_refuses_what_it_does_not_know(void **state)
{
    struct capture c;

    (void)state;
    assert_int_equal(RUN(&c, "init", "--sink", "redsi"), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "did you mean \"redis\"?"));
    capture_free(&c);
    assert_int_equal(RUN(&c, "init", "--from", "mysql://u:hunter2@h/d"), CLI_USAGE);
    assert_non_null(strstr(c.text[1], "error[E0225]"));
    assert_null(strstr(c.text[1], "hunter2"));
    capture_free(&c);
}

/* ---- check ---------------------------------------------------------------------------------------- */

static void the_worst_finding_decides_the_exit_code(void **state)
{
    struct check c;
    struct error err;

    (void)state;
    check_init(&c, NULL);
    c.part = "Part";
    check_add(&c, CHECK_OK, E_NONE, NULL, "fine");
    check_add(&c, CHECK_WARN, E_NONE, NULL, "hm");
    assert_int_equal(check_exit(&c), CLI_OK);
    (void)error_set(&err, ERR_RETRY, E_NET_CONNECT, "no");
    check_error(&c, &err, NULL);
    assert_int_equal(check_exit(&c), CLI_UNREACHABLE);
    check_add(&c, CHECK_FAIL, E_CONFIG_VALUE, "do this", "wrong");
    assert_int_equal(check_exit(&c), CLI_UNREACHABLE);
    check_done(&c);
}

static void findings_fit_the_terminal(void **state)
{
    struct check c;
    struct buf b;

    (void)state;
    check_init(&c, NULL);
    buf_init(&b, MIB);
    c.part = "a_sink_with_quite_a_long_name";
    check_add(
        &c, CHECK_FAIL, E_CONFIG_VALUE,
        "do this and that, and when that is done do all of it again",
        "a finding whose text is a good deal longer than what fits into a line of a terminal");
    check_put_text(&c, "pipeline.yaml", 1234567, &b);
    assert_true(widest(buf_cstr(&b)) <= LINE_MAX_COLUMNS);
    assert_non_null(strstr(buf_cstr(&b), "1.2 s\n"));
    assert_non_null(strstr(buf_cstr(&b), "E0212\n"));
    assert_non_null(strstr(buf_cstr(&b), "\n                fix: do this"));
    assert_non_null(
        strstr(buf_cstr(&b), "1 failed, 0 warnings, 0 ok. Nothing was changed. Exit 2."));
    buf_done(&b);
    check_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_arguments_give_help),
        cmocka_unit_test(every_command_has_help_that_fits),
        cmocka_unit_test(an_unknown_command_is_suggested_but_not_run),
        cmocka_unit_test(explain_prints_every_page),
        cmocka_unit_test(explain_without_a_code_lists_all),
        cmocka_unit_test(explain_suggests_the_nearest_code),
        cmocka_unit_test(error_codes_ascend),
        cmocka_unit_test(lint_of_a_missing_file_is_a_usage_error),
        cmocka_unit_test(check_of_a_wrong_file_is_a_usage_error),
        cmocka_unit_test(version_is_json_on_request),
        cmocka_unit_test(a_full_disk_behind_stdout_is_told),
        cmocka_unit_test(the_manual_names_every_sink),
        cmocka_unit_test(what_init_writes_is_valid),
        cmocka_unit_test(init_says_what_the_source_lacks),
        cmocka_unit_test(init_overwrites_nothing),
        cmocka_unit_test(init_refuses_what_it_does_not_know),
        cmocka_unit_test(the_worst_finding_decides_the_exit_code),
        cmocka_unit_test(findings_fit_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
