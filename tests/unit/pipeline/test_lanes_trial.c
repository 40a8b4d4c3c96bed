/* SPDX-License-Identifier: Apache-2.0 */
/* The look at a target without a partition, with a sink that fails as it is told. */
#include "unit/pipeline/fixture.h"

#include "pipeline/lanes_private.h"

static struct {
    enum error_kind open; /* ERR_NONE: it opens */
    enum error_kind relation;
    unsigned opened, closed, told;
    int64_t now_us;
} fake;

static bool fake_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                      struct error *err)
{
    (void)conf;
    assert_true(env->trial);
    fake.opened++;
    if (fake.open != ERR_NONE)
        return error_set(err, fake.open, E_NET_CONNECT, "it does not open");
    *ret_sink = (struct sink *)&fake;
    return true;
}

static bool fake_relation(struct sink *s, const struct relation *rel, struct error *err)
{
    assert_ptr_equal(s, &fake);
    assert_true(str_is(rel->table, "t"));
    fake.told++;
    return fake.relation == ERR_NONE || error_set(err, fake.relation, E_HTTP_COLUMN, "no fit");
}

static void fake_close(struct sink *s)
{
    fake.closed += s != NULL ? 1 : 0;
}

static int64_t fake_mono(const struct clock *c)
{
    (void)c;
    return fake.now_us;
}

static const struct sink_ops ops = {
    .name = "fake", .open = fake_open, .relation = fake_relation, .close = fake_close
};
static const struct clock stopped_clock = { .mono_us = fake_mono };
static const char *const names[] = { "public.t" };

struct look {
    struct shapes shapes;
    struct config config;
    struct config_sink sink;
    struct lanes lanes;
    bool looked;
    struct error err;
};

static void begin(struct look *l)
{
    memset(&fake, 0, sizeof fake);
    *l = (struct look){ .sink = { .name = "s", .from = { .count = 1, .items = names } } };
    shapes_init(&l->shapes);
    l->lanes.opts = (struct lanes_opts){ .config = &l->config,
                                         .sink = &l->sink,
                                         .ops = &ops,
                                         .shapes = &l->shapes,
                                         .clock = &stopped_clock };
}

static bool look(struct look *l)
{
    return lanes_try_target(&l->lanes, &l->looked, &l->err);
}

static void show_table(struct look *l)
{
    const struct relation *rel = fixture_relation();

    shapes_put(&l->shapes, &rel, 1);
}

static void it_is_tried_once_and_again_with_each_new_shape(void **state)
{
    struct look l;

    (void)state;
    begin(&l);
    assert_ok(look(&l), l.err);
    assert_true(l.looked);
    assert_ok(look(&l), l.err);
    assert_false(l.looked);
    assert_int_equal(fake.told, 0);
    show_table(&l);
    assert_ok(look(&l), l.err);
    assert_true(l.looked);
    assert_int_equal(fake.told, 1);
    assert_ok(look(&l), l.err);
    assert_false(l.looked);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(fake.closed, 2);
    shapes_done(&l.shapes);
}

static void what_may_pass_is_looked_at_again_after_a_while(void **state)
{
    struct look l;

    (void)state;
    begin(&l);
    fake.open = ERR_RETRY;
    assert_code(look(&l), l.err, E_NET_CONNECT);
    fake.open = ERR_NONE;
    assert_ok(look(&l), l.err);
    assert_false(l.looked);
    fake.now_us += INT64_C(60000000);
    assert_ok(look(&l), l.err);
    assert_true(l.looked);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(fake.closed, 1);
    shapes_done(&l.shapes);
}

static void a_table_that_does_not_fit_is_said_and_the_sink_closed(void **state)
{
    struct look l;

    (void)state;
    begin(&l);
    fake.relation = ERR_STOP;
    show_table(&l);
    assert_code(look(&l), l.err, E_HTTP_COLUMN);
    assert_int_equal(fake.closed, 1);
    shapes_done(&l.shapes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_tried_once_and_again_with_each_new_shape),
        cmocka_unit_test(what_may_pass_is_looked_at_again_after_a_while),
        cmocka_unit_test(a_table_that_does_not_fit_is_said_and_the_sink_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
