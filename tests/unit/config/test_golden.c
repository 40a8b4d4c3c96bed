/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fault of a configuration, as the user sees it: tests/golden/config/NAME.yaml gives NAME.txt.
 * MULTISINK_GOLDEN=write writes the expected texts anew; look at the difference before keeping it.
 */
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sample_types.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *golden_path(const char *name, const char *ending)
{
    const char *root = getenv("MULTISINK_SOURCE_DIR");

    assert_non_null(root);
    return mem_printf("%s/tests/golden/config/%s%s", root, name, ending);
}

/* The rendered report, and "valid" or the error behind it. */
static void run_case(const char *name, struct buf *out)
{
    char *path = golden_path(name, ".yaml");
    char *shown = mem_printf("%s.yaml", name);
    struct config *config = NULL;
    struct error err;
    struct str text;

    assert_true(file_read_all(path, LIMIT_CONFIG_FILE, &text, &err));
    if (config_load_text(shown, text, &sample_kinds, &config, out, &err)) {
        buf_text(out, "valid\n");
        config_free(config);
    } else {
        assert_string_equal(err.code, "E0201");
        assert_int_equal(err.kind, ERR_STOP);
        buf_putf(out, "%s\n", err.msg);
    }
    free((void *)(uintptr_t)text.p);
    free(shown);
    free(path);
}

static void write_expected(const char *path, const struct buf *out)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(out->p, 1, out->n, f), out->n);
    assert_int_equal(fclose(f), 0);
}

static void golden(void **state)
{
    const char *name = *state;
    char *path = golden_path(name, ".txt");
    const char *mode = getenv("MULTISINK_GOLDEN");
    struct error err;
    struct str expected;
    struct buf out;

    buf_init(&out, MIB);
    run_case(name, &out);
    /* The secret of these files must never come out, whatever else is said. */
    assert_null(strstr(buf_cstr(&out), "hunter"));
    if (mode != NULL && strcmp(mode, "write") == 0)
        write_expected(path, &out);
    assert_true(file_read_all(path, MIB, &expected, &err));
    assert_string_equal(buf_cstr(&out), expected.p);
    free((void *)(uintptr_t)expected.p);
    buf_done(&out);
    free(path);
}

/* One test for each file, by its name. */
static size_t collect(struct CMUnitTest *tests, size_t cap)
{
    char *dir_path = golden_path("", "");
    DIR *dir = opendir(dir_path);
    struct dirent *entry;
    size_t n = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL && n < cap) {
        size_t length = strlen(entry->d_name);
        char *name;

        if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
            continue;
        name = mem_strndup(str_make(entry->d_name, length - 5));
        tests[n++] = (struct CMUnitTest){ name, golden, NULL, NULL, name };
    }
    (void)closedir(dir);
    free(dir_path);
    return n;
}

int main(void)
{
    static struct CMUnitTest tests[128];
    size_t n = collect(tests, sizeof tests / sizeof tests[0]);
    int failed;

    (void)setenv("MULTISINK_TEST_SECRET", "hunter2", 1);
    (void)setenv("MULTISINK_TEST_NESTED", "${env:MULTISINK_TEST_SECRET}", 1);
    (void)unsetenv("MULTISINK_TEST_UNSET");
    failed = _cmocka_run_group_tests("config_golden", tests, n, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)tests[i].name);
    return failed + (n == 0);
}
