/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

/*
 * What every connection to Kafka has in common: where it goes and how it logs in, on librdkafka. This room
 * (src/kafka) is the only one that includes it; it knows topics, keys and bytes, and nothing of changes.
 *
 * Settings are borrowed from the configuration. Errors: ERR_RETRY for what may pass (no broker, not enough
 * replicas), ERR_STOP for what does not (authentication, authorisation, a wrong property), ERR_CANCEL when
 * stop was asked. No message holds a secret.
 */

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct kafka_property {
    const char *name;
    const char *value;
};

struct kafka_settings {
    const char *brokers;                     /* "host:port,host:port" */
    const char *client_id;                   /* NULL: "multisink" */
    const struct kafka_property *properties; /* librdkafka's own, as the user wrote them */
    size_t property_count;
};

/* Every property is tried on a configuration of librdkafka, nothing is connected. ERR_STOP E_KAFKA_PROPERTY with
 * *ret_at, the index of the first that is unknown, not settable, or not of that type. For `lint`. */
bool kafka_settings_check(const struct kafka_settings *settings, size_t *ret_at,
                          struct error *err) MUST_CHECK;

/* The names that librdkafka knows and that may be set, in `a`; for "did you mean". */
size_t kafka_property_names(struct arena *a, const char *const **ret_names);

#endif
