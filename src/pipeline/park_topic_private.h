/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_PARK_TOPIC_PRIVATE_H
#define PIPELINE_PARK_TOPIC_PRIVATE_H

/* Shared by park_topic.c (the mirror of all lanes, and what the dlq command asks), park_topic_lane.c (the database of one)
 * and park_topic_row.c (rows and their stored form). */

#include "pipeline/park_topic.h"

enum { PARK_TOPIC_VERSION = 1 };

/* Numbers of records that are not written yet: above all offsets. */
#define PARK_TOPIC_UNWRITTEN ((int64_t)1 << 60)

struct park_topic {
    struct kafka_table *table;
    struct state *state;
    char *topic;
    char *sink;
    struct park_topic_opts opts;
};

bool park_topic_put_row(struct state *st, const char *sink, struct str ref,
                        const struct park_record *r, struct error *err) MUST_CHECK;
/* Runs a statement with one text, or two. */
bool park_topic_run(struct state *st, const char *sql, struct str text,
                    struct error *err) MUST_CHECK;
bool park_topic_run2(struct state *st, const char *sql, struct str first, struct str second,
                     struct error *err) MUST_CHECK;

#endif
