/* SPDX-License-Identifier: Apache-2.0 */
/* The state topic on librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "kafka/table.h"
#include "pipeline/keeper_kafka.h"
#include "unit/kafka/mock.h"

#include "base/buf.h"
#include "base/wake.h"

#include <stdlib.h>

struct topic {
    struct mock mock;
    struct config config;
    struct keeper_table table;
};

static int setup(void **state)
{
    struct topic *t = calloc(1, sizeof *t);

    assert_non_null(t);
    mock_open(&t->mock, "state", 1);
    t->config = (struct config){ .name = "p",
                                 .stream = { .kafka = { .brokers = t->mock.settings.brokers,
                                                        .state_topic = "state",
                                                        .create_topics = CONFIG_TOPICS_NEVER } } };
    t->table = keeper_kafka_table(&t->config);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct topic *t = *state;

    t->table.close(t->table.ctx);
    mock_close(&t->mock);
    free(t);
    return 0;
}

static void ok(bool done, const struct error *err)
{
    if (!done)
        fail_msg("%s %s", err->code, err->msg);
}

static int64_t put(struct keeper_table *t, const char *value)
{
    int64_t offset = -1;
    struct error err;

    ok(t->put(t->ctx, str_from(value), -1, &offset, &err), &err);
    return offset;
}

/* All values, each with its offset and a blank behind it. */
static void gather(void *arg, int64_t offset, struct str value)
{
    buf_putf(arg, "%lld:%.*s ", (long long)offset, STR_ARG(value));
}

static void expect_load(struct keeper_table *t, const char *wanted)
{
    struct error err;
    struct buf b;

    buf_init(&b, 4096);
    ok(t->load(t->ctx, -1, gather, &b, &err), &err);
    assert_string_equal(buf_cstr(&b), wanted);
    buf_done(&b);
}

/* Somebody else's record in the same topic. */
static void put_other(const struct mock *m, const char *key)
{
    const struct kafka_table_writer_opts opts = { .settings = m->settings, .topic = "state" };
    struct kafka_table_writer *w;
    struct error err;

    ok(kafka_table_writer_open(&opts, &w, &err), &err);
    ok(kafka_table_put(w, str_from(key), STR("x"), -1, NULL, &err), &err);
    kafka_table_writer_close(w);
}

static void a_load_behind_a_put_holds_it_and_all_before_it(void **state)
{
    struct topic *t = *state;

    expect_load(&t->table, "");
    assert_int_equal(put(&t->table, "one"), 0);
    assert_int_equal(put(&t->table, "two"), 1);
    expect_load(&t->table, "0:one 1:two ");
}

static void records_of_other_keys_are_nobodys(void **state)
{
    struct topic *t = *state;

    (void)put(&t->table, "ours");
    put_other(&t->mock, "another");
    expect_load(&t->table, "0:ours ");
}

static void what_others_write_later_is_told_once(void **state)
{
    struct topic *t = *state;
    struct str value = STR_NONE;
    int64_t offset = -1;
    struct error err;
    bool found = false;

    (void)put(&t->table, "one");
    for (int i = 0; i < 3000 && !found; i++) {
        ok(t->table.next(t->table.ctx, &found, &offset, &value, &err), &err);
        if (!found)
            (void)wake_wait(-1, 10);
    }
    assert_true(found && offset == 0 && str_is(value, "one"));
    ok(t->table.next(t->table.ctx, &found, &offset, &value, &err), &err);
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_load_behind_a_put_holds_it_and_all_before_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(records_of_other_keys_are_nobodys, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_write_later_is_told_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
