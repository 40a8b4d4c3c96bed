/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_CASSANDRA_PROBE_H
#define SINK_CASSANDRA_PROBE_H

/* The doctor's look at a Cassandra sink: connects, compares the tables, changes nothing. See
 * sink_ops.probe for the contract. */

#include "sink/sink.h"

bool sink_cassandra_probe(const void *conf, const struct sink_env *env,
                          const struct relation *const *rels, size_t rel_count,
                          void (*say)(void *ctx, const char *verdict, const char *text,
                                      const char *fix),
                          void *ctx, struct error *err) MUST_CHECK;

#endif
