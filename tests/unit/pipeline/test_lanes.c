/* SPDX-License-Identifier: Apache-2.0 */
/* A group of one member on librdkafka's own brokers, with a sink that counts; real brokers, and several members, are in
 * the end-to-end tests. */
#include "pipeline/lanes.h"
#include "unit/kafka/mock.h"

#include "base/wake.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_uint written[2]; /* rows, by partition */
static atomic_uint opened, closed;
static atomic_bool refuse; /* partition 1 cannot be written, for good */

struct sink {
    unsigned partition;
};

static bool count_open(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                       struct error *err)
{
    struct sink *s = calloc(1, sizeof *s);

    (void)conf;
    (void)err;
    assert_non_null(s);
    if (!env->trial) {
        s->partition = env->lane[strlen(env->lane) - 1] == '1' ? 1 : 0;
        atomic_fetch_add(&opened, 1);
    }
    *ret_sink = s;
    return true;
}

static bool count_write(struct sink *s, const struct batch *b, struct sink_result *res,
                        struct error *err)
{
    (void)res;
    if (atomic_load(&refuse) && s->partition == 1)
        return error_set(err, ERR_STOP, E_CQL_NO_TABLE, "there is no such table");
    atomic_fetch_add(&written[s->partition], (unsigned)b->count);
    return true;
}

static void count_close(struct sink *s)
{
    if (s != NULL)
        atomic_fetch_add(&closed, 1);
    free(s);
}

static const struct sink_ops ops = {
    .name = "count", .open = count_open, .write = count_write, .close = count_close
};
static const struct config_property quick[] = {
    { .name = "reconnect.backoff.ms", .value = "20" },
    { .name = "reconnect.backoff.max.ms", .value = "50" },
    { .name = "fetch.wait.max.ms", .value = "10" },
    { .name = "session.timeout.ms", .value = "4000" },
    { .name = "heartbeat.interval.ms", .value = "100" }
};
static const char *const tables[] = { "public.t" };
static const struct config_sink sink_conf = { .name = "s",
                                              .from = { .count = 1, .items = tables },
                                              .park_max = 10,
                                              .retry_initial_ms = 10,
                                              .retry_max_ms = 20,
                                              .batch_rows = 100 };

static struct config config_for(const struct mock *m)
{
    return (struct config){ .name = "p",
                            .stream = { .kind = CONFIG_STREAM_KAFKA,
                                        .kafka = { .brokers = m->settings.brokers,
                                                   .topic_prefix = "x",
                                                   .group = "multisink-p",
                                                   .properties = quick,
                                                   .property_count = 5,
                                                   .replication = 1,
                                                   .create_topics = CONFIG_TOPICS_NEVER } } };
}

static struct lanes *start(const struct config *config)
{
    const struct lanes_opts opts = {
        .config = config, .sink = &sink_conf, .ops = &ops, .clock = &clock_system
    };
    struct lanes *l;
    struct error err;

    if (!lanes_open(&opts, &l, &err) || !lanes_start(l, &err))
        fail_msg("%s", err.msg);
    return l;
}

static void stop(struct lanes *l)
{
    lanes_stop(l);
    lanes_join(l);
    lanes_close(l);
}

/* Rows without schemas, `count` to each partition. */
static void produce(const struct mock *m, int count)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[200];
    rd_kafka_t *rk;

    (void)rd_kafka_conf_set(conf, "bootstrap.servers", m->settings.brokers, NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(rk);
    for (int i = 0; i < 2 * count; i++) {
        char row[64];

        (void)snprintf(row, sizeof row, "{\"id\":%d}", i);
        assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("x.public.t"),
                                           RD_KAFKA_V_PARTITION(i % 2),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_KEY(row, strlen(row)),
                                           RD_KAFKA_V_VALUE(row, strlen(row)), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    assert_int_equal(rd_kafka_flush(rk, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static bool wait_written(unsigned first, unsigned second)
{
    for (int i = 0; i < 3000; i++) {
        if (atomic_load(&written[0]) == first && atomic_load(&written[1]) == second)
            return true;
        (void)wake_wait(-1, 10);
    }
    return false;
}

struct seen {
    unsigned lanes, failed;
};

static void see(void *ctx, const char *name, const struct progress_sink *p)
{
    struct seen *seen = ctx;

    assert_int_equal(strncmp(name, "x.public.t/", 11), 0);
    seen->lanes++;
    seen->failed += p->state == PROGRESS_FAILED ? 1 : 0;
}

static int setup(void **state)
{
    struct mock *m = calloc(1, sizeof *m);

    assert_non_null(m);
    mock_open(m, "x.public.t", 2);
    atomic_store(&written[0], 0);
    atomic_store(&written[1], 0);
    atomic_store(&opened, 0);
    atomic_store(&closed, 0);
    atomic_store(&refuse, false);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    mock_close(*state);
    free(*state);
    return 0;
}

static void each_partition_has_a_lane_of_its_own_and_its_own_sink(void **state)
{
    struct config config = config_for(*state);
    struct seen seen = { 0, 0 };
    struct progress_sink all;
    struct lanes *l;

    produce(*state, 20);
    l = start(&config);
    assert_true(wait_written(20, 20));
    lanes_each(l, see, &seen);
    assert_int_equal(seen.lanes, 2);
    lanes_progress(l, &all);
    assert_int_equal(all.rows, 40);
    stop(l);
    assert_int_equal(atomic_load(&opened), 2);
    assert_int_equal(atomic_load(&closed), 3); /* with that of the trial */
}

static void what_was_done_is_committed_before_the_group_is_left(void **state)
{
    struct config config = config_for(*state);
    struct lanes *l;

    produce(*state, 10);
    l = start(&config);
    assert_true(wait_written(10, 10));
    stop(l);
    produce(*state, 5);
    l = start(&config);
    assert_true(wait_written(15, 15));
    stop(l);
    assert_true(wait_written(15, 15));
}

static void a_lane_that_fails_is_shown_and_the_others_go_on(void **state)
{
    struct config config = config_for(*state);
    struct seen seen = { 0, 0 };
    struct progress_sink all;
    struct lanes *l;

    atomic_store(&refuse, true);
    produce(*state, 10);
    l = start(&config);
    assert_true(wait_written(10, 0));
    for (int i = 0; i < 3000 && seen.failed == 0; i++) {
        seen = (struct seen){ 0, 0 };
        lanes_each(l, see, &seen);
        (void)wake_wait(-1, 10);
    }
    assert_int_equal(seen.failed, 1);
    lanes_progress(l, &all);
    assert_int_equal(all.state, PROGRESS_FAILED);
    assert_true(error_is(&all.last_error, E_CQL_NO_TABLE));
    produce(*state, 10);
    assert_true(wait_written(20, 0));
    stop(l);
    /* Nothing was committed for it: it begins where it stood. */
    atomic_store(&refuse, false);
    l = start(&config);
    assert_true(wait_written(20, 20));
    stop(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_partition_has_a_lane_of_its_own_and_its_own_sink,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_done_is_committed_before_the_group_is_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_lane_that_fails_is_shown_and_the_others_go_on, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
