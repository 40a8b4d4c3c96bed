/* SPDX-License-Identifier: Apache-2.0 */
/* The state topic on librdkafka's own brokers; a real one is in the end-to-end tests. */
#include "kafka/table.h"
#include "pipeline/keeper_kafka.h"
#include "unit/kafka/mock.h"

#include "base/buf.h"
#include "base/wake.h"

static struct config config_for(const struct mock *m)
{
    return (struct config){ .name = "p",
                            .stream = { .kafka = { .brokers = m->settings.brokers,
                                                   .state_topic = "state",
                                                   .create_topics = CONFIG_TOPICS_NEVER } } };
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
    struct keeper_table t;
    struct config config;
    struct mock m;

    (void)state;
    mock_open(&m, "state", 1);
    config = config_for(&m);
    t = keeper_kafka_table(&config);
    expect_load(&t, "");
    assert_int_equal(put(&t, "one"), 0);
    assert_int_equal(put(&t, "two"), 1);
    expect_load(&t, "0:one 1:two ");
    t.close(t.ctx);
    mock_close(&m);
}

static void records_of_other_keys_are_nobodys(void **state)
{
    struct keeper_table t;
    struct config config;
    struct mock m;

    (void)state;
    mock_open(&m, "state", 1);
    config = config_for(&m);
    t = keeper_kafka_table(&config);
    (void)put(&t, "ours");
    put_other(&m, "another");
    expect_load(&t, "0:ours ");
    t.close(t.ctx);
    mock_close(&m);
}

static void what_others_write_later_is_told_once(void **state)
{
    struct str value = STR_NONE;
    struct keeper_table t;
    struct config config;
    int64_t offset = -1;
    struct error err;
    bool found = false;
    struct mock m;

    (void)state;
    mock_open(&m, "state", 1);
    config = config_for(&m);
    t = keeper_kafka_table(&config);
    (void)put(&t, "one");
    for (int i = 0; i < 3000 && !found; i++) {
        ok(t.next(t.ctx, &found, &offset, &value, &err), &err);
        if (!found)
            (void)wake_wait(-1, 10);
    }
    assert_true(found && offset == 0 && str_is(value, "one"));
    ok(t.next(t.ctx, &found, &offset, &value, &err), &err);
    assert_false(found);
    t.close(t.ctx);
    mock_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_behind_a_put_holds_it_and_all_before_it),
        cmocka_unit_test(records_of_other_keys_are_nobodys),
        cmocka_unit_test(what_others_write_later_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
