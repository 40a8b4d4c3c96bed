/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_store.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/multisink-store-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    static const char *const names[] = { "state.db", "state.db-wal", "state.db-shm" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = mem_printf("%s/%s", dir, names[i]);

        (void)unlink(path);
        free(path);
    }
    return rmdir(dir);
}

static void list(void *ctx, const struct connect_stored *c)
{
    char *text = ctx;

    (void)snprintf(text + strlen(text), 256 - strlen(text), "%s %s %s %s;", c->name, c->state,
                   c->config != NULL ? json_string_value(json_object_get(c->config, "k")) : "-",
                   c->notes != NULL ? "notes" : "-");
}

static void connectors_come_back_in_their_order(void **state)
{
    struct connect_stored one = { "one", json_pack("{s:s}", "k", "v"), "RUNNING", NULL };
    struct connect_stored file = { "file", NULL, "PAUSED", json_pack("{s:i}", "n", 1) };
    struct connect_store *s;
    struct error err;
    char text[256] = "";

    (void)state;
    assert_true(connect_store_open(dir, &s, &err));
    assert_true(connect_store_put(s, &one, &err));
    assert_true(connect_store_put(s, &file, &err));
    (void)json_object_set_new(one.config, "k", json_pack("s", "w"));
    one.state = "STOPPED";
    assert_true(connect_store_put(s, &one, &err));
    connect_store_close(s);
    assert_true(connect_store_open(dir, &s, &err));
    assert_true(connect_store_load(s, list, text, &err));
    assert_string_equal(text, "one STOPPED w -;file PAUSED - notes;");
    assert_true(connect_store_delete(s, "one", &err));
    assert_true(connect_store_delete(s, "nobody", &err));
    text[0] = '\0';
    assert_true(connect_store_load(s, list, text, &err));
    assert_string_equal(text, "file PAUSED - notes;");
    connect_store_close(s);
    json_decref(one.config);
    json_decref(file.notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connectors_come_back_in_their_order),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
