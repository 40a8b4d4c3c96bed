/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_KAFKA_MOCK_H
#define TEST_KAFKA_MOCK_H

/* librdkafka's own brokers, in this process. */

#include "kafka/client_private.h"

#include <librdkafka/rdkafka_mock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_settings settings;
};

static inline void mock_open(struct mock *m, const char *topic, int partitions)
{
    char reason[200];

    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    m->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    assert_non_null(m->rk);
    m->cluster = rd_kafka_mock_cluster_new(m->rk, 1);
    assert_non_null(m->cluster);
    if (topic != NULL)
        assert_int_equal(rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1), 0);
    m->settings =
        (struct kafka_settings){ .brokers = rd_kafka_mock_cluster_bootstraps(m->cluster) };
}

static inline void mock_close(struct mock *m)
{
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->rk);
}

#endif
